"""nginx that serves the benchmark's pages from disk as an OData service, faster than anybody reads them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from servers import Server, free_ports  # noqa: E402
from servers.process import accepts, find_program  # noqa: E402

_CONFIG = """\
{user}
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 10000000;
  open_file_cache max=10000 inactive=600s;
  open_file_cache_valid 600s;
  client_body_temp_path tmp/body;
  proxy_temp_path tmp/proxy;
  fastcgi_temp_path tmp/fastcgi;
  uwsgi_temp_path tmp/uwsgi;
  scgi_temp_path tmp/scgi;
  map $arg_page $page {{ "" 1; default $arg_page; }}
  server {{
    listen 127.0.0.1:{port};
    root {pages};
    add_header OData-Version 4.0;
    location = /odata/ {{
      default_type application/json;
      return 200 '{{"value":[{{"name":"WorkOrders","url":"WorkOrders"}}]}}';
    }}
    location = /odata/$metadata {{ default_type application/xml; try_files /metadata.xml =404; }}
    location = /odata/WorkOrders {{ default_type application/json; try_files /$page.json =404; }}
  }}
}}
"""


class PageServer(Server):
    """Serves a folder of make_pages at `url`, an OData service with the entity set WorkOrders."""

    name = "pages"

    def __init__(self, folder: Path, pages: Path) -> None:
        super().__init__(folder)
        self.pages = pages
        self.port = 0

    def start(self) -> PageServer:
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        (self.port,) = free_ports(1)

        config = _CONFIG.format(user="user root;" if os.geteuid() == 0 else "", port=self.port, pages=self.pages)
        (self.folder / "nginx.conf").write_text(config)
        command: list[str | Path] = [find_program("nginx", "nginx-light"), "-p", self.folder]
        self.launch([*command, "-c", self.folder / "nginx.conf"], lambda: accepts(self.port), within=30)
        return self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/odata"


def make_pages(program: Path, root: Path, count: int) -> Path:
    """The folder with `count` records, below `root`; written once for each version of the program."""
    version = hashlib.sha256(program.read_bytes()).hexdigest()[:12]
    folder = root / f"pages-{count}-{version}"
    if not folder.is_dir():
        for old in root.glob(f"pages-{count}-*"):
            shutil.rmtree(old)
        partial = root / f".{folder.name}"
        shutil.rmtree(partial, ignore_errors=True)
        subprocess.run([program, partial, str(count)], check=True)
        partial.rename(folder)
    return folder

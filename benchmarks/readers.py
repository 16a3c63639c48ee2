"""The readers that are compared: each reads all work orders of an OData service once, in a process of its own.

usage: readers.py NAME URL     prints one line of JSON: records, seconds, cpu_seconds, peak_bytes

Imports are done before the clock starts. What each gives is kept until the end, except by `switchgear_stream`, which
drops each page.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

ENTITY = "WorkOrders"


def switchgear_arrow(url: str) -> Any:
    import switchgear as sg

    return sg.connect("odata", url=url).read(ENTITY).to_arrow()


class Count(int):
    """A length, where there is nothing left to measure it on."""

    def __len__(self) -> int:
        return int(self)


def switchgear_stream(url: str) -> Any:
    import switchgear as sg

    return Count(sum(len(page) for page in sg.connect("odata", url=url).read(ENTITY)))


def pages_by_hand(url: str) -> Iterator[list[dict[str, Any]]]:
    import orjson
    import requests

    with requests.Session() as session:
        next_url: str | None = f"{url}/{ENTITY}"
        while next_url is not None:
            reply = session.get(next_url, timeout=60)
            reply.raise_for_status()
            page = orjson.loads(reply.content)
            yield page["value"]
            link = page.get("@odata.nextLink")
            next_url = urljoin(next_url, link) if link else None


def requests_orjson(url: str) -> Any:
    return [record for page in pages_by_hand(url) for record in page]


def requests_pyarrow(url: str) -> Any:
    import pyarrow as pa

    text, number, real = pa.string(), pa.int64(), pa.float64()
    columns = {"ID": number, "Number": text, "Title": text, "Status": text, "Priority": number, "Asset": text}
    columns |= {"Plant": text, "EstimatedHours": real, "MeterReading": real, "SafetyRelevant": pa.bool_()}
    columns |= {"CreatedAt": text, "ChangedAt": text, "Notes": text}
    schema = pa.schema(list(columns.items()))
    table = pa.concat_tables(pa.Table.from_pylist(page, schema=schema) for page in pages_by_hand(url))
    for name in ("CreatedAt", "ChangedAt"):
        instants = table[name].cast(pa.timestamp("us", tz="UTC"))
        table = table.set_column(table.schema.get_field_index(name), name, instants)
    return table


def dlt_rest_api(url: str) -> Any:
    from dlt.sources.rest_api import rest_api_source

    source = rest_api_source(
        {
            "client": {
                "base_url": f"{url}/",
                "paginator": {"type": "json_link", "next_url_path": "['@odata.nextLink']"},
            },
            "resources": [{"name": ENTITY, "endpoint": {"path": ENTITY, "data_selector": "value"}}],
        }
    )
    return list(source.resources[ENTITY])


READERS: dict[str, tuple[Callable[[str], Any], tuple[str, ...]]] = {
    "switchgear_arrow": (switchgear_arrow, ("switchgear", "pyarrow")),
    "switchgear_stream": (switchgear_stream, ("switchgear",)),
    "requests_orjson": (requests_orjson, ("requests", "orjson")),
    "requests_pyarrow": (requests_pyarrow, ("requests", "orjson", "pyarrow")),
    "dlt_rest_api": (dlt_rest_api, ("dlt.sources.rest_api",)),
}


def peak_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM")


def main() -> int:
    name, url = sys.argv[1:]
    read, modules = READERS[name]
    for module in modules:
        importlib.import_module(module)
    begun, cpu = time.perf_counter(), time.process_time()
    result = read(url)
    seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - cpu
    facts = {"records": len(result), "seconds": seconds, "cpu_seconds": cpu_seconds, "peak_bytes": peak_bytes()}
    sys.stdout.write(json.dumps(facts) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

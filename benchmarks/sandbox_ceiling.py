"""How fast the sandbox is: records/s over loopback, read by bare sockets that only follow the next link.

This is the ceiling of every benchmark that reads from the sandbox: a reader that comes near it measures the sandbox.

    python benchmarks/sandbox_ceiling.py [--records 100000] [--page-size 1000] [--connections 1] [--seconds 3]
"""

from __future__ import annotations

import argparse
import socket
import threading
import time

from switchgear.sandbox import Sandbox


class BareReader:
    """One keep-alive connection that reads a listing page after page into one buffer."""

    def __init__(self, port: int, page_size: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray(8 << 20)
        self.prefer = f"Prefer: odata.maxpagesize={page_size}\r\n".encode()
        self.bytes = 0

    def page(self, target: bytes) -> bytes | None:
        """Reads one page; the target of the next one, None at the end."""
        self.socket.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n" + self.prefer + b"\r\n")
        view, have, want = memoryview(self.buffer), 0, -1
        while want < 0 or have < want:
            got = self.socket.recv_into(view[have:])
            if not got:
                raise ConnectionError("the sandbox closed the connection")
            have += got
            if want < 0 and (end := self.buffer.find(b"\r\n\r\n", 0, have)) >= 0:
                length = self.buffer.index(b"Content-Length: ", 0, end) + 16
                want = end + 4 + int(self.buffer[length : self.buffer.index(b"\r\n", length)])
        self.bytes += have
        link = self.buffer.rfind(b'"@odata.nextLink":"', have - 400, have)
        if link < 0:
            return None
        return b"/odata/v4/maintenance/" + bytes(self.buffer[link + 19 : self.buffer.index(b'"', link + 19)])

    def pass_over(self, entity: str) -> int:
        """Reads the whole listing; the number of its pages."""
        target: bytes | None = f"/odata/v4/maintenance/{entity}".encode()
        pages = 0
        while target is not None:
            target = self.page(target)
            pages += 1
        return pages


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=100_000)
    options.add_argument("--page-size", type=int, default=1000)
    options.add_argument("--connections", type=int, default=1)
    options.add_argument("--seconds", type=float, default=3.0)
    options.add_argument("--warm", action="store_true", help="render the records before the first pass")
    given = options.parse_args()
    with Sandbox(
        records=given.records, process=True, warm=given.warm, max_page_size=max(10_000, given.page_size)
    ) as box:
        readers = [BareReader(box.port, given.page_size) for _ in range(given.connections)]
        began = time.perf_counter()
        readers[0].pass_over("WorkOrders")
        print(f"first pass (pages rendered): {given.records / (time.perf_counter() - began):12,.0f} records/s")
        readers[0].bytes = 0
        passes = [0] * given.connections
        began = time.perf_counter()

        def run(number: int) -> None:
            while time.perf_counter() - began < given.seconds:
                readers[number].pass_over("WorkOrders")
                passes[number] += 1

        threads = [threading.Thread(target=run, args=(number,)) for number in range(given.connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        taken = time.perf_counter() - began
        megabytes = sum(reader.bytes for reader in readers) / 1e6
        print(
            f"ceiling, {given.connections} connection(s):     {sum(passes) * given.records / taken:12,.0f} records/s"
            f"   {megabytes / taken:,.0f} MB/s"
        )


if __name__ == "__main__":
    main()

"""An upstream that answers every write with 204, and three loads; each runs in a process of its own.

    python benchmarks/load.py upstream                           prints {"port": …}; serves until its input ends
    python benchmarks/load.py drive '{"port": 8086, "count": 1000, "connections": 16, "first": 0}'
    python benchmarks/load.py burst '{"port": 8086, "connections": 200}'
    python benchmarks/load.py storm '{"port": 8086, "threads": 32, "batches": 150, "shuffle": 1}'

A load prints one JSON object. It speaks HTTP/1.1 by hand, so that what it costs itself stays far below what a proxy
costs. Everything is on loopback. No two bodies of one run are alike: only so do a history and the table of attempts
grow as they do with a real client.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import random
import re
import selectors
import socket
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
TARGET = "/api/v2/write?org=lab&bucket=bench&precision=ns"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
NO_CONTENT = b"HTTP/1.1 204 No Content\r\nX-Influxdb-Version: v2.7.12\r\nX-Platform-Version: none\r\n\r\n"
EPOCH = 1_700_000_000_000_000_000
PATIENCE = 120.0
"""Seconds after which a load that has not ended is taken for hung."""

_LINES = b"".join(b"air,room=r%02d,unit=celsius co=0.4,hum=35.2,temp=21.%d %%(at)d\n" % (n, n % 10) for n in range(14))
"""About one kilobyte of line protocol, its time stamps still open."""


def body_of(serial: int) -> bytes:
    """Give the body of one batch, 1 KB and like no other's."""
    return _LINES % {b"at": EPOCH + serial}


def request_of(serial: int) -> bytes:
    """Give the write of one batch as it goes over the wire."""
    body = body_of(serial)
    head = (
        f"POST {TARGET} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Token secret-of-the-bench\r\n"
        f"User-Agent: faultlab-bench\r\nContent-Type: text/plain; charset=utf-8\r\nAccept: */*\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def message_end(buffer: bytes | bytearray) -> int:
    """Give where the first HTTP/1.1 message in a buffer ends; -1 while it is not whole."""
    head = buffer.find(b"\r\n\r\n")
    if head < 0:
        return -1
    found = LENGTH.search(buffer, 0, head + 2)
    end = head + 4 + (int(found[1]) if found else 0)
    return end if end <= len(buffer) else -1


class Upstream(asyncio.Protocol):
    """One connection of the upstream."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with nothing received."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.buffer = bytearray()

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole."""
        self.buffer += data
        while (end := message_end(self.buffer)) > 0:
            del self.buffer[:end]
            self.transport.write(NO_CONTENT)


async def upstream() -> None:
    """Serve at a port of the system's choice, print it, and end with the input."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Upstream, HOST, 0, backlog=4096)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()


@dataclass
class Drive:
    """A load under way: the batches still to be sent, and what was measured; times in seconds."""

    left: Iterator[int]
    count: int
    done: asyncio.Event = field(default_factory=asyncio.Event)
    waits: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    problem: str = ""

    def answered(self, status: int, wait: float) -> None:
        """Take down one reply; the last one ends the load."""
        self.waits.append(wait)
        self.statuses[status] += 1
        if len(self.waits) == self.count:
            self.done.set()

    def fail(self, problem: str) -> None:
        """End a load that has not ended; the first problem is the one that is told."""
        if not self.done.is_set():
            self.problem = problem
            self.done.set()


class Connection(asyncio.Protocol):
    """One kept-alive connection of a load: the next write goes out when the last is answered."""

    def __init__(self, drive: Drive) -> None:
        """Take part in a load."""
        self.drive = drive
        self.buffer = bytearray()
        self.sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first write."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.send()

    def send(self) -> None:
        """Send the next write, if there is one left."""
        serial = next(self.drive.left, None)
        if serial is None:
            return
        request = request_of(serial)
        self.sent = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take down a reply once it is whole, and go on."""
        self.buffer += data
        end = message_end(self.buffer)
        if end < 0:
            return
        status = int(self.buffer[9:12])
        del self.buffer[:end]
        self.drive.answered(status, time.perf_counter() - self.sent)
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the load unless it is over."""
        self.drive.fail(f"a connection was lost: {exc or 'closed by the other side'}")


async def drive(port: int, count: int, connections: int, first: int = 0, pid: int = 0) -> dict[str, Any]:
    """Send ``count`` writes over some connections; give duration, quantiles in seconds and statuses.

    Each connection has been opened and written over once before the clock starts: what a connection costs is no part
    of what an exchange costs. ``cpu`` is what the process ``pid`` spent, in seconds.
    """
    opening = Drive(iter(range(first + count, first + count + connections)), connections)
    loop = asyncio.get_running_loop()
    opened = [await loop.create_connection(lambda: Connection(opening), HOST, port) for _ in range(connections)]
    await finished(opening)
    load = Drive(iter(range(first, first + count)), count)
    before, began = cpu(pid), time.perf_counter()
    for _, connection in opened:
        connection.drive = load
        connection.send()
    await finished(load)
    seconds, spent = time.perf_counter() - began, cpu(pid) - before
    for transport, _ in opened:
        transport.close()
    cuts = statistics.quantiles(load.waits, n=100, method="inclusive")
    statuses = {str(status): number for status, number in sorted((opening.statuses + load.statuses).items())}
    return {"seconds": seconds, "p50": cuts[49], "p99": cuts[98], "cpu": spent, "statuses": statuses}


async def finished(load: Drive) -> None:
    """Wait for a load to end; raises ConnectionError when it ended early."""
    async with asyncio.timeout(PATIENCE + load.count / 100):
        await load.done.wait()
    if load.problem:
        raise ConnectionError(load.problem)


def cpu(pid: int) -> float:
    """Give the CPU seconds a process's threads have used, finer than the ticks of ``stat``; 0 for no process."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat") if pid else ()
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def burst(port: int, connections: int) -> dict[str, Any]:
    """Open connections all at once and write once over each; give how long they took to be established, in seconds."""
    watched = selectors.DefaultSelector()
    with contextlib.ExitStack() as stack:
        began = time.perf_counter()
        for _ in range(connections):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex((HOST, port))
            watched.register(sock, selectors.EVENT_WRITE)
        connects: list[float] = []
        statuses: Counter[int] = Counter()
        while sum(statuses.values()) < connections:
            ready = watched.select(PATIENCE)
            if not ready:
                raise TimeoutError(f"{sum(statuses.values())} of {connections} writes answered in {PATIENCE:g} s")
            for key, events in ready:
                peer = key.fileobj
                assert isinstance(peer, socket.socket)
                if events & selectors.EVENT_WRITE:
                    if problem := peer.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                        raise OSError(problem, os.strerror(problem))
                    connects.append(time.perf_counter() - began)
                    peer.send(request_of(len(connects)))
                    watched.modify(peer, selectors.EVENT_READ)
                else:
                    # A reply to one write is far below a segment, so it comes whole or not at all.
                    statuses[int(peer.recv(65536)[9:12] or 0)] += 1
                    watched.unregister(peer)
    return {
        "slowest": max(connects),
        "slow": sum(wait >= 1 for wait in connects),
        "statuses": {str(status): number for status, number in sorted(statuses.items())},
    }


def storm(port: int, threads: int, batches: int, shuffle: int) -> dict[str, Any]:
    """Write batches from many threads at once, each until it is accepted; give how many requests that took.

    ``shuffle`` seeds the order the batches are begun in. A client that never waits is a bad one, and a hard one to be
    deterministic for.
    """
    order = list(range(batches))
    random.Random(shuffle).shuffle(order)
    left = iter(order)
    requests: Counter[int] = Counter()
    problems: list[str] = []
    lock = threading.Lock()

    def write() -> None:
        connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
        try:
            while True:
                with lock:
                    serial = next(left, None)
                if serial is None:
                    return
                status = 0
                while status != http.HTTPStatus.NO_CONTENT:
                    connection.request("POST", TARGET, body_of(serial), {"Authorization": "Token secret-of-the-bench"})
                    reply = connection.getresponse()
                    reply.read()
                    status = reply.status
                    with lock:
                        requests[status] += 1
        except (OSError, http.client.HTTPException) as problem:
            problems.append(repr(problem))
        finally:
            connection.close()

    crowd = [threading.Thread(target=write) for _ in range(threads)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    if problems:
        raise ConnectionError(problems[0])
    return {"statuses": {str(status): number for status, number in sorted(requests.items())}}


def main(words: list[str]) -> int:
    """Do what the words say; give the exit status."""
    match words:
        case ["upstream"]:
            asyncio.run(upstream())
        case ["drive", given]:
            print(json.dumps(asyncio.run(drive(**json.loads(given)))))
        case ["burst", given]:
            print(json.dumps(burst(**json.loads(given))))
        case ["storm", given]:
            print(json.dumps(storm(**json.loads(given))))
        case _:
            print(f"load: {' '.join(words)!r}; expected upstream, or drive, burst or storm with JSON", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

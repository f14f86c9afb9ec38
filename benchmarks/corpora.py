"""Bodies that are parsed: telemetry as agents write it, the same every time, and what nobody should ever send."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

FIRST = 1_700_000_000_000_000_000
REGIONS = ("eu-central-1", "eu-west-1", "us-east-1", "us-west-2")
SERVICES = ("checkout", "search", "ingest", "billing", "session")
MEASUREMENTS = ("cpu_load", "disk_io", "net_traffic", "process_stats")
TEXTS = ("ok", "degraded", "restarting", "idle")
ODD_TEXTS = ('read only, \\"quota\\" reached', "waiting for a=b", "C:\\\\data", "half, or less")
MEGABYTE = 1_000_000


def plain(count: int) -> bytes:
    """Give corpus A: 200 series with numbers and truth values."""
    return _lines(count, lambda draw, _: (_series(draw, "telemetry"), _numbers(draw)))


def texts(count: int) -> bytes:
    """Give corpus B: as A with a string for the last field, one in five with spaces, commas or escapes."""

    def line(draw: random.Random, at: int) -> tuple[str, str]:
        text = draw.choice(ODD_TEXTS if draw.random() < 0.2 else TEXTS)
        return _series(draw, "telemetry"), f'{_numbers(draw).rpartition(",")[0]},state="{text}"'

    return _lines(count, line)


def scattered(count: int) -> bytes:
    """Give corpus C: every line a series of its own, its tags in any order, three in a hundred with escapes."""

    def line(draw: random.Random, at: int) -> tuple[str, str]:
        space = "\\ " if draw.random() < 0.03 else "-"
        tags = [f"host=node-{at:06}", f"rack=r{space}{draw.randrange(40):02}", *_where(draw)]
        draw.shuffle(tags)
        return ",".join(("telemetry", *tags)), _numbers(draw)

    return _lines(count, line)


def mixed(count: int) -> bytes:
    """Give corpus M: four measurements, 1 % of the lines with escapes, 0.5 % comments, 0.5 % that nobody takes."""

    def line(draw: random.Random, at: int) -> tuple[str, str]:
        series, fields, chance = _series(draw, MEASUREMENTS[at % 4]), _numbers(draw), draw.random()
        if chance < 0.005:
            return "# written", "by an agent"
        if chance < 0.01:
            return draw.choice(
                ((series, "uptime"), (f"{series},zone", fields), (series, f"{fields},idle="), (series, f"={fields}"))
            )
        return (f"{series}\\ b", fields) if chance < 0.02 else (series, fields)

    return _lines(count, line)


def _lines(count: int, line: Callable[[random.Random, int], tuple[str, str]]) -> bytes:
    draw = random.Random(17)
    return "".join(f"{' '.join(line(draw, at))} {FIRST + at * 10_000_000}\n" for at in range(count)).encode()


def _series(draw: random.Random, measurement: str) -> str:
    host = draw.randrange(200)
    place = random.Random(host)
    return ",".join((measurement, f"host=node-{host:03}", f"rack=r-{host % 40:02}", *_where(place)))


def _where(draw: random.Random) -> Iterator[str]:
    yield f"region={draw.choice(REGIONS)}"
    yield f"service={draw.choice(SERVICES)}"
    yield f"version=2.{draw.randrange(9)}.1"


def _numbers(draw: random.Random) -> str:
    numbers = f"usage={draw.uniform(0, 100):.2f},used={draw.randrange(10**9)}i,load={draw.uniform(-9, 9):.3f}"
    return f"{numbers},errors={draw.randrange(90)}i,up={draw.choice('tf')}"


CORPORA: dict[str, Callable[[int], bytes]] = {"A": plain, "B": texts, "C": scattered, "M": mixed}


def shuffled(size: int) -> bytes:
    """Give quotes, line feeds and what opens a string, in an order nobody chose."""
    pieces = (b'm f="', b'"', b"\n", b",", b"\\", b" ", b"=1")
    return b"".join(random.Random(17).choices(pieces, k=size * len(pieces) // sum(map(len, pieces))))


def strings(size: int) -> bytes:
    """Give one valid line, its fields strings of half the length that every server takes."""
    text = b"a" * 500_000
    return b"m " + b",".join(b'f%d="%b"' % (at, text) for at in range(size // len(text))) + b" 1"


HOSTILE: dict[str, tuple[Callable[[int], bytes], int]] = {
    "quotes": (lambda size: b'"' * size, 10 * MEGABYTE),
    "backslashes": (lambda size: b"\\" * size, 10 * MEGABYTE),
    "commas": (lambda size: b"," * size, 10 * MEGABYTE),
    'm f="': (lambda size: b'm f="' * (size // 5), 10 * MEGABYTE),
    "escaped spaces": (lambda size: b"m\\ " * (size // 3), 10 * MEGABYTE),
    "quotes after a field": (lambda size: b"m f=1," + b'"' * size, 10 * MEGABYTE),
    "line feeds, quotes and more": (shuffled, 10 * MEGABYTE),
    "line feed, quote": (lambda size: b'\n"' * (size // 2), 10 * MEGABYTE),
    "a series a line": (
        lambda size: b"".join(b"m,host=%d f=1\n" % at for at in range(1_000_000, 1_000_000 + size // 19)),
        30 * MEGABYTE,
    ),
    "one line of fields": (lambda size: b"m " + b",".join(b"f%d=1" % at for at in range(size // 9)), 10 * MEGABYTE),
    "one line of strings": (strings, 50 * MEGABYTE),
    "one string without end": (lambda size: b'm f="' + b"a" * size, 50 * MEGABYTE),
}
"""What is cheap to send and might be dear to read: a body of a size in bytes, and how large it gets."""

"""Nothing that is drawn, and no bytes at all, make the parser or the verdict raise or take long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from random import Random

import pytest

from faultlab import contract
from faultlab.lineprotocol import DIALECTS, outcome, parse
from faultlab.strategies import malformed
from faultlab.strategies.malformed import NOW, _malformed, chosen_classes
from faultlab.strategies.tape import Tape
from tests.strategies.draws import drawn

BODIES = 100_000
PROFILES = (*contract.ALL, *contract.OTHERS)
READERS = (*(profile.name for profile in PROFILES), *sorted(DIALECTS.keys() - {one.dialect for one in PROFILES}))
"""Every profile, and every dialect that is none of a profile's: together they read each body in every way there is."""

LINE = b"m,t=v f=1,g=2i %d\n" % NOW
TIMES_SLOWER = 40
"""How many times longer than as many plain lines a body may take: a grammar that backtracks takes thousands."""

TOKENS = (
    *(bytes([byte]) for byte in b'm,= \n\\"#1ietuf.-+\r\t\x00'),
    b"\xff",
    "é".encode(),
    "\u2028".encode(),
    b"time",
    b"_field",
    b'f="a"',
    b"\\,",
    b"\\\\",
    b"m f=1",
    b" 1700000000000000000\n",
    b"99999999999999999999",
    b"1e309",
    b"NaN",
)


def read(body: bytes, turn: int) -> None:
    """Judge a body for one profile, which reads it in that one's dialect, or read it in the one dialect of none."""
    name = READERS[turn % len(READERS)]
    if name in DIALECTS:
        read = parse(body, name)

        assert len(read.points) + len(read.refused) <= body.count(b"\n") + 1
    else:
        assert 200 <= outcome(body, name, now=NOW).status < 600


def slowest(bodies: Iterable[bytes]) -> list[tuple[bytes, int]]:
    """Read all of them, and give the five that took longest for their size, each with its turn."""
    timed = []
    for turn, body in enumerate(bodies):
        began = time.perf_counter()
        read(body, turn)
        timed.append(((time.perf_counter() - began) / (len(LINE) + len(body)), turn, body))
        if len(timed) > 10_000:
            timed = sorted(timed, reverse=True)[:5]
    return [(body, turn) for _, turn, body in sorted(timed, reverse=True)[:5]]


def seconds(body: bytes, turn: int) -> float:
    """Give how long reading takes at best, which is what other work on the machine adds least to."""
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        read(body, turn)
        best = min(best, time.perf_counter() - began)
    return best


def compared(body: bytes, turn: int) -> float:
    """Give how many times longer a body takes than plain lines of its size."""
    return seconds(body, turn) / seconds(LINE * (1 + len(body) // len(LINE)), turn)


def random_malformed() -> Iterator[bytes]:
    """Give what the strategy makes of random bytes, which is what Hypothesis makes of them, without its toll."""
    random = Random(7)
    chosen = chosen_classes(None, quarantine=True)
    for _ in range(BODIES):
        yield _malformed(Tape(random.randbytes(120)), chosen).body


def random_bytes() -> Iterator[bytes]:
    """Give random bytes, and random mixes of what has a meaning to some parser."""
    random = Random(11)
    for number in range(BODIES):
        if number % 2:
            yield random.randbytes(random.randrange(80))
        else:
            yield b"".join(random.choices(TOKENS, k=random.randrange(40)))


@pytest.mark.parametrize("bodies", [random_malformed, random_bytes])
def test_nothing_raises_and_nothing_takes_long(bodies: Callable[[], Iterator[bytes]]) -> None:
    """A hundred thousand bodies are read by every dialect and judged for every profile, none in undue time."""
    slow = slowest(bodies())

    # A busy machine only ever adds time: what holds in one of a few trials holds.
    assert [] == [body for body, turn in slow if all(compared(body, turn) > TIMES_SLOWER for _ in range(5))]


def test_nothing_raises_on_what_hypothesis_draws() -> None:
    """What Hypothesis itself draws is read by every dialect and judged for every profile as well."""
    for turn, one in enumerate(drawn(malformed(quarantine=True), 2000)):
        read(one.body, turn)


@pytest.mark.parametrize("token", [b"\\", b'"', b",", b"=", b"a=", b',a="', b"\\,", b" ", b"1", b"\n", b'"\n'])
def test_time_grows_with_the_size(token: bytes) -> None:
    """A long run of what opens, escapes or separates takes no longer for its size than a short one."""
    # A busy machine only ever adds time: what holds in one of a few trials holds.
    for turn in range(len(READERS)):
        trials = ([seconds(b"m " + token * many, turn) / many for many in (300, 2400)] for _ in range(50))

        assert any(many < 4 * few for few, many in trials)

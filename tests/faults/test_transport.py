"""Faults of the network as values: what they decide, what they draw, and which knobs they refuse."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from typing import Any

import pytest

from faultlab import faults
from faultlab.exchange import (
    Aborted,
    Closed,
    Cut,
    Decision,
    Delayed,
    Everything,
    Garbled,
    Held,
    Nothing,
    Refused,
    Severed,
    Slow,
    Truncated,
    Twice,
    Unread,
)
from faultlab.faults import KnobError, Stage, stage_of
from faultlab.faults.transport import ALL, CODES, at_percentile, other_host, read_percentiles
from tests.faults.scenes import TWO_LINES, scene, sent

NOTHING = Nothing()


def decided(fault: Any, **given: Any) -> Decision | None:
    """Give what a fault decides on a write."""
    decision: Decision | None = fault.decide(sent(**given), scene())
    return decision


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (faults.Reset("head"), Decision(Severed(0, Cut.RST), NOTHING)),
        (faults.Reset("upload", after=9, how="fin"), Decision(Severed(9, Cut.FIN), NOTHING)),
        (faults.Reset("upload"), Decision(Severed(len(TWO_LINES) // 2, Cut.RST), NOTHING)),
        (faults.Reset(), Decision(deliver=NOTHING, ending=Closed(Cut.RST))),
        (faults.Reset("reply"), Decision(ending=Closed(Cut.RST))),
        (faults.Reset("body", after=3), Decision(ending=Truncated(after=3, of="body", how=Cut.RST))),
        (faults.LoseResponse("fin"), Decision(ending=Closed(Cut.FIN))),
        (faults.Refuse(2), Decision(Refused(2.0), NOTHING)),
        (faults.Truncate(framing="chunked"), Decision(ending=Truncated(chunked=True))),
        (faults.Latency(seconds=2), Decision(ending=Delayed(2.0))),
        (faults.Bandwidth(5), Decision(Slow(5))),
        (faults.Duplicate(), Decision(deliver=Twice())),
        (faults.Oversize("headers", 3), Decision(reply=Garbled("many_headers", 3))),
        (faults.Corrupt("length"), Decision(reply=Garbled("length"))),
    ],
)
def test_each_decides_its_choices(fault: Any, expected: Decision) -> None:
    """A fault names all four choices, and no others than its own."""
    assert expected == decided(fault)


@pytest.mark.parametrize("kind", ALL)
def test_every_profile_has_them(kind: type[Any]) -> None:
    """No contract has to document what a network does; holding a write back needs a success to be told."""
    assert faults.family_of(kind()) == ("no_content" if kind is faults.Hold else "")


@pytest.mark.parametrize(
    ("fault", "stage"),
    [
        (faults.Reset("head"), Stage.HEAD),
        (faults.Reset("upload"), Stage.HEAD),
        (faults.Reset("request"), Stage.WHOLE),
        (faults.Refuse(), Stage.HEAD),
        (faults.Bandwidth(), Stage.HEAD),
        (faults.TooLarge(early=True), Stage.HEAD),
        (faults.TooLarge(), Stage.WHOLE),
        (faults.Tls(), Stage.HANDSHAKE),
        (faults.Stall(), Stage.WHOLE),
    ],
)
def test_only_what_cannot_wait_is_decided_early(fault: Any, stage: Stage) -> None:
    """The body is waited for wherever that is possible, as a batch is known by it."""
    assert stage is stage_of(fault)


def test_an_early_413_goes_by_what_content_length_says() -> None:
    """A limit on the wire applies to a body that is not there yet; one after decompression does not."""
    fault = faults.TooLarge(early=True, by="size", wire=100, decoded=1)
    small, large = (sent(b"", headers=(("Content-Length", size),)) for size in ("100", "101"))
    decision = fault.decide(large, scene())

    assert fault.decide(small, scene()) is None
    assert decision is not None
    assert (Unread(), NOTHING) == (decision.intake, decision.deliver)


def test_a_stale_connection_is_one_that_was_used() -> None:
    """The first request of a connection is left alone."""
    fault = faults.StaleConnection()

    assert fault.decide(sent(), scene()) is None
    assert fault.decide(replace(sent(), nth=2), scene()) == Decision(deliver=NOTHING, ending=Closed(Cut.RST))


def test_frames_are_for_http2_alone() -> None:
    """Who speaks HTTP/1.1 is left alone by frames, and who speaks HTTP/2 by lines that it does not have."""
    over2 = replace(sent(), version="HTTP/2")
    decision = faults.Goaway("rst_stream", "CANCEL", stored=True).decide(over2, scene())

    assert decided(faults.Goaway()) is None
    assert Decision(deliver=Everything(), ending=Aborted("rst_stream", "CANCEL")) == decision
    assert faults.Corrupt("status_line").decide(over2, scene()) is None
    assert faults.Corrupt("body").decide(over2, scene()) is not None


def test_a_held_write_is_told_the_documented_success() -> None:
    """What is not stored yet is acknowledged as if it were; what is no write is left alone."""
    decision = decided(faults.Hold(3))

    assert decision is not None
    assert (Held(3.0), "no_content") == (decision.deliver, decision.row.partition("/")[0])
    assert decided(faults.Hold(), path="/health") is None
    assert decided(faults.Duplicate(), path="/health") is None


@pytest.mark.parametrize(
    ("host", "other"),
    [
        ("127.0.0.1:8086", "localhost:8086"),
        ("localhost:8086", "127.0.0.1:8086"),
        ("localhost", "127.0.0.1"),
        ("influx.example:8086", "other.invalid"),
        ("[::1]:8086", "other.invalid"),
    ],
)
def test_another_host_is_reached_or_cannot_exist(host: str, other: str) -> None:
    """Loopback has two names; for any other host there is one that nobody can own."""
    assert other == other_host(host)


def delays(fault: faults.Latency, count: int = 4_000) -> list[float]:
    """Draw delays, each with a seed of its own."""
    out = []
    for seed in range(count):
        decision = fault.decide(sent(), scene(seed=seed))
        assert decision is not None
        assert isinstance(decision.ending, Delayed)
        out.append(decision.ending.seconds)
    return out


def test_a_uniform_delay_lies_in_its_range() -> None:
    """Least and most are kept, and all between is drawn alike."""
    drawn = delays(faults.Latency("uniform", min_seconds=1, max_seconds=3))

    assert 1 <= min(drawn) < 1.05
    assert 2.95 < max(drawn) <= 3
    assert abs(statistics.fmean(drawn) - 2) < 0.05


def test_a_lognormal_delay_has_its_median_and_spread() -> None:
    """Half of the delays are below the median, and their logarithms have the standard deviation that was asked for."""
    drawn = delays(faults.Latency("lognormal", seconds=0.4, sigma=0.6))

    assert abs(statistics.median(drawn) - 0.4) < 0.03
    assert abs(statistics.stdev(map(math.log, drawn)) - 0.6) < 0.03


def test_measured_percentiles_come_out_as_they_went_in() -> None:
    """The share of delays below each measured value is its percentile, and nothing is above the last."""
    drawn = delays(faults.Latency("percentiles", percentiles="50:0.1,90:0.6,99:3"))

    for percent, seconds in ((50, 0.1), (90, 0.6)):
        assert abs(sum(delay <= seconds for delay in drawn) / len(drawn) * 100 - percent) < 3
    assert max(drawn) == 3


def test_percentiles_are_joined_by_straight_lines() -> None:
    """Between two measured values the delay rises evenly, from nothing at 0."""
    points = read_percentiles("50:1,90:3")

    assert [0.0, 0.5, 1.0, 2.0, 3.0, 3.0] == [at_percentile(points, at) for at in (0, 25, 50, 70, 90, 100)]
    assert 2.0 == at_percentile(read_percentiles("0:2,100:2"), 0)


@pytest.mark.parametrize(
    "text", ["", "50", "50:", "50:-1", "101:1", "50:1,50:2", "50:2,90:1", "50:nan", "a:b", "50:1;9"]
)
def test_percentiles_that_are_none_are_refused(text: str) -> None:
    """Anything but rising pairs is told with what was expected."""
    with pytest.raises(KnobError, match="expected rising pairs such as"):
        faults.Latency(percentiles=text)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: faults.Latency(seconds=-1), "seconds is -1; expected at least 0"),
        (lambda: faults.Latency(min_seconds=2), "min_seconds is 2; expected at most max_seconds, which is 1"),
        (lambda: faults.Truncate(fraction=1.1), "fraction is 1.1; expected at most 1"),
        (lambda: faults.Reset("uplaod"), "did you mean 'upload'"),
        (lambda: faults.Dribble(0), "bytes_per_second is 0; expected at least 1"),
        (lambda: faults.Goaway(code="NO_EROR"), "did you mean 'NO_ERROR'"),
        (lambda: faults.Stall(seconds=-0.1), "seconds is -0.1; expected at least 0"),
        (lambda: faults.Tls("expird"), "did you mean 'expired'"),
    ],
)
def test_bad_knobs_are_refused(make: Any, message: str) -> None:
    """What cannot be done is told when it is asked for."""
    with pytest.raises(KnobError, match=message):
        make()


def test_codes_are_those_of_http2() -> None:
    """Every code is one that HTTP/2 has."""
    errors = pytest.importorskip("h2.errors")

    assert set(CODES) <= set(errors.ErrorCodes.__members__)

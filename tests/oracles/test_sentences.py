"""What the oracles say, word for word: each way to judge, compared with the text it had when last looked at.

FAULTLAB_GOLDEN=write in the environment makes the files what they are now; read the difference before it is kept.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from faultlab.exchange import Effect, Severed
from faultlab.history import Ended, History, Report
from faultlab.ledger import Ledger
from faultlab.oracles import ALL, named
from faultlab.oracles.waiting import LONGEST
from tests.builders import KILLED, TOLD, TOO_MANY, history, lines, sent

GOLDEN = Path(__file__).parent.parent / "golden" / "judgements"
SOON = "Thu, 01 Jan 2026 00:01:30 GMT"
"""A minute and a half after the runs of the builders begin."""

UNTIMED = "m v=1\nm v=2\n"
BAD = "m v=NaN 2\n"
OTHERWISE = sent(1, "m,k=a v=2 2\n")

CASES: dict[str, dict[str, History]] = {
    "loses_nothing_silently": {
        "one never sent": history(sent(1, lines(1)), manifest=lines(1, 2)),
        "two never sent": history(sent(1, lines(1)), manifest=lines(1, 2, 3)),
        "never sent, told by the exit status": history(sent(1, lines(1)), manifest=lines(1, 2), client=TOLD),
        "never sent, told by a report": history(
            sent(1, lines(1)), manifest=lines(1, 2, 3), reports=(Report("failed", "full", lines(2, 3)),)
        ),
        "never sent, one of two told": history(
            sent(1, lines(1)), manifest=lines(1, 2, 3), reports=(Report("failed", "full", lines(2)),)
        ),
        "never sent, nobody listened": history(sent(1, lines(1)), manifest=lines(1, 2), client=None),
        "never sent, ended by the lab": history(sent(1, lines(1)), manifest=lines(1, 2), client=KILLED),
        "never sent, perhaps told": history(
            sent(1, lines(1)), manifest=lines(1, 2), reports=(Report("failed", "out of memory"),)
        ),
        "never sent as it is": history(OTHERWISE, manifest=lines(2)),
        "never sent with its time": history(sent(1, "m,k=a v=1\n"), manifest=lines(2)),
        "an equal line stored with another batch": history(sent(1, "m v=1\n", 503), sent(2, "m v=1\nm v=3\n")),
        "named by the server": history(
            sent(1, lines(1, 2), 201, message="line 2 is bad", effect=Effect.PART, named=(2,)),
            reports=(Report("partial", "line 2 is bad"),),
        ),
        "never sent, one of them certainly": history(OTHERWISE, manifest=lines(2, 9)),
        "lines without a name": history(sent(1, lines(1)), manifest=lines(1) + UNTIMED),
        "lines without a name, told": history(sent(1, lines(1)), manifest=lines(1) + UNTIMED, client=TOLD),
        "lost": history(sent(1, lines(1, 2), 400)),
        "lost without a reply": history(sent(1, lines(1), None)),
        "told": history(sent(1, lines(1, 2), 400), client=TOLD),
        "told by its own line": history(sent(1, lines(1, 2), 429), stderr=f"ERROR {TOO_MANY}\n"),
        "called stored": history(sent(1, lines(1), 204, effect=Effect.NONE)),
        "not known": history(sent(1, lines(1), 503, effect=Effect.UNKNOWN)),
        "the lab failed": history(sent(1, lines(1), None, ended=Ended.BROKEN)),
        "nobody listened": history(sent(1, lines(1), 503), client=None),
        "ended by the lab": history(sent(1, lines(1), 503), client=KILLED),
        "perhaps told": history(sent(1, lines(1), 503), reports=(Report("failed", "out of memory"),)),
        "told of an earlier attempt": history(
            sent(1, lines(1), 429), sent(2, lines(1), 503), stderr=f"ERROR {TOO_MANY}\n"
        ),
        "some of each": history(
            sent(1, lines(1, 2, 3), 201, refused=(2,)), reports=(Report("rejected", "bad", lines(2)),)
        ),
    },
    "delivers_through_transient_failures": {
        "arrived at once": history(sent(1, lines(1), 503, effect=Effect.ALL)),
        "arrived": history(sent(1, lines(1), 503), sent(2, lines(1))),
        "never again": history(sent(1, lines(1, 2), 503)),
        "dropped": history(sent(1, lines(1), None)),
        "given up": history(sent(1, lines(1), 503), sent(2, lines(1), 503), sent(3, lines(2))),
        "given up as the other left": history(
            sent(1, lines(1), 503), sent(2, lines(1), 503, left=3), sent(3, lines(2), at=3)
        ),
        "refused throughout": history(sent(1, lines(1), 503), sent(2, lines(1), 503)),
        "called stored": history(sent(1, lines(1), 503), sent(2, lines(1), 204, effect=Effect.NONE)),
        "not known": history(sent(1, lines(1), 503, effect=Effect.UNKNOWN)),
        "refused for good later": history(sent(1, lines(1), 503), sent(2, lines(1), 400)),
        "sent on elsewhere": history(sent(1, lines(1), 503), sent(2, lines(1), 300)),
        "without a reason": history(sent(1, lines(1), 503), sent(2, lines(1), 204, refused=(1,), reply=b"x")),
        "still to wait": history(sent(1, lines(1), 503, retry_after="99"), client=KILLED),
        "still to wait for a date": history(sent(1, lines(1), 503, retry_after=SOON), client=KILLED),
        "just done waiting": history(sent(1, lines(1), 503, left=1, retry_after="59"), client=KILLED),
        "parts of each": history(
            sent(1, lines(1, 2, 3), 503), sent(2, lines(1), 503), sent(3, lines(2)), sent(4, lines(9))
        ),
        "doubts after failures": history(
            sent(1, lines(1, 2), 503), sent(2, lines(1), 503, effect=Effect.UNKNOWN), sent(3, lines(3))
        ),
    },
    "waits_as_told": {
        "patient": history(sent(1, lines(1), 429, left=2, retry_after="5"), sent(2, lines(1), at=7)),
        "early, after one that was not sent again": history(
            sent(1, lines(9), 429, retry_after="5"),
            sent(2, lines(1), 503, left=3, retry_after="5"),
            sent(3, lines(1), at=4),
        ),
        "early without timestamps": history(sent(1, UNTIMED, 429, left=2, retry_after="5"), sent(2, UNTIMED, at=3)),
        "early by what the lab was late": replace(
            history(sent(1, lines(1), 429, left=2, retry_after="5"), sent(2, lines(1), at=6.75)), lag=0.25
        ),
        "told a day": history(
            sent(1, lines(1), 429, left=2, retry_after=str(int(LONGEST))), sent(2, lines(1), at=2 + LONGEST)
        ),
    },
    "leaves_permanent_failures_alone": {
        "alone": history(sent(1, lines(1), 400)),
        "again": history(sent(1, lines(1, 2), 400), sent(2, lines(1, 2))),
        "again without timestamps": history(sent(1, UNTIMED, 422), sent(2, UNTIMED)),
        "again with another token": history(
            sent(1, lines(1), 401), sent(2, lines(1), authorization="Token [redacted bbbbbb]")
        ),
        "again with another user": history(
            sent(1, lines(1), 403, query=(("db", "b"), ("u", "a"), ("p", "[redacted aaaaaa]")), path="/write"),
            sent(2, lines(1), query=(("db", "b"), ("u", "a"), ("p", "[redacted bbbbbb]")), path="/write"),
        ),
        "again with the same token": history(sent(1, lines(1), 401), sent(2, lines(1))),
    },
    "reports_partial_writes": {
        "untold": history(sent(1, lines(1, 2, 3), 201, refused=(1, 3))),
        "one untold": history(sent(1, lines(1, 2), 201, refused=(2,))),
        "arrived later": history(sent(1, lines(1, 2), 201, refused=(2,)), sent(2, lines(2))),
        "told of the points": history(
            sent(1, lines(1, 2, 3), 201, refused=(1, 3)), reports=(Report("rejected", "bad", lines(1, 3)),)
        ),
        "told of one of the points": history(
            sent(1, lines(1, 2, 3), 201, refused=(1, 3)), reports=(Report("rejected", "bad", lines(1)),)
        ),
        "told of the reply": history(
            sent(1, lines(1, 2), 400, refused=(2,), message="partial write: line 2"),
            stderr="ERROR partial write: line 2\n",
        ),
        "told of a later reply": history(
            sent(1, lines(1, 2), 201, refused=(2,)), sent(2, lines(2), 401), stderr="ERROR unauthorized access\n"
        ),
        "told of one of two later replies": history(
            sent(1, lines(1, 2, 3), 201, refused=(2, 3)),
            sent(2, lines(2), 401),
            sent(3, lines(3), 404, message="not found at all"),
            stderr="ERROR unauthorized access\n",
        ),
        "one of two batches told of": history(
            sent(1, lines(1, 2), 201, refused=(2,), message="line 2 is bad"),
            sent(2, lines(3, 4), 201, refused=(2,), message="line 2 is worse"),
            stderr="ERROR line 2 is worse\n",
        ),
        "nobody listened": history(sent(1, lines(1, 2), 201, refused=(2,)), client=None),
        "ended by the lab": history(sent(1, lines(1, 2), 201, refused=(2,)), client=KILLED),
        "perhaps told": history(sent(1, lines(1, 2), 201, refused=(2,)), reports=(Report("failed", "out of memory"),)),
        "lines that are none of the body's": history(sent(1, lines(1, 2), 201, refused=(7,))),
        "stored lines again": history(sent(1, lines(1, 2), 201, refused=(2,)), sent(2, lines(1, 2))),
        "stored lines again without timestamps": history(
            sent(1, UNTIMED, 201, refused=(2,)), sent(2, UNTIMED), client=TOLD
        ),
        "stored lines again, twice": history(
            sent(1, lines(1, 2, 3), 201, refused=(3,)), sent(2, lines(2)), sent(3, lines(1)), client=TOLD
        ),
    },
    "recovers_promptly": {
        "after a date": history(
            sent(1, lines(1), 503, at=0, left=1, rule="outage", retry_after=SOON), sent(2, lines(1), at=100)
        ),
        "a bound and a lag later": replace(
            history(sent(1, lines(1), 503, at=0, left=1, rule="outage"), sent(2, lines(1), at=61.5)), lag=0.5
        ),
        "as the last fault ended": history(
            sent(1, lines(1), 503, at=0, left=1, rule="outage"), sent(2, lines(1), at=1)
        ),
        "first of all": history(
            sent(1, lines(1), 503, at=0, left=1, rule="outage", effect=Effect.ALL),
            sent(2, lines(2), 503, at=0, left=1, rule="outage"),
        ),
        "after a wait that binds": history(
            sent(1, lines(1), 503, at=0, left=1, rule="outage", retry_after=str(int(LONGEST))),
            sent(2, lines(1), at=LONGEST + 100),
        ),
    },
    "writes_valid_lines": {
        "one of the client's own": history(sent(1, lines(1) + BAD), manifest=lines(1, 2)),
        "one that was given": history(sent(1, lines(1) + BAD), manifest=lines(1) + BAD),
        "nobody knows": history(sent(1, lines(1) + BAD)),
        "another value": history(sent(1, "m,k=a v=2 1\n" + lines(2)), manifest=lines(1, 2)),
        "not decoded": history(sent(1, b"\x1f\x8b", 400, encoding="gzip", problem="not gzip")),
        "cut": history(sent(1, b"\x1f\x8b", None, encoding="gzip", problem="not gzip", intake=Severed(2), declared=9)),
    },
    "tells_the_truth": {
        "a lie": history(sent(1, lines(1, 2)), reports=(Report("failed", "", lines(1, 2)),)),
        "a success that was none": history(sent(1, lines(1), 400), reports=(Report("ok", "", lines(1)),)),
        "two doubts": history(
            sent(1, lines(1, 2), 503, effect=Effect.UNKNOWN), reports=(Report("ok", "", lines(1, 2)),)
        ),
        "after a failure": history(
            sent(1, lines(1), 503), sent(2, lines(1)), reports=(Report("failed", "", lines(1)),)
        ),
    },
    "ends_well": {
        "exit status 0": history(sent(1, lines(1))),
        "ended by the lab": history(sent(1, lines(1)), client=KILLED),
        "a signal": history(sent(1, lines(1)), client=replace(KILLED, timed_out=False, signal=11)),
        "an unknown signal": history(sent(1, lines(1)), client=replace(KILLED, timed_out=False, signal=99)),
        "memory": history(sent(1, lines(1)), client=replace(TOLD, memory=2 << 20), memory_mb=2),
        "too much memory": history(sent(1, lines(1)), client=replace(TOLD, memory=3 << 20), memory_mb=2),
        "memory not measured": history(sent(1, lines(1)), client=TOLD, memory_mb=2),
    },
}


def said(name: str) -> str:
    """Give every judgement of an oracle on its cases, as text."""
    out: list[str] = []
    for case, past in CASES[name].items():
        out.append(f"{case}")
        for one in named(name).looks_at(Ledger(past)):
            out.append(f"  {one.verdict.name} exchange {one.exchange} batch {one.batch or None}")
            out.append(f"    {one.what}")
            out.extend(f"    - {point}" for point in one.points)
        out.append("")
    return "\n".join(out)


@pytest.mark.parametrize("name", CASES)
def test_each_judgement_says_what_it_said(name: str) -> None:
    """Verdict, exchange, batch, points and every word."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("FAULTLAB_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(said(name), encoding="utf-8")

    assert path.read_text(encoding="utf-8") == said(name)


def test_the_cases_are_of_oracles_that_exist() -> None:
    """A name that is no oracle's would never be asked."""
    assert set(CASES) <= {one.name for one in ALL}

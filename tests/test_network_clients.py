"""Every fault of the network against real, unmodified clients: Python's and Node's influxdb-client, and curl.

What a client makes of a fault is its own affair; here the lab is put to the test. The fault happens as it was decided,
the lab survives it, and what the history says of every exchange adds up to what the embedded InfluxDB holds.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from faultlab import history, oracles
from faultlab.exchange import Effect
from faultlab.faults import (
    Bandwidth,
    Corrupt,
    Dribble,
    Duplicate,
    Goaway,
    Hold,
    Latency,
    LoseResponse,
    Oversize,
    Redirect,
    Refuse,
    Reset,
    StaleConnection,
    Stall,
    Tls,
    TooLarge,
    Truncate,
)
from faultlab.history import Ended
from faultlab.lab import Lab, Settings
from faultlab.plan import Match, Rule, When
from faultlab.terms import Terms
from tests.clients import node
from tests.labs import plan_of
from tests.test_real_client import WRITER

FAULTS: dict[str, tuple[Any, Ended]] = {
    "reset-head": (Reset("head"), Ended.CLOSED),
    "reset-upload": (Reset("upload"), Ended.CLOSED),
    "reset-request": (Reset("request", how="fin"), Ended.CLOSED),
    "reset-reply": (Reset("reply"), Ended.CLOSED),
    "reset-headers": (Reset("headers"), Ended.CLOSED),
    "lose_response": (LoseResponse(), Ended.CLOSED),
    "refuse": (Refuse(1.0), Ended.CLOSED),
    "truncate": (Truncate(), Ended.CLOSED),
    "dribble": (Dribble(100), Ended.REPLIED),
    "stall": (Stall(seconds=1.0), Ended.CLOSED),
    "latency": (Latency(seconds=0.5), Ended.REPLIED),
    "bandwidth": (Bandwidth(2_000), Ended.REPLIED),
    "duplicate": (Duplicate(), Ended.REPLIED),
    "hold": (Hold(0.5), Ended.REPLIED),
    "stale_connection": (StaleConnection(), Ended.CLOSED),
    "corrupt-status_line": (Corrupt("status_line"), Ended.GARBLED),
    "corrupt-length": (Corrupt("length"), Ended.GARBLED),
    "corrupt-content_type": (Corrupt("content_type"), Ended.REPLIED),
    "oversize-body": (Oversize("body"), Ended.REPLIED),
    "oversize-header": (Oversize("header", 100_000), Ended.REPLIED),
    "redirect": (Redirect(), Ended.REPLIED),
    "redirect-other": (Redirect(to="other"), Ended.REPLIED),
    "too_large-early": (TooLarge(early=True), Ended.REPLIED),
    "tls-abort": (Tls("abort"), Ended.CLOSED),
    "tls-expired": (Tls("expired"), Ended.CLIENT_LEFT),
    "tls-wrong_name": (Tls("wrong_name"), Ended.CLIENT_LEFT),
    "tls-untrusted": (Tls("untrusted"), Ended.CLIENT_LEFT),
}


@pytest.fixture(scope="module")
def clients() -> dict[str, list[str]]:
    """The command lines of the clients."""
    return {"python": [sys.executable, str(WRITER)], "node": ["node", str(node.installed() / "write.mjs")]}


@pytest.mark.parametrize("client", ["python", "node"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_real_client_meets_it(tmp_path: Path, clients: dict[str, list[str]], name: str, client: str) -> None:
    """The second write meets the fault, the lab goes on, and every point is where the history says."""
    fault, ended = FAULTS[name]
    # A stale connection is one that was used before; a handshake comes before all writes.
    handshake = isinstance(fault, Tls)
    rule = Rule(fault, match=Match() if handshake else Match(endpoint="write"), when=When(nth=1 if handshake else 2))
    if isinstance(fault, StaleConnection):
        rule = Rule(fault, match=Match(endpoint="write"), when=When(times=1), required=client == "python")
    settings = Settings(history=tmp_path / "h", terms=Terms(deadline=60))
    with Lab(plan_of(rule), settings) as lab:
        ran = lab.run(clients[client])
        past = history.read(lab.finish())
    met = [event for event in past.events if event.decision.rule]

    assert not ran.timed_out
    assert ((), True) == (past.broken, past.complete)
    # Node's client makes a connection for each write, so that none of its connections is ever stale.
    times = 0 if isinstance(fault, StaleConnection) and client == "node" else 1
    assert [ended] * times == [event.outcome.ended for event in met if event.outcome], past.stderr[-500:]
    assert all(event.outcome is not None for event in past.events)
    assert oracles.judge(past).verdict is not None
    stored = {line for e in past.events if e.outcome and e.outcome.effect is Effect.ALL for line in lines_of(e)}
    handed = set((tmp_path / "h" / history.MANIFEST).read_bytes().splitlines())
    assert stored <= handed
    # Without TLS behind them, a write that was refused once, or never came whole, is the only one that may be missing;
    # how many fall into an outage is for the client's speed to say.
    assert handshake or isinstance(fault, Refuse) or len(handed - stored) <= 10


def lines_of(event: history.Event) -> list[bytes]:
    """Give the lines of an exchange's body."""
    return event.exchange.body.data.splitlines()


@pytest.mark.parametrize(
    ("frame", "code", "stored"), [("goaway", "NO_ERROR", False), ("rst_stream", "REFUSED_STREAM", True)]
)
def test_curl_meets_the_frames_of_http2(tmp_path: Path, frame: str, code: str, *, stored: bool) -> None:
    """No client of InfluxDB writes over HTTP/2; curl does, and hears of the frame."""
    rule = Rule(Goaway(frame, code, stored=stored), when=When(first=1))
    with Lab(plan_of(rule), Settings(history=tmp_path / "h")) as lab:
        url = f"{lab.url}/api/v2/write?org=o&bucket=b"
        told = ["--http2", "--cacert", str(lab.certificate), "-H", f"Authorization: Token {lab.token}", "-d", "m f=1 1"]
        done = subprocess.run(["curl", "-sS", *told, url], capture_output=True, text=True, check=False, timeout=30)
        past = history.read(lab.finish())

    assert [("HTTP/2", Ended.CLOSED, Effect.ALL if stored else Effect.NONE)] == [
        (e.exchange.version, e.outcome.ended, e.outcome.effect) for e in past.events[:1] if e.outcome
    ]
    assert done.returncode != 0 or len(past.events) == 2
    assert () == past.broken

"""What the lab does itself with a real upstream: later, a second time, or in its name."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from faultlab import history
from faultlab.exchange import Effect
from faultlab.faults import Hold, Redirect
from faultlab.plan import Rule, When
from tests.labs import AUTH, finished, plan_of, running
from tests.mitm import mitmdump, upstream
from tests.raw import LINE, Raw

SLOW = b"slow f=1 1\n"
TARGET = "/api/v2/write?org=o&bucket=b"


@pytest.mark.parametrize("released", ["before the end", "by the end"])
def test_an_upstream_slow_with_what_is_late_holds_nobody_up(tmp_path: Path, released: str) -> None:
    """Other clients are answered while upstream has not yet answered a held write; a run waits for it at its end."""
    with upstream() as server:
        rule = Rule(Hold(0.01), when=When(first=1))
        with running(plan_of(rule), tmp_path / "h", upstream=f"http://127.0.0.1:{server.port}") as lab:
            with Raw(lab.port) as raw:
                assert 204 == raw.write(SLOW, headers=AUTH).status
                until = time.monotonic() + 20
                while SLOW not in server.bodies and time.monotonic() < until:
                    time.sleep(0.01)
                assert [204] * 20 == [raw.write(b"m f=%d %d\n" % (n, n), headers=AUTH).status for n in range(20)]
            assert 1 == lab.ask("position")["open"]
            server.go.set()
            while released == "before the end" and lab.ask("position")["open"] and time.monotonic() < until:
                time.sleep(0.01)
            past = finished(lab)

    assert 21 == len(server.bodies)
    assert {(Effect.ALL, 204)} == {(e.outcome.effect, e.outcome.status) for e in past.events if e.outcome}
    assert (21, (), True) == (len(past.events), past.broken, past.complete)


def test_a_redirect_stays_in_the_lab(tmp_path: Path) -> None:
    """Another host is one of the port that the client came to, also where upstream is told its own name."""
    rules = [Rule(Redirect(to="other"), "one", when=When(first=1)), Rule(Redirect(to="same"), "two")]
    with (
        upstream() as server,
        running(plan_of(*rules), tmp_path / "h", upstream=f"http://127.0.0.1:{server.port}") as lab,
    ):
        port = lab.port
        with Raw(port) as raw:
            seen = [raw.write(headers={"Host": f"127.0.0.1:{port}", **AUTH}).all("Location") for _ in rules]
        past = finished(lab)

    assert [[f"//localhost:{port}{TARGET}"], [TARGET]] == seen
    assert {f"127.0.0.1:{port}"} == {event.exchange.host for event in past.events}


def test_a_redirect_stays_in_mitmdump(tmp_path: Path) -> None:
    """The same under stock mitmdump, which puts upstream's name into a request by default."""
    options = {"faultlab_redirect_to": "other", "faultlab_history": str(tmp_path / "h")}
    with (
        upstream() as server,
        mitmdump(["redirect"], options, tmp_path, f"reverse:http://127.0.0.1:{server.port}") as dump,
        Raw(dump.port) as raw,
    ):
        seen = raw.write(LINE, headers={"Host": f"127.0.0.1:{dump.port}", **AUTH})
        dump.stop()

    assert [f"//localhost:{dump.port}{TARGET}"] == seen.all("Location")
    assert {f"127.0.0.1:{dump.port}"} == {event.exchange.host for event in history.read(tmp_path / "h").events}

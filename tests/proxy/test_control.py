"""Steering a running proxy: the orders of its control socket, over the real socket."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from faultlab import history
from faultlab.faults import RateLimit
from faultlab.lab import LabError
from tests.labs import AUTH, finished, plan_of, running
from tests.raw import LINE, Raw


def statuses(port: int, count: int = 2) -> list[int]:
    """Send so many different writes."""
    with Raw(port) as raw:
        return [raw.write(LINE.replace(b"cpu", b"m%d" % number), headers=AUTH).status for number in range(count)]


def test_position_counts_what_happened(tmp_path: Path) -> None:
    """Exchanges, rules that fired and statuses told are those so far."""
    with running(plan_of(RateLimit()), tmp_path / "h") as lab:
        before = lab.ask("position")
        statuses(lab.port)
        after = lab.ask("position")

    assert (0, {"rate_limit": 0}, {}) == (before["exchanges"], before["fired"], before["told"])
    assert (2, 0, {"rate_limit": 2}, {"429": 2}) == (
        after["exchanges"],
        after["open"],
        after["fired"],
        after["told"],
    )


def test_disarm_lets_everything_pass_and_arm_fails_again(tmp_path: Path) -> None:
    """The same proxy, at the same port, goes on with other rules, and a plan keeps its own history."""
    plan = plan_of(RateLimit())
    with running(plan, tmp_path / "h") as lab:
        seen = [statuses(lab.port)]
        lab.ask("disarm")
        seen.append(statuses(lab.port))
        run = {"format": history.FORMAT, "scenario": "again", "plan": plan.to_json()}
        answer = lab.ask("arm", plan=plan.to_json(), history=str(tmp_path / "again"), run=run)
        seen.append(statuses(lab.port))
    first, again = history.read(tmp_path / "h"), history.read(tmp_path / "again")

    assert [[429, 429], [204, 204], [429, 429]] == seen
    assert plan.digest == answer["plan"]
    assert (2, 2, [1, 1]) == (len(first.events), len(again.events), [event.attempt for event in again.events])


def test_health_is_empty_while_all_is_well(tmp_path: Path) -> None:
    """Nothing is broken in a lab that works."""
    with running(plan_of(), tmp_path / "h") as lab:
        statuses(lab.port)
        health = lab.ask("health")

    assert {"broken": ""} == health


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"do": "explode"}, "no command 'explode'; known: position, arm, disarm, guard, deliver, move, health"),
        ({"do": "arm", "plan": {}}, "KeyError"),
        ({"do": "arm", "plan": {"rules": [{"fault": "rate_limt"}], "seed": 1, "profile": "core"}}, "did you mean"),
    ],
)
def test_an_order_that_cannot_be_taken_is_refused(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    """The answer says why, the proxy goes on as it was, and the connection can be used again."""
    with running(plan_of(RateLimit()), tmp_path / "h") as lab:
        with pytest.raises(LabError, match=message):
            lab.ask(**given)
        assert [429, 429] == statuses(lab.port)
        assert {"broken": ""} == lab.ask("health")


def test_stop_ends_the_proxy(tmp_path: Path) -> None:
    """After the order nobody listens any more, and the history is whole."""
    with running(plan_of(), tmp_path / "h") as lab:
        statuses(lab.port)
        lab.finish()
        with pytest.raises(ConnectionRefusedError):
            Raw(lab.port)

    assert history.read(tmp_path / "h").complete


def test_how_late_the_lab_ran_is_measured(tmp_path: Path) -> None:
    """A proxy that was stopped for a while says so; the next history begins anew."""
    plan = plan_of()
    with running(plan, tmp_path / "one") as lab:
        assert lab._proxy is not None
        pid = lab._proxy.pid
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.4)
        os.kill(pid, signal.SIGCONT)
        late = history.read(lab.complete()).lag
        lab.arm(plan, tmp_path / "two")
        again = finished(lab).lag

    assert late > 0.3
    assert again != late

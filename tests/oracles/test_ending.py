"""The oracle ``ends_well``: guilty, innocent, never put to the test."""

from __future__ import annotations

import pytest

from faultlab.history import Client
from faultlab.ledger import Ledger
from faultlab.oracles import ends_well
from faultlab.verdict import Verdict
from tests.builders import history

MIB = 1024 * 1024


def judged(client: Client | None, memory_mb: int | None = None) -> list[tuple[Verdict, str]]:
    """Give what the oracle says of a client."""
    found = ends_well.looks_at(Ledger(history(client=client, memory_mb=memory_mb)))
    return [(judgement.verdict, judgement.what) for judgement in found]


@pytest.mark.parametrize(
    ("client", "what"),
    [
        (
            Client(1.0, 61.0, None, signal=9, timed_out=True),
            "the client was still running after 60.0 s, and the lab ended it",
        ),
        (Client(0.0, 2.0, None, signal=11), "the client was ended by SIGSEGV after 2.0 s"),
        (Client(0.0, 2.0, None, signal=250), "the client was ended by signal 250 after 2.0 s"),
    ],
)
def test_a_hang_or_a_crash_fails(client: Client, what: str) -> None:
    """Neither a deadline nor a signal is an ending of one's own."""
    assert [(Verdict.FAIL, what)] == judged(client)


@pytest.mark.parametrize("status", [0, 1, 70])
def test_an_end_of_its_own_passes(status: int) -> None:
    """Whatever the exit status says, the client said it."""
    expected = f"the client ended by itself after 2.0 s with exit status {status}"

    assert [(Verdict.PASS, expected)] == judged(Client(0.0, 2.0, status))


def test_without_a_client_there_is_no_case() -> None:
    """A history recorded beside a client says nothing about its end."""
    assert [] == judged(None, memory_mb=1)


@pytest.mark.parametrize(
    ("memory", "verdict"),
    [(64 * MIB, Verdict.PASS), (64 * MIB + 1, Verdict.FAIL), (0, Verdict.INCONCLUSIVE)],
)
def test_memory_is_held_against_the_limit(memory: int, verdict: Verdict) -> None:
    """At the limit is within it; not measured is not within it."""
    assert verdict == judged(Client(0.0, 2.0, 0, memory=memory), memory_mb=64)[1][0]

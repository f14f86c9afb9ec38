"""How each point of a run ended, and what decided it."""

from __future__ import annotations

import pytest

from faultlab.exchange import Effect, Twice
from faultlab.history import History, Report
from faultlab.ledger import Ledger
from faultlab.passport import Passport, State, passports, states, text
from tests.builders import KILLED, TOLD, history, lines, sent


def of(past: History) -> list[Passport]:
    """Give all passports of a history."""
    return list(passports(Ledger(past)))


@pytest.mark.parametrize(
    ("past", "state", "decided", "copies"),
    [
        (history(sent(1, lines(1))), State.STORED, 1, 1),
        (history(sent(1, lines(1), 503), sent(2, lines(1))), State.STORED, 2, 1),
        (history(sent(1, lines(1), deliver=Twice())), State.REPEATED, 1, 2),
        (history(sent(1, lines(1), 503, effect=Effect.ALL), sent(2, lines(1))), State.REPEATED, 1, 2),
        (history(sent(1, lines(1), 400), client=TOLD), State.REFUSED_TOLD, 1, 0),
        (history(sent(1, lines(1), 400)), State.REFUSED_UNTOLD, 1, 0),
        (history(sent(1, lines(1), 201, refused=(1,), effect=Effect.NONE)), State.REFUSED_UNTOLD, 1, 0),
        (history(sent(1, lines(1), 503), sent(2, lines(1), 503), client=TOLD), State.LOST_TOLD, 2, 0),
        (history(sent(1, lines(1), 503), sent(2, lines(1), None)), State.LOST_SILENTLY, 2, 0),
        (history(sent(1, lines(1), 503, effect=Effect.UNKNOWN)), State.UNKNOWN, 1, 0),
        (history(sent(1, lines(1), 503), client=KILLED), State.UNKNOWN, 1, 0),
    ],
)
def test_a_point_that_was_sent_ends_in_one_state(past: History, state: State, decided: int, copies: int) -> None:
    """What is stored is stored, whatever was told; what is not is refused or lost, and told or not."""
    (one,) = of(past)

    assert ("m,k=a 1", "b", state, decided, copies) == (one.point, one.database, one.state, one.decided, one.copies)
    assert tuple(event.exchange.seq for event in past.events) == one.exchanges
    assert past.events[0].batch == one.batch
    assert one.why


@pytest.mark.parametrize(
    ("past", "state", "why"),
    [
        (history(manifest=lines(1)), State.LOST_SILENTLY, "never sent, and the application was not told"),
        (
            history(manifest=lines(1), client=TOLD),
            State.LOST_TOLD,
            "never sent, and the application was told (exit status 1)",
        ),
        (
            history(manifest=lines(1), reports=(Report("failed", "full", lines(1)),)),
            State.LOST_TOLD,
            'never sent, and the application was told (report 1: "failed: full")',
        ),
        (
            history(manifest=lines(1), client=None),
            State.UNKNOWN,
            "never sent, and nobody recorded what the application was told",
        ),
        (history(manifest=lines(1), client=KILLED), State.UNKNOWN, "never sent when the lab ended the client"),
        (
            history(manifest=lines(1), reports=(Report("failed", "out of memory"),)),
            State.UNKNOWN,
            'never sent, and the application may have been told (report 1: "failed: out of memory")',
        ),
    ],
)
def test_a_point_that_was_never_sent_has_no_exchange(past: History, state: State, why: str) -> None:
    """It is lost, told or not."""
    (one,) = of(past)

    assert ("m,k=a 1", state, None, (), "", 0, True, why) == (
        one.point,
        one.state,
        one.decided,
        one.exchanges,
        one.batch,
        one.copies,
        one.handed_over,
        one.why,
    )


def test_a_point_that_may_have_been_sent_otherwise_is_unknown() -> None:
    """And what was sent in its stead was not handed over."""
    instead, missing = of(history(sent(1, "m,k=a v=2 1\n"), manifest=lines(1)))

    assert (False, State.STORED, State.UNKNOWN) == (instead.handed_over, instead.state, missing.state)
    assert "sent with other tags, fields or precision" in missing.why


def test_states_are_counted_in_their_own_order() -> None:
    """Those that no point is in are left out."""
    past = history(sent(1, lines(1), 400), sent(2, lines(2, 3)), manifest=lines(1, 2, 3, 4))

    assert [(State.STORED, 2), (State.REFUSED_UNTOLD, 1), (State.LOST_SILENTLY, 1)] == list(
        states(Ledger(past)).items()
    )


def test_a_line_a_point() -> None:
    """State, what decided it, how often it was sent, the point."""
    past = history(sent(1, lines(1), 503), sent(2, lines(1)), manifest=lines(1, 2))

    assert [
        "stored                  exchange 2        2 sends  m,k=a 1",
        "lost silently           never sent        0 sends  m,k=a 2",
    ] == list(text(of(past)))

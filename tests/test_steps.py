"""Endings as steps: what goes out, what is withheld, and what damage leaves of a reply."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlab.exchange import (
    ENDINGS,
    GARBLES,
    PARTS,
    Aborted,
    Answer,
    AtOnce,
    Closed,
    Cut,
    Delayed,
    Dribbled,
    Garbled,
    Never,
    Truncated,
)
from faultlab.steps import Pause, damaged, steps

HEAD, BODY = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n", b"0123456789"


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        (AtOnce(), [HEAD + BODY]),
        (Delayed(2.0), [Pause(2.0), HEAD + BODY]),
        (Closed(Cut.FIN), [Cut.FIN]),
        (Never(), [Pause(None), Cut.FIN]),
        (Never(3.0), [Pause(3.0), Cut.FIN]),
        (Truncated(after=0, how=Cut.RST), [Cut.RST]),
        (Truncated(after=4), [HEAD[:4], Cut.FIN]),
        (Truncated(after=10**9), [(HEAD + BODY)[:-1], Cut.FIN]),
        (Truncated(fraction=1.0), [(HEAD + BODY)[:-1], Cut.FIN]),
        (Truncated(of="status_line"), [HEAD[:8], Cut.FIN]),
        (Truncated(of="status_line", fraction=1.0), [b"HTTP/1.1 200 OK\r\n", Cut.FIN]),
        (Truncated(of="headers", after=0), [b"HTTP/1.1 200 OK\r\n", Cut.FIN]),
        (Truncated(of="headers", after=99), [HEAD, Cut.FIN]),
        (Truncated(of="body"), [HEAD + BODY[:5], Cut.FIN]),
        (Truncated(of="body", fraction=0.0), [HEAD, Cut.FIN]),
        (Aborted("goaway", "NO_ERROR"), [Aborted("goaway", "NO_ERROR")]),
    ],
)
def test_each_ending_has_its_steps(ending: Any, expected: list[Any]) -> None:
    """What is sent, waited and cut is what the ending says."""
    assert expected == list(steps(ending, HEAD, BODY))


def test_every_ending_is_known() -> None:
    """No ending comes to nothing at all."""
    assert all(list(steps(kind(), HEAD, BODY)) for kind in ENDINGS)


@given(st.binary(min_size=1, max_size=300), st.integers(1, 10**6))
def test_a_dribble_is_whole_and_takes_its_time(body: bytes, rate: int) -> None:
    """The pieces are the reply, and the pauses before them what its length takes at the rate."""
    taken = list(steps(Dribbled(rate), HEAD, body))
    pauses = [step.seconds or 0.0 for step in taken if isinstance(step, Pause)]

    assert HEAD + body == b"".join(step for step in taken if isinstance(step, bytes))
    assert math.isclose(sum(pauses), len(HEAD + body) / rate)
    assert isinstance(taken[0], Pause)
    assert isinstance(taken[-1], bytes)


@given(
    st.none() | st.integers(0, 100),
    st.floats(0, 1),
    st.sampled_from(PARTS),
    st.sampled_from(Cut),
    st.binary(max_size=50),
)
def test_a_cut_withholds_a_byte_and_adds_none(
    after: int | None, fraction: float, of: str, how: Cut, body: bytes
) -> None:
    """Whatever is asked for, the client gets a beginning of the reply and not all of it, and then the cut."""
    *sent, cut = steps(Truncated(after, fraction, of, how=how), HEAD, body)
    data = b"".join(step for step in sent if isinstance(step, bytes))

    assert how is cut
    assert (HEAD + body).startswith(data)
    assert len(data) < len(HEAD + body)


@pytest.mark.parametrize("what", [what for what in GARBLES if Garbled(what).is_http])
@pytest.mark.parametrize("answer", [Answer(204), Answer(400, (("Content-Type", "application/json"),), b'{"a":1}')])
def test_damage_leaves_a_reply_that_is_another(what: str, answer: Answer) -> None:
    """The answer is not what it was, and a status that has no body does not get one."""
    spoilt = damaged(answer, Garbled(what, 50))

    assert answer != spoilt
    assert not (spoilt.status == 204 and spoilt.body)


@pytest.mark.parametrize("what", [what for what in GARBLES if not Garbled(what).is_http])
def test_damage_to_the_grammar_leaves_the_answer(what: str) -> None:
    """What is no reply any more has no other answer: its bytes are spoilt where they are sent."""
    assert Answer(204) == damaged(Answer(204), Garbled(what))

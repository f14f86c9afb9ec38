"""The oracle ``writes_valid_lines``: guilty, innocent, never put to the test."""

from __future__ import annotations

from typing import Any

import pytest

from faultlab.exchange import Severed
from faultlab.history import Event
from faultlab.ledger import Ledger
from faultlab.oracles import writes_valid_lines
from faultlab.verdict import Judgement, Verdict
from tests.builders import history, lines, sent

BAD = "m,k=a v=NaN 2\n"


def judged(*events: Event, **given: Any) -> list[Judgement]:
    """Give what the oracle says of a history."""
    return list(writes_valid_lines.looks_at(Ledger(history(*events, **given))))


def test_an_invalid_line_of_the_clients_own_fails() -> None:
    """The manifest has no such line."""
    (judgement,) = judged(sent(3, lines(1) + BAD), manifest=lines(1, 2))

    assert (Verdict.FAIL, 3, ("m,k=a v=NaN 2",)) == (judgement.verdict, judgement.exchange, judgement.points)
    assert (f"batch {judgement.batch[:8]}, exchange 3: 1 of 2 lines are no influxdb3 line protocol") == judgement.what


def test_an_invalid_line_that_was_handed_over_passes() -> None:
    """What the application gave is not the client's fault."""
    (judgement,) = judged(sent(1, lines(1) + BAD), manifest=lines(1) + BAD)

    assert Verdict.PASS == judgement.verdict
    assert judgement.what.endswith(": no invalid line of 2 but 1 that the application gave")


def test_one_invalid_line_of_many_fails_although_another_was_handed_over() -> None:
    """Each line stands for itself."""
    (judgement,) = judged(sent(1, BAD + "m v=inf 3\n"), manifest=BAD)

    assert (Verdict.FAIL, ("m v=inf 3",)) == (judgement.verdict, judgement.points)


def test_without_a_manifest_an_invalid_line_is_a_doubt() -> None:
    """It may be what the application gave."""
    (judgement,) = judged(sent(1, BAD))

    assert (Verdict.INCONCLUSIVE, ("m,k=a v=NaN 2",)) == (judgement.verdict, judgement.points)
    assert judgement.what.endswith(", and nobody recorded whether the application gave them")


@pytest.mark.parametrize("manifest", [None, lines(1, 2)])
def test_valid_lines_pass(manifest: str | None) -> None:
    """With a manifest or without."""
    (judgement,) = judged(sent(1, lines(1, 2)), manifest=manifest)

    assert (Verdict.PASS, 1, ()) == (judgement.verdict, judgement.exchange, judgement.points)
    assert judgement.what.endswith(": no invalid line of 2")


def test_one_judgement_a_batch() -> None:
    """However often it was sent."""
    assert 2 == len(judged(sent(1, lines(1), 503), sent(2, lines(1)), sent(3, lines(2))))


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("m,k=a v=2 1\n", "field 'v' is 2.0, given was 1.0"),
        ("m,k=a v=2i 1\n", "field 'v' is 2, given was 1.0"),
        ('m,k=a v="1" 1\n', "field 'v' is '1', given was 1.0"),
        ("m,k=a v=t 1\n", "field 'v' is True, given was 1.0"),
        ("m,k=a v=1,w=1 1\n", "a field 'w' was not given"),
    ],
)
def test_another_value_fails(written: str, why: str) -> None:
    """The point is the application's, what it says is not."""
    (judgement,) = judged(sent(1, written + lines(2)), manifest=lines(1, 2))

    assert (Verdict.FAIL, ("m,k=a 1",)) == (judgement.verdict, judgement.points)
    assert judgement.what.endswith(f": 1 of 2 points say something else than was handed over: {why}")


def test_all_values_that_were_given_are_named() -> None:
    """A point may have been handed over more than once."""
    (judgement,) = judged(sent(1, "m v=3 1\n"), manifest="m v=2 1\nm v=1 1\n")

    assert judgement.what.endswith("field 'v' is 3.0, given was 1.0, 2.0")


@pytest.mark.parametrize(
    ("written", "manifest"),
    [
        ("m,k=a v=1i 1\n", lines(1)),
        ("m,k=a v=1u 1\n", lines(1)),
        ("m a=1 1\n", "m a=1,b=2 1\n"),
        ("m a=1,b=2 1\n", "m a=1 1\nm b=2 1\n"),
        ("m,k=b v=7 1\n", lines(1)),
        ("m,k=a v=7 2\n", lines(1)),
        ("m,k=a v=1\n", "m,k=a v=2\n"),
        ("m,k=a v=1 1\n", "not line protocol\n"),
    ],
)
def test_what_is_no_change_of_a_value_passes(written: str, manifest: str) -> None:
    """Another type, some of the fields, several points in one, other points, points without a time."""
    assert [Verdict.PASS] == [judgement.verdict for judgement in judged(sent(1, written), manifest=manifest)]


def test_a_body_that_does_not_decode_fails() -> None:
    """Whatever the client meant, nobody can read it."""
    (judgement,) = judged(sent(4, b"\x1f\x8bxx", 400, encoding="gzip", problem="not gzip"))

    assert (Verdict.FAIL, 4) == (judgement.verdict, judgement.exchange)
    assert judgement.what.endswith("exchange 4: its body does not decode (not gzip)")


def test_an_upload_that_was_cut_is_not_the_clients_fault() -> None:
    """Half a body does not decode."""
    cut = sent(1, b"\x1f\x8bxx", None, encoding="gzip", problem="not gzip", intake=Severed(4), declared=40)

    assert Verdict.FAIL not in {judgement.verdict for judgement in judged(cut)}


@pytest.mark.parametrize("event", [sent(1, "# nothing\n"), sent(1, "q", 200, path="/api/v2/query")])
def test_without_a_line_there_is_no_case(event: Event) -> None:
    """Comments and queries hold no points."""
    assert [] == judged(event)

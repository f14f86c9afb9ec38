"""The oracle ``keeps_field_types``: guilty, innocent, never put to the test."""

from __future__ import annotations

from typing import Any

import pytest

from faultlab.history import Event
from faultlab.ledger import Ledger
from faultlab.oracles import keeps_field_types
from faultlab.verdict import Judgement, Verdict
from tests.builders import history, lines, sent


def judged(*events: Event, **given: Any) -> list[Judgement]:
    """Give what the oracle says of a history."""
    return list(keeps_field_types.looks_at(Ledger(history(*events, **given))))


def verdicts(*events: Event, **given: Any) -> list[Verdict]:
    """Give the verdicts alone."""
    return [judgement.verdict for judgement in judged(*events, **given)]


def test_a_type_that_was_not_given_fails() -> None:
    """Even where every point has it, so that nothing conflicts on the wire."""
    (judgement,) = judged(sent(2, "m v=1 1\nm v=2 2\n"), manifest="m v=1i 1\nm v=2i 2\n")

    assert (Verdict.FAIL, 2, ("m 1",)) == (judgement.verdict, judgement.exchange, judgement.points)
    assert "field 'v' of 'm' in 'b' is float in exchange 2, the application gave integer" == judgement.what


def test_a_type_that_changes_half_way_fails() -> None:
    """The first point with the other type is named."""
    (judgement,) = judged(sent(1, "m v=1i 1\n"), sent(2, "m v=2 2\n"), manifest="m v=1i 1\nm v=2i 2\n")

    assert (Verdict.FAIL, 2, ("m 2",)) == (judgement.verdict, judgement.exchange, judgement.points)


def test_a_conflict_in_a_field_that_nobody_gave_fails() -> None:
    """The client made both."""
    (judgement,) = judged(sent(1, "n v=1i 1\n"), sent(2, "n v=2 2\n"), manifest="m v=1i 1\n")

    assert (Verdict.FAIL, "field 'v' of 'n' in 'b' is float in exchange 2, before integer") == (
        judgement.verdict,
        judgement.what,
    )


def test_without_a_manifest_a_conflict_is_a_doubt() -> None:
    """It may be the application's own."""
    (judgement,) = judged(sent(1, "m v=1i 1\n"), sent(2, "m v=2 2\n"))

    assert (Verdict.INCONCLUSIVE, ("m 2",)) == (judgement.verdict, judgement.points)
    assert (
        "field 'v' of 'm' in 'b' is float in exchange 2, before integer; nobody recorded what the application gave"
    ) == judgement.what


def test_a_conflict_of_the_applications_own_passes() -> None:
    """Both types were handed over."""
    both = "m v=1i 1\nm v=2 2\n"
    (judgement,) = judged(sent(1, both), manifest=both)

    assert (Verdict.PASS, "no change of type in 1 field of 'm' in 'b'") == (judgement.verdict, judgement.what)


def test_all_types_that_were_given_are_named() -> None:
    """In an order that does not depend on chance."""
    (judgement,) = judged(sent(1, 'm v="x" 1\n'), manifest="m v=1i 1\nm v=2 2\n")

    assert judgement.what.endswith("the application gave float, integer")


def test_the_fields_of_a_measurement_that_are_in_order_are_one_case() -> None:
    """And each in trouble is one of its own."""
    found = judged(sent(1, "m a=1,b=1,c=1 1\n"), manifest="m a=1i,b=1,c=1 1\n")

    assert [Verdict.FAIL, Verdict.PASS] == [judgement.verdict for judgement in found]
    assert "no change of type in 2 fields of 'm' in 'b'" == found[1].what


@pytest.mark.parametrize(
    "events",
    [
        (sent(1, "m v=1i 1\n"), sent(2, "m v=2 2\n", query=(("bucket", "other"),))),
        (sent(1, "m v=1i 1\n"), sent(2, "n v=2 2\n")),
        (sent(1, "m v=1i 1\n"), sent(2, "m w=2 2\n")),
        (sent(1, "m,k=a v=1i 1\n"), sent(2, "m,k=b v=2i\n")),
    ],
)
def test_what_is_no_conflict_passes(events: tuple[Event, ...]) -> None:
    """Other databases, other measurements, other fields, the same type in other series."""
    assert {Verdict.PASS} == set(verdicts(*events))


def test_lines_without_a_timestamp_count() -> None:
    """A type is a type whenever it was written."""
    assert [Verdict.INCONCLUSIVE] == verdicts(sent(1, "m v=1i\nm v=2\n"))


@pytest.mark.parametrize("event", [sent(1, "# nothing\n"), sent(1, "m v=NaN 1\n"), sent(1, b"\x1f", problem="no gzip")])
def test_without_a_point_there_is_no_case(event: Event) -> None:
    """Comments, refused lines and bodies that do not decode have no types."""
    assert [] == judged(event, manifest=lines(1))

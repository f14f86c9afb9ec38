"""The oracle ``leaves_permanent_failures_alone``: guilty, innocent, never put to the test."""

from __future__ import annotations

import pytest

from faultlab.history import Event
from faultlab.ledger import Ledger
from faultlab.oracles import leaves_permanent_failures_alone
from faultlab.oracles.permanence import PERMANENT
from faultlab.verdict import Judgement, Verdict
from tests.builders import history, lines, sent

OTHER = "Token [redacted bbbbbb]"


def judged(*events: Event) -> list[Judgement]:
    """Give what the oracle says of exchanges."""
    return list(leaves_permanent_failures_alone.looks_at(Ledger(history(*events))))


def verdicts(*events: Event) -> list[Verdict]:
    """Give the verdicts alone."""
    return [judgement.verdict for judgement in judged(*events)]


@pytest.mark.parametrize("status", sorted(PERMANENT))
def test_the_same_again_fails(status: int) -> None:
    """What was refused for good is refused again."""
    (judgement,) = judged(sent(1, lines(1), status), sent(3, lines(1)))

    assert (Verdict.FAIL, 1, ("m,k=a 1",)) == (judgement.verdict, judgement.exchange, judgement.points)
    assert (
        f"exchange 1 (batch {judgement.batch[:8]}) was told {status}, sent again unchanged by exchange 3 1.90 s later"
        == judgement.what
    )


@pytest.mark.parametrize("status", sorted(PERMANENT))
def test_leaving_it_passes(status: int) -> None:
    """Other batches may follow."""
    assert [Verdict.PASS] == verdicts(sent(1, lines(1), status), sent(2, lines(2)))


@pytest.mark.parametrize("status", [201, 204, 429, 500, 503, None])
def test_other_replies_are_no_case(status: int | None) -> None:
    """Nothing was refused for good."""
    assert [] == verdicts(sent(1, lines(1), status), sent(2, lines(1)))


def test_a_query_is_no_case() -> None:
    """An application may ask as often as it likes."""
    assert [] == verdicts(*(sent(n, "q", 404, path="/api/v2/query") for n in (1, 2)))


def test_every_refusal_is_a_case() -> None:
    """A client that resends twice is guilty twice, and its last attempt is not."""
    events = tuple(sent(n, lines(1), 400) for n in (1, 2, 3))

    assert [Verdict.FAIL, Verdict.FAIL, Verdict.PASS] == verdicts(*events)


@pytest.mark.parametrize(
    ("status", "verdict"), [(401, Verdict.PASS), (403, Verdict.PASS), (400, Verdict.FAIL), (413, Verdict.FAIL)]
)
def test_other_credentials_are_a_change_where_they_were_refused(status: int, verdict: Verdict) -> None:
    """A client may try another token after 401 and 403, and only then."""
    assert [verdict] == verdicts(sent(1, lines(1), status), sent(2, lines(1), authorization=OTHER))


def test_other_credentials_in_the_query_are_a_change() -> None:
    """A v1 client has its password there."""
    first, second = ((("db", "b"), ("u", "me"), ("p", f"[redacted {tag}]")) for tag in ("aaaaaa", "bbbbbb"))
    events = [sent(n, lines(1), 401, path="/write", query=q) for n, q in ((1, first), (2, second), (3, second))]

    assert [Verdict.PASS, Verdict.FAIL, Verdict.PASS] == verdicts(*events)


def test_a_smaller_body_is_a_change() -> None:
    """Splitting after 413 is what one hopes for."""
    assert [Verdict.PASS] == verdicts(sent(1, lines(1, 2), 413), sent(2, lines(1)), sent(3, lines(2)))


def test_another_encoding_is_a_change() -> None:
    """Compressing after 413 may help."""
    assert [Verdict.PASS] == verdicts(sent(1, lines(1), 413), sent(2, lines(1), encoding="gzip"))


def test_another_target_is_a_change() -> None:
    """Another bucket may exist."""
    assert [Verdict.PASS] == verdicts(sent(1, lines(1), 404), sent(2, lines(1), query=(("bucket", "c"),)))


def test_what_was_under_way_is_no_resend() -> None:
    """A second connection could not know of the reply."""
    assert [Verdict.PASS] == verdicts(sent(1, lines(1), 400, at=1, left=3), sent(2, lines(1), at=2))


def test_a_body_without_timestamps_is_a_doubt() -> None:
    """It may be new data that happens to be equal."""
    assert [Verdict.INCONCLUSIVE] == verdicts(sent(1, "m v=1", 401), sent(2, "m v=1"))

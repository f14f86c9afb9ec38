"""What a client did until the lab ended it proves nothing where its time ran faster: some wait may not have."""

from __future__ import annotations

import pytest

from faultlab.history import Event
from faultlab.ledger import Ledger
from faultlab.oracles import (
    delivers_through_transient_failures,
    ends_well,
    lets_good_lines_pass_bad_ones,
    survives_any_retry_after,
)
from faultlab.verdict import Oracle, Verdict
from tests.builders import KILLED, history, lines, sent

GUILTY: dict[str, tuple[Oracle, tuple[Event, ...]]] = {
    "ended": (ends_well, (sent(1, lines(1), 429),)),
    "not sent again": (delivers_through_transient_failures, (sent(1, lines(1), 503),)),
    "silent": (survives_any_retry_after, (sent(1, lines(1), 429, retry_after="-1"),)),
    "blocked": (lets_good_lines_pass_bad_ones, (sent(1, lines(1), 400),)),
}


@pytest.mark.parametrize("name", GUILTY)
def test_a_client_that_was_ended_is_a_doubt_in_fast_time(name: str) -> None:
    """The same history convicts it in true time."""
    oracle, events = GUILTY[name]
    past = history(*events, client=KILLED, manifest=lines(1, 2))
    true = [judgement.verdict for judgement in oracle.looks_at(Ledger(past))]
    past.run["time_scale"] = 20
    fast = [judgement.verdict for judgement in oracle.looks_at(Ledger(past))]

    assert ([Verdict.FAIL], [Verdict.INCONCLUSIVE]) == (true, fast)

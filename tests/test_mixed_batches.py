"""Real clients and batches of good, malformed and conflicting lines, under each family's unit of loss."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, find, settings
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import SearchStrategy

from faultlab import contract
from faultlab.exchange import Effect
from faultlab.history import Event
from faultlab.lab import Lab, Settings
from faultlab.plan import Plan
from faultlab.pytest_plugin import FaultLab
from faultlab.strategies import GOOD, SETUP, ApplicationPoint, MixedBatch, MixedLine, mixed_batches
from faultlab.strategies.malformed import NOW
from faultlab.verdict import Verdict
from tests.clients.interfaces import INTERFACES, Interface

EXAMPLES, FEW = 25, 8
"""Batches tried before an interface counts as good; few where closing the client takes a tenth of a second."""

MOST = 3
"""Requests a client may make for one write; what is refused for good takes one."""

BEHIND = MixedLine(GOOD, b"behind f=1 %d" % NOW, ApplicationPoint("behind", {}, {"f": 1.0}, NOW))
"""What is written after the batch, and must not be kept back by it."""


@dataclass(frozen=True)
class Case:
    """What one batch came to: what is wrong with it, and the exchange that shows it."""

    problems: tuple[str, ...]
    answer: str


def tried(lab: FaultLab, interface: Interface, batch: MixedBatch) -> Case:
    """Hand a batch to a client, between a good write and another, and judge what became of all three."""
    writes = [(SETUP,), batch.lines, (BEHIND,)]
    with lab.faults() as scope:
        for write, said in zip(writes, interface(scope, writes), strict=True):
            text = b"".join(line.text + b"\n" for line in write).decode()
            scope.was_told("ok" if said is None else "failed", said or "", "" if said is None else text)
    mine = [event for event in scope.history.events if batch.lines[-1].text in event.exchange.body.data]
    after = [event for event in scope.history.events if BEHIND.text in event.exchange.body.data]
    problems = [
        f"{finding.oracle.name}: {judgement.what}"
        for finding in scope.verdict().findings
        for judgement in finding.first_of(Verdict.FAIL)
    ]
    if not 1 <= len(mine) <= MOST:
        problems.append(f"sent {len(mine)} times; expected 1 to {MOST}")
    if [stored(event) for event in after] != [Effect.ALL]:
        problems.append(f"what was behind it was stored {[stored(event) for event in after]}; expected once, all of it")
    return Case(tuple(problems), " / ".join(answer(event) for event in mine))


def stored(event: Event) -> Effect | None:
    return event.outcome.effect if event.outcome else None


def answer(event: Event) -> str:
    told = event.outcome.told if event.outcome else None
    return "none" if told is None else f"{told.status} {told.body.decode(errors='replace')}"


@pytest.fixture(scope="module", params=[profile.name for profile in contract.ALL])
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultLab]:
    """One proxy for all the clients of a profile."""
    profile = request.param
    with Lab(Plan(profile=profile), Settings(history=tmp_path_factory.mktemp("mixed") / profile)) as running:
        yield FaultLab(running, "pytest tests/test_mixed_batches.py")


# A 201 that names the refused lines is a success to every interface of both clients.
FOUND = dict.fromkeys(("serverless", "dedicated"), "reports_partial_writes")
"""What is found with each profile, whichever interface is used."""


@pytest.mark.parametrize(("client", "form"), list(INTERFACES))
def test_every_line_arrives_or_is_told(lab: FaultLab, client: str, form: str) -> None:
    """Good lines arrive, bad ones reach the application, nothing is sent for ever, nothing behind them is kept back."""

    # A point cannot be malformed, only in conflict.
    batches = mixed_batches(max_size=5) if form == "lines" else mixed_batches(max_size=5, classes=())
    waiting, batching = INTERFACES[client, form]
    with warnings.catch_warnings():
        # What the clients warn of is no failure of theirs.
        warnings.simplefilter("ignore")
        batch = failing(lab, waiting, batches, EXAMPLES)
        # Shrinking takes a hundred tries, so it is left to the interface that is quick.
        other = batch if batch and tried(lab, batching, batch).problems else failing(lab, batching, batches, FEW)
        cases = [(one, tried(lab, how, one)) for one, how in ((batch, waiting), (other, batching)) if one]
    shown = [
        f"{client}, {form}, {lab.profile}\n  body {one.body!r}\n  answer {case.answer}\n  judgement {case.problems}\n"
        for one, case in cases
    ]
    print(*shown, sep="\n")  # noqa: T201 - what is found is wanted with -s
    expected = FOUND.get(lab.profile)

    assert ([] if expected is None else [True, True]) == [str(expected) in one for one in shown], shown


def failing(
    lab: FaultLab, interface: Interface, batches: SearchStrategy[MixedBatch], examples: int
) -> MixedBatch | None:
    """Give the simplest batch that a client does not get through; None where it got through all that were tried."""
    tries: list[MixedBatch] = []

    def fails(batch: MixedBatch) -> bool:
        tries.append(batch)
        return bool(tried(lab, interface, batch).problems)

    search = settings(
        max_examples=examples, database=None, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    try:
        return find(batches, fails, settings=search)
    except NoSuchExample:
        assert len(tries) >= examples
        return None

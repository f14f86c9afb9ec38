"""Verdicts and what they are made of: judgements, the oracles that yield them, the findings of a whole run.

Three values, ordered so that ``max`` merges: a failure outweighs a doubt outweighs a pass. Nothing judged is never a
pass.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faultlab.ledger import Ledger


class Verdict(enum.IntEnum):
    """What one or many judgements come to."""

    PASS = 0
    INCONCLUSIVE = 1
    FAIL = 2

    @property
    def word(self) -> str:
        """The verdict in lower case, as reports write it."""
        return self.name.lower()

    @property
    def exit_status(self) -> int:
        """The exit status of a run that came to this: 0 pass, 1 fail, 3 inconclusive."""
        return {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 3}[self]


class Level(enum.StrEnum):
    """How binding an oracle's sentence is; only a broken ``must`` fails a run that is not strict."""

    MUST = "must"
    SHOULD = "should"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One case an oracle looked at.

    ``what`` is one line that names the exchange, the batch and the figures it rests on. ``points`` are the points it is
    about, as line protocol without their fields, the first few; ``what`` has their full count.
    """

    verdict: Verdict
    what: str
    exchange: int | None = None
    batch: str = ""
    points: tuple[str, ...] = ()


type Looks = Callable[[Ledger], Iterator[Judgement]]
"""How an oracle looks at a history: one judgement for each case it finds."""


@dataclass(frozen=True, slots=True)
class Oracle:
    """One question to a history; its name is a sentence true of a good client, ``about`` the same in full.

    ``explained`` are the paragraphs that follow in its docstring, on one line each: what it looks at, what fails, what
    it considers, and how a client is mended.
    """

    name: str
    level: Level
    source: str
    about: str
    looks_at: Looks
    explained: tuple[str, ...] = ()


def oracle(*, level: Level, source: str) -> Callable[[Looks], Oracle]:
    """Make an oracle of a generator function, whose name and docstring are the oracle's."""

    def made(looks: Looks) -> Oracle:
        first, *rest = (" ".join(paragraph.split()) for paragraph in (looks.__doc__ or "").split("\n\n"))
        return Oracle(
            getattr(looks, "__name__", ""), level, source, first.rstrip("."), looks, tuple(filter(None, rest))
        )

    return made


KEPT = 1000
"""How many judgements of each verdict a finding keeps of one oracle; a run of a million batches has as many of each."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one oracle found. ``verdict`` is None when it had nothing to judge and nobody asked it to.

    ``cases`` says exactly how many judgements of each verdict there were. ``first`` are those that are kept, in order:
    the first ``KEPT`` of each verdict. ``asked`` says that the run's checks name it. ``crashed`` is the traceback of an
    oracle that failed; its judgements up to there stand.
    """

    oracle: Oracle
    cases: Mapping[Verdict, int]
    first: tuple[Judgement, ...]
    verdict: Verdict | None
    crashed: str = ""
    asked: bool = False

    @property
    def judged(self) -> int:
        """How many cases there were, whether kept or not."""
        return sum(self.cases.values())

    def first_of(self, verdict: Verdict) -> tuple[Judgement, ...]:
        """Give the judgements of one verdict that are kept, in order; ``cases`` has their number."""
        return tuple(judgement for judgement in self.first if judgement.verdict is verdict)

    def counts(self, *, strict: bool) -> Verdict:
        """What the finding adds to the run's verdict.

        Unless ``strict``, a ``should`` never fails it. Its doubts matter only where a check asked for an answer: a
        question of statistics that a short run cannot answer is no reason to distrust the rest.
        """
        if self.verdict is None:
            return Verdict.PASS
        if self.oracle.level is Level.MUST or (strict and self.verdict is Verdict.FAIL):
            return self.verdict
        doubts = self.asked and (not self.judged or bool(self.cases[Verdict.INCONCLUSIVE]))
        return Verdict.INCONCLUSIVE if self.crashed or doubts else Verdict.PASS


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there was to judge: exchanges of any kind, batches written, points and other lines in them."""

    exchanges: int = 0
    batches: int = 0
    points: int = 0


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What a whole run came to. ``reasons`` say why it cannot be a pass beyond what the oracles found."""

    findings: tuple[Finding, ...]
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    counts: Counts = Counts()

"""What a fingerprint holds: how often a client did something, and how the figures it showed were spread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from statistics import median
from typing import Self


@dataclass(frozen=True, slots=True)
class Tally:
    """In how many of some cases, at least one, a client did what is asked; raises ValueError for any other numbers."""

    yes: int
    cases: int

    def __post_init__(self) -> None:
        """Refuse what no counting gives."""
        if not 0 <= self.yes <= self.cases or not self.cases:
            raise ValueError(f"{self.yes} of {self.cases} cases; expected one case at least, and no more than all")

    @classmethod
    def of(cls, cases: Iterable[bool]) -> Self | None:
        """Count cases; None where there are none."""
        found = list(cases)
        return cls(sum(found), len(found)) if found else None

    @property
    def word(self) -> str:
        """``always``, ``sometimes`` or ``never``."""
        return "always" if self.yes == self.cases else "sometimes" if self.yes else "never"


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and range of some figures, at least one, rounded to a thousandth; raises ValueError for any others."""

    median: float
    minimum: float
    maximum: float
    samples: int

    def __post_init__(self) -> None:
        """Refuse what no figures give."""
        if not self.minimum <= self.median <= self.maximum or self.samples < 1:
            found = f"{self.median} between {self.minimum} and {self.maximum}, {self.samples} samples"
            raise ValueError(f"{found}; expected a median, a range around it, and one sample at least")

    @classmethod
    def of(cls, figures: Sequence[float]) -> Self | None:
        """Give the spread of figures; None where there are none."""
        if not figures:
            return None
        # Without "or 0" what is rounded up to zero would be minus zero.
        middle, least, most = (round(one, 3) or 0 for one in (median(figures), min(figures), max(figures)))
        return cls(middle, least, most, len(figures))


@dataclass(frozen=True, slots=True)
class Obedience:
    """What a client made of one form of Retry-After.

    ``resent`` is whether it sent again at all, ``obeyed`` whether no earlier than told, None where no wait up to a day
    can be read. ``late`` are the seconds from the end of that wait, or from the refusal, to the resend.
    """

    resent: Tally
    obeyed: Tally | None = None
    late: Spread | None = None


@dataclass(frozen=True)
class Fingerprint:
    """A client's retry policy as seen on the wire; None is what was not met, and times are seconds.

    ``resent`` is by what refused a write: a status, or ``dropped`` for a connection that ended without a whole reply.
    ``splits_on_413`` is whether parts followed a body that was too large. Delays are those a client chose by itself:
    ``first_delay`` of each batch, ``growth`` from one of a batch to the next, ``jitter`` how far they lie from the
    median of those after as many attempts, as a share of it, ``longest_delay`` of each batch. ``gives_up_after`` counts
    the attempts of each batch that was given up. ``time_scale`` is how many times as fast as true time the time ran of
    which all times are; fingerprints of two such times are not to be compared.
    """

    time_scale: float = 1.0
    resent: Mapping[str, Tally] = field(default_factory=dict)
    splits_on_413: Tally | None = None
    first_delay: Spread | None = None
    growth: Spread | None = None
    jitter: Spread | None = None
    longest_delay: Spread | None = None
    gives_up_after: Spread | None = None
    retry_after: Mapping[str, Obedience] = field(default_factory=dict)

    def facts(self) -> dict[str, Tally | Spread | None]:
        """Give every fact by the name it has in reports, in the file's order."""
        found: dict[str, Tally | Spread | None] = {}
        for item in fields(self)[1:]:
            value = getattr(self, item.name)
            for key, part in value.items() if isinstance(value, Mapping) else [("", value)]:
                name = f"{item.name}.{key}" if key else item.name
                if isinstance(part, Obedience):
                    found |= {f"{name}.{inner.name}": getattr(part, inner.name) for inner in fields(part)}
                else:
                    found[name] = part
        return found


def text(policy: Fingerprint) -> str:
    """Give a fingerprint for people: one line a fact, without a last line feed."""
    facts = policy.facts().items()
    lines = [f"{name:28} {words(name, fact)}" for name, fact in facts if fact is not None or "." not in name]
    if policy.time_scale != 1.0:
        lines.insert(0, f"{'time_scale':28} {policy.time_scale:g}")
    return "\n".join(lines)


def words(name: str, fact: Tally | Spread | None) -> str:
    """Say a fact of that name, with the samples it rests on."""
    if fact is None:
        return "not met"
    if isinstance(fact, Tally):
        return f"{fact.word} ({fact.yes} of {fact.cases})"
    unit = {"growth": " times", "jitter": " of the median", "gives_up_after": ""}.get(name, " s")
    span = "" if fact.minimum == fact.maximum else f"{fact.minimum:g} to {fact.maximum:g}, "
    return f"{fact.median:g}{unit} ({span}{fact.samples} sample{'' if fact.samples == 1 else 's'})"

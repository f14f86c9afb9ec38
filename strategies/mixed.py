"""Batches in which good, malformed and type-conflicting lines are mixed: what a client has to get through."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from hypothesis import strategies as st

from faultlab.lineprotocol import State, outcome, write_line
from faultlab.lineprotocol.outcome import Outcome
from faultlab.strategies.application import ApplicationPoint
from faultlab.strategies.malformed import NOW, Class, Group, bad_line, chosen_classes
from faultlab.strategies.tape import Shown, Tape

GOOD, CONFLICT = "good", "type_conflict"
"""What a line is called that is good, and one whose field has had another type; others have their class's name."""

_WIDTH = 8
_MEASUREMENT, _FIELD = "m", "f"
_FLOATS = (1.0, 0.5, -2.25, 1e3)
_OTHERS: tuple[int | str | bool, ...] = (1, "s", True, -7, "")


@dataclass(frozen=True)
class MixedLine(Shown):
    """One line: what it is called, its text, and the point of an application it says, None if it says none."""

    kind: str
    text: bytes
    point: ApplicationPoint | None = field(default=None, repr=False)


@dataclass(frozen=True)
class MixedBatch(Shown):
    """Lines to be handed to a client together, after ``SETUP`` has been written in a request of its own."""

    lines: tuple[MixedLine, ...]

    @property
    def body(self) -> bytes:
        """The lines as one body."""
        return b"".join(line.text + b"\n" for line in self.lines)

    def of(self, *kinds: str) -> tuple[MixedLine, ...]:
        """Give the lines called so, or if none is named those that are not good."""
        return tuple(line for line in self.lines if (line.kind in kinds if kinds else line.kind != GOOD))

    def verdict(self, profile: str, *, endpoint: str = "") -> Outcome:
        """Give what a server of this profile answers to the body, and stores of it, after the setup."""
        state = State()
        state.learn(outcome(SETUP.text + b"\n", profile, state, endpoint=endpoint))
        return outcome(self.body, profile, state, endpoint=endpoint, now=NOW)


def _said(point: ApplicationPoint, kind: str = GOOD) -> MixedLine:
    measurement, tags, fields, time = point.meant
    typed = tuple((key, *value) for key, value in fields.items())
    return MixedLine(kind, write_line(measurement, tuple(tags.items()), typed, time), point)


SETUP = _said(ApplicationPoint(_MEASUREMENT, {}, {_FIELD: 0.0}, NOW - 1))
"""What gives the field its type, so that every good line is good and every conflict one."""


def mixed_batches(
    *,
    min_size: int = 1,
    max_size: int = 8,
    classes: Collection[str] = (Group.CORE,),
    conflicts: bool = True,
) -> st.SearchStrategy[MixedBatch]:
    """Batches of good lines, of lines malformed in one of ``classes``, and of lines in conflict with ``SETUP``.

    ``classes`` are names of classes or groups as for ``malformed``, none at all for no malformed lines; without them
    every line is a point that an application can hand over. Raises ValueError for sizes that admit nothing, and for
    classes that are torn or do not exist. Shrinks towards ``min_size`` good lines.
    """
    if not (0 <= min_size <= max_size and max_size >= 1):
        raise ValueError(f"sizes {min_size} to {max_size} admit nothing; expected 0 <= min_size <= max_size")
    chosen = chosen_classes(classes) if classes else ()
    if torn := [one.name for one in chosen if one.group is Group.TORN]:
        raise ValueError(f"'{torn[0]}' is no line among others; expected classes that are")
    size = 1 + _WIDTH * max_size
    tape = st.binary(min_size=size, max_size=size)
    return tape.map(lambda data: _mixed(Tape(data), (min_size, max_size), chosen, conflicts=conflicts))


def _mixed(tape: Tape, sizes: tuple[int, int], classes: tuple[Class, ...], *, conflicts: bool) -> MixedBatch:
    low, high = sizes
    count = low + tape.below(high - low + 1)
    lines: list[MixedLine] = []
    spare = count - max(low, 1)
    for number in range(count):
        part = tape.part(_WIDTH)
        # A first byte of zero leaves the line out, wherever it stands, as long as enough are left.
        if not part.byte() and spare > 0:
            spare -= 1
            continue
        lines.append(_line(part, number, classes, conflicts=conflicts))
    return MixedBatch(tuple(lines))


def _line(tape: Tape, number: int, classes: tuple[Class, ...], *, conflicts: bool) -> MixedLine:
    kinds = (GOOD, *([CONFLICT] if conflicts else []), *(["malformed"] if classes else []))
    match tape.pick(kinds):
        case "malformed":
            kind = tape.pick(classes)
            return MixedLine(kind.name, bad_line(tape, kind)[0])
        case kind:
            value = tape.pick(_FLOATS if kind == GOOD else _OTHERS)
    return _said(ApplicationPoint(_MEASUREMENT, {"i": str(number)}, {_FIELD: value}, NOW + number), kind)

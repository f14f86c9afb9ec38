"""What was foretold of a body and what a real server made of it, in one form, and the difference in words."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from faultlab.exchange import V1_WRITE
from faultlab.lineprotocol import FieldType, Outcome, Point, State, Value, outcome
from faultlab.lineprotocol.value import Identity
from tests.servers.influxdb1 import Field, InfluxDB1, readable
from tests.servers.victoriametrics import Sample, VictoriaMetrics
from tests.servers.wire import Written
from tests.test_outcome import error_of

MS = 1_000_000

LAST_WEEKS = 1.0
"""Seconds after an answer within which everything is to be found as it stays."""

SETTLED = 0.02
"""Seconds after which a week that leaves nothing to be seen has been written, too."""

NAME_KEPT, VALUE_KEPT = 256, 16_384
"""Bytes of a label's name and value, metrics' names among them, that VictoriaMetrics keeps."""

TOLERANCE = 1e-15
"""How far VictoriaMetrics' floats are off in parts of themselves: it does not round correctly when it reads them."""

DIGITS = 1e-12
"""How far those are off that have more than twelve digits and a point: not all of the others are stored."""

BLUR = 1.1e-18
"""How far they are off in parts of the largest value of their series: values stored together have one power of ten.

Beside 18446744073709551615 a 1 becomes 0.
"""

type Held = dict[Identity, dict[str, tuple[str, str]]]
"""What a database holds: fields by point, each with its type and a text that tells any two values apart."""


def held(points: Iterable[Point]) -> Held:
    """Give what a database holds that was empty and got these points: of two values of one field the last."""
    everything: Held = {}
    for point in points:
        fields = everything.setdefault(point.identity, {})
        fields.update((key, (kind, repr(value))) for key, kind, value in point.fields)
    return everything


def samples_of(points: Iterable[Point]) -> list[Sample]:
    """Give the samples that VictoriaMetrics makes of points: each field one, in whole milliseconds, sorted."""
    return in_order(
        Sample(
            _cut(f"{point.measurement}_{key}" if point.measurement else key, VALUE_KEPT),
            tuple(sorted((_cut(name, NAME_KEPT), _cut(value, VALUE_KEPT)) for name, value in point.tags)),
            _number(value),
            # Towards zero, as Go divides.
            int(math.copysign(abs(point.timestamp or 0) // MS, point.timestamp or 0)),
        )
        for point in points
        for key, _, value in point.fields
    )


def in_order(samples: Iterable[Sample]) -> list[Sample]:
    """Sort samples, those of one moment by value."""
    return sorted(samples, key=lambda sample: (sample.metric, sample.labels, sample.timestamp, sample.value))


def _cut(text: str, most: int) -> str:
    return text.encode(errors="surrogateescape")[:most].decode(errors="surrogateescape")


def _number(value: Value) -> float:
    if isinstance(value, str):
        return float(value) if re.fullmatch("-?[0-9]+([.][0-9]+)?", value) else 0.0
    return float(value)


@dataclass(frozen=True)
class Seen:
    """What is to be seen of a server after a body: what it said, what it holds, and the fields it knows."""

    status: int
    message: str
    held: Held | list[Sample]
    fields: frozenset[Field] = frozenset()


def told(bodies: Sequence[bytes], expected: Seen, actual: Seen) -> str:
    """Say in full what differs, and what has to be written to an empty database to see it."""
    lines = ["written, one after the other:", *map(repr, bodies)]
    for name in ("status", "message", "held", "fields"):
        foretold, found = getattr(expected, name), getattr(actual, name)
        if foretold != found:
            lines += [f"{name} foretold: {foretold!r}", f"{name} found:    {found!r}"]
    return "\n".join(lines)


@dataclass
class Trial:
    """A database of a real InfluxDB 1, which begins empty: each body is written, and its outcome compared.

    ``state`` is what the database holds by what was foretold, ``bodies`` what was written to it, ``unreadable`` how
    many points were foretold under names that no query finds.
    """

    server: InfluxDB1
    database: str
    state: State = field(default_factory=State)
    bodies: list[bytes] = field(default_factory=list)
    unreadable: int = 0
    _held: Held = field(default_factory=dict)
    _fields: set[Field] = field(default_factory=set)
    _clocks: list[tuple[int, int, int]] = field(default_factory=list)

    def write(self, body: bytes, verdict: Outcome | None = None, *, now: int = 0) -> Outcome:
        """Write a body and give its outcome; raises AssertionError where answer, points or fields are not as foretold.

        That is ``verdict``, else what follows from ``state``. The server's time is called ``now``, and left as it is
        where none is given.
        """
        self.bodies.append(body)
        began = time.time_ns()
        said = self.server.write(self.database, body)
        ended = time.time_ns()
        self._clocks.append((began, ended, now or ended))
        foretold = verdict or outcome(body, "oss1", self.state, endpoint=V1_WRITE, now=now or ended)
        self.state.learn(foretold)
        self.unreadable += sum(not readable(point.measurement) for point in foretold.stored)
        for identity, fields in held(foretold.stored).items():
            self._held.setdefault(identity, {}).update(fields)
        self._fields |= {
            Field(measurement, key, cast("FieldType", kind))
            for (measurement, _), columns in foretold.columns.items()
            for key, kind in columns.items()
        }
        expected = Seen(*_foretold(foretold, said), *self._readable())
        actual = self._settled(expected, said, weeks=len(foretold.weeks))
        assert expected == actual, told(self.bodies, expected, actual)
        return foretold

    def _readable(self) -> tuple[Held, frozenset[Field]]:
        found = {identity: fields for identity, fields in self._held.items() if readable(identity[0])}
        return found, frozenset(each for each in self._fields if readable(each.measurement))

    def _settled(self, expected: Seen, said: Written, *, weeks: int) -> Seen:
        """Read everything back, and while it is not what was foretold, for a moment, again and again.

        Weeks may still be written after one of them has failed; and once in some 20,000 writes a query that follows at
        once does not find what has been acknowledged.
        """
        actual = self._seen(said)
        deadline = time.monotonic() + LAST_WEEKS
        while expected != actual and time.monotonic() < deadline:
            actual = self._seen(said)
        if said.status != 204 and weeks > 1:
            time.sleep(SETTLED)
            actual = self._seen(said)
        return actual

    def _seen(self, said: Written) -> Seen:
        points, fields = self.server.everything(self.database)
        called = (replace(point, timestamp=self._called(point)) for point in points)
        return Seen(said.status, said.message, held(called), frozenset(fields))

    def _called(self, point: Point) -> int | None:
        at = point.timestamp or 0
        return next((now for began, ended, now in self._clocks if began <= at <= ended), point.timestamp)


def _foretold(outcome: Outcome, said: Written) -> tuple[int, str]:
    """Give the answer foretold: of several possible ones that which was given, if it is among them."""
    answers = [(answer.status, error_of(answer)) for answer in (outcome.answer, *outcome.instead)]
    return next((answer for answer in answers if answer == (said.status, said.message)), answers[0])


def written(server: VictoriaMetrics, bodies: Sequence[bytes], *, now: int, precision: str | None = None) -> Seen:
    """Write bodies to VictoriaMetrics, one after the other, and give what it said to the last, and what it holds.

    The server's time is called ``now``, in nanoseconds.
    """
    with server.fresh() as database:
        began = time.time_ns() // MS
        said = [server.write(database, body, precision=precision) for body in bodies][-1]
        ended = time.time_ns() // MS
        samples = server.samples(database)
    called = [replace(each, timestamp=now // MS) if began <= each.timestamp <= ended else each for each in samples]
    return Seen(said.status, said.message, in_order(called))


def compare(bodies: Sequence[bytes], expected: Seen, actual: Seen) -> int:
    """Compare what VictoriaMetrics holds with what was foretold; raises AssertionError where it differs.

    Gives how many samples needed more than the first of the three tolerances.
    """
    foretold, found = cast("list[Sample]", expected.held), cast("list[Sample]", actual.held)
    largest: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for sample in foretold:
        if math.isfinite(sample.value):
            series = sample.metric, sample.labels
            largest[series] = max(abs(sample.value), largest.get(series, 0.0))
    blurred = 0
    near = list(found)
    for place, (one, other) in enumerate(zip(foretold, found, strict=False)):
        blur = BLUR * largest.get((one.metric, one.labels), 0.0)
        if math.isclose(one.value, other.value, rel_tol=DIGITS, abs_tol=blur):
            blurred += not math.isclose(one.value, other.value, rel_tol=TOLERANCE)
            near[place] = replace(other, value=one.value)
    assert expected == replace(actual, held=near), told(bodies, expected, replace(actual, held=near))
    return blurred

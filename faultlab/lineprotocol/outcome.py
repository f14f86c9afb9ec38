"""What becomes of a body: the answer, what is stored, what is lost, and why. The embedded InfluxDB answers with it.

One function, of a body, a profile and what the database already holds; it changes nothing. What a bad line costs is
the profile's unit of loss: itself, its batch, or every point of its week.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from string import Template
from typing import Any

from faultlab import contract
from faultlab.contract.habits import Fault, Habits, habits_of, say
from faultlab.contract.row import Facts, Loss, Profile, Row
from faultlab.exchange import V1_WRITE, V3_WRITE, Answer, Effect, Refusal
from faultlab.lineprotocol.dialect import DIALECTS, Dialect
from faultlab.lineprotocol.parser import parse
from faultlab.lineprotocol.value import Point, RefusedLine, text_of

_WEEK = 7 * 24 * 3600 * 10**9
# Weeks of Go's clock begin on a Monday, the epoch was a Thursday.
_MONDAY = 3 * 24 * 3600 * 10**9
_WEEK_LOST = "field type conflict"
_NO_INDEX = 'proto: field "tsdb.$name.Name" contains invalid UTF-8'

type Columns = dict[str, str]
type Table = tuple[str, int]
"""A measurement and a week; the week is 0 where a field has one type for all time."""


class Unit(enum.StrEnum):
    """What was lost with the bad lines of a body."""

    NOTHING = "nothing"
    LINES = "lines"
    WEEK = "week"
    BATCH = "batch"


@dataclass(slots=True)
class State:
    """What a database holds that decides on what comes next: the type of each column, and the weeks that have data.

    ``outcome`` reads it; ``learn`` is how it gets to know what an outcome added.
    """

    columns: dict[Table, Columns] = field(default_factory=dict)
    weeks: set[int] = field(default_factory=set)

    def learn(self, seen: Outcome) -> None:
        """Add what an outcome left behind, which lost points may have left too."""
        for table, added in seen.columns.items():
            self.columns.setdefault(table, {}).update(added)
        self.weeks |= seen.weeks


@dataclass(frozen=True)
class Outcome:
    """What a server answers to one body, and what it stores of it.

    ``message`` is the reason in the server's words, without the envelope the answer puts around it; empty where nothing
    was refused. ``stored`` are the points that are kept, their timestamps set. ``refused`` are the lines the server
    found bad, ``lost`` the good points that go with them. ``columns`` and ``weeks`` are what the database holds since.
    ``instead`` are answers that may come in place of this one: a server that writes the weeks of a body side by side
    tells whichever fails first.
    """

    answer: Answer
    message: str = ""
    stored: tuple[Point, ...] = ()
    refused: tuple[RefusedLine, ...] = ()
    lost: tuple[Point, ...] = ()
    unit: Unit = Unit.NOTHING
    columns: Mapping[Table, Columns] = field(default_factory=dict)
    weeks: frozenset[int] = frozenset()
    instead: tuple[Answer, ...] = ()

    @property
    def status(self) -> int:
        """The status of the answer."""
        return self.answer.status

    @property
    def effect(self) -> Effect:
        """How much of the body is stored."""
        if self.status < 400 and not self.refused:
            return Effect.ALL
        return Effect.PART if self.stored else Effect.NONE


def outcome(
    body: bytes,
    profile: Profile | str,
    state: State | None = None,
    *,
    endpoint: str = "",
    precision: str = "",
    accept_partial: bool = True,
    now: int = 0,
    facts: Facts | None = None,
) -> Outcome:
    """Say what a server of this profile does with a body, given what the database holds.

    ``endpoint`` is the path written to, the profile's first if empty; ``precision`` the parameter, empty if absent;
    ``accept_partial`` matters to /api/v3/write_lp alone; ``now``, in nanoseconds since 1970, is what points without a
    timestamp get, and where it is 0 no point lies too far ahead of it; ``facts`` are what messages may speak of, such
    as ``database``. Raises UnknownProfile for a profile, and ValueError for an endpoint the profile does not have.
    """
    chosen = contract.named(profile) if isinstance(profile, str) else profile
    path = endpoint or next(iter(chosen.loss))
    if path not in chosen.loss:
        raise ValueError(f"profile '{chosen.name}' has no write endpoint '{path}'; it has: {', '.join(chosen.loss)}")
    units = chosen.loss[path]
    if path == V3_WRITE and not accept_partial:
        units = Loss.BATCH, Loss.BATCH
    return _Write(chosen, path, units, state or State(), dict(facts or {})).settle(body, precision, now)


class _Refused(Exception):  # noqa: N818 - it carries a message and never leaves the module
    """Why a request is refused before a line of it is looked at."""


@dataclass
class _Batch:
    """The points of a body sorted by what storage makes of them.

    ``failures`` are what each write to storage that failed has to tell: a fault, or else the lines it refuses.
    """

    good: list[Point] = field(default_factory=list)
    lost: list[Point] = field(default_factory=list)
    refused: list[RefusedLine] = field(default_factory=list)
    columns: dict[Table, Columns] = field(default_factory=dict)
    weeks: set[int] = field(default_factory=set)
    failures: list[tuple[Fault | None, list[RefusedLine]]] = field(default_factory=list)


class _Write:
    def __init__(
        self, profile: Profile, path: str, units: tuple[Loss, Loss], state: State, facts: dict[str, Any]
    ) -> None:
        self.profile = profile
        self.path = path
        self.by_syntax, self.by_schema = units
        self.state = state
        self.facts = facts
        self.habits: Habits = habits_of(profile)
        self.rules = DIALECTS[profile.dialect]

    def settle(self, body: bytes, precision: str, now: int) -> Outcome:
        try:
            rules, unit = self.precision(precision)
        except _Refused as refused:
            return self.whole(str(refused))
        # Where storage goes by weeks it is storage that refuses reserved names, among the other points of their week.
        open_rules = replace(rules, reserved_tags={}, reserved_fields={}) if self.habits.loses_week else rules
        parsed = parse(body, open_rules, precision=unit)
        if parsed.refused and parsed.refused[0].kind == "encoding.invalid-utf8":
            return replace(self.whole(parsed.refused[0].message), refused=parsed.refused, unit=Unit.BATCH)
        if not parsed.points and not parsed.refused and self.habits.empty_write:
            return self.whole(self.habits.empty_write)
        moment = now - now % (rules.precisions[unit] or 1)
        points = [p if p.timestamp is not None else replace(p, timestamp=moment) for p in parsed.points]
        points, late = self.in_time(points, now)
        batch = self.stored(body, points)
        batch.refused += [line for line in parsed.refused if line.is_schema]
        batch.refused.sort(key=lambda line: line.ordinal)
        syntax = [line for line in parsed.refused if not line.is_schema]
        for point in late:
            reason = Template(rules.out_of_range).safe_substitute(given=point.timestamp)
            syntax.append(_refused(body, point, "timestamp.out-of-range", reason))
        return self.told(batch, syntax)

    def whole(self, message: str) -> Outcome:
        """Refuse a request as a whole with a message that no row has."""
        return Outcome(say(self.profile, self.path, None, (400, message), self.facts), message)

    def precision(self, given: str) -> tuple[Dialect, str]:
        """Give the dialect with the units this endpoint takes, and the unit meant; raises _Refused."""
        rules, path = self.rules, self.path
        if path == V1_WRITE and rules.name == "influxdb2":
            rules = replace(rules, precisions={**DIALECTS["influxdb1"].precisions, **rules.precisions})
        if path != V3_WRITE and rules.default_precision != "auto":
            rules = replace(rules, precisions={name: unit for name, unit in rules.precisions.items() if unit})
        if not given:
            return rules, "auto" if path == V3_WRITE else rules.default_precision
        if given in rules.precisions:
            return rules, given
        message = self.habits.precisions.get(path, self.habits.precision)
        if message:
            raise _Refused(message.replace("$given", given))
        return rules, rules.default_precision

    def in_time(self, points: list[Point], now: int) -> tuple[list[Point], list[Point]]:
        """Give the points that are not too far ahead of now, and those that are, if anybody can tell the time."""
        ahead = self.habits.ahead
        if ahead is None or not now:
            return points, []
        late = [point for point in points if (point.timestamp or 0) > now + ahead]
        return [point for point in points if (point.timestamp or 0) <= now + ahead] if late else points, late

    def stored(self, body: bytes, points: Sequence[Point]) -> _Batch:
        """Sort the points by whether their fields have the types their columns have."""
        batch = _Batch()
        if self.habits.typeless:
            batch.good.extend(points)
        elif self.habits.loses_week:
            weeks: dict[int, list[Point]] = {}
            for point in points:
                weeks.setdefault(self.week(point), []).append(point)
            for week, some in weeks.items():
                self.by_week(body, week, some, batch)
            batch.good.sort(key=lambda point: point.ordinal)
        else:
            self.line_by_line(body, points, batch)
        batch.weeks.update(map(self.week, batch.good))
        return batch

    def week(self, point: Point) -> int:
        return ((point.timestamp or 0) + _MONDAY) // _WEEK if self.habits.types_by_week else 0

    def line_by_line(self, body: bytes, points: Sequence[Point], batch: _Batch) -> None:
        """Check each point against the columns known and those the points before it added: the first type wins."""
        for point in points:
            table = point.measurement, self.week(point)
            known, fresh = self.state.columns.get(table, {}), batch.columns.setdefault(table, {})
            added: Columns = {}
            for key, kind in self.typed(point):
                had = known.get(key) or fresh.get(key) or added.setdefault(key, kind)
                if had != kind:
                    batch.refused.append(self.conflict(body, point, key, kind, had))
                    break
            else:
                fresh.update(added)
                batch.good.append(point)

    def by_week(self, body: bytes, week: int, points: Sequence[Point], batch: _Batch) -> None:
        """Check the points of one week against its columns, then add theirs; two types for one new column fail it.

        A week that has data is tried twice, and the columns added before the failure are then known. A week that has
        none is tried once and is lost; what was added stays. Such a week is lost as well with a name that is no UTF-8,
        because its index cannot be saved.

        Each check moves the points that pass it to the front of the array, and leaves the rest of the array as it was:
        the second try finds the last points twice, and does not find as many of those that the first refused.

        Source: InfluxDB 1.8 ``tsdb/shard.go`` and ``coordinator/points_writer.go``; measured against 1.6.7.
        """
        tables = {(point.measurement, week) for point in points}
        columns = {table: dict(self.state.columns.get(table, {})) for table in tables}
        array = list(points)
        good, bad, clash = array, list[RefusedLine](), None
        refused: dict[int, RefusedLine] = {}
        for _ in range(1 + (week in self.state.weeks)):
            good, bad = array, []
            for check in (self.reserved_tag, self.reserved_field_or_mismatch):
                checked, good = good, []
                for point in checked:
                    reason = check(body, point, columns[point.measurement, week])
                    if reason is None:
                        good.append(point)
                    else:
                        bad.append(reason)
                array = good + array[len(good) :]
            refused.update((line.ordinal, line) for line in bad)
            clash = self.create(body, week, good, columns)
            if clash is None:
                break
        poison = "" if week in self.state.weeks else next(filter(None, map(_poison, good)), "")
        fault: Fault | None = None
        if clash:
            fault = 400, _WEEK_LOST
            refused[clash.ordinal] = clash
        elif poison:
            fault = 500, Template(_NO_INDEX).substitute(name=poison)
        batch.columns.update(columns)
        batch.weeks.add(week)
        batch.refused += refused.values()
        once = {point.ordinal: point for point in good if point.ordinal not in refused}.values() if refused else good
        (batch.lost if fault else batch.good).extend(once)
        if fault or bad:
            batch.failures.append((fault, bad))

    def reserved_tag(self, body: bytes, point: Point, known: Columns) -> RefusedLine | None:
        reserved = self.rules.reserved_tags
        for key, _value in point.tags:
            if key in reserved:
                return self.reserved(body, point, key, reserved[key])
        return None

    def reserved_field_or_mismatch(self, body: bytes, point: Point, known: Columns) -> RefusedLine | None:
        reserved = self.rules.reserved_fields
        # A reserved field comes first only where there is no other: beside others it has been stripped.
        if not point.fields or point.fields[0][0] in reserved:
            return self.reserved(body, point, *next(iter(reserved.items())))
        return self.mismatch(body, point, known)

    def reserved(self, body: bytes, point: Point, key: str, why: tuple[str, str]) -> RefusedLine:
        return _refused(body, point, why[0], Template(why[1]).safe_substitute(m=point.measurement, k=key))

    def mismatch(self, body: bytes, point: Point, known: Columns) -> RefusedLine | None:
        for key, kind in self.typed(point):
            had = known.get(key, kind)
            if had != kind:
                return self.conflict(body, point, key, kind, had)
        return None

    def create(
        self, body: bytes, week: int, points: Sequence[Point], columns: dict[Table, Columns]
    ) -> RefusedLine | None:
        """Add the points' columns one after the other, up to the first that exists with another type."""
        for point in points:
            known = columns[point.measurement, week]
            for key, kind in self.typed(point):
                had = known.setdefault(key, kind)
                if had != kind:
                    return self.conflict(body, point, key, kind, had)
        return None

    def typed(self, point: Point) -> list[tuple[str, str]]:
        tags = [(key, "tag") for key, _ in point.tags] if self.habits.tags_have_types else []
        return [*tags, *((key, kind) for key, kind, _ in point.fields)]

    def conflict(self, body: bytes, point: Point, key: str, got: str, had: str) -> RefusedLine:
        return _refused(body, point, "schema.type-conflict", self.profile.conflict(point.measurement, key, got, had))

    def told(self, batch: _Batch, syntax: list[RefusedLine]) -> Outcome:
        """Apply the unit of loss, and find the row that says so."""
        schema, line_by_line = batch.refused, self.profile.numbering == "points"
        # Who parses the whole batch first never reaches the schema of one that does not parse.
        if syntax and self.by_syntax is Loss.BATCH and not line_by_line:
            batch, schema = replace(batch, columns={}, weeks=set(), failures=[]), []
        bad = sorted((*syntax, *schema), key=lambda line: line.ordinal)
        whole = bool((syntax and self.by_syntax is Loss.BATCH) or (schema and self.by_schema is Loss.BATCH))
        kept = () if whole else tuple(batch.good)
        lost = tuple(batch.good) if whole else tuple(batch.lost)
        seen = Outcome(
            say(self.profile, self.path, self.row("no_content"), (204, ""), self.facts),
            stored=kept,
            refused=tuple(bad),
            lost=lost,
            unit=_unit(whole=whole, week=any(fault for fault, _ in batch.failures), bad=bool(bad)),
            columns={} if whole else batch.columns,
            weeks=frozenset() if whole else frozenset(batch.weeks),
        )
        if not (bad or batch.failures) or self.habits.silent:
            return seen
        failures = batch.failures or [(None, bad if line_by_line else schema or syntax)]
        (answer, message), *others = [self.failed(seen, *failure, whole=whole) for failure in failures]
        return replace(seen, answer=answer, message=message, instead=tuple(answer for answer, _ in others))

    def failed(
        self, seen: Outcome, fault: Fault | None, shown: Sequence[RefusedLine], *, whole: bool
    ) -> tuple[Answer, str]:
        """Give the answer to one failure, and the reason in it."""
        if fault:
            row = self.row("type_conflict", "week") if fault[0] == 400 else None
            return say(self.profile, self.path, row, fault, self.facts), fault[1]
        facts = {
            **self.facts,
            "refusals": tuple(self.shown(line) for line in shown),
            "written": len(seen.stored),
            "dropped": len(shown),
            "total": len(seen.stored) + len(seen.lost) + len(seen.refused),
        }
        row = self.refusal_row(shown, whole=whole, kept=bool(seen.stored))
        return say(self.profile, self.path, row, (400, shown[0].message), facts), shown[0].message

    def row(self, fault: str, cause: str = "") -> Row | None:
        return self.profile.select(fault, self.path, cause=cause)

    def refusal_row(self, told: Sequence[RefusedLine], *, whole: bool, kept: bool) -> Row | None:
        schema = told[0].is_schema if whole else all(line.is_schema for line in told)
        partial = self.row("partial_write", "schema" if schema else "syntax") or self.row("partial_write")
        if partial and not whole and (kept or self.habits.part_of_none[schema]):
            return partial
        conflict = self.row("type_conflict") if schema else None
        return conflict or self.row("malformed_line") or partial

    def shown(self, line: RefusedLine) -> Refusal:
        number = line.ordinal if self.profile.numbering == "points" else line.line
        text = text_of(line.text)
        if self.habits.shown is not None:
            text = text.encode(errors="surrogateescape")[: self.habits.shown].decode(errors="ignore")
        return Refusal(number, text, line.message)


def _refused(body: bytes, point: Point, kind: str, reason: str) -> RefusedLine:
    text = body[point.span[0] : point.span[1]]
    return RefusedLine(point.line, point.ordinal, point.span, text, kind, reason)


def _poison(point: Point) -> str:
    """Give the kind of name of a point that is no UTF-8, in the words of the index; empty if there is none."""
    if _has_escapes(point.measurement):
        return "MeasurementFields"
    return "Field" if any(_has_escapes(key) for key, _, _ in point.fields) else ""


def _has_escapes(name: str) -> bool:
    return not name.isascii() and any("\udc80" <= char <= "\udcff" for char in name)


def _unit(*, whole: bool, week: bool, bad: bool) -> Unit:
    if whole:
        return Unit.BATCH
    if week:
        return Unit.WEEK
    return Unit.LINES if bad else Unit.NOTHING

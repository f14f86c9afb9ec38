"""Bytes in, points and refused lines out. Never raises on any bytes, and takes time in proportion to their number.

A line of the common core is read by one expression; any other goes to the dialect's own grammar, then through its
rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from string import Template
from typing import cast

from faultlab.lineprotocol import tokens
from faultlab.lineprotocol.core import Core, Found
from faultlab.lineprotocol.dialect import AUTO, MS, UNIT_NAMES, US, Dialect, S, dialect_of, unit_of
from faultlab.lineprotocol.lines import line_end, text_start
from faultlab.lineprotocol.points import Parsed, Points
from faultlab.lineprotocol.value import Fields, Flaw, Point, Reading, RefusedLine, Series, Tags, text_of

_FEED = re.compile(rb"\n")


def parse(body: bytes, dialect: str | Dialect, *, precision: str = "ns") -> Parsed:
    """Read a body as one dialect does.

    ``precision`` is the unit of its timestamps. A body that is no UTF-8 is refused whole by a dialect that insists on
    it. Raises ValueError on an unknown dialect or precision, naming the known ones.
    """
    rules = dialect_of(dialect)
    return _Parse(body, rules, unit_of(rules, precision)).run()


class _Parse:
    def __init__(self, body: bytes, rules: Dialect, unit: int) -> None:
        self.body = body
        self.rules = rules
        self.unit = unit
        self.points = Points(body)
        self.refused: list[RefusedLine] = []
        # Where the next line starts, its number, and how many lines before it hold or should hold a point.
        self.at, self.number, self.ordinal = 0, 1, 0

    def run(self) -> Parsed:
        body, rules = self.body, self.rules
        if rules.utf8 and (problem := _not_utf8(body)):
            whole = RefusedLine(1, 1, (0, len(body)), body, "encoding.invalid-utf8", problem)
            return Parsed(refused=(whole,))
        core = Core(body, rules, self.unit) if rules.common_core else None
        while self.at < len(body):
            if core is None:
                self.line()
            else:
                self.block(core)
        return Parsed(self.points, tuple(self.refused))

    def block(self, core: Core) -> None:
        """Read one block of lines; one that the core does not find is read alone, with those it swallows."""
        start, first = self.at, self.number
        found, end = core.find(start)
        if not found:
            self.line()
            return
        odd = core.odd(found)
        starts = [start, *(feed.end() for feed in _FEED.finditer(self.body, start, end))] if odd else []
        done = 0
        for index in odd:
            if index < done:
                continue
            self.take(core, found[done:index])
            self.at = starts[index]
            self.line()
            done = self.number - first
        if done < len(found):
            self.take(core, found[done:] if done else found)
            self.at = end

    def take(self, core: Core, found: Sequence[Found]) -> None:
        """Keep lines of the core, none of which is odd."""
        if not found:
            return
        series = cast("dict[bytes, Series]", core.series)
        number: Callable[[bytes], int | None] = int if self.unit == 1 else self.number_of
        identities = [
            (measurement, tags, number(stamp) if stamp else None)
            for key, _, stamp, _ in found
            for measurement, tags in (series[key],)
        ]
        self.points.extend(identities, [section for _, section, _, _ in found], self.number, self.ordinal + 1)
        self.number += len(found)
        self.ordinal += len(found)

    def number_of(self, stamp: bytes) -> int | None:
        """Give a timestamp of the core in nanoseconds."""
        return self.scaled(int(stamp))

    def line(self) -> None:
        """Read one logical line with the dialect's own grammar, however many physical lines it spans."""
        body, start = self.body, self.at
        end = line_end(body, start, self.rules)
        kind, text = text_start(body, start, end, self.rules)
        if kind == "point":
            self.ordinal += 1
            self.other(self.number, self.ordinal, (text, end))
        self.number += body.count(b"\n", start, end) + 1
        self.at = end + 1

    def other(self, number: int, ordinal: int, span: tuple[int, int]) -> None:
        """Read a line with the dialect's own grammar and rules, and keep what comes of it."""
        rules = self.rules
        text = self.body[span[0] : span[1]]
        if rules.carriage_return_ends_line:
            text = text.removesuffix(b"\r")
        span = span[0], span[0] + len(text)
        try:
            reading = rules.scan(text, unsigned=rules.unsigned)
            measurement = text_of(reading.measurement)
            tags = tuple(sorted((text_of(key), text_of(value)) for key, value in reading.tags))
            fields = self.ruled(measurement, tags, reading)
            timestamp = None if reading.timestamp is None else self.placed(reading.timestamp)
        except Flaw as flaw:
            self.refused.append(RefusedLine(number, ordinal, span, text, flaw.kind, flaw.message))
        else:
            self.points.append(Point(measurement, tags, fields, timestamp, number, ordinal, span))

    def ruled(self, measurement: str, tags: Tags, reading: Reading) -> Fields:
        """Give the fields after the dialect's rules on names and sizes; raises Flaw."""
        rules = self.rules
        fields = tuple((text_of(key), kind, value) for key, kind, value in reading.fields)
        tag_keys = [key for key, _ in tags]
        _check_names(measurement, tag_keys, rules.reserved_tags)
        if rules.strips_time:
            fields = tuple(field for field in fields if field[0] != "time") or fields
        keys = [field[0] for field in fields]
        _check_names(measurement, keys, rules.reserved_fields)
        if rules.duplicate_tag and (key := _repeated(tag_keys)) is not None:
            raise Flaw("tag.duplicate", _say(rules.duplicate_tag, measurement, key))
        # The same key with another type is a type conflict, which only a schema can tell.
        told_apart = [(key, "" if rules.repeats_any_type else kind) for key, kind, _ in fields]
        if rules.duplicate_field and (same := _repeated(told_apart)) is not None:
            raise Flaw("field.duplicate", _say(rules.duplicate_field, measurement, same[0]))
        if rules.shared_key and (shared := set(keys).intersection(tag_keys)):
            raise Flaw("collision.tag-field", _say(rules.shared_key, measurement, min(shared)))
        for key, _, value in fields:
            size = _size(value) if isinstance(value, str) else 0
            if rules.longest_string is not None and size > rules.longest_string:
                what = f'input field "{key}" on measurement "{measurement}" is too long'
                raise Flaw("schema.string-too-long", f"{what}, {size} > {rules.longest_string}")
        return fields

    def placed(self, given: int) -> int:
        """Give a timestamp in nanoseconds; raises Flaw where it lies outside the dialect's range."""
        time = self.scaled(given)
        if time is None:
            words = {"given": given, "unit": UNIT_NAMES.get(self.unit, "")}
            raise Flaw("timestamp.out-of-range", Template(self.rules.out_of_range).safe_substitute(words))
        return time

    def scaled(self, given: int) -> int | None:
        """Give a timestamp in nanoseconds; None where it lies outside the dialect's range."""
        rules, unit = self.rules, self.unit
        if unit == AUTO:
            size = given if rules.wraps else abs(given)
            if size > tokens.INT64_MAX:
                return None
            bounds = ((rules.seconds_below, S), (rules.millis_below, MS), (rules.micros_below, US))
            unit = next((unit for below, unit in bounds if size < below), 1)
        time = given * unit
        if rules.wraps and unit >= MS:
            time = tokens.wrapped(time // MS) * MS
        return time if rules.earliest <= time <= rules.latest else None


def _not_utf8(body: bytes) -> str:
    try:
        body.decode()
    except UnicodeDecodeError as problem:
        if problem.reason == "unexpected end of data":
            return f"body content is not valid utf8: incomplete utf-8 byte sequence from index {problem.start}"
        size = problem.end - problem.start
        return f"body content is not valid utf8: invalid utf-8 sequence of {size} bytes from index {problem.start}"
    return ""


def _check_names(measurement: str, names: Iterable[str], reserved: Mapping[str, tuple[str, str]]) -> None:
    for name in names:
        if name in reserved:
            kind, words = reserved[name]
            raise Flaw(kind, _say(words, measurement, name))


def _say(words: str, measurement: str, key: str) -> str:
    return Template(words).safe_substitute(m=measurement, k=key)


def _repeated[T](items: Iterable[T]) -> T | None:
    seen: set[T] = set()
    for item in items:
        if item in seen:
            return item
        seen.add(item)
    return None


def _size(text: str) -> int:
    return len(text.encode(errors="surrogateescape"))

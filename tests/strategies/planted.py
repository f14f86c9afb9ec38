"""Serializers and parsers of line protocol, right ones and ones with one bug each: what the strategies have to find."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from faultlab.lineprotocol import FieldType, Point
from faultlab.lineprotocol.writer import measurement_token, name_token, value_token
from faultlab.strategies import ApplicationPoint


class Serializer:
    """Says a point faithfully or refuses it; each subclass does one thing wrong."""

    def __call__(self, point: ApplicationPoint) -> str:
        """Give the point as a line; raises ValueError for what line protocol cannot say."""
        fields = self.fields(point)
        if not fields:
            return ""
        tags = [f",{self.name(key)}={self.tag_value(value)}" for key, value in point.tags.items() if value]
        section = ",".join(f"{self.name(key)}={self.value(*value)}" for key, value in fields.items())
        return f"{self.measurement(point.measurement)}{''.join(tags)} {section}{self.time(point.time)}"

    def fields(self, point: ApplicationPoint) -> dict[str, tuple[FieldType, Any]]:
        """Give the fields to be written, with their types."""
        return dict(point.meant[2])

    def measurement(self, name: str) -> str:
        """Give a measurement as it is written."""
        return measurement_token(name).decode()

    def name(self, name: str) -> str:
        """Give a key as it is written."""
        return name_token(name).decode()

    def tag_value(self, value: str) -> str:
        """Give the value of a tag as it is written."""
        return self.name(value)

    def value(self, kind: FieldType, value: Any) -> str:
        """Give the value of a field as it is written."""
        return value_token(kind, value).decode()

    def time(self, time: int | None) -> str:
        """Give a timestamp as it is written, with what stands before it."""
        return "" if time is None else f" {time}"


class NoCommaInTags(Serializer):
    """Does not escape a comma in the value of a tag."""

    def tag_value(self, value: str) -> str:
        """Leave it as it is."""
        return super().tag_value(value).replace("\\,", ",")


class NoSpaceInMeasurement(Serializer):
    """Does not escape a space in a measurement."""

    def measurement(self, name: str) -> str:
        """Leave it as it is."""
        return super().measurement(name).replace("\\ ", " ")


class NoEquals(Serializer):
    """Does not escape an equals sign."""

    def name(self, name: str) -> str:
        """Leave it as it is."""
        return super().name(name).replace("\\=", "=")


class NoQuoteInString(Serializer):
    """Does not escape a quote in a string."""

    def value(self, kind: FieldType, value: Any) -> str:
        """Escape backslashes alone."""
        return '"{}"'.format(value.replace("\\", "\\\\")) if kind == "string" else super().value(kind, value)


class NoBackslashInString(Serializer):
    """Does not escape a backslash in a string."""

    def value(self, kind: FieldType, value: Any) -> str:
        """Escape quotes alone."""
        return '"{}"'.format(value.replace('"', '\\"')) if kind == "string" else super().value(kind, value)


class IntegerWithoutI(Serializer):
    """Writes an integer as a float."""

    def value(self, kind: FieldType, value: Any) -> str:
        """Leave the letter out."""
        return str(value) if kind == "integer" else super().value(kind, value)


class BooleanAsNumber(Serializer):
    """Writes a boolean as 1 or 0."""

    def value(self, kind: FieldType, value: Any) -> str:
        """Give the number."""
        return str(int(value)) if kind == "boolean" else super().value(kind, value)


class SixDigits(Serializer):
    """Writes a float with six digits."""

    def value(self, kind: FieldType, value: Any) -> str:
        """Give the digits."""
        return f"{value:g}" if kind == "float" and math.isfinite(value) else super().value(kind, value)


class Milliseconds(Serializer):
    """Writes timestamps in milliseconds."""

    def time(self, time: int | None) -> str:
        """Cut the rest."""
        return super().time(None if time is None else time // 10**6)


class WritesNan(Serializer):
    """Writes a float that is not a number."""

    def value(self, kind: FieldType, value: Any) -> str:
        """Give the word for it."""
        return repr(value) if kind == "float" and math.isnan(value) else super().value(kind, value)


class WritesNone(Serializer):
    """Writes a field that is not there."""

    def fields(self, point: ApplicationPoint) -> dict[str, tuple[FieldType, Any]]:
        """Give those too."""
        return super().fields(point) | {key: ("float", None) for key, value in point.fields.items() if value is None}

    def value(self, kind: FieldType, value: Any) -> str:
        """Give the word for it."""
        return "None" if value is None else super().value(kind, value)


class KeepsNewlines(Serializer):
    """Writes a line feed in a name."""

    def name(self, name: str) -> str:
        """Escape around it."""
        return "\n".join(part and super(KeepsNewlines, self).name(part) for part in name.split("\n")) or super().name(
            name
        )


class DropsEmptyString(Serializer):
    """Leaves out a string that is empty, as if it were not there."""

    def fields(self, point: ApplicationPoint) -> dict[str, tuple[FieldType, Any]]:
        """Leave out what counts as false among strings."""
        return {key: (kind, value) for key, (kind, value) in super().fields(point).items() if value != ""}


class NoTimeForZero(Serializer):
    """Takes a time of zero for none."""

    def time(self, time: int | None) -> str:
        """Leave it out."""
        return super().time(time or None)


type Said = tuple[str, tuple[tuple[str, str], ...], tuple[tuple[str, str, str], ...], int | None]


NAMES = r"(?:[^%s\\]|\\.)*"
VALUES = r'(?:(?<==)"(?:[^"\\]|\\.)*"|[^%s\\]|\\.)*'
"""What holds no separator: what is escaped, and among fields what stands in a string."""


class Reader:
    """Reads the common core of line protocol; each subclass does one thing wrong."""

    def __call__(self, body: bytes) -> list[Said]:
        """Give what each line says, values as their repr."""
        return [self.line(line) for line in self.lines(body.decode()) if line]

    def lines(self, text: str) -> list[str]:
        """Give the lines."""
        return text.split("\n")

    def line(self, line: str) -> Said:
        """Give what one line says."""
        series, _, rest = self.cut(line, " ", NAMES)
        section, _, stamp = self.cut(rest, " ", VALUES)
        measurement, *tags = self.split(series, NAMES)
        pairs = [self.cut(tag, "=", NAMES) for tag in tags]
        fields = [self.cut(field, "=", NAMES) for field in self.split(section, VALUES)]
        return (
            self.plain(measurement, ", "),
            tuple(sorted((self.plain(key, ",= "), self.tag_value(value)) for key, _, value in pairs)),
            tuple((self.plain(key, ",= "), *self.value(value)) for key, _, value in fields),
            self.stamp(stamp) if stamp else None,
        )

    def cut(self, text: str, separator: str, tokens: str) -> tuple[str, str, str]:
        """Cut at the first separator outside of tokens."""
        found = re.match(tokens % separator, text)
        end = found.end() if found else 0
        return text[:end], text[end : end + 1], text[end + 1 :]

    def split(self, text: str, tokens: str) -> list[str]:
        """Split at commas outside of tokens."""
        parts = []
        more = ","
        while more:
            part, more, text = self.cut(text, ",", tokens)
            parts.append(part)
        return parts

    def plain(self, text: str, escaped: str) -> str:
        """Give a name without its escapes."""
        return re.sub(rf"\\([{escaped}])", r"\1", text)

    def tag_value(self, text: str) -> str:
        """Give the value of a tag."""
        return self.plain(text, ",= ")

    def value(self, text: str) -> tuple[str, str]:
        """Give type and value of a field."""
        if text.startswith('"'):
            return "string", repr(self.string(text))
        if text[:1] in "tTfF":
            return "boolean", repr(text[0] in "tT")
        if text.endswith("i"):
            return "integer", repr(self.integer(text[:-1]))
        return "float", repr(float(text))

    def string(self, text: str) -> str:
        """Give what a string says."""
        return re.sub(r'\\(["\\])', r"\1", text[1:-1])

    def integer(self, text: str) -> int:
        """Give a whole number."""
        return int(text)

    def stamp(self, text: str) -> int:
        """Give a timestamp."""
        return int(text)


class SplitsAtEscapedCommas(Reader):
    """Splits at every comma."""

    def split(self, text: str, tokens: str) -> list[str]:
        """Look at nothing else."""
        return text.split(",")


class KeepsEscapesInTags(Reader):
    """Takes the value of a tag as it is written."""

    def tag_value(self, text: str) -> str:
        """Leave the escapes."""
        return text


class IntegerByFloat(Reader):
    """Reads integers as floats first."""

    def integer(self, text: str) -> int:
        """Lose what a float cannot hold."""
        return int(float(text))


class SplitsAtEveryLineEnd(Reader):
    """Splits where Python's str does, which is at more than line feeds."""

    def lines(self, text: str) -> list[str]:
        """Split."""
        return text.splitlines()


class CommentAnywhere(Reader):
    """Takes what follows a hash for a comment, wherever it stands."""

    def lines(self, text: str) -> list[str]:
        """Cut it off."""
        return [line.partition("#")[0] for line in super().lines(text)]


class StripsQuotes(Reader):
    """Strips every quote from the ends of a string."""

    def string(self, text: str) -> str:
        """Strip."""
        return re.sub(r'\\(["\\])', r"\1", text.strip('"'))


class KeepsBackslashesInStrings(Reader):
    """Takes out of a string the escapes of quotes alone."""

    def string(self, text: str) -> str:
        """Leave those of backslashes."""
        return text[1:-1].replace('\\"', '"')


class StampByFloat(Reader):
    """Reads timestamps as floats first."""

    def stamp(self, text: str) -> int:
        """Lose what a float cannot hold."""
        return int(float(text))


def misread(reader: Callable[[bytes], list[Said]], body: bytes, points: Sequence[Point]) -> bool:
    """Say whether a parser reads a body otherwise than it is meant, or fails to."""
    meant = [
        (p.measurement, p.tags, tuple((key, kind, repr(value)) for key, kind, value in p.fields), p.timestamp)
        for p in points
    ]
    try:
        return reader(body) != meant
    except (ValueError, IndexError):
        return True

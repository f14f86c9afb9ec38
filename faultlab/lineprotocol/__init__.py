"""Line protocol as each server family reads it: parsing by dialect, the lines of a body, the identity of points."""

from faultlab.lineprotocol.dialect import DIALECTS, Dialect
from faultlab.lineprotocol.lines import split, without
from faultlab.lineprotocol.parser import parse
from faultlab.lineprotocol.value import Fields, FieldType, Line, Parsed, Point, RefusedLine, Series, Tags, Value

__all__ = [
    "DIALECTS",
    "Dialect",
    "FieldType",
    "Fields",
    "Line",
    "Parsed",
    "Point",
    "RefusedLine",
    "Series",
    "Tags",
    "Value",
    "parse",
    "split",
    "without",
]

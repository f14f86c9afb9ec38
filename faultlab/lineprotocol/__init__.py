"""Line protocol as each server family reads it: parsing by dialect, the lines of a body, the identity of points."""

from faultlab.lineprotocol.dialect import DIALECTS, Dialect
from faultlab.lineprotocol.lines import split, without
from faultlab.lineprotocol.outcome import Outcome, State, Unit, outcome
from faultlab.lineprotocol.parser import parse
from faultlab.lineprotocol.pieces import pieces
from faultlab.lineprotocol.points import Parsed, Points
from faultlab.lineprotocol.value import Fields, FieldType, Identity, Line, Point, RefusedLine, Series, Tags, Value
from faultlab.lineprotocol.writer import write_line

__all__ = [
    "DIALECTS",
    "Dialect",
    "FieldType",
    "Fields",
    "Identity",
    "Line",
    "Outcome",
    "Parsed",
    "Point",
    "Points",
    "RefusedLine",
    "Series",
    "State",
    "Tags",
    "Unit",
    "Value",
    "outcome",
    "parse",
    "pieces",
    "split",
    "without",
    "write_line",
]

"""A history, per batch and per point: what was handed over, how often each was sent and stored, what it was told.

A point is known by database, measurement, tags, timestamp and fields, so two rows that share an identity but not their
fields are two things to lose. One without a timestamp is known by its batch and line only, because two equal ones may
be two measurements; a line that is no point is known by its text. Nothing here guesses: where what upstream stored does
not follow from what the edge recorded, an entry carries a ``doubt``.
"""

from faultlab.ledger.book import Ledger
from faultlab.ledger.entries import SHOWN, Batch, Entry, Missing, shown, shown_missing, total
from faultlab.ledger.handed import reading_of
from faultlab.ledger.roll import Roll
from faultlab.ledger.rows import CUT, Kind, Row, batch_label, digest_of, is_cut, read, spelt, spelt_out
from faultlab.ledger.sends import Part, Send
from faultlab.ledger.traces import Trace

__all__ = [
    "CUT",
    "SHOWN",
    "Batch",
    "Entry",
    "Kind",
    "Ledger",
    "Missing",
    "Part",
    "Roll",
    "Row",
    "Send",
    "Trace",
    "batch_label",
    "digest_of",
    "is_cut",
    "read",
    "reading_of",
    "shown",
    "shown_missing",
    "spelt",
    "spelt_out",
    "total",
]

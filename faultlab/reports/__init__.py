"""Reports: what judged runs came to, as text of one form or another.

Importing registers nothing.
"""

from __future__ import annotations

from faultlab.reports.around import around
from faultlab.reports.github import github
from faultlab.reports.har import har, har_pieces
from faultlab.reports.json import json
from faultlab.reports.junit import junit
from faultlab.reports.markdown import markdown
from faultlab.reports.result import Asked, Result, ResultError, Standing
from faultlab.reports.sarif import sarif
from faultlab.reports.schema import schema
from faultlab.reports.summary import line, summary
from faultlab.reports.text import text

__all__ = [
    "Asked",
    "Result",
    "ResultError",
    "Standing",
    "around",
    "github",
    "har",
    "har_pieces",
    "json",
    "junit",
    "line",
    "markdown",
    "sarif",
    "schema",
    "summary",
    "text",
]

"""Reports: what a run came to, as text of one form or another.

A report is a function of the verdicts and the history they were reached from. Importing registers nothing: ``ALL`` is
the list.
"""

from __future__ import annotations

from collections.abc import Callable

from faultlab.history import History
from faultlab.reports.json import json
from faultlab.reports.text import text
from faultlab.verdict import Verdicts

type Report = Callable[[Verdicts, History], str]

ALL: tuple[Report, ...] = (text, json)

__all__ = ["ALL", "Report", "json", "text"]

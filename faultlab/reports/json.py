"""The verdict as JSON, for programs."""

from __future__ import annotations

from json import dumps

from faultlab.reports.result import Result


def json(result: Result) -> str:
    """Give one JSON object, indented, without a last line feed, by the schema that ``faultlab judge --schema`` prints.

    ``Result.from_json`` reads it back. What may be null is ``seconds``, ``history``, an oracle's ``verdict`` (it was
    not put to the test), ``crashed`` and ``because``, a judgement's ``exchange`` and ``batch``.
    """
    return dumps(result.to_json(), indent=2)

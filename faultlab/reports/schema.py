"""What a report in JSON looks like, as a JSON Schema."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any


def schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of what ``Result.to_json`` gives."""
    file = resources.files("faultlab.reports") / "schema.json"
    value: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return value

"""The documents are true: their code runs, and what they list is what there is."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from faultlab.fingerprint import FORMS, Fingerprint, Obedience
from faultlab.strategies import CLASSES, EXTRAS, Group

DOCS = Path(__file__).parent.parent / "docs"
LINE_PROTOCOL = (DOCS / "line-protocol.md").read_text()


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", LINE_PROTOCOL, re.DOTALL))
def test_code_runs(block: str) -> None:
    """Every block of Python runs as it stands, its assertions included."""

    exec(compile(block, "docs/line-protocol.md", "exec"), {})  # noqa: S102 - it is our own document


def test_every_class_is_listed_in_its_group() -> None:
    """The table of malformed classes has each group's classes, in their order."""

    listed = {
        group: re.findall(r"`(\w+)`", names)
        for group, names in re.findall(r"^\| (\w+) \| [^|]+ \| (`.*) \|$", LINE_PROTOCOL, re.MULTILINE)
    }
    expected = {group.value: [one.name for one in CLASSES if one.group is group] for group in Group}

    assert expected == {group: names for group, names in listed.items() if group in expected}


def test_every_extra_is_listed() -> None:
    """The sentence on what is beyond the core names every extra."""
    [names] = re.findall(r"has a name, and is drawn by .*?: ((?:`\w+`(?:, |\.))+)", LINE_PROTOCOL)

    assert list(EXTRAS) == re.findall(r"`(\w+)`", names)


def test_every_strategy_is_listed() -> None:
    """The table names every public strategy."""
    from faultlab import strategies  # noqa: PLC0415

    returning = [name for name in strategies.__all__ if "Shrinks towards" in (getattr(strategies, name).__doc__ or "")]
    public = {name for name in returning if name.islower()}

    assert set() == public - set(re.findall(r"`(\w+)\(\)`", LINE_PROTOCOL))


def test_every_fact_of_a_fingerprint_is_listed() -> None:
    """The table names every fact, and the text every form of Retry-After."""
    page = (DOCS / "fingerprint.md").read_text()
    inside = {f"retry_after.FORM.{item.name}" for item in fields(Obedience)}
    expected = {item.name for item in fields(Fingerprint)} - {"resent", "retry_after"} | inside | {"resent.STATUS"}

    assert expected == set(re.findall(r"^\| `([\w.]+)`", page, re.MULTILINE))
    assert set() == set(FORMS) - set(re.findall(r"`(\w+)`", page))

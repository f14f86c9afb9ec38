"""Labs for tests: a running proxy with a few rules, on loopback, gone when the test is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faultlab import history
from faultlab.lab import Lab, Settings
from faultlab.plan import Plan, Rule

AUTH = {"Authorization": "Token secret-of-the-test"}


def plan_of(*faults: Any, seed: int = 7, profile: str = "serverless") -> Plan:
    """Give a plan of faults, or of rules."""
    rules = tuple(fault if isinstance(fault, Rule) else Rule(fault) for fault in faults)
    return Plan(rules, seed, profile)


@contextlib.contextmanager
def running(plan: Plan, folder: Path, **settings: Any) -> Iterator[Lab]:
    """Run a lab whose token is the test's own."""
    with Lab(plan, Settings(history=folder, token="secret-of-the-test", **settings)) as lab:
        yield lab


def finished(lab: Lab) -> history.History:
    """Stop a lab and read its history."""
    return history.read(lab.finish())

"""Hypothesis strategies for what a client can meet: requests, documented answers, Retry-After, rules and plans."""

from faultlab.strategies.answers import documented_answers
from faultlab.strategies.conflicts import Placement, TypeConflict, type_conflicts
from faultlab.strategies.exchanges import bodies, exchanges
from faultlab.strategies.malformed import CLASSES, Group, Malformed, malformed
from faultlab.strategies.plans import fault_values, plans, rules
from faultlab.strategies.points import Batch, batches, lines, points
from faultlab.strategies.pools import EXTRAS
from faultlab.strategies.retry_after import RetryAfter, retry_after_values

__all__ = [
    "CLASSES",
    "EXTRAS",
    "Batch",
    "Group",
    "Malformed",
    "Placement",
    "RetryAfter",
    "TypeConflict",
    "batches",
    "bodies",
    "documented_answers",
    "exchanges",
    "fault_values",
    "lines",
    "malformed",
    "plans",
    "points",
    "retry_after_values",
    "rules",
    "type_conflicts",
]

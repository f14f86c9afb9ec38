"""Hypothesis strategies for what a client can meet: requests, documented answers, Retry-After, rules and plans."""

from faultlab.strategies.answers import documented_answers
from faultlab.strategies.application import (
    HAZARDS,
    ApplicationPoint,
    Unfaithful,
    application_points,
    assert_serializer_is_faithful,
    unfaithful,
)
from faultlab.strategies.bodies import BODY_KINDS, WriteBody, bodies
from faultlab.strategies.conflicts import Placement, TypeConflict, type_conflicts
from faultlab.strategies.exchanges import exchanges
from faultlab.strategies.malformed import CLASSES, Group, Malformed, malformed
from faultlab.strategies.mixed import CONFLICT, GOOD, SETUP, MixedBatch, MixedLine, mixed_batches
from faultlab.strategies.plans import fault_values, plans, rules
from faultlab.strategies.points import Batch, batches, lines, points
from faultlab.strategies.pools import EXTRAS
from faultlab.strategies.retry_after import RetryAfter, retry_after_values
from faultlab.strategies.schedules import Schedule, schedules

__all__ = [
    "BODY_KINDS",
    "CLASSES",
    "CONFLICT",
    "EXTRAS",
    "GOOD",
    "HAZARDS",
    "SETUP",
    "ApplicationPoint",
    "Batch",
    "Group",
    "Malformed",
    "MixedBatch",
    "MixedLine",
    "Placement",
    "RetryAfter",
    "Schedule",
    "TypeConflict",
    "Unfaithful",
    "WriteBody",
    "application_points",
    "assert_serializer_is_faithful",
    "batches",
    "bodies",
    "documented_answers",
    "exchanges",
    "fault_values",
    "lines",
    "malformed",
    "mixed_batches",
    "plans",
    "points",
    "retry_after_values",
    "rules",
    "schedules",
    "type_conflicts",
    "unfaithful",
]

"""Hypothesis strategies for what a client can meet: requests, documented answers, Retry-After, rules and plans."""

from faultlab.strategies.answers import documented_answers
from faultlab.strategies.exchanges import bodies, exchanges
from faultlab.strategies.plans import fault_values, plans, rules
from faultlab.strategies.retry_after import RetryAfter, retry_after_values

__all__ = [
    "RetryAfter",
    "bodies",
    "documented_answers",
    "exchanges",
    "fault_values",
    "plans",
    "retry_after_values",
    "rules",
]

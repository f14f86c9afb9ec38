"""The built-in scenario files, and what reads a scenario file: text to values, values against the schema.

``ALL`` names the files, in the order they are listed.
"""

ALL = (
    "calm",
    "rate-limit",
    "rate-limit-date",
    "rate-limit-hostile",
    "unavailable",
    "backoff",
    "too-large",
    "partial-write",
    "malformed",
    "type-conflict",
    "auth",
    "flaky-network",
    "slow",
    "outage",
    "lost-acknowledgements",
    "duplicated",
    "tls",
    "overload",
    "everything-once",
)

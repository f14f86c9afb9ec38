"""What each InfluxDB family documents and answers, as data: one profile a product, every answer with its source."""

from __future__ import annotations

import difflib

from faultlab.contract import clustered, core, dedicated, oss1, oss2, serverless, tsm, victoriametrics
from faultlab.contract.row import SAMPLE_FACTS, Facts, Limits, Loss, Profile, Quota, Retry, Row, Shape, Source

ALL: tuple[Profile, ...] = (
    serverless.PROFILE,
    dedicated.PROFILE,
    clustered.PROFILE,
    tsm.PROFILE,
    oss2.PROFILE,
    oss1.PROFILE,
    core.PROFILE,
)
"""Every profile whose documented failures are injected."""

OTHERS: tuple[Profile, ...] = (victoriametrics.PROFILE,)
"""Profiles of servers that document no failures of their own, known for what they store."""


class UnknownProfile(ValueError):  # noqa: N818 - it says what is wrong, as its sentence does
    """No profile has the name that was given; the message names the nearest there is."""


def named(name: str) -> Profile:
    """Give the profile of that name; raises UnknownProfile."""
    known = {profile.name: profile for profile in (*ALL, *OTHERS)}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise UnknownProfile(f"no profile named '{name}'; known: {', '.join(known)}{hint}")
    return known[name]


__all__ = [
    "ALL",
    "OTHERS",
    "SAMPLE_FACTS",
    "Facts",
    "Limits",
    "Loss",
    "Profile",
    "Quota",
    "Retry",
    "Row",
    "Shape",
    "Source",
    "UnknownProfile",
    "named",
]

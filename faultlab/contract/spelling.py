"""How each lineage writes refused lines into its messages."""

from __future__ import annotations

from collections.abc import Sequence

from faultlab.exchange import Refusal

ROUTER_CAP = 100
"""Lines an IOx router names at most; it stops reading there. Source: metrico/influxdb_iox ab17bbc9e."""


def as_router(refusals: Sequence[Refusal]) -> str:
    """Write refused lines as an IOx router does, by number, one a line of text, at most ROUTER_CAP of them."""
    return "\n".join(_by_number(refusal) for refusal in refusals[:ROUTER_CAP])


def _by_number(refusal: Refusal) -> str:
    # The router tells a line that does not parse from one that its schema does not take.
    if refusal.reason.startswith("Unable to insert "):
        return f"error writing line {refusal.line}: {refusal.reason}"
    return f"error parsing line {refusal.line} (1-based): {refusal.reason}"


def as_parser(refusals: Sequence[Refusal]) -> str:
    """Write refused lines as InfluxDB 1 and 2 do, by their text, one a line of text, all of them."""
    return "\n".join(f"unable to parse '{refusal.text}': {refusal.reason}" for refusal in refusals)

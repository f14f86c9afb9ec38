"""InfluxDB Clustered: an IOx router for one tenant, partial writes unless switched off.

Switched off, nothing of a batch with a bad line is stored and only the first bad line is named; the status is 400 both
ways.
"""

from __future__ import annotations

from faultlab.contract import gateway, router, sources
from faultlab.contract.row import Limits, Loss, Profile, Retry, conflict_iox
from faultlab.contract.spelling import as_router
from faultlab.exchange import V1_WRITE, V2_WRITE, Effect

ROWS = (
    router.line(
        "partial_write",
        "syntax",
        400,
        router.PARTIAL,
        (V1_WRITE,),
        when="some lines do not parse; only the message tells it from a refusal of the whole batch",
        source=sources.CLUSTERED_API,
        stored=Effect.PART,
        retry=Retry.NO,
    ),
    router.line(
        "partial_write",
        "schema",
        400,
        router.PARTIAL,
        (V1_WRITE,),
        when="some lines conflict with the schema; only the message tells it from a refusal of the whole batch",
        source=sources.CLUSTERED_API,
        stored=Effect.PART,
        retry=Retry.NO,
    ),
    router.line(
        "partial_write",
        "syntax",
        400,
        router.REJECTED,
        (V2_WRITE,),
        when="some lines do not parse; nothing tells it from a refusal of the whole batch",
        source=sources.TROUBLESHOOT,
        stored=Effect.PART,
        retry=Retry.NO,
    ),
    router.line(
        "partial_write",
        "schema",
        400,
        router.REJECTED,
        (V2_WRITE,),
        when="some lines conflict with the schema; nothing tells it from a refusal of the whole batch",
        source=sources.TROUBLESHOOT,
        stored=Effect.PART,
        retry=Retry.NO,
    ),
    router.line(
        "malformed_line",
        "",
        400,
        router.NOTHING,
        (V1_WRITE,),
        when="no line is stored: all are malformed, or partial writes are switched off",
        source=sources.CLUSTERED_API,
        retry=Retry.NO,
    ),
    router.line(
        "malformed_line",
        "",
        400,
        router.REJECTED,
        (V2_WRITE,),
        when="no line is stored; the body names the first malformed line and what was expected",
        source=sources.CLUSTERED_API,
        retry=Retry.NO,
    ),
    router.line(
        "type_conflict",
        "",
        400,
        router.CONFLICT,
        router.WRITES,
        when="a field of the batch has another type than its column",
        source=sources.CLUSTERED_API,
        retry=Retry.NO,
    ),
    router.error(
        "unprocessable",
        "retention",
        400,
        "invalid",
        when="all points are older than the retention period",
        source=sources.TROUBLESHOOT,
        retry=Retry.NO,
    ),
    *router.single_tenant(sources.CLUSTERED_API),
)

PROFILE = Profile(
    name="clustered",
    product="InfluxDB Clustered",
    rows=ROWS + gateway.ROWS,
    dialect="influxdb3",
    loss={V2_WRITE: (Loss.LINES, Loss.LINES), V1_WRITE: (Loss.LINES, Loss.LINES)},
    # 50 MB by the release notes; the router counts in units of 1024, as its former limit of 10485760 bytes shows.
    limits=Limits(wire=52_428_800, decoded=52_428_800),
    spell=as_router,
    numbering="points",
    conflict=conflict_iox,
)

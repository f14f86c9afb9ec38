"""Answers of an IOx router, the server behind Cloud Serverless, Dedicated and Clustered.

It answers in JSON without a character set and sends no Retry-After, no WWW-Authenticate and no error-code header.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from faultlab.contract import sources
from faultlab.contract.row import (
    Retry,
    Row,
    Source,
    bare,
    empty,
    iox_error,
    lp_error,
    pong,
    v1_compact,
    v1_results,
)
from faultlab.exchange import HEALTH, PING, V1_QUERY, V1_WRITE, V2_WRITE, Effect

WRITES = (V2_WRITE, V1_WRITE)

REJECTED = "failed to parse line protocol: errors encountered on line(s):\n$refused"
PARTIAL = "partial write has occurred, errors encountered on line(s): $refused"
NOTHING = "no data written, errors encountered on line(s): $refused"
CONFLICT = "failed to parse line protocol: $refused"


def line(fault: str, cause: str, status: int, message: str, endpoints: tuple[str, ...], **rest: Any) -> Row:
    """Give an answer that names lines and the number of the first."""
    return Row(
        fault=fault,
        cause=cause,
        status=status,
        endpoints=endpoints,
        shape=lp_error,
        code="invalid",
        message=message,
        **rest,
    )


def error(fault: str, cause: str, status: int, code: str, message: str = "", **rest: Any) -> Row:
    """Give any other refusal of a write; the message repeats the code unless there is one."""
    return Row(
        fault=fault,
        cause=cause,
        status=status,
        endpoints=rest.pop("endpoints", WRITES),
        shape=iox_error,
        code=code,
        message=message or code,
        **rest,
    )


UP = (
    Row(
        fault="success",
        status=200,
        endpoints=(V1_QUERY,),
        shape=pong,
        message='{"results":[{"statement_id":0}]}',
        when="the query succeeded",
        source=sources.IOX_HTTP,
        stored=Effect.ALL,
    ),
    Row(
        fault="success",
        status=200,
        endpoints=(HEALTH,),
        shape=bare,
        message="OK",
        when="the router is up",
        source=sources.IOX_ROUTER,
        stored=Effect.ALL,
    ),
    Row(
        fault="no_content",
        status=204,
        endpoints=(PING,),
        shape=empty,
        headers=(("X-Influxdb-Build", "cloud2"),),
        when="the querier is up, whatever the state of the router",
        source=sources.IOX_HTTP,
        stored=Effect.ALL,
    ),
)

ENCODING = error(
    "unsupported_media_type",
    "",
    415,
    "unsupported media type",
    "unacceptable content-encoding: br",
    when="the body is in an encoding the router does not read",
    source=sources.IOX_ROUTER,
    on_page=False,
)

TIMEOUT = error(
    "internal_error",
    "timeout",
    500,
    "internal error",
    "timeout writing to upstream ingester",
    when="the router waited for an ingester for too long",
    source=sources.IOX_ROUTER,
    stored=Effect.UNKNOWN,
)

OVERLOAD = error(
    "unavailable",
    "overload",
    503,
    "unavailable",
    "this service is overloaded, please try again later",
    when="the router serves as many requests at once as it may",
    source=sources.IOX_ROUTER,
    retry=Retry.YES,
)

REPLICATION = error(
    "unavailable",
    "replication",
    503,
    "unavailable",
    "dml handler error: not enough upstreams accepted replicated write; want 2, but only received 1 acks",
    when="fewer ingesters took the write than must; what one of them took may be queryable",
    source=sources.IOX_ROUTER,
    stored=Effect.UNKNOWN,
    retry=Retry.YES,
)

NO_PATH = error(
    "not_found",
    "path",
    404,
    "not found",
    endpoints=(),
    when="the router has nothing at this path, or not for this method",
    source=sources.IOX_ROUTER,
)


def single_tenant(api: Source) -> tuple[Row, ...]:
    """Give what the routers of Dedicated and Clustered share, whose description is ``api``: all but lines refused.

    Their troubleshooting page is the only one that says which answers are never to be retried.
    """
    return (
        *UP,
        Row(
            fault="no_content",
            status=204,
            endpoints=WRITES,
            shape=empty,
            when="every line is stored and can be queried",
            source=api,
            stored=Effect.ALL,
        ),
        error(
            "unauthorized",
            "header",
            401,
            "unauthorized",
            "no token",
            when="the Authorization header is missing, or its scheme is unknown or in another case",
            source=sources.IOX_HTTP,
            retry=Retry.NO,
        ),
        error(
            "unauthorized",
            "token",
            401,
            "unauthorized",
            "no token",
            when="the Authorization header has no token value",
            source=sources.IOX_HTTP,
            retry=Retry.NO,
        ),
        error(
            "unauthorized",
            "permission",
            401,
            "unauthorized",
            endpoints=(V1_WRITE,),
            when="the token may not write here, or the database is missing, as only the description says",
            source=api,
            retry=Retry.NO,
        ),
        Row(
            fault="unauthorized",
            cause="header",
            status=401,
            endpoints=(V1_QUERY,),
            shape=v1_compact,
            message="unauthorized access",
            when="a query has no usable token",
            source=sources.IOX_HTTP,
            retry=Retry.NO,
        ),
        error(
            "forbidden",
            "permission",
            403,
            "forbidden",
            when="the token may not write here",
            source=sources.IOX_HTTP,
            on_page=False,
        ),
        error(
            "forbidden",
            "unknown",
            403,
            "forbidden",
            "invalid token",
            when="nobody issued this token",
            source=sources.IOX_HTTP,
            on_page=False,
        ),
        error(
            "forbidden",
            "no_token",
            403,
            "forbidden",
            endpoints=(V1_WRITE,),
            when="no token was sent, as only the description of this endpoint says",
            source=api,
            on_page=False,
        ),
        error(
            "not_found",
            "database",
            404,
            "not found",
            'database "$database" not found',
            endpoints=(V2_WRITE,),
            when="the database does not exist",
            source=api,
            retry=Retry.NO,
        ),
        error(
            "not_found",
            "namespace",
            400,
            "invalid",
            "rejecting write due to non-existing namespace: $database",
            when="the database does not exist and the router may not create it",
            source=sources.IOX_ROUTER,
            retry=Retry.NO,
        ),
        replace(NO_PATH, retry=Retry.NO),
        error(
            "too_large",
            "json",
            413,
            "request too large",
            "max request size ($limit bytes) exceeded",
            when="the body is over the limit, on the wire or once decompressed",
            source=sources.IOX_ROUTER,
        ),
        ENCODING,
        error(
            "unprocessable",
            "limit",
            400,
            "invalid",
            "dml handler error: service limit reached: couldn't create new table; namespace contains 500 existing "
            "tables, applying this write would result in 501 columns, limit is 500",
            when="the write would create more tables than a database may have",
            source=sources.IOX_ROUTER,
            retry=Retry.NO,
        ),
        Row(
            fault="rate_limit",
            cause="overload",
            status=429,
            endpoints=(*WRITES, V1_QUERY),
            shape=empty,
            when="the ingesters are short of a resource; no Retry-After, exponential backoff is advised",
            source=api,
            retry=Retry.YES,
        ),
        error(
            "internal_error",
            "generic",
            500,
            "internal error",
            when="the server failed in a way it did not expect",
            source=api,
        ),
        TIMEOUT,
        error(
            "unavailable",
            "service",
            503,
            "unavailable",
            "dml handler error: no healthy upstream ingesters available",
            when="the router has no ingester to write to; no Retry-After, exponential backoff is advised",
            source=sources.IOX_ROUTER,
            retry=Retry.YES,
        ),
        OVERLOAD,
        REPLICATION,
        error(
            "unavailable",
            "authentication",
            503,
            "unavailable",
            "token verification not possible",
            when="the service that checks tokens cannot be reached; 403 before Clustered 20260421",
            source=sources.CLUSTERED_RELEASES,
            retry=Retry.YES,
        ),
        Row(
            fault="query_error",
            cause="results",
            status=200,
            endpoints=(V1_QUERY,),
            shape=v1_results,
            message="database not found: $database",
            when="a statement failed; a query that does not parse is answered this way too",
            source=sources.IOX_HTTP,
            on_page=False,
        ),
        Row(
            fault="query_error",
            cause="value",
            status=200,
            endpoints=(V1_QUERY,),
            shape=v1_compact,
            message="json: unsupported value: +Inf",
            when="a row holds a number that JSON does not have",
            source=sources.IOX_HTTP,
            on_page=False,
        ),
    )

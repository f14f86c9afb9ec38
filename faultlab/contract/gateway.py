"""Answers of the gateways that may stand before any product: nginx in HTML, Envoy in plain text.

No InfluxDB document lists them, and none carries Retry-After. A product's own rows come before these, so they are the
default only where the product documents nothing.
"""

from __future__ import annotations

from faultlab.contract import sources
from faultlab.contract.row import Row, html, plain
from faultlab.exchange import Effect

_RESET = "upstream connect error or disconnect/reset before headers. reset reason: "

# nginx's 502, 503 and 504 are reported by title only; the page around it is the one documented for 413.
ROWS = (
    Row(
        fault="bad_gateway",
        cause="nginx",
        status=502,
        endpoints=(),
        shape=html,
        message="502 Bad Gateway",
        when="an nginx gateway got no usable answer from the server behind it",
        source=sources.GRAFANA_502,
        stored=Effect.UNKNOWN,
        on_page=False,
    ),
    Row(
        fault="bad_gateway",
        cause="envoy",
        status=502,
        endpoints=(),
        shape=plain,
        message=_RESET + "protocol error",
        when="an Envoy gateway could not read the answer of the server behind it",
        source=sources.ENVOY_502,
        stored=Effect.UNKNOWN,
        on_page=False,
    ),
    Row(
        fault="unavailable",
        cause="envoy",
        status=503,
        endpoints=(),
        shape=plain,
        message=_RESET + "connection failure",
        when="an Envoy gateway could not connect to the server behind it",
        source=sources.CLOUD_503,
        on_page=False,
    ),
    Row(
        fault="unavailable",
        cause="nginx",
        status=503,
        endpoints=(),
        shape=html,
        message="503 Service Temporarily Unavailable",
        when="an nginx gateway has no server to pass the request to",
        source=sources.CLOUD_503_NGINX,
        on_page=False,
    ),
    Row(
        fault="gateway_timeout",
        cause="nginx",
        status=504,
        endpoints=(),
        shape=html,
        message="504 Gateway Time-out",
        when="an nginx gateway waited for the server behind it for too long",
        source=sources.GRAFANA_504,
        stored=Effect.UNKNOWN,
        on_page=False,
    ),
    Row(
        fault="gateway_timeout",
        cause="envoy",
        status=504,
        endpoints=(),
        shape=plain,
        message="upstream request timeout",
        when="an Envoy gateway waited for the server behind it for too long",
        source=sources.ENVOY,
        stored=Effect.UNKNOWN,
        on_page=False,
    ),
    Row(
        fault="too_large",
        cause="html",
        status=413,
        endpoints=(),
        shape=html,
        message="413 Request Entity Too Large",
        when="an nginx gateway takes no body of this size",
        source=sources.SERVERLESS_API,
        on_page=False,
    ),
    Row(
        fault="too_large",
        cause="text",
        status=413,
        endpoints=(),
        shape=plain,
        message="Payload Too Large",
        when="an Envoy gateway takes no body of this size",
        source=sources.ENVOY,
        on_page=False,
    ),
)

"""The documents the rows are taken from, one value for each document and edition.

Where a product is closed, the nearest public source of the same lineage stands in: IOX_ROUTER and IOX_HTTP for the
Cloud Serverless, Dedicated and Clustered routers.
"""

from __future__ import annotations

from faultlab.contract.row import Source

_DOCS = "influxdata/docs-v2 79332006, 2026-08-21"

# The page this project is built on, and the page that took its place.
RESPONSE_CODES = Source("InfluxDB Cloud Serverless API, Response codes", "before 2026-04-20")
RESPONSE_CODES_NOW = Source("InfluxDB Cloud Serverless API, Response codes", _DOCS)

SERVERLESS_API = Source("InfluxDB Cloud Serverless OpenAPI", _DOCS)
DEDICATED_API = Source("InfluxDB Cloud Dedicated OpenAPI", _DOCS)
CLUSTERED_API = Source("InfluxDB Clustered OpenAPI", _DOCS)
TSM_API = Source("InfluxDB Cloud (TSM) OpenAPI", _DOCS)
OSS2_API = Source("InfluxDB OSS v2 OpenAPI", _DOCS)
OSS1_API = Source("InfluxDB OSS v1 OpenAPI", _DOCS)
CORE_API = Source("InfluxDB 3 Core OpenAPI", _DOCS)

# "Troubleshoot issues writing data" is three pages: for the distributed products of InfluxDB 3, for Core, and for v2.
TROUBLESHOOT = Source("Troubleshoot issues writing data (Serverless, Dedicated, Clustered)", _DOCS)
TROUBLESHOOT_CORE = Source("Troubleshoot issues writing data (Core)", _DOCS)
TROUBLESHOOT_V2 = Source("Troubleshoot issues writing data (OSS v2, Cloud TSM)", _DOCS)
LIMITS = Source("InfluxDB Cloud Serverless, limits and adjustable quotas", _DOCS)
LIMITS_TSM = Source("InfluxDB Cloud (TSM), limits and adjustable quotas", _DOCS)
ANNOTATED_CSV = Source("Annotated CSV reference (OSS v2, Cloud TSM)", _DOCS)
CORE_RELEASES = Source("InfluxDB 3 Core and Enterprise release notes", _DOCS)
CLUSTERED_RELEASES = Source("InfluxDB Clustered release notes", _DOCS)
PARTIAL_204 = Source("InfluxDB Cloud Serverless, partial writes", "influxdata/docs-v2 7479ceabf2, 2024-01-17")
RETENTION_400 = Source(
    "InfluxDB Cloud Serverless, writes outside retention", "influxdata/docs-v2 e448b6a223, 2024-09-02"
)

IOX_ROUTER = Source("metrico/influxdb_iox, source of the router", "ab17bbc9e, 2023-09-29")
IOX_HTTP = Source("influxdata/influxdb, source of the shared IOx HTTP code", "main d7834110")
CORE_SOURCE = Source("influxdata/influxdb, source of InfluxDB 3 Core", "main d7834110 (3.10)")
OSS2_SOURCE = Source("influxdata/influxdb, source of OSS v2", "main-2.x 85b84f44 (2.9)")
OSS2_7_SOURCE = Source("influxdata/influxdb, source of OSS v2", "branch 2.7")
OSS1_SOURCE = Source("influxdata/influxdb, source of OSS v1", "master-1.x f7b4c473 (1.12)")

OSS1_LIVE = Source("InfluxDB OSS v1, answers of a running server", "1.6.7")
VICTORIAMETRICS_LIVE = Source("VictoriaMetrics, answers of a running server", "1.79.5")
CLOUD_401 = Source("influxdata/influxdb-client-python issue, recorded answer", "#55")
RECORDED = Source("influxdata/influxdb3_mcp_server, recorded bodies", "error-responses.ts, found 2026-08")
RECORDED_312 = Source("influxdata/influxdb3_mcp_server, recorded bodies", "3.12.0-0.rc.2, 2026-09-30")
CARDINALITY = Source("influxdata/influxdb issue", "#24603")
CLOUD_503 = Source("influxdata/influxdb-client-python issue", "#326")
CLOUD_503_NGINX = Source("influxdata/influxdb issue", "#22404")
GRAFANA_504 = Source("InfluxGraph/influxgraph issue", "#30")
GRAFANA_502 = Source("grafana/grafana issue", "#29457")
ENVOY = Source("envoyproxy/envoy, source of its local replies", "read 2026-11")
ENVOY_502 = Source("Envoy gateway, answer recorded in a public post", "2022-05-20")

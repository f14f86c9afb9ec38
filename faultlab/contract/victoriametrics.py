"""VictoriaMetrics, as a server that takes line protocol: it answers 204 whatever it drops, and knows no types.

It is no InfluxDB and documents no failure of its own, so it is not among the profiles whose failures are injected. It
is here because clients write to it, and because what it stores of a body is known.

Source: VictoriaMetrics 1.79.5, measured.
"""

from __future__ import annotations

from faultlab.contract import sources
from faultlab.contract.row import Loss, Profile, Row, empty
from faultlab.exchange import V1_WRITE, V2_WRITE, Effect

PROFILE = Profile(
    name="victoriametrics",
    product="VictoriaMetrics",
    rows=(
        Row(
            fault="no_content",
            status=204,
            endpoints=(V1_WRITE, V2_WRITE),
            shape=empty,
            when="whatever became of the lines",
            source=sources.VICTORIAMETRICS_LIVE,
            stored=Effect.UNKNOWN,
        ),
    ),
    dialect="victoriametrics",
    loss={V1_WRITE: (Loss.LINES, Loss.LINES), V2_WRITE: (Loss.LINES, Loss.LINES)},
)

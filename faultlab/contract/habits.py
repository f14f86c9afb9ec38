"""What a product family does that its rows do not say: parameters of its lineage, and answers that no row describes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from faultlab.contract.row import (
    Facts,
    Profile,
    Row,
    Shape,
    Source,
    bare,
    iox_error,
    text,
    v1_bare,
    v1_compact,
    v1_error,
    v2_bare,
    v2_error,
)
from faultlab.exchange import V1_QUERY, V1_WRITE, V2_QUERY, V2_WRITE, V3_WRITE, Answer

_CODES = {400: "invalid", 404: "not found", 500: "internal error"}
OWN = Source("faultlab", "embedded origin")

type Fault = tuple[int, str]
"""A status and a message that no row holds."""


@dataclass(frozen=True)
class Habits:
    """What a server family does that its rows do not say.

    ``shape`` and ``shapes``, by endpoint, give the body of a refusal that has no row. ``target``, ``precision`` and
    ``query`` are what it says to a missing bucket or database, an unknown precision (empty: taken for nanoseconds) and
    a query without text. ``gzip`` says what becomes of a broken stream: no gzip at all, cut short, checksum wrong.

    ``consistencies`` are the values of that parameter, where any other is refused with ``consistency``.
    ``types_by_week``: a field may change its type with the week. ``loses_week``: two types for one field, in one batch
    and in a week that holds nothing yet, cost every point of that week. ``tags_have_types``: tags and fields share
    their names. ``typeless``: every field takes every type. ``silent``: lost lines are not told. ``part_of_none``:
    whether a batch of which every line is refused, for its syntax or for its schema, is still told as a partial write.
    ``shown`` is how many bytes of a refused line are shown. ``ahead`` is how far beyond now, in nanoseconds, a point
    may lie without being dropped.
    """

    shape: Shape
    target: Fault
    query: Fault
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    targets: Mapping[str, Fault] = field(default_factory=dict)
    precision: str = ""
    precisions: Mapping[str, str] = field(default_factory=dict)
    gzip: tuple[Fault, Fault, Fault] = ((400, "$problem"), (400, "$problem"), (400, "$problem"))
    reads_unknown_encodings: bool = False
    consistencies: tuple[str, ...] = ()
    consistency: Fault = (400, "invalid consistency level")
    empty_write: str = ""
    types_by_week: bool = False
    loses_week: bool = False
    typeless: bool = False
    silent: bool = False
    tags_have_types: bool = False
    part_of_none: tuple[bool, bool] = (False, False)
    malformed_token_is_400: bool = False
    wrong_method_is_no_path: bool = False
    shown: int | None = None
    ahead: int | None = None


_VARIANT = "unknown variant `$given`, expected one of `s`, `ms`, `us`, `ns`"
_NO_QUERY = (400, "expected a query to be provided in the query string or body")
_OSS1 = Habits(
    shape=v1_error,
    target=(400, "database is required"),
    query=(400, 'missing required parameter "q"'),
    gzip=((400, "gzip: invalid header"), (400, "unexpected EOF"), (400, "gzip: invalid checksum")),
    reads_unknown_encodings=True,
    consistencies=("any", "one", "quorum", "all"),
    types_by_week=True,
    loses_week=True,
    part_of_none=(False, True),
)
_OSS2 = Habits(
    shape=v2_error,
    target=(404, "bucket not found"),
    query=(400, "request body requires either query or AST"),
    targets={V1_WRITE: (400, "missing db"), V1_QUERY: (400, "missing db")},
    precisions={V2_WRITE: "invalid precision; valid precision units are ns, us, ms, and s"},
    gzip=(
        (500, "An internal error has occurred."),
        (500, "unable to read data: unexpected EOF"),
        (400, "unable to read data: gzip: invalid checksum"),
    ),
    reads_unknown_encodings=True,
    types_by_week=True,
    part_of_none=(False, True),
)
_ROUTER = Habits(
    shape=iox_error,
    target=(400, "no db destination provided"),
    query=_NO_QUERY,
    shapes={V1_QUERY: v1_compact, V2_QUERY: v2_error},
    targets={V2_WRITE: (400, "no org/bucket destination provided")},
    precision=f"failed to deserialize db/rp/precision in request: {_VARIANT}",
    precisions={V2_WRITE: f"failed to deserialize org/bucket/precision in request: {_VARIANT}"},
    tags_have_types=True,
)
_CORE = replace(
    _ROUTER,
    shape=bare,
    query=_NO_QUERY,
    shapes={V2_WRITE: v2_bare, V1_WRITE: v1_bare, V1_QUERY: v1_bare},
    targets={V2_WRITE: (400, "no org/bucket destination provided"), V3_WRITE: (400, "missing query parameter 'db'")},
    precisions={**_ROUTER.precisions, V3_WRITE: f"serde error: {_VARIANT}"},
    empty_write="incoming write was empty",
    part_of_none=(True, True),
    malformed_token_is_400=True,
    wrong_method_is_no_path=True,
    shown=20,
)
_VICTORIAMETRICS = Habits(
    shape=text,
    target=(400, ""),
    query=(400, ""),
    gzip=(
        (400, "cannot read gzipped influx line protocol data: gzip: invalid header"),
        (400, "cannot read influx line protocol data: unexpected EOF"),
        (400, "cannot read influx line protocol data: gzip: invalid checksum"),
    ),
    reads_unknown_encodings=True,
    typeless=True,
    silent=True,
    ahead=2 * 24 * 3600 * 10**9,
)


def habits_of(profile: Profile) -> Habits:
    """Give the habits of a profile's lineage, known by its dialect and its endpoints."""
    if profile.dialect == "victoriametrics":
        return _VICTORIAMETRICS
    if profile.dialect == "influxdb3":
        return _CORE if V3_WRITE in profile.loss else _ROUTER
    return _OSS1 if profile.dialect == "influxdb1" else _OSS2


def say(profile: Profile, endpoint: str, row: Row | None, fault: Fault, facts: Facts) -> Answer:
    """Give a row's answer, or without a row a status and a message in the shape that the family has for it."""
    if row is None:
        status, message = fault
        facts = {**facts, "said": message}
        habits = habits_of(profile)
        row = Row(
            fault="",
            status=status,
            endpoints=(),
            shape=habits.shapes.get(endpoint, habits.shape),
            when="",
            source=OWN,
            code=_CODES.get(status, ""),
            message="$said",
        )
    return profile.render(row, facts)

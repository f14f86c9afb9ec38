"""What differs between the servers that read line protocol, as parameters: a grammar, and rules around it.

Source: InfluxDB 1.6.7 (measured), 2.9.1 and 3.10.1 (their parsers run, their storage read), VictoriaMetrics 1.79.5
(measured).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from faultlab.lineprotocol import lenient, lookbehind, parity, strict
from faultlab.lineprotocol.tokens import INT64_MAX, INT64_MIN
from faultlab.lineprotocol.value import Reading

AUTO = 0
"""A unit that stands for: the timestamp's magnitude decides."""

US, MS, S, M, H = 1_000, 1_000_000, 1_000_000_000, 60_000_000_000, 3_600_000_000_000
UNIT_NAMES = {1: "Nanosecond", US: "Microsecond", MS: "Millisecond", S: "Second", AUTO: "Auto"}


@dataclass(frozen=True)
class Dialect:
    """How one server family reads line protocol.

    ``scan`` reads one line. ``quote_aware``: a line feed inside a string ends no line, nor does one after a backslash.
    A comment ends at the ``line_feed``, or with its ``line`` where a quote or a backslash carries that further; or it
    must do ``both`` at once and is refused if it does not. ``precisions`` gives nanoseconds per unit,
    ``default_precision`` is meant where none is named, and where ``any_precision`` also by a name that is not known.
    ``seconds_below``, ``millis_below`` and ``micros_below`` bound what ``auto`` takes for each unit.

    ``reserved_tags`` and ``reserved_fields`` map a name to the class and the words of the refusal, in which ``$m`` and
    ``$k`` stand for measurement and key. ``strips_time`` drops a field ``time`` beside others instead. A repeated field
    key of another type is left to the schema unless ``repeats_any_type``. Times run from ``earliest`` to ``latest`` in
    nanoseconds; ``out_of_range`` may speak of ``$given`` and ``$unit``. ``wraps``: whole milliseconds are counted in 64
    bits, so that too many become others, and what is negative is in seconds for ``auto``. Empty words mean: taken.
    """

    name: str
    scan: Callable[..., Reading]
    precisions: Mapping[str, int]
    default_precision: str = "ns"
    any_precision: bool = False
    blanks: bytes = b" \t"
    quote_aware: bool = True
    comment_ends: Literal["line_feed", "line", "both"] = "line"
    carriage_return_ends_line: bool = False
    common_core: bool = True
    utf8: bool = False
    unsigned: bool = True
    duplicate_tag: str = ""
    duplicate_field: str = ""
    repeats_any_type: bool = False
    shared_key: str = ""
    reserved_tags: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    reserved_fields: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    strips_time: bool = False
    longest_string: int | None = None
    earliest: int = INT64_MIN
    latest: int = INT64_MAX
    out_of_range: str = ""
    wraps: bool = False
    seconds_below: int = 5 * 10**9
    millis_below: int = 5 * 10**12
    micros_below: int = 5 * 10**15


_GO_OUT_OF_RANGE = "time outside range -9223372036854775806 - 9223372036854775806"
# Measured: 1.6.7 takes "us" for nanoseconds without a word, as it does any name it does not know.
_V1 = {"n": 1, "ns": 1, "u": US, "ms": MS, "s": S, "m": M, "h": H}
_NAMES = {("auto",): AUTO, ("ns", "n", "nanosecond"): 1, ("us", "u", "microsecond"): US}
_NAMES |= {("ms", "millisecond"): MS, ("s", "second"): S}
_V3 = {name: unit for names, unit in _NAMES.items() for name in names}
_TIME_FIELD = {
    "time": ("schema.reserved-field", 'invalid field name: input field "time" on measurement "$m" is invalid')
}
_TIME_TAG = {"time": ("schema.reserved-tag", 'invalid tag key: input tag "time" on measurement "$m" is invalid')}
_RESERVED_COLUMNS = {
    name: ("schema.reserved-column", f"'{name}' is a reserved column") for name in ("time", "__chunk_order")
}

INFLUXDB1 = Dialect(
    name="influxdb1",
    scan=lookbehind.scan,
    precisions=_V1,
    any_precision=True,
    blanks=b" \t\x00",
    unsigned=False,
    reserved_tags=_TIME_TAG,
    reserved_fields=_TIME_FIELD,
    strips_time=True,
    earliest=INT64_MIN + 2,
    latest=INT64_MAX - 1,
    out_of_range=_GO_OUT_OF_RANGE,
)
INFLUXDB2 = Dialect(
    name="influxdb2",
    scan=lookbehind.scan,
    precisions={"ns": 1, "us": US, "ms": MS, "s": S},
    blanks=b" \t\x00",
    reserved_tags={
        name: ("reserved.tag", f'cannot use reserved tag key "{shown}"')
        for name, shown in {
            "time": "time",
            "_field": "_field",
            "_measurement": "_measurement",
            "\x00": r"\x00",
            "\udcff": r"\xff",
        }.items()
    },
    reserved_fields=_TIME_FIELD,
    strips_time=True,
    longest_string=1024 * 1024,
    earliest=INT64_MIN + 2,
    latest=INT64_MAX - 1,
    out_of_range=_GO_OUT_OF_RANGE,
)
INFLUXDB3 = Dialect(
    name="influxdb3",
    scan=parity.scan,
    precisions=_V3,
    comment_ends="line_feed",
    utf8=True,
    duplicate_field="invalid line protocol - multiple instances of '$k' field found",
    reserved_tags=_RESERVED_COLUMNS,
    reserved_fields=_RESERVED_COLUMNS,
    out_of_range="timestamp, $given, out of range for precision: $unit",
)
VICTORIAMETRICS = Dialect(
    name="victoriametrics",
    scan=lenient.scan,
    precisions={"auto": AUTO, "n": AUTO, "ns": 1, "u": US, "us": US, "µ": US, "ms": MS, "s": S, "m": M, "h": H},
    default_precision="auto",
    any_precision=True,
    blanks=b"",
    quote_aware=False,
    comment_ends="line_feed",
    carriage_return_ends_line=True,
    common_core=False,
    earliest=1 - MS,  # cut to a whole millisecond, which is 0
    out_of_range="timestamp $given is outside the retention",
    wraps=True,
    seconds_below=10**11,
    millis_below=10**14,
    micros_below=10**17,
)
STRICT = Dialect(
    name="strict",
    scan=strict.scan,
    precisions={**_V1, **_V3},
    comment_ends="both",
    utf8=True,
    duplicate_tag="tag key '$k' is repeated",
    duplicate_field="field key '$k' is repeated",
    repeats_any_type=True,
    shared_key="'$k' is both a tag key and a field key",
    reserved_tags={
        name: ("reserved.tag", f"tag key '{name}' is reserved") for name in ("time", "_field", "_measurement")
    },
    reserved_fields={
        name: ("reserved.field", f"field key '{name}' is reserved")
        for name in ("time", "_field", "_measurement", "__chunk_order")
    },
    longest_string=1024 * 1024,
    earliest=INT64_MIN + 2,
    latest=INT64_MAX - 1,
    out_of_range="timestamp $given is outside -9223372036854775806 to 9223372036854775806 ns",
)

DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {dialect.name: dialect for dialect in (INFLUXDB1, INFLUXDB2, INFLUXDB3, VICTORIAMETRICS, STRICT)}
)
"""Every dialect, by name."""


def dialect_of(given: str | Dialect) -> Dialect:
    """Give the dialect of a name; raises ValueError naming the known ones."""
    if isinstance(given, Dialect):
        return given
    if given not in DIALECTS:
        msg = f"unknown dialect {given!r}; known: {', '.join(DIALECTS)}"
        raise ValueError(msg)
    return DIALECTS[given]


def unit_of(dialect: Dialect, precision: str) -> int:
    """Give the nanoseconds of a precision, ``AUTO`` for automatic; raises ValueError naming the known ones."""
    if dialect.any_precision:
        precision = precision if precision in dialect.precisions else dialect.default_precision
    if precision not in dialect.precisions:
        known = ", ".join(dialect.precisions)
        msg = f"unknown precision {precision!r} for {dialect.name}; known: {known}"
        raise ValueError(msg)
    return dialect.precisions[precision]

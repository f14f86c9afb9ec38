"""What names and values line protocol is drawn from: each pool simplest first, each entry as written and as meant."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from faultlab.lineprotocol import DIALECTS, FieldType, Value
from faultlab.lineprotocol.writer import measurement_token, name_token, value_token

type Named = tuple[bytes, str]
"""A name as it is written, and as it is meant."""

type Valued = tuple[bytes, Value]
"""A field value as it is written, and as it is meant."""

_INFLUXDB = frozenset({"influxdb1", "influxdb2", "influxdb3", "strict"})
_ALL = frozenset(DIALECTS)

EXTRAS = MappingProxyType(
    {
        "blanks": _ALL - {"victoriametrics"},
        "comments": _ALL,
        "crlf": frozenset({"victoriametrics"}),
        "dot_floats": frozenset({"influxdb1", "influxdb2"}),
        "double_backslashes": frozenset({"influxdb3", "victoriametrics"}),
        "equals_in_tags": frozenset({"influxdb3", "victoriametrics"}),
        "field_key_quotes": _INFLUXDB,
        "leading_zeros": _ALL,
        "no_timestamps": _ALL,
        "string_line_feeds": _INFLUXDB,
        "tabs_in_names": frozenset({"influxdb1", "influxdb2", "victoriametrics"}),
        "tiny_floats": _INFLUXDB,
        "unsigned": _ALL - {"influxdb1"},
    }
)
"""What goes beyond the core that every server reads alike, and which dialects read it as it is meant.

``double_backslashes`` are two backslashes in a name, which mean one.
"""

TYPES: tuple[FieldType, ...] = ("float", "integer", "string", "boolean")

_MEASUREMENTS = (
    "m",
    "cpu",
    "a b",
    "a,b",
    "e=f",
    'q"q',
    "back\\slash",
    "ż",
    "日本",
    "🙂",
    "1",
    "-1",
    "_m",
    "M",
    "\u2028",
)
_TAG_KEYS = ("t", "host", "t b", "t,b", "t=b", 'q"', "#t", "ü", "t\\u", "T", "-1", "\u00a0")
_TAG_VALUES = ("v", "a", "a b", "a,b", "c=d", '"', "#", "é", "\u2028", "C:\\dir", "1.5", "true", "🙂", "x" * 40)
_FIELD_KEYS = ("f", "value", "a b", "a,b", "a=b", "ñ", "#f", "k\\l", "1")
_STRINGS = (
    "",
    "s",
    "a b",
    "a,b=c",
    '"',
    'say "hi"',
    "\\",
    "c:\\dir\\",
    '\\"',
    "#",
    "1",
    "true",
    "\\n",
    "ż",
    "🙂",
    "\u2028",
    "\t",
    "x" * 64,
)
_FLOATS = ("1", "0", "0.5", "-1", "100", "3.14", "-0", "0.1", "1e3", "1E-7", "1e+22", "123456.789", "9007199254740993")
_FAR_FLOATS = ("1.7976931348623157e308", "-1.7976931348623157e308", "1e-300")
# VictoriaMetrics keeps decimal digits and a power of ten, and has none below 1e-323.
_TINY_FLOATS = ("2.2250738585072014e-308", "5e-324")
_INTEGERS = (1, 0, -1, 42, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), -(2**53) - 1)
_UNSIGNED = (1, 0, 42, 2**31, 2**53 + 1, 2**63, 2**64 - 1)
_BOOLEANS = ("t", "f", "true", "false", "T", "F", "True", "False", "TRUE", "FALSE")


@dataclass(frozen=True, slots=True)
class Pools:
    """Everything a line is put together from. ``fields`` are keys with the one type each of them has."""

    measurements: tuple[Named, ...]
    tag_keys: tuple[Named, ...]
    tag_values: tuple[Named, ...]
    fields: tuple[tuple[bytes, str, FieldType], ...]
    values: dict[FieldType, tuple[Valued, ...]]


def pools_for(types: Collection[FieldType], extras: Collection[str]) -> Pools:
    """Give the pools for these field types, with what the extras add."""
    kinds = [kind for kind in (*TYPES, "unsigned") if kind in types]
    values: dict[FieldType, tuple[Valued, ...]] = {
        "float": tuple((text.encode(), float(text)) for text in (*_FLOATS, *_FAR_FLOATS)),
        "integer": tuple((value_token("integer", n), n) for n in _INTEGERS),
        "unsigned": tuple((value_token("unsigned", n), n) for n in _UNSIGNED),
        "string": tuple((value_token("string", text), text) for text in _STRINGS),
        "boolean": tuple((word.encode(), word[0] in "tT") for word in _BOOLEANS),
    }
    measurements, keys, tags, fields = (
        _tokens(measurement_token, _MEASUREMENTS),
        _tokens(name_token, _TAG_KEYS),
        _tokens(name_token, _TAG_VALUES),
        _tokens(name_token, _FIELD_KEYS),
    )
    if "leading_zeros" in extras:
        values["float"] += ((b"007", 7.0), (b"-00.5", -0.5))
        values["integer"] += ((b"007i", 7), (b"-00i", 0))
    if "dot_floats" in extras:
        values["float"] += ((b".5", 0.5), (b"5.", 5.0), (b"-.5e1", -5.0))
    if "tiny_floats" in extras:
        values["float"] += tuple((text.encode(), float(text)) for text in _TINY_FLOATS)
    if "string_line_feeds" in extras:
        values["string"] += tuple((value_token("string", text), text) for text in ("\n", "a\nb", "m f=1\n#"))
    if "field_key_quotes" in extras:
        fields += ((b'"', '"'), (b'k"l', 'k"l'))
    if "tabs_in_names" in extras:
        tab = ((b"a\tb", "a\tb"),)
        measurements, tags, fields = measurements + tab, tags + tab, fields + tab
    if "equals_in_tags" in extras:
        tags += ((b"=", "="), (b"c=d", "c=d"))
    if "double_backslashes" in extras:
        two = ((b"x\\\\y", "x\\y"),)
        measurements, tags, fields = measurements + two, tags + two, fields + two
    # One type for each key, as every server wants it: a key is told from its equals of another type by its ending.
    endings = {kind: kind[0].encode() if place else b"" for place, kind in enumerate(kinds)}
    typed = tuple((token + endings[k], name + endings[k].decode(), k) for k in kinds for token, name in fields)
    return Pools(measurements, keys, tags, typed, {kind: values[kind] for kind in kinds})


def _tokens(written: Callable[[str], bytes], names: Iterable[str]) -> tuple[Named, ...]:
    return tuple((written(name), name) for name in names)


def own_pools(pools: Pools, own: Mapping[str, Sequence[str]]) -> Pools:
    """Give the pools with somebody's own names in place of those given; raises ValueError for one that cannot be said.

    A field key gets the type of its place, and a tag key that is a field key too is left out.
    """
    kinds = tuple(pools.values)
    fields = pools.fields
    if "field_keys" in own:
        keys = dict.fromkeys(_allowed(own["field_keys"], "reserved_fields"))
        fields = tuple((name_token(key), key, kinds[place % len(kinds)]) for place, key in enumerate(keys))
    taken = {name for _, name, _ in fields}
    tag_keys = pools.tag_keys
    if "tag_keys" in own:
        tag_keys = _tokens(name_token, dict.fromkeys(_allowed(own["tag_keys"], "reserved_tags")))
    values = pools.values
    if "strings" in own and "string" in values:
        values = {**values, "string": tuple((value_token("string", text), text) for text in own["strings"])}
    return Pools(
        _tokens(measurement_token, own["measurements"]) if "measurements" in own else pools.measurements,
        tuple(tag for tag in tag_keys if tag[1] not in taken),
        _tokens(name_token, own["tag_values"]) if "tag_values" in own else pools.tag_values,
        fields,
        values,
    )


def _allowed(names: Sequence[str], reserved: str) -> Sequence[str]:
    for name in names:
        if name in getattr(DIALECTS["strict"], reserved):
            raise ValueError(f"name {name!r} is reserved; expected one that every server takes")
    return names

"""The tokens all dialects share: the common core of the grammar as expressions, and numbers read from guarded text.

Every expression is possessive, so a line that does not match costs one pass over it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from faultlab.lineprotocol.value import FieldType, Flaw, Value, text_of

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
UINT64_MAX = 2**64 - 1
LONGEST_INTEGER = len(str(UINT64_MAX))
_INFINITE = frozenset({math.inf, -math.inf})

_PLAIN = rb"[^\x00-\x20\x7f,=\\]"
_NUMBER = rb"-?+[0-9]++(?:i|(?:\.[0-9]++)?+(?:[eE][-+]?+[0-9]++)?+)|[0-9]++u"
# Few enough digits that no number is out of range, whatever they are.
_EXPONENT = rb"[eE][-+]?+[0-9]{1,2}+"
_SMALL = rb"[0-9]{1,18}+(?:\.[0-9]{1,99}+(?:" + _EXPONENT + rb")?+|[i%b]|(?:" + _EXPONENT + rb")?+)"
_SMALL_NUMBER = rb"(?:" + _SMALL % b"" + rb"|-" + _SMALL % b"" + rb")"
_SMALL_UNSIGNED = rb"(?:" + _SMALL % b"u" + rb"|-" + _SMALL % b"" + rb")"
_BOOLEAN = rb"t(?:rue)?+|f(?:alse)?+|T(?:rue|RUE)?+|F(?:alse|ALSE)?+"


@dataclass(frozen=True, slots=True)
class Grammar:
    """A core of the grammar as expressions, which differ in what they allow and in nothing else.

    ``start`` is how a name begins, ``lone`` what may follow a backslash in a name and leaves it literal, ``line_feed``
    what may not stand in a string, ``number`` how numbers are spelt, ``ends`` what has to follow a value where the
    spelling of numbers alone does not say where they end.
    """

    start: bytes
    lone: bytes
    line_feed: bytes
    number: bytes
    ends: bytes = b""

    @property
    def name(self) -> bytes:
        """A tag key, a tag value or a field key."""
        return self.start + rb"(?:\\(?:[,= ]" + self.lone + rb")" + _PLAIN + rb"*+)*+"

    @property
    def value(self) -> bytes:
        """A field value; the numbers come first, because they are what most fields are."""
        inside, escaped = self.line_feed, self.line_feed or rb"\Z"
        text = rb'"[^"\\' + inside + rb"]*+(?:\\(?!" + escaped + rb')[\s\S][^"\\' + inside + rb']*+)*+"'
        return rb"(?>(?:" + self.number + rb"|" + _BOOLEAN + rb"|" + text + rb")" + self.ends + rb")"

    @property
    def series(self) -> bytes:
        """Measurement and tags."""
        first = rb"(?![#, ])[^\x00-\x20\x7f,\\]*+(?:\\(?:[, ]" + self.lone + rb")[^\x00-\x20\x7f,\\]*+)*+"
        return first + rb"(?:," + self.name + rb"=" + self.name + rb")*+"

    @property
    def fields(self) -> bytes:
        """Everything between series and timestamp."""
        field = self.name + rb"=" + self.value
        return field + rb"(?:," + field + rb")*+"

    def tag(self) -> re.Pattern[bytes]:
        """Compile one tag: key and value."""
        return re.compile(rb",(" + self.name + rb")=(" + self.name + rb")")

    def field(self) -> re.Pattern[bytes]:
        """Compile one field: key and value."""
        return re.compile(rb"(" + self.name + rb")=(" + self.value + rb"),?")

    def lines(self, timestamp: bytes) -> re.Pattern[bytes]:
        """Compile any physical line: series, fields and timestamp of one that this core reads, or the line as it is.

        The series is only told apart from the rest: whoever meets one for the first time has to look at it.
        """
        series = rb"[^ \\\n]++(?:\\[,= ][^ \\\n]*+)*+"
        read = rb"(" + series + rb") (" + self.fields + rb")(?: (" + timestamp + rb"))?+(?:\n|\Z)"
        return re.compile(read + rb"|([^\n]*+\n|[^\n]++)")


# What every dialect reads alike: no lone backslash in a name, none at its beginning, no line feed in a string.
CORE = Grammar(start=_PLAIN + rb"++", lone=b"", line_feed=rb"\n", number=_SMALL_NUMBER)
CORE_UNSIGNED = replace(CORE, number=_SMALL_UNSIGNED)
CORE_SERIES = re.compile(CORE.series)
CORE_TAG, CORE_FIELD = CORE.tag(), CORE_UNSIGNED.field()

# What every InfluxDB reads alike and its documents allow.
_STRICT = Grammar(
    start=rb"(?=[^\x00-\x20\x7f,=])" + _PLAIN + rb"*+",
    lone=rb'|(?=[^\x00-\x20\x7f,=\\"])',
    line_feed=b"",
    number=_NUMBER,
    ends=rb"(?=[, \n]|\Z)",
)
STRICT = re.compile(rb"(" + _STRICT.series + rb") ++(" + _STRICT.fields + rb")(?: ++(-?+[0-9]++))?+(?=\n|\Z)")
STRICT_TAG, STRICT_FIELD = _STRICT.tag(), _STRICT.field()
MEASUREMENT = re.compile(rb"[^,\\]*+(?:\\[\s\S][^,\\]*+)*+")

_INTEGER = re.compile(rb"-?[0-9]++")
_ESCAPED_NAME = re.compile(rb"\\([,= ])")
_ESCAPED_MEASUREMENT = re.compile(rb"\\([, ])")
_ESCAPED_STRING = re.compile(rb'\\(["\\])')
_WORDS = frozenset({b"nan", b"inf", b"infinity", b"null", b"nil", b"none", b"n/a", b"na", b"undefined"})
BOOLEANS = {word: word[:1] in b"tT" for word in b"true True TRUE t T false False FALSE f F".split()}


def name_of(token: bytes) -> bytes:
    """Give a tag key, tag value or field key of the core without its escapes."""
    return _ESCAPED_NAME.sub(rb"\1", token) if b"\\" in token else token


def measurement_of(token: bytes) -> bytes:
    """Give a measurement of the core without its escapes."""
    return _ESCAPED_MEASUREMENT.sub(rb"\1", token) if b"\\" in token else token


def string_of(token: bytes) -> str:
    """Give what stands between the quotes of a string field; a backslash counts only before a quote or a backslash."""
    return text_of(_ESCAPED_STRING.sub(rb"\1", token) if b"\\" in token else token)


def integer_of(token: bytes) -> int | None:
    """Give a whole number of digits with an optional minus; None if it is longer than any 64-bit number."""
    if len(token) < LONGEST_INTEGER:
        return int(token)
    digits = token.lstrip(b"-").lstrip(b"0")
    if len(digits) > LONGEST_INTEGER:
        return None
    return -int(digits or b"0") if token.startswith(b"-") else int(digits or b"0")


def signed_of(token: bytes) -> int | None:
    """Give a whole number if it fits 64 bits with a sign; None otherwise."""
    number = integer_of(token)
    return number if number is not None and INT64_MIN <= number <= INT64_MAX else None


def wrapped(number: int) -> int:
    """Give what 64 bits with a sign make of a whole number, however large."""
    return (number - INT64_MIN) % (UINT64_MAX + 1) + INT64_MIN


def unsigned_of(token: bytes) -> int | None:
    """Give a whole number if it fits 64 bits without a sign; None otherwise."""
    number = integer_of(token)
    return number if number is not None and 0 <= number <= UINT64_MAX else None


def value_of(token: bytes) -> tuple[FieldType, Value] | None:
    """Give type and value of a field value of the core; None where the number does not fit its type."""
    last = token[-1]
    if last == 0x22:
        return "string", string_of(token[1:-1])
    if last == 0x69:
        number = int(token[:-1]) if len(token) < LONGEST_INTEGER else signed_of(token[:-1])
        return None if number is None else ("integer", number)
    if last <= 0x39:
        real = float(token)
        return None if real in _INFINITE else ("float", real)
    if last == 0x75:
        number = unsigned_of(token[:-1])
        return None if number is None else ("unsigned", number)
    return "boolean", BOOLEANS[token]


def value_kind(token: bytes) -> str:
    """Give the class of a field value that no dialect of the core reads."""
    if not token:
        return "field.empty-value"
    first = token[:1]
    if first == b'"':
        return "string.after-quote" if token.count(b'"') > 1 else "string.unterminated"
    if token.lower().lstrip(b"-+") in _WORDS:
        return "float.nan"
    if first in b"'`":
        return "string.single-quote"
    if first == b"+":
        return "number.leading-plus"
    if _INTEGER.fullmatch(token[:-1]) and token[-1:] in b"iu":
        return "int.overflow" if token[-1:] == b"i" else "uint.invalid"
    if first in b"-.0123456789":
        return "number.invalid"
    if first in b"tTfF":
        return "bool.bad-spelling"
    return "string.unquoted"


def value_flaw(token: bytes, message: str) -> Flaw:
    """Give the flaw of a field value, its class found from its text."""
    return Flaw(value_kind(token), message)


def series_of(series: bytes, tag: re.Pattern[bytes]) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Give measurement and tags, without escapes, of a series that matched a core grammar with this tag."""
    found = MEASUREMENT.match(series)
    end = found.end() if found else len(series)
    return measurement_of(series[:end]), [(name_of(key), name_of(value)) for key, value in tag.findall(series, end)]

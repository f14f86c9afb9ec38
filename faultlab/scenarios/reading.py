"""YAML text as plain JSON values, with the place of every key and value.

Bounded on purpose: a file may come from anywhere, and a few hundred bytes of YAML can stand for gigabytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

SIZE = 1 << 20
"""Bytes a file may hold."""

VALUES = 10_000
"""Values a file may stand for, aliases resolved."""

DEPTH = 32
"""How deep values may lie in one another, aliases resolved."""

type Path = tuple[str | int, ...]
"""Keys and indices from the top of the file to a value."""

type Place = tuple[int, int]
"""Line and column, both from 1."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a file; ``path`` is None where it lies in no key."""

    place: Place
    what: str
    path: Path | None = None

    def said(self, file: str) -> str:
        """Give the one line a user reads: file, line, column, key and what is wrong."""
        line, column = self.place
        key = f"key '{spelt(self.path)}': " if self.path else ""
        return f"{on_one_line(file)}:{line}:{column}: {key}{on_one_line(self.what)}"


class TextError(ValueError):
    """The text is no YAML that can be gone through to its end."""

    def __init__(self, problem: Problem) -> None:
        """Keep the problem."""
        super().__init__(problem.what)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Document:
    """The values of a file, and where they stand.

    ``keys`` has the place of each key that names a value, ``places`` that of the value itself.
    """

    values: Any
    keys: dict[Path, Place]
    places: dict[Path, Place]
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class _Node:
    place: Place
    value: Any = None
    items: list[_Node] | None = None
    pairs: list[tuple[_Node, _Node]] | None = None
    text: str = ""


def spelt(path: Path) -> str:
    """Give a path as messages write it, such as ``rules[0].with.min_wait``."""
    out = ""
    for part in path:
        if isinstance(part, int):
            out += f"[{part}]"
        elif re.fullmatch(r"[A-Za-z_][\w-]*", part, re.ASCII) and len(part) <= 60:
            out += f".{part}" if out else part
        else:
            out += f"[{shown(part)}]"
    return out


def shown(value: Any) -> str:
    """Give a value as messages write it: in one line, shortened, YAML's words for what has no text."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict | list):
        return f"a {'mapping' if isinstance(value, dict) else 'list'}"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:60]}…"


def on_one_line(text: str) -> str:
    """Give a text with whatever would break a line, or cannot be printed, escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def decode(data: bytes) -> str:
    """Give the text of a file's bytes; raises TextError when they are too many or not UTF-8."""
    if len(data) > SIZE:
        raise TextError(Problem((1, 1), f"is larger than {SIZE} bytes; expected a scenario of a few hundred"))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        # The decoder counts from behind a byte order mark; its own object is what it counts in.
        before = problem.object[: problem.start].decode()
        what = f"byte 0x{problem.object[problem.start]:02x} is not UTF-8; expected a file in UTF-8"
        raise TextError(Problem(_place_in(before, len(before)), what)) from None


def read(text: str) -> Document:
    """Read the one YAML 1.2 document in a text; raises TextError, and ModuleNotFoundError without ruamel.yaml."""
    if len(text.encode(errors="surrogatepass")) > SIZE:
        raise TextError(Problem((1, 1), f"is larger than {SIZE} bytes; expected a scenario of a few hundred"))
    top = _Composer(text).document()
    if top is None:
        raise TextError(Problem((1, 1), "is empty; expected a scenario, which has at least 'rules'"))
    expansion = _Expansion()
    values = expansion.expand(top, ())
    return Document(values, expansion.keys, expansion.places, tuple(expansion.problems))


def _place_in(text: str, position: int) -> Place:
    before = text[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1


class _Composer:
    """Turns events into nodes. Aliases share the node they name, so nothing grows here; expanding is what counts."""

    def __init__(self, text: str) -> None:
        self._events = _events(text)
        self._anchors: dict[str, _Node] = {}
        self._taken = 0

    def document(self) -> _Node | None:
        """Give the top node; None for a text without any."""
        top = None
        for event in self._events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                if top is not None:
                    raise TextError(Problem(_start(event), "a second document begins here; expected one in a file"))
                top = self._node(next(self._events), 0)
        return top

    def _node(self, event: Any, depth: int) -> _Node:
        place = _start(event)
        self._taken += 1
        if depth > DEPTH:
            raise TextError(Problem(place, f"lies more than {DEPTH} values deep; expected a scenario's few"))
        if self._taken > VALUES:
            raise TextError(Problem(place, f"is value number {VALUES + 1}; expected at most {VALUES} in a file"))
        kind = type(event).__name__
        if kind == "AliasEvent":
            if event.anchor not in self._anchors:
                raise TextError(
                    Problem(place, f"alias {shown(event.anchor)} names nothing; expected an anchor before it")
                )
            named = self._anchors[event.anchor]
            return _Node(place, named.value, named.items, named.pairs, named.text)
        if event.ctag is not None and str(event.ctag) != "!":
            raise TextError(
                Problem(place, f"tag {shown(str(event.ctag))} means nothing here; expected a value without a tag")
            )
        if kind == "ScalarEvent":
            node = _Node(place, _scalar(event.value) if event.implicit[0] else event.value, text=event.value)
        elif kind == "SequenceStartEvent":
            node = _Node(place, items=list(self._until("SequenceEndEvent", depth)))
        else:
            nodes = list(self._until("MappingEndEvent", depth))
            node = _Node(place, pairs=list(zip(nodes[::2], nodes[1::2], strict=True)))
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _until(self, end: str, depth: int) -> Iterator[_Node]:
        while type(event := next(self._events)).__name__ != end:
            yield self._node(event, depth + 1)


def _start(event: Any) -> Place:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _events(text: str) -> Iterator[Any]:
    from ruamel.yaml import YAML  # noqa: PLC0415 - an extra
    from ruamel.yaml.error import MarkedYAMLError  # noqa: PLC0415
    from ruamel.yaml.reader import ReaderError  # noqa: PLC0415

    library = YAML(typ="safe", pure=True)
    last = (1, 1)
    try:
        for event in library.parse(text):
            last = _start(event)
            yield event
    except ReaderError as problem:
        what = f"character U+{ord(text[problem.position]):04X} cannot stand in YAML; expected text that can be printed"
        raise TextError(Problem(_place_in(text, problem.position), what)) from problem
    except MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        said = f"{problem.problem or problem.context}"[:_QUOTED]
        raise TextError(Problem((mark.line + 1, mark.column + 1), f"not YAML: {said}; {_EXPECTED}")) from problem
    except Exception as problem:
        # The library trips over some bad escapes and directives with errors of its own accord; the file is bad all
        # the same, and the last good place is the best that is known.
        raise TextError(Problem(last, f"not YAML near here ({type(problem).__name__}); {_EXPECTED}")) from problem


_EXPECTED = "expected YAML 1.2"
_QUOTED = 200

# The core schema of YAML 1.2 (section 10.3.2): ``yes`` and ``0777`` are not what they were in YAML 1.1.
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_WHOLE = re.compile(r"[-+]?[0-9]+")
_OTHER_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_DIGITS = 100


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    # Thousands of digits take quadratic time, or none at all; as text they suit no number's key.
    if len(text) > _DIGITS:
        return text
    if _WHOLE.fullmatch(text):
        return int(text)
    if _OTHER_BASE.fullmatch(text):
        return int(text, 0)
    return float(text) if _NUMBER.fullmatch(text) else text


@dataclass(slots=True)
class _Expansion:
    """Turns nodes into values, aliases written out, and remembers where everything stands."""

    keys: dict[Path, Place] = field(default_factory=dict)
    places: dict[Path, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def expand(self, node: _Node, path: Path) -> Any:
        """Give a node's value; raises TextError when the file stands for too much."""
        if len(path) > DEPTH or len(self.places) >= VALUES:
            limit = f"{DEPTH} values deep" if len(path) > DEPTH else f"{VALUES} values"
            raise TextError(Problem(node.place, f"with its aliases the file is more than {limit}; expected fewer"))
        self.places[path] = node.place
        if node.items is not None:
            return [self.expand(item, (*path, index)) for index, item in enumerate(node.items)]
        if node.pairs is not None:
            return self._mapping(node.pairs, path)
        return node.value

    def _mapping(self, pairs: list[tuple[_Node, _Node]], path: Path) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, value in pairs:
            if key.items is not None or key.pairs is not None:
                kind = "list" if key.pairs is None else "mapping"
                self.problems.append(Problem(key.place, f"a {kind} stands where a key does; expected text", path))
                continue
            # A key is what is written: `1:` and `"1":` are one.
            here = (*path, key.text)
            if key.text in out:
                first = self.keys[here][0]
                what = f"stands twice, first in line {first}; expected once"
                self.problems.append(Problem(key.place, what, here))
                continue
            self.keys[here] = key.place
            out[key.text] = self.expand(value, here)
            if value.value is None and not value.text and value.items is None and value.pairs is None:
                # What is not there has no place of its own; the parser names that of whatever comes next.
                self.places[here] = key.place
        return out

"""The bodies of a history: each kept once, under its digest, and read back when somebody asks for it.

A body that is small and not too strange stands in the line of its first exchange, any other in a file of ``bodies/``.
"""

from __future__ import annotations

import json
import weakref
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

from faultlab.exchange import Body
from faultlab.record import BODIES, EVENTS, HistoryError

INLINE_LIMIT = 4096
HELD = 64 * 1024 * 1024
"""How many bytes of bodies are held at most, once for those that stand in lines and once for those last asked for."""

_OVERHEAD = 256
"""What holding a body costs beside its bytes."""


def text_or_bytes(data: bytes) -> dict[str, str]:
    """Give ``{"text": …}`` for UTF-8 and ``{"latin1": …}`` for anything else."""
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"latin1": data.decode("latin-1")}


def bytes_of(values: dict[str, Any]) -> bytes | None:
    """Read what ``text_or_bytes`` wrote; None when there is neither."""
    if "text" in values:
        return str(values["text"]).encode()
    return values["latin1"].encode("latin-1") if "latin1" in values else None


def keep(folder: Path, body: Body) -> dict[str, str]:
    """Give what the line of a body has of it; where that is nothing, the body is in its file."""
    stored = body.stored
    if len(stored) <= INLINE_LIMIT:
        return text_or_bytes(stored)
    path = folder / BODIES / body.digest
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        draft = path.with_suffix(".part")
        draft.write_bytes(stored)
        draft.rename(path)
    return {}


class Kept(Body):
    """A body that a history keeps, decoded; its bytes are read when somebody asks for them, its digest is known."""

    __slots__ = ("_place", "_store", "digest")

    digest: str
    _place: bytes | int | None
    _store: Bodies

    def __init__(self, digest: str, place: bytes | int | None, store: Bodies) -> None:
        """Take the bytes, or where in the events the line stands that has them, or None: they are in a file."""
        put = object.__setattr__
        put(self, "digest", digest)
        put(self, "_place", place)
        put(self, "_store", store)

    @property
    def wire(self) -> bytes:
        """The bytes the history keeps; raises HistoryError when they are not there any more."""
        place = self._place
        return place if isinstance(place, bytes) else self._store.load(self.digest, place)

    data = stored = wire
    problem = ""

    def __eq__(self, other: object) -> bool:
        """Whether another body has the same bytes on the wire, in the same encoding."""
        if not isinstance(other, Body):
            return NotImplemented
        return self is other or (self.encoding, self.wire) == (other.encoding, other.wire)

    __hash__ = Body.__hash__


class Bodies:
    """Gives the bodies of one history, and holds no more than ``held`` bytes of those in lines, and as many of others.

    What was held is given even when the folder is gone.
    """

    def __init__(self, folder: Path, held: int = HELD) -> None:
        """Begin with none held."""
        self._folder = folder
        self._held = held
        self._left = held
        self._events: BinaryIO | None = None
        self._recent: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0

    def find(self, described: dict[str, Any], offset: int) -> Kept:
        """Give the body that the line at an offset describes; raises HistoryError where its file is missing or another.

        Whether a file is what its name says is looked at here and never again.
        """
        digest, data = described["digest"], bytes_of(described)
        if data is None:
            return self._filed(digest)
        self._left -= len(data)
        return Kept(digest, data if self._left >= 0 else offset, self)

    def load(self, digest: str, offset: int | None) -> bytes:
        """Give the bytes of a body, from its file or from the line at an offset; raises HistoryError."""
        data = self._recent.get(digest)
        if data is not None:
            self._recent.move_to_end(digest)
            return data
        try:
            data = (self._folder / BODIES / digest).read_bytes() if offset is None else self._from_line(offset)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
            msg = f"{self._folder}: body {digest} cannot be read any more ({problem})"
            raise HistoryError(msg) from problem
        self._remember(digest, data)
        return data

    def _filed(self, digest: str) -> Kept:
        path = self._folder / BODIES / Path(digest).name
        try:
            data = path.read_bytes()
        except OSError as problem:
            msg = f"{path}: {problem.strerror}; the history lacks a body it names"
            raise HistoryError(msg) from problem
        if Body(data).digest != path.name:
            msg = f"{path}: not the body its name says"
            raise HistoryError(msg)
        self._remember(path.name, data)
        return Kept(path.name, None, self)

    def _from_line(self, offset: int) -> bytes:
        if self._events is None:
            self._events = (self._folder / EVENTS).open("rb")
            # It stays open, because a history of many small bodies is asked for all of them; and nobody closes one.
            weakref.finalize(self, self._events.close)
        self._events.seek(offset)
        data = bytes_of(json.loads(self._events.readline())["body"])
        if data is None:
            raise ValueError("its line has no body")
        return data

    def _remember(self, digest: str, data: bytes) -> None:
        if digest not in self._recent:
            self._size += len(data) + _OVERHEAD
        self._recent[digest] = data
        # The last one stays, however large: who asks for a body asks for it more than once.
        while self._size > self._held and len(self._recent) > 1:
            _, gone = self._recent.popitem(last=False)
            self._size -= len(gone) + _OVERHEAD

"""A stream of line protocol in pieces: joined they are the stream, and each is read as if the others were there."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlab.lineprotocol import DIALECTS, parse, pieces, split
from faultlab.lineprotocol.value import Fields, Identity

MARKS = [b"m", b",", b"=", b" ", b"\n", b'"', b"\\", b"#", b"1", b"\r", b"\t", b"\x00"]
LINES = [b"m a=1\n", b'm a="x y",b="," 1\n', b'm a="x\\"\n', b'm,k=a\\ b a="\n', b'"\n', b"# c\n", b'# "\n', b"# \\\n"]
TEXTS = [*MARKS, *LINES, "é".encode()]
BODIES = st.lists(st.sampled_from([*TEXTS, b"\xff"]), max_size=40).map(b"".join)
VALID = st.lists(st.sampled_from(TEXTS), max_size=40).map(b"".join)
NAMES = st.sampled_from(sorted(DIALECTS))
SIZES = st.integers(1, 60)


@given(BODIES, NAMES, SIZES)
def test_pieces_end_where_lines_do(body: bytes, dialect: str, size: int) -> None:
    """Whatever the size, joined pieces are the stream, none is empty, and each ends where a line of the whole does."""
    found = list(pieces(io.BytesIO(body), dialect, size))
    ends = [sum(map(len, found[: count + 1])) for count in range(len(found))]

    assert (body, True) == (b"".join(found), all(found))
    assert set() == set(ends) - {line.end for line in split(body, dialect)}


@given(VALID, NAMES, SIZES)
def test_pieces_are_read_like_the_whole(body: bytes, dialect: str, size: int) -> None:
    """Reading piece by piece finds the same points and the same refused lines in the same order."""
    found = list(pieces(io.BytesIO(body), dialect, size))

    assert list(read(body, dialect)) == [one for piece in found for one in read(piece, dialect)]


def read(body: bytes, dialect: str) -> Iterator[tuple[Identity, Fields] | tuple[bytes, str, str]]:
    """Give what a body says, line by line, without where it says so."""
    parsed = parse(body, dialect)
    said: dict[int, tuple[Identity, Fields] | tuple[bytes, str, str]] = {}
    said.update((point.ordinal, (point.identity, point.fields)) for point in parsed.points)
    said.update((line.ordinal, (line.text, line.kind, line.message)) for line in parsed.refused)
    return (said[ordinal] for ordinal in sorted(said))


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
@pytest.mark.parametrize(
    "line",
    [b"m v=1 1\n", b'm,k=a\\ b v="x, y=\\"1\\"",w=2 1\n', b"# it goes on\n", b"\n"],
    ids=["plain", "text", "#", ""],
)
def test_pieces_are_about_as_large_as_asked_for(line: bytes, dialect: str) -> None:
    """Where lines are short, no piece has more than twice the bytes asked for."""
    sizes = [len(piece) for piece in pieces(io.BytesIO(line * 5_000), dialect, 1_000)]

    assert (True, True) == (max(sizes) <= 2_000, len(sizes) <= 5 * len(line) + 1)


def test_a_line_that_never_ends_is_one_piece() -> None:
    """A string that is never closed is a single line, however many line feeds are in it."""
    body = b'm v="' + b"\n" * 10_000

    assert [body] == list(pieces(io.BytesIO(body), "influxdb2", 10))


def test_only_a_piece_that_is_no_utf8_is_refused() -> None:
    """A dialect that refuses such a body whole refuses the piece, and reads the others."""
    found = [parse(piece, "influxdb3") for piece in pieces(io.BytesIO(b"m v=1 1\n\xff\nm v=2 2\n"), "influxdb3", 8)]

    assert [0, 1, 1] == sorted(len(one.points) for one in found)
    assert ["encoding.invalid-utf8"] == [line.kind for one in found for line in one.refused]


@pytest.mark.parametrize(
    "body", [b'm v="' + b"\n" * 2_000_000, b'm v="' + b'\n"\\x\n' * 200_000, b'm v="x\n' * 200_000], ids=[0, 1, 2]
)
def test_a_long_line_takes_time_in_proportion(body: bytes) -> None:
    """A line that is read again whenever more of it has come would take minutes."""
    began = time.process_time()
    count = sum(1 for _ in pieces(io.BytesIO(body), "influxdb2", 16))

    assert (True, True) == (count > 0, time.process_time() - began < 10)


def test_an_unknown_dialect_is_named() -> None:
    """The message lists the known ones."""
    with pytest.raises(ValueError, match="unknown dialect 'v9'; known: influxdb1"):
        next(pieces(io.BytesIO(b"m v=1\n"), "v9"))

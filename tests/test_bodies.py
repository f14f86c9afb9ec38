"""The bodies of a history: on disk until somebody asks for one, held within bounds, and what was there stays known."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlab import history
from faultlab.bodies import HELD, INLINE_LIMIT, Bodies, Kept, bytes_of, text_or_bytes
from faultlab.exchange import V2_WRITE, Body, Decision, Exchange
from faultlab.history import BODIES, EVENTS, FORMAT, HistoryError, Writer
from faultlab.redact import Redactor

TEXT, STRANGE, LARGE = b"m v=1 1\n", b"m v=\xff 1\n", b"m v=1 1\n" * INLINE_LIMIT
ALL = (TEXT, STRANGE, LARGE)


def kept(folder: Path, bodies: tuple[bytes, ...], held: int = HELD) -> list[Kept]:
    """Write a history with these bodies, and give them as it has them."""
    writer = Writer(folder, Redactor(b""))
    writer.run({"format": FORMAT})
    for seq, data in enumerate(bodies, 1):
        writer.exchange(Exchange(seq, 0.0, "POST", V2_WRITE, body=Body(data)), 1, Decision())
    writer.close()
    store, offset, found = Bodies(folder, held), 0, []
    for _, line, value in history.lines(folder):
        if value["event"] == "exchange":
            found.append(store.find(value["body"], offset))
        offset += len(line)
    return found


@pytest.mark.parametrize("held", [0, 10, HELD])
def test_a_body_is_what_it_was_wherever_it_lies(tmp_path: Path, held: int) -> None:
    """Held, in its line, or in a file: asked in any order and again, it has its bytes and its digest."""
    found = kept(tmp_path, ALL, held)
    for order in (found, found[::-1], found):
        assert all(body.data == body.stored == body.wire for body in order)

    assert [Body(data) for data in ALL] == found
    assert [Body(data).digest for data in ALL] == [body.digest for body in found]
    assert [("", "", False)] * 3 == [(body.problem, body.encoding, body.exceeds(len(body.data))) for body in found]


def test_a_body_equals_any_body_with_its_bytes(tmp_path: Path) -> None:
    """Whichever of the two is the one that is kept; and nothing else."""
    (body,) = kept(tmp_path, (TEXT,))
    (same,) = kept(tmp_path / "other", (TEXT,), 0)

    assert (True, True, True, 1) == (
        body == Body(TEXT),
        Body(TEXT) == body,
        body == same,
        len({body, Body(TEXT), same}),
    )
    assert (True, True, True) == (body != Body(TEXT, "gzip"), Body(LARGE) != body, body != TEXT)


def test_a_digest_is_known_without_the_bytes(tmp_path: Path) -> None:
    """It is there when the bytes are gone, and asking for those names the body and the folder."""
    found = kept(tmp_path / "h", ALL, 0)
    shutil.rmtree(tmp_path / "h")

    assert [Body(data).digest for data in ALL] == [body.digest for body in found]
    # The last file is held, however large.
    assert LARGE == found[2].data
    with pytest.raises(HistoryError, match=f"/h: body {found[0].digest} cannot be read any more"):
        found[0].data  # noqa: B018 - asking is what fails


def test_what_was_held_outlives_the_folder(tmp_path: Path) -> None:
    """A small history is whole in memory."""
    found = kept(tmp_path / "h", ALL)
    shutil.rmtree(tmp_path / "h")

    assert list(ALL) == [body.data for body in found]


def test_an_event_file_that_is_another_now_is_named(tmp_path: Path) -> None:
    """What stands where a body was is not taken for it."""
    found = kept(tmp_path, (TEXT, STRANGE), 0)
    offsets = (tmp_path / EVENTS).stat().st_size
    (tmp_path / EVENTS).write_bytes(b'{"body": {"digest": ""}}\n' * offsets)
    for body in found:
        with pytest.raises(HistoryError, match="cannot be read any more"):
            body.data  # noqa: B018 - asking is what fails


def test_bodies_last_asked_for_are_held_within_bounds(tmp_path: Path) -> None:
    """The one that was asked for longest ago goes first; a file that is gone shows which."""
    bodies = tuple(b"%d" % number * (INLINE_LIMIT + 1) for number in range(4))
    found = kept(tmp_path, bodies, 3 * (INLINE_LIMIT + 1) + 3 * 256)
    # The first has gone for the last; it comes back for the second, which was asked for longest ago.
    assert [bodies[2], bodies[0]] == [found[2].data, found[0].data]
    shutil.rmtree(tmp_path / BODIES)

    assert [bodies[0], bodies[2], bodies[3]] == [found[0].data, found[2].data, found[3].data]
    with pytest.raises(HistoryError):
        found[1].data  # noqa: B018 - asking is what fails


def test_two_exchanges_with_one_digest_share_one_body(tmp_path: Path) -> None:
    """A resend costs no bytes."""
    writer = Writer(tmp_path, Redactor(b""))
    writer.run({"format": FORMAT})
    first = Exchange(1, 0.0, "POST", V2_WRITE, body=Body(LARGE))
    writer.exchange(first, 1, Decision())
    writer.exchange(replace(first, seq=2), 2, Decision())
    writer.close()
    one, other = (event.exchange.body for event in history.read(tmp_path).events)

    assert one is other


def test_a_body_that_is_another_is_found_while_reading(tmp_path: Path) -> None:
    """Nobody has to ask for its bytes."""
    (body,) = kept(tmp_path, (LARGE,))
    (tmp_path / BODIES / body.digest).write_bytes(TEXT)
    with pytest.raises(HistoryError, match="not the body its name says"):
        history.read(tmp_path)


@given(st.binary(max_size=20))
def test_bytes_are_read_as_written(data: bytes) -> None:
    """As text or as latin-1; what has neither is in a file."""
    written: dict[str, Any] = dict(text_or_bytes(data))

    assert (data, None) == (bytes_of(written), bytes_of({}))

"""What was seen and what was done about it: batch identity, bounded bodies, decisions as JSON."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faultlab.exchange import (
    DECODED_LIMIT,
    DELIVERS,
    ENDINGS,
    FRAMES,
    GARBLES,
    HANDSHAKES,
    INTAKES,
    PARTS,
    REPLIES,
    V1_WRITE,
    V2_QUERY,
    V2_WRITE,
    Aborted,
    Answer,
    AtOnce,
    Body,
    Closed,
    Cut,
    Decision,
    Delayed,
    Dribbled,
    Everything,
    Exchange,
    Garbled,
    Handshake,
    Held,
    Lines,
    Never,
    Nothing,
    Refusal,
    Refused,
    Severed,
    Slow,
    Truncated,
    Twice,
    Unread,
    Upstream,
    Whole,
    choice_from_json,
    header,
)
from faultlab.strategies import exchanges

POINT = b"m,k=a v=1 1\n"
WRITE = Exchange(1, 0.0, "POST", V2_WRITE, (("bucket", "b"), ("org", "o")), (), Body(POINT))


@pytest.mark.parametrize(
    "resent",
    [
        replace(WRITE, seq=2, at=9.0),
        replace(WRITE, body=Body(gzip.compress(POINT, mtime=0), "gzip")),
        replace(WRITE, body=Body(gzip.compress(POINT, 1, mtime=99), "x-gzip")),
        replace(WRITE, body=Body(POINT, "identity")),
        replace(WRITE, headers=(("Authorization", "Token other"), ("User-Agent", "x"))),
        replace(WRITE, host="elsewhere:80"),
        *(
            replace(WRITE, query=(*WRITE.query, (name, "s3cret")))
            for name in ("p", "token", "password", "access_token")
        ),
    ],
)
def test_resend_is_the_same_batch(resent: Exchange) -> None:
    """Time, compression, headers, host and secrets do not make another batch."""
    assert WRITE.batch == resent.batch


@pytest.mark.parametrize(
    "other",
    [
        replace(WRITE, query=(("bucket", "c"), ("org", "o"))),
        replace(WRITE, query=(("bucket", "b"), ("org", "p"))),
        replace(WRITE, query=(*WRITE.query, ("precision", "s"))),
        replace(WRITE, path=V1_WRITE),
        replace(WRITE, method="PUT"),
        replace(WRITE, body=Body(POINT + POINT)),
        replace(WRITE, body=Body(b"")),
    ],
)
def test_another_batch_differs(other: Exchange) -> None:
    """Another bucket, organization, precision, path, method or body makes another batch."""
    assert WRITE.batch != other.batch


def test_batch_is_sixteen_digits() -> None:
    """A batch is named by 16 hexadecimal digits."""
    digits = WRITE.batch

    assert (16, f"{int(digits, 16):016x}") == (len(digits), digits)


def test_undecodable_body_is_a_batch_of_its_own() -> None:
    """Bodies that do not decode are told apart by their bytes on the wire."""
    one, other = (replace(WRITE, body=Body(wire, "gzip")) for wire in (b"no gzip", b"nor this"))

    assert one.batch != other.batch


def test_surrogates_in_a_query_have_a_batch() -> None:
    """A parameter with bytes that are no UTF-8 takes part in the batch."""
    odd = replace(WRITE, query=(("bucket", "\udcff"),))

    assert WRITE.batch != odd.batch


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """100 MB of zeros in some 100 KB of gzip."""
    return gzip.compress(bytes(100_000_000), mtime=0)


def test_bomb_has_a_problem_and_stays_small(bomb: bytes) -> None:
    """A gzip bomb is refused in words, with less than 80 MB in use at any time."""
    body = Body(bomb, "gzip")
    tracemalloc.start()
    try:
        problem, exceeds = body.problem, body.exceeds(50_000_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert len(bomb) < 150_000
    assert (f"decodes to more than {DECODED_LIMIT} bytes", True, b"", bomb) == (
        problem,
        exceeds,
        body.data,
        body.stored,
    )
    assert peak < 80_000_000


def test_size_is_measured_without_holding_the_body(bomb: bytes) -> None:
    """Finding that a bomb exceeds a limit takes less than 2 MB."""
    body = Body(bomb, "gzip")
    tracemalloc.start()
    try:
        exceeds = body.exceeds(99_000_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert exceeds
    assert peak < 2_000_000


@pytest.mark.parametrize(
    ("wire", "encoding", "problem"),
    [
        (gzip.compress(POINT, mtime=0)[:-9], "gzip", "error decoding gzip stream: "),
        (gzip.compress(POINT, mtime=0)[:4], "gzip", "error decoding gzip stream: "),
        (gzip.compress(POINT, mtime=0)[:-8] + b"wrongcrc", "gzip", "error decoding gzip stream: CRC check failed"),
        (gzip.compress(POINT, mtime=0) + b"behind it", "gzip", "error decoding gzip stream: Not a gzipped file"),
        (POINT, "gzip", "error decoding gzip stream: Not a gzipped file (b'm,')"),
        (POINT, "br", "unacceptable content-encoding: br"),
        (POINT, "gzip, gzip", "unacceptable content-encoding: gzip, gzip"),
    ],
)
def test_undecodable_body_says_why(wire: bytes, encoding: str, problem: str) -> None:
    """A body that does not decode has a problem, no data, and is stored as it came."""
    body = Body(wire, encoding)

    assert (True, b"", wire) == (body.problem.startswith(problem), body.data, body.stored)


@pytest.mark.parametrize(
    ("wire", "encoding", "data"),
    [
        (POINT, "", POINT),
        (POINT, "identity", POINT),
        (gzip.compress(POINT, mtime=0), "gzip", POINT),
        (gzip.compress(POINT, mtime=0), "x-gzip", POINT),
        (gzip.compress(POINT, mtime=0) + gzip.compress(b"m v=2\n", mtime=0), "gzip", POINT + b"m v=2\n"),
        (b"", "gzip", b""),
    ],
)
def test_body_decodes(wire: bytes, encoding: str, data: bytes) -> None:
    """Plain, compressed and multi-member bodies give their data and no problem."""
    body = Body(wire, encoding)

    assert (data, "", data) == (body.data, body.problem, body.stored)


@pytest.mark.parametrize(
    ("body", "limit", "exceeds"),
    [
        (Body(bytes(10)), 9, True),
        (Body(bytes(10)), 10, False),
        (Body(gzip.compress(bytes(1000)), "gzip"), 999, True),
        (Body(gzip.compress(bytes(1000)), "gzip"), 1000, False),
        (Body(b"no gzip", "gzip"), 100, False),
        (Body(b"no gzip", "br"), 100, False),
    ],
)
def test_exceeds_is_exact(body: Body, limit: int, exceeds: bool) -> None:
    """A body exceeds a limit from one byte more; one that does not decode counts by its bytes on the wire."""
    assert exceeds is body.exceeds(limit)


def test_digest_names_the_stored_bytes() -> None:
    """Two bodies have one digest when they store the same bytes."""
    plain, packed, other = Body(POINT), Body(gzip.compress(POINT), "gzip"), Body(b"m v=2\n")

    assert (True, True, 32) == (plain.digest == packed.digest, plain.digest != other.digest, len(plain.digest))


def test_header_name_has_no_case() -> None:
    """The first header of a name counts, however it is spelt; None stands for absence."""
    pairs = (("retry-after", "1"), ("Retry-After", "2"))

    assert ("1", "1", None) == (
        header(pairs, "RETRY-AFTER"),
        Answer(429, pairs).header("Retry-After"),
        header(pairs, "x"),
    )


@pytest.mark.parametrize(
    ("exchange", "endpoint", "is_write", "database"),
    [
        (WRITE, V2_WRITE, True, "b"),
        (replace(WRITE, method="GET"), V2_WRITE, False, "b"),
        (replace(WRITE, path=V1_WRITE, query=(("db", "d"),)), V1_WRITE, True, "d"),
        (replace(WRITE, path=V2_QUERY, query=()), V2_QUERY, False, ""),
        (replace(WRITE, path="/elsewhere"), "", False, "b"),
    ],
)
def test_exchange_knows_what_it_is_for(exchange: Exchange, endpoint: str, is_write: bool, database: str) -> None:
    """An exchange names its endpoint, whether it writes, and its database."""
    assert (endpoint, is_write, database) == (exchange.endpoint, exchange.is_write, exchange.database)


@given(exchanges(), st.integers(1, 9), st.binary(max_size=3))
def test_batch_depends_on_nothing_unsaid(exchange: Exchange, seq: int, salt: bytes) -> None:
    """Number, time, host and headers of any exchange leave its batch alone."""
    moved = replace(exchange, seq=seq, at=float(seq), host=salt.hex(), headers=(("x", salt.hex()),))

    assert exchange.batch == moved.batch


# Characters a header can hold: what latin-1 or UTF-8 bytes of a peer decode to, surrogate escapes included.
TEXTS = st.text(max_size=8) | st.just("\udcff")
SIZES = st.integers(0, 2**40)
SECONDS = st.sampled_from((0, 0.5, 1.0, 30, 86_400.25))
CUTS = st.sampled_from(Cut)
SPEEDS = st.integers(1, 2**40)
INTAKE = st.one_of(
    st.sampled_from((Whole(), Unread())),
    st.builds(Refused, SECONDS),
    st.builds(Severed, SIZES, CUTS),
    st.builds(Slow, SPEEDS),
    st.builds(Handshake, st.sampled_from(HANDSHAKES)),
)
DELIVER = st.one_of(
    st.sampled_from((Everything(), Nothing(), Twice())),
    st.builds(Lines, st.lists(st.integers(1, 10**9)).map(tuple)),
    st.builds(Held, SECONDS),
)
HEADERS = st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple)
GARBLED = st.builds(Garbled, st.sampled_from(GARBLES), SIZES)
REPLY = st.just(Upstream()) | GARBLED | st.builds(Answer, st.integers(100, 599), HEADERS, st.binary(max_size=20), TEXTS)
ENDING = st.one_of(
    st.just(AtOnce()),
    st.builds(Never, st.none() | SECONDS),
    st.builds(Delayed, SECONDS),
    st.builds(Dribbled, SPEEDS),
    st.builds(Truncated, st.none() | SIZES, st.sampled_from((0, 0.5, 1)), st.sampled_from(PARTS), st.booleans(), CUTS),
    st.builds(Closed, CUTS),
    st.builds(Aborted, st.sampled_from(FRAMES), TEXTS),
)
DRAWS = st.none() | st.sampled_from((0.0, 0.25, 1 - 2**-53))
REFUSALS = st.lists(st.builds(Refusal, st.integers(1, 10**9), TEXTS, TEXTS), max_size=3).map(tuple)
DECISIONS = st.builds(Decision, INTAKE, DELIVER, REPLY, ENDING, TEXTS, TEXTS, TEXTS, DRAWS, REFUSALS)


@settings(deadline=None)
@given(DECISIONS)
def test_decision_survives_json(decision: Decision) -> None:
    """Any decision is what it was after a way through JSON text."""
    text = json.dumps(decision.to_json())

    assert decision == Decision.from_json(json.loads(text))


def test_every_choice_has_a_strategy() -> None:
    """The round trip above draws every kind of every choice."""
    drawn = {kind: _kinds_of(values) for kind, values in (("i", INTAKE), ("d", DELIVER), ("r", REPLY), ("e", ENDING))}
    known = {
        kind: {k.kind for k in kinds} for kind, kinds in zip("idre", (INTAKES, DELIVERS, REPLIES, ENDINGS), strict=True)
    }

    assert known == drawn


def _kinds_of(values: st.SearchStrategy[Any]) -> set[str]:
    seen: set[str] = set()

    @settings(deadline=None, database=None, max_examples=300, derandomize=True)
    @given(values)
    def draw(value: Any) -> None:
        seen.add(value.kind)

    draw()
    return seen


GOOD = Decision(Whole(), Everything(), Answer(429, (("Retry-After", "1"),)), Closed(), "r", "f", "w", 0.5).to_json()


@pytest.mark.parametrize(
    "change",
    [
        {"intake": {"kind": "wohle"}},
        {"intake": {}},
        {"intake": None},
        {"intake": "whole"},
        {"intake": ["whole"]},
        {"intake": {"kind": ["whole"]}},
        {"intake": {"kind": "everything"}},
        {"intake": {"kind": "whole", "extra": 1}},
        {"intake": {"kind": "severed", "after": -1}},
        {"intake": {"kind": "severed", "after": "1"}},
        {"intake": {"kind": "severed", "after": 1.5}},
        {"intake": {"kind": "severed", "after": True}},
        {"intake": {"kind": "severed", "how": "gently"}},
        {"intake": {"kind": "slow", "bytes_per_second": None}},
        {"deliver": {"kind": "lines", "refused": 1}},
        {"deliver": {"kind": "lines", "refused": ["x"]}},
        {"deliver": {"kind": "lines", "refused": [float("inf")]}},
        {"deliver": {"kind": "held", "seconds": float("nan")}},
        {"deliver": {"kind": "held", "seconds": "1"}},
        {"reply": {"kind": "answer"}},
        {"reply": {"kind": "answer", "status": "429"}},
        {"reply": {"kind": "answer", "status": 429, "body": 5}},
        {"reply": {"kind": "answer", "status": 429, "body": "€"}},
        {"reply": {"kind": "answer", "status": 429, "headers": 5}},
        {"reply": {"kind": "answer", "status": 429, "headers": [["one"]]}},
        {"reply": {"kind": "answer", "status": 429, "reason": 5}},
        {"ending": {"kind": "closed", "how": None}},
        {"ending": {"kind": "delayed", "seconds": -0.5}},
        {"rule": None},
        {"fault": 5},
        {"row": []},
        {"draw": 1},
        {"draw": -0.1},
        {"draw": "0.5"},
        {"draw": float("nan")},
        {"refused": None},
        {"refused": [[1, "text"]]},
        {"refused": [["x", "text", "why"]]},
        {"refused": [[float("inf"), "text", "why"]]},
    ],
)
def test_bad_decision_is_refused(change: dict[str, Any]) -> None:
    """Anything that is no decision raises ValueError, and what is read before the change does not."""
    Decision.from_json(GOOD)

    with pytest.raises(ValueError, match=r"^(not a |unknown choice|invalid literal|not enough)"):
        Decision.from_json(GOOD | change)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_decision_without_a_part_is_refused(name: str) -> None:
    """Every part of a decision must be there."""
    values = {key: value for key, value in GOOD.items() if key != name}

    with pytest.raises(ValueError, match=f"^not a decision: KeyError\\('{name}'\\)$"):
        Decision.from_json(values)


@pytest.mark.parametrize("given", [None, [], "x", 5])
def test_no_object_is_no_decision(given: Any) -> None:
    """A JSON value that is no object raises ValueError."""
    with pytest.raises(ValueError, match=r"^not a decision: "):
        Decision.from_json(given)


def test_unknown_choice_names_the_known() -> None:
    """An unknown choice is answered with those there are."""
    with pytest.raises(
        ValueError, match=r"^unknown choice 'wohle'; known: whole, refused, severed, slow, unread, handshake$"
    ):
        choice_from_json(INTAKES, {"kind": "wohle"})

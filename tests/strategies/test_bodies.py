"""Bodies as they come over the wire: every kind of them, and what each server makes of it."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from functools import cache

import pytest

from faultlab import contract
from faultlab.lineprotocol import parse
from faultlab.strategies import BODY_KINDS, WriteBody, bodies
from faultlab.strategies.malformed import NOW
from tests.strategies.draws import drawn, minimal

SMALL = [kind for kind in BODY_KINDS if not kind.startswith("oversized")]
LINE = b"m f=1 %d\n" % NOW

STATUSES = {
    "plain": (204, 204, 204),
    "gzip": (204, 204, 204),
    "gzip_members": (204, 204, 204),
    "gzip_torn": (400, 500, 400),
    "gzip_without_trailer": (400, 500, 400),
    "gzip_bad_checksum": (400, 400, 400),
    "not_gzip": (400, 500, 400),
    "unmarked_gzip": (400, 400, 400),
    "unknown_encoding": (204, 204, 400),
    "too_fine": (400, 400, 400),
    "too_coarse": (204, 204, 204),
    "unknown_precision": (204, 400, 400),
    "empty": (204, 204, 400),
    "blank": (204, 204, 400),
    "comments": (204, 204, 400),
}
"""Of each kind, what InfluxDB 1, InfluxDB 2 and InfluxDB 3 Core answer to it.

Source: InfluxDB 1.6.7, measured; 2.9.1 and 3.10.1, read.
"""


@cache
def some(kind: str) -> tuple[WriteBody, ...]:
    """Give bodies of one kind."""
    return tuple(drawn(bodies(kinds=[kind]), 40))


def meant(body: WriteBody) -> int:
    """Give how many points a body means."""
    return len(parse(body.data, "strict").points)


def test_every_kind_is_drawn() -> None:
    """Every kind of body is drawn, and every number of lines."""
    seen = drawn(bodies(limit=1000), 400)

    assert set(BODY_KINDS) == {body.kind for body in seen}
    assert set(range(1, 7)) == {meant(body) for body in drawn(bodies(kinds=["plain"]), 100)}


def test_table_speaks_of_every_kind() -> None:
    """Every kind but the oversized, which depend on the limit, has its row in the table."""

    assert SMALL == list(STATUSES)


@pytest.mark.parametrize("kind", STATUSES)
def test_verdict_is_that_of_the_table(kind: str) -> None:
    """Each server answers as it is known to, and stores every point that it does not refuse."""
    for body in some(kind):
        wanted = dict(zip(("oss1", "oss2", "core"), STATUSES[kind], strict=True))
        if body.precision == "us" and kind == "too_fine":
            wanted["oss1"] = 204  # measured: microseconds are "u" there, and any other word means nanoseconds
        seen = {profile: body.verdict(profile) for profile in wanted}
        points = {profile: meant(body) if status < 300 else 0 for profile, status in wanted.items()}

        assert wanted == {profile: reply.answer.status for profile, reply in seen.items()}
        assert points == {profile: reply.points for profile, reply in seen.items()}


@pytest.mark.parametrize("kind", SMALL)
def test_every_server_has_a_verdict(kind: str) -> None:
    """Every profile answers every kind at every endpoint it has, and stores no more than was meant."""
    for body in some(kind)[:15]:
        for profile in (*contract.ALL, *contract.OTHERS):
            for endpoint in profile.loss:
                reply = body.verdict(profile.name, endpoint=endpoint)

                assert 200 <= reply.answer.status < 600
                assert reply.points <= meant(body)


def test_wrong_unit_is_a_wrong_time() -> None:
    """Seconds that are said to be nanoseconds are stored without a word, in 1970."""
    body = minimal(bodies(kinds=["too_coarse"]))
    seen = parse(body.body.data, "influxdb2", precision=body.precision).points

    assert ("ns", [NOW // 10**9]) == (body.precision, [point.timestamp for point in seen])


@pytest.mark.parametrize(
    ("kind", "profile", "limit", "status"),
    [
        ("oversized", "oss1", 25_000_000, 413),
        ("oversized", "core", 10_485_760, 413),
        ("oversized_when_decoded", "core", 10_485_760, 413),
        ("oversized", "oss2", 20_000, 204),
        ("oversized_when_decoded", "oss1", 20_000, 204),
    ],
)
def test_oversized_exceeds_the_limit(kind: str, profile: str, limit: int, status: int) -> None:
    """A body larger than a server's limit is refused as too large, and by a server with a higher one taken."""
    [body] = drawn(bodies(kinds=[kind], limit=limit), 1)
    size = len(body.body.data if kind == "oversized_when_decoded" else body.body.wire)

    assert (True, status) == (size > limit, body.verdict(profile).answer.status)


@pytest.mark.parametrize("limit", [1, 26, 27, 1000])
def test_oversized_is_not_much_larger(limit: int) -> None:
    """Oversized bodies are made of whole good lines, and without the last of them do not exceed the limit by much."""
    for body in drawn(bodies(kinds=["oversized", "oversized_when_decoded"], limit=limit), 40):
        lines = body.data.splitlines(keepends=True)

        assert limit < len(body.data) <= limit + 6 * max(map(len, lines))
        assert not parse(body.data, "influxdb2").refused


def test_small_on_the_wire() -> None:
    """What is oversized when decoded has few bytes on the wire."""
    body = minimal(bodies(kinds=["oversized_when_decoded"]))

    assert (True, body.data) == (len(body.body.wire) < 10_000, gzip.decompress(body.body.wire))


@pytest.mark.parametrize("kind", BODY_KINDS)
def test_shrinks_to_one_line(kind: str) -> None:
    """Each kind shrinks to one line, or to the least there is of it, in its simplest form."""
    shrunk = minimal(bodies(kinds=[kind], limit=100))
    least = {"empty": b"", "blank": b"\n", "comments": b"# c\n", "too_coarse": b"m f=1 %d\n" % (NOW // 10**9)}

    assert least.get(kind, LINE * (4 if kind.startswith("oversized") else 1)) == shrunk.data


@pytest.mark.parametrize(
    ("condition", "kind"),
    [
        (lambda _: True, "plain"),
        (lambda body: bool(body.body.encoding), "gzip"),
        (lambda body: bool(body.body.problem), "gzip_torn"),
        (lambda body: bool(body.precision), "too_fine"),
        (lambda body: body.verdict("core").answer.status == 400 and not body.data, "empty"),
    ],
)
def test_failure_shrinks_to_its_cause(condition: Callable[[WriteBody], bool], kind: str) -> None:
    """A failure shrinks to the simplest kind that shows it, and that to one line."""
    shrunk = minimal(bodies(limit=100), condition)

    assert (kind, LINE if kind != "empty" else b"") == (shrunk.kind, shrunk.data)


@pytest.mark.parametrize(
    ("kinds", "complaint"),
    [
        (["gzip_tron"], "no kind of body named 'gzip_tron'; did you mean 'gzip_torn'?"),
        ([], "kinds is empty; expected at least one of BODY_KINDS"),
    ],
)
def test_unknown_kinds_are_refused(kinds: list[str], complaint: str) -> None:
    """A kind that does not exist is refused with the nearest that does."""
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
        bodies(kinds=kinds)

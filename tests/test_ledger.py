"""The ledger: what was handed over, carried, stored and told."""

from __future__ import annotations

import gzip
from dataclasses import replace

import pytest

from faultlab.exchange import HEALTH, V3_WRITE, Effect, Everything, Lines, Nothing, Refused, Severed, Twice, Whole
from faultlab.history import Ended, Report
from faultlab.ledger import CUT, SHOWN, Ledger, digest_of, is_cut, shown, shown_missing, spelt
from tests.builders import history, lines, sent


def stored(ledger: Ledger) -> dict[str, tuple[int, bool]]:
    """Give for each entry how many copies are stored and whether that is in doubt."""
    return {row.shown: (entry.stored, bool(entry.doubt)) for row, entry in ledger.points()}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (sent(1, lines(1, 2)), [(1, False), (1, False)]),
        (sent(1, lines(1, 2), 503, effect=Effect.ALL), [(1, False), (1, False)]),
        (sent(1, lines(1, 2), deliver=Twice()), [(2, False), (2, False)]),
        (sent(1, lines(1, 2), 429), [(0, False), (0, False)]),
        (sent(1, lines(1, 2), 204, deliver=Nothing()), [(0, False), (0, False)]),
        (sent(1, lines(1, 2), 201, deliver=Lines((2,)), effect=Effect.ALL), [(1, False), (0, False)]),
        (sent(1, lines(1, 2), 201, refused=(1,)), [(0, False), (1, False)]),
        (sent(1, lines(1, 2), 400, effect=Effect.PART, deliver=Everything()), [(0, True), (0, True)]),
        (sent(1, lines(1, 2), None, effect=Effect.UNKNOWN), [(0, True), (0, True)]),
        (sent(1, lines(1, 2), None, effect=Effect.UNKNOWN, deliver=Lines((2,))), [(0, True), (0, False)]),
        (sent(1, lines(1, 2), settled=False), [(0, True), (0, True)]),
    ],
)
def test_what_was_stored_follows_from_effect_and_delivery(event: object, expected: list[tuple[int, bool]]) -> None:
    """Every combination of effect and delivery has one reading, and where it has none there is a doubt."""
    assert expected == list(stored(Ledger(history(event))).values())  # type: ignore[arg-type]


def test_a_resend_is_the_same_point() -> None:
    """A point refused once and stored once is one point with two sends."""
    ((_, entry),) = Ledger(history(sent(1, lines(1), 429), sent(2, lines(1)))).points()

    assert ((0, 1), 1, "") == (entry.sends, entry.stored, entry.doubt)


def test_a_point_in_another_body_is_the_same_point() -> None:
    """Splitting a batch does not make new points."""
    ledger = Ledger(history(sent(1, lines(1, 2), 413), sent(2, lines(1)), sent(3, lines(2))))

    assert {"m,k=a 1": (1, False), "m,k=a 2": (1, False)} == stored(ledger)


def test_precisions_meet_in_nanoseconds() -> None:
    """One instant written in two precisions is one point."""
    query = (("bucket", "b"), ("precision", "s"))
    ledger = Ledger(history(sent(1, "m v=1 5", 429, query=query), sent(2, "m v=1 5000000000")))

    assert {"m 5000000000": (1, False)} == stored(ledger)


def test_v3_guesses_precision_by_magnitude() -> None:
    """The v3 endpoint's default precision is the server's own guess."""
    ledger = Ledger(history(sent(1, "m v=1 5", path=V3_WRITE, query=(("db", "b"),))))

    assert {"m 5000000000": (1, False)} == stored(ledger)


def test_an_unknown_precision_leaves_a_doubt() -> None:
    """Timestamps in a unit nobody knows name no point."""
    ((_, entry),) = Ledger(history(sent(1, "m v=1 5", 400, query=(("precision", "parsec"),)))).points()

    assert (False, True) == (entry.timed, "parsec" in entry.doubt)


def test_two_databases_hold_two_points() -> None:
    """Storing a point in one bucket does not store it in another."""
    ledger = Ledger(history(sent(1, lines(1)), sent(2, lines(1), 429, query=(("bucket", "c"),))))

    assert [1, 0] == [entry.stored for _, entry in ledger.points()]


def test_rows_with_other_fields_are_other_points() -> None:
    """Storing one field of an identity does not store another."""
    ledger = Ledger(history(sent(1, "m f=1 1"), sent(2, "m g=1 1", 429)))

    assert [1, 0] == [entry.stored for _, entry in ledger.points()]


def test_equal_lines_without_timestamps_leave_a_doubt() -> None:
    """A later equal line in another body may be the same measurement, or a second one."""
    ledger = Ledger(history(sent(1, "m v=1\nm v=2", 413), sent(2, "m v=1")))

    assert [(0, True), (0, False), (1, False)] == [(e.stored, bool(e.doubt)) for _, e in ledger.points()]


def test_an_earlier_equal_line_is_no_resend() -> None:
    """What was stored before a batch was refused cannot be its resend."""
    ledger = Ledger(history(sent(1, "m v=1"), sent(2, "m v=1\nm v=2", 413)))

    assert ["", "", ""] == [entry.doubt for _, entry in ledger.points()]


def test_a_line_that_is_no_point_is_known_by_its_text() -> None:
    """A bad line is carried, refused and resent like any other."""
    ((row, entry),) = Ledger(history(sent(1, "bad line\n", 400), sent(2, "bad line", 400))).points()

    assert ("bad line", (0, 1)) == (row.shown, entry.sends)


def test_a_body_that_does_not_decode_is_one_doubtful_entry() -> None:
    """Nobody knows what was in it, and nobody guesses."""
    ((_, entry),) = Ledger(history(sent(1, b"\x1f\x8b junk", 400, problem="error decoding gzip stream"))).points()

    assert "its body does not decode: error decoding gzip stream" == entry.doubt


def test_an_upload_that_was_cut_is_an_attempt_of_the_whole_one_that_follows() -> None:
    """The beginning of a body and the size it declared say which batch it was."""
    whole = lines(1, 2)
    cut = sent(1, whole[:15], None, declared=len(whole), intake=Severed(15))
    ledger = Ledger(history(cut, sent(2, lines(3, 4), declared=len(whole)), sent(3, whole, declared=len(whole))))

    assert {"m,k=a 1": (1, False), "m,k=a 2": (1, False), "m,k=a 3": (1, False), "m,k=a 4": (1, False)} == stored(
        ledger
    )
    assert (True, ledger.sends[2].batch) == (ledger.sends[0].cut, ledger.sends[0].batch)


def test_a_cut_upload_is_not_the_whole_body_it_looks_like() -> None:
    """Half of one body may be equal to another, and the two are read apart."""
    ledger = Ledger(history(sent(1, "m v=1 1", None, declared=99), sent(2, "m v=1 1")))

    assert [(0, True), (1, False)] == [(entry.stored, bool(entry.doubt)) for _, entry in ledger.points()]
    assert f"{ledger.sends[1].batch}+" == ledger.sends[0].batch


def test_a_cut_upload_is_no_attempt_of_another_body_of_its_shape() -> None:
    """Another size, or another first line, is another batch."""
    cut = sent(1, lines(1), None, declared=len(lines(1, 2)))
    ledger = Ledger(history(cut, sent(2, lines(3, 4)), sent(3, lines(1))))

    assert ledger.sends[0].batch not in {ledger.sends[1].batch, ledger.sends[2].batch}


def test_a_cut_upload_of_undeclared_size_is_known_by_its_beginning() -> None:
    """A chunked upload declares no size."""
    ledger = Ledger(history(sent(1, lines(1), None, intake=Severed(12)), sent(2, lines(1, 2))))

    assert ledger.sends[0].batch == ledger.sends[1].batch


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_a_cut_upload_nobody_can_read_is_one_doubtful_entry(encoding: str) -> None:
    """Junk, or an encoding nobody knows."""
    (entry,) = Ledger(
        history(sent(1, b"junk", None, declared=9, encoding=encoding, problem="does not decode"))
    ).entries()

    assert CUT == entry.doubt


@pytest.mark.parametrize(("manifest", "entries"), [(None, 2), (lines(1), 1), (lines(1, 2), 2), (lines(1) + "m v=1", 2)])
def test_a_manifest_seen_on_the_wire_in_full_clears_cut_uploads(manifest: str | None, entries: int) -> None:
    """Where all that was handed over was seen, a cut upload held nothing else."""
    past = history(sent(1, "m,k=", None, declared=12), sent(2, lines(1)), manifest=manifest)

    assert entries == Ledger(past).size


def test_a_cut_gzip_upload_is_read_as_far_as_it_goes() -> None:
    """Compression hides the beginning of a body only from who does not decompress it."""
    whole = "".join(f"m,k=a v={n * 7919 % 1009} {n}\n" for n in range(2000))
    wire = gzip.compress(whole.encode(), mtime=0)
    half = wire[: len(wire) // 2]
    cut = sent(1, half, None, declared=len(wire), encoding="gzip", problem="error decoding gzip stream")
    again = replace(sent(2, whole, declared=len(wire), encoding="gzip"), wire_size=len(wire))

    assert [(2000, 1, (0, 1))] == [(e.count, e.stored, e.sends) for e in Ledger(history(cut, again)).entries()]


def test_a_cut_gzip_upload_never_seen_whole_gives_the_points_it_holds() -> None:
    """What can be read of it was handed over."""
    whole = "".join(f"m,k=a v={n * 7919 % 1009} {n}\n" for n in range(2000))
    wire = gzip.compress(whole.encode(), mtime=0)
    half = wire[: len(wire) // 2]
    cut = sent(1, half, None, declared=len(wire), encoding="gzip", problem="error decoding gzip stream")
    held = Ledger(history(cut)).size

    assert 500 < held < 2000


def test_a_cut_upload_never_seen_whole_keeps_its_whole_lines() -> None:
    """The last line of a cut upload may be the beginning of another point, so it is left out."""
    cut = sent(1, "m,k=a v=1 1\nm,k=a v=1 2", None, declared=100)

    assert {"m,k=a 1": (0, False)} == stored(Ledger(history(cut)))


def test_a_cut_upload_without_a_whole_line_is_one_doubtful_entry() -> None:
    """Nobody knows what it would have been."""
    ((_, entry),) = Ledger(history(sent(1, "m,k=a v=", None, declared=100))).points()

    assert CUT == entry.doubt


@pytest.mark.parametrize(
    ("declared", "intake", "cut"),
    [
        (None, Whole(), False),
        (None, Severed(3), True),
        (None, Refused(5.0), True),
        (12, Whole(), False),
        (13, Whole(), True),
        (12, Severed(12), False),
    ],
)
def test_a_request_is_cut_when_it_is_shorter_than_it_declares(
    declared: int | None, intake: Whole | Severed | Refused, cut: bool
) -> None:
    """The declared length decides; without one, the decision does."""
    assert cut == is_cut(sent(1, lines(1), declared=declared, intake=intake))


def test_pings_are_no_sends() -> None:
    """Health checks carry nothing."""
    assert () == Ledger(history(sent(1, "", 200, path=HEALTH, method="GET"))).sends


def test_queries_are_sends_but_no_batches() -> None:
    """A query can be refused and asked again, but holds no points."""
    ledger = Ledger(history(sent(1, "from(bucket: 1)", 200, path="/api/v2/query")))

    assert (1, 0, 0) == (len(ledger.sends), len(ledger.batches), ledger.size)


def test_the_next_send_is_the_first_after_the_reply_left() -> None:
    """A send that was under way when the reply left does not count."""
    ledger = Ledger(
        history(
            sent(1, lines(1, 2), 429, at=1, left=3),
            sent(2, lines(1), at=2),
            sent(3, lines(3), at=4),
            sent(4, lines(2), at=5),
            sent(5, lines(1, 2), at=6),
        )
    )

    assert ledger.sends[3] == ledger.next_send(ledger.sends[0])


def test_a_send_never_repeated_has_no_next() -> None:
    """Nothing follows a batch that is never sent again."""
    ledger = Ledger(history(sent(1, lines(1), 429), sent(2, lines(2))))

    assert ledger.next_send(ledger.sends[0]) is None


def test_the_manifest_says_what_was_handed_over() -> None:
    """Points on the wire that nobody handed over are told apart, and so are points that never came there."""
    ledger = Ledger(history(sent(1, lines(1) + "other v=1 1"), manifest=lines(1, 2)))

    assert {"m,k=a 1": True, "other 1": False} == {row.shown: e.handed_over for row, e in ledger.points()}
    assert [(((0, "m,k=a 2"),), "")] == [(some.first, some.doubt) for some in ledger.unsent]


def test_without_a_manifest_what_was_sent_was_handed_over() -> None:
    """A client sends nothing that it was not given."""
    assert [True] == [entry.handed_over for entry in Ledger(history(sent(1, lines(1)))).entries()]


@pytest.mark.parametrize(
    ("wire", "query"),
    [
        ("m,k=a,host=h v=1 1234567891", ()),
        ("m,k=a v=1", ()),
        ("m,k=a v=1 1", (("precision", "s"),)),
        ("m,k=a v=2 1234567891", ()),
    ],
)
def test_a_point_that_may_have_been_sent_otherwise_is_in_doubt(wire: str, query: tuple[tuple[str, str], ...]) -> None:
    """Clients add tags, drop timestamps and round them; a like point that nobody handed over may be the one."""
    (point,) = Ledger(history(sent(1, wire, query=query), manifest="m,k=a v=1 1234567891")).unsent

    assert point.doubt


def test_lines_without_identity_are_unnamed() -> None:
    """A manifest's line without timestamp could be any, and one that is no point only the one with its text."""
    ledger = Ledger(history(sent(1, "bad\n", 400), manifest="m v=1\nbad\nworse\n"))

    assert ledger.unnamed is not None
    assert (2, ("m", "worse")) == (ledger.unnamed.count, shown_missing([ledger.unnamed]))


def test_a_report_may_name_points_in_line_protocol() -> None:
    """Lines of a report are points like those of the wire, whatever their spelling."""
    ledger = Ledger(history(sent(1, "m,k=a v=1 1", 429), reports=(Report("failed", "", "m,k=a v=1.0 1"),)))
    ((row, entry),) = ledger.points()

    assert entry.named is not None
    assert entry.named == ledger.account.of_point(digest_of(row.loose))


def test_a_reply_that_broke_off_is_no_reply() -> None:
    """A client that had half a reply was told nothing for certain."""
    (send,) = Ledger(history(sent(1, lines(1), 204, ended=Ended.CLOSED))).sends

    assert (None, 0, True) == (send.reply, send.status, send.dropped)


@pytest.mark.parametrize(
    ("event", "acknowledged"),
    [
        (sent(1, lines(1, 2), 204, effect=Effect.NONE), [True, True]),
        (sent(1, lines(1, 2), 201, refused=(2,)), [True, False]),
        (sent(1, lines(1, 2), 204, refused=(2,)), [True, True]),
        (sent(1, lines(1, 2), 204, refused=(2,), reply=b"line 2 is refused"), [True, True]),
        (sent(1, lines(1, 2), 201, refused=(2,), reply=b""), [True, True]),
        (sent(1, lines(1, 2), 429), [False, False]),
        (sent(1, lines(1, 2), None), [False, False]),
    ],
)
def test_a_line_is_acknowledged_by_a_success_that_does_not_name_it(event: object, acknowledged: list[bool]) -> None:
    """A 204 has no body to name a line in, so it acknowledges all."""
    ledger = Ledger(history(event))  # type: ignore[arg-type]

    assert acknowledged == [entry.acknowledged for _, entry in ledger.points()]


def test_identities_are_spelt_like_line_protocol() -> None:
    """Special characters are escaped, and bytes that are no UTF-8 stay printable."""
    assert r"a\ b,k\==\,\xff 7" == spelt("a b", (("k=", ",\udcff"),), 7)


def test_only_the_first_points_are_shown() -> None:
    """A judgement stays readable however much was lost."""
    ledger = Ledger(history(sent(1, lines(*range(100)))))

    assert tuple(f"m,k=a {n}" for n in range(SHOWN)) == shown(ledger.entries())


def test_points_of_several_batches_are_shown_up_to_the_limit() -> None:
    """Those of the first batch come first."""
    ledger = Ledger(history(sent(1, lines(*range(15))), sent(2, lines(*range(15, 40))), sent(3, lines(50))))

    assert tuple(f"m,k=a {n}" for n in range(SHOWN)) == shown(ledger.entries())


def test_missing_points_are_shown_in_the_order_of_the_manifest() -> None:
    """Whatever is known of them."""
    other = "n v=1 7\n"
    wanted = lines(*range(10, 19)) + other + lines(*range(19, 40))
    ledger = Ledger(history(sent(1, "n v=2 7"), manifest=wanted))

    assert [30, 1] == [some.count for some in ledger.unsent]
    found = shown_missing(ledger.unsent)
    assert (SHOWN, "m,k=a 18", "n 7", "m,k=a 19") == (len(found), *found[8:11])


def test_a_body_nobody_can_read_is_shown_by_its_batch() -> None:
    """It has no better name; a line that is no UTF-8 has its own, with escapes."""
    ledger = Ledger(history(sent(1, "m v=1 5", 400, query=(("precision", "parsec"),)), sent(2, b"\xff\n", 400)))
    (unknown, bad), names = ledger.batches.values(), [row.shown for row, _ in ledger.points()]

    assert [f"batch {unknown.name[:8]}", r"\xff"] == names
    assert (1, True) == (bad.lines, unknown.doubt != bad.doubt)


def test_work_grows_with_the_history_not_its_square() -> None:
    """Twice as many resends of one batch cost twice the carrying, counted in sends noted."""
    noted = [
        sum(len(entry.sends) for entry in Ledger(history(*(sent(n, lines(1, 2), 429) for n in range(size)))).entries())
        for size in (50, 100)
    ]

    assert noted[1] == 2 * noted[0]

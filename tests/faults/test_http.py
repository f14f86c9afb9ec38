"""The documented answers as faults: when each fires, what it says, and what upstream gets."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faultlab import contract, faults, lineprotocol
from faultlab.contract import Profile
from faultlab.exchange import (
    ENDPOINTS,
    V1_QUERY,
    V1_WRITE,
    V2_WRITE,
    V3_WRITE,
    Body,
    Decision,
    Everything,
    Exchange,
    Lines,
    Nothing,
    Refusal,
    Upstream,
)
from faultlab.faults import (
    MalformedLine,
    PartialWrite,
    Quota,
    TooLarge,
    TypeConflict,
    Unavailable,
)
from faultlab.faults.knob import knobs
from tests.faults.scenes import TWO_LINES, endpoint_of, endpoints_without, scene, sent, told

DOCUMENTED = [
    pytest.param(kind, profile, id=f"{kind.name}-{profile.name}")
    for kind in faults.ALL
    if faults.family_of(kind)
    for profile in contract.ALL
    if faults.is_documented(kind(), profile)
]
UNDOCUMENTED = [
    pytest.param(kind, profile, id=f"{kind.name}-{profile.name}")
    for kind in faults.ALL
    if faults.family_of(kind)
    for profile in contract.ALL
    if endpoints_without(kind, profile)
]


def _fired(kind: type[Any], profile: Profile) -> tuple[Exchange, Decision]:
    """Give the first exchange, of one for each documented row, on which a fault with default knobs decides."""
    for row in profile.of(faults.family_of(kind)):
        exchange = sent(TWO_LINES, endpoint_of(row))
        memory = None
        if kind is Quota:
            exchange = sent(bytes(5_000_001), endpoint_of(row))
            memory = Quota().remember()
        decision = kind().decide(exchange, scene(profile.name, memory=memory))
        if decision is not None:
            return exchange, decision
    pytest.fail(f"{kind.name} never fires under {profile.name}")


@pytest.mark.parametrize(("kind", "profile"), DOCUMENTED)
def test_default_fault_gives_a_documented_answer(kind: type[Any], profile: Profile) -> None:
    """Without knobs every fault fires under every profile that documents it, and answers with the row it names."""
    exchange, decision = _fired(kind, profile)
    rows = [row for row in profile.of(faults.family_of(kind)) if row.id == decision.row]

    assert rows
    assert any(row.answers(exchange.endpoint) for row in rows)
    if kind.name in {"success", "no_content"}:
        assert (Upstream(), Everything()) == (decision.reply, decision.deliver)
    else:
        assert rows[0].status == told(decision).status


@pytest.mark.parametrize(("kind", "profile"), DOCUMENTED)
def test_answer_tells_nothing_of_the_sample(kind: type[Any], profile: Profile) -> None:
    """No answer that speaks of a bucket, a path or a line speaks of the sample's instead of the request's."""
    _, decision = _fired(kind, profile)
    said = b"" if isinstance(decision.reply, Upstream) else told(decision).body

    assert [] == [word for word in (b"air_sensor", b"room=kitchen", b"$") if word in said]


@pytest.mark.parametrize(("kind", "profile"), UNDOCUMENTED)
def test_fault_declines_where_nothing_is_documented(kind: type[Any], profile: Profile) -> None:
    """At an endpoint for which the profile documents nothing, and at none, a fault leaves the exchange alone."""
    paths = (*endpoints_without(kind, profile), "/elsewhere")
    body = bytes(5_000_001) if kind is Quota else TWO_LINES
    decided = []
    for path in paths:
        memory = kind().remember() if hasattr(kind, "remember") else None
        decided.append(kind().decide(sent(body, path), scene(profile.name, memory=memory)))

    assert [None] * len(paths) == decided


CAUSES = [
    (kind, cause)
    for kind in faults.ALL
    for item in knobs(kind)
    if item.name == "cause"
    for cause in item.metadata["choices"]
    if cause is not None
]


@pytest.mark.parametrize(("kind", "cause"), CAUSES)
def test_cause_gives_its_own_answer(kind: type[Any], cause: str) -> None:
    """Each cause a fault offers is documented somewhere, and answered so wherever it is."""
    asked = [(profile.name, row) for profile in contract.ALL for row in profile.of(kind.name) if row.cause == cause]
    decided = [kind(cause=cause).decide(sent(TWO_LINES, endpoint_of(row)), scene(name)) for name, row in asked]
    given = [decision and decision.row.rpartition("/")[0] for decision in decided]

    assert asked
    assert [f"{kind.name}/{cause}"] * len(asked) == given


@pytest.mark.parametrize(("kind", "cause"), CAUSES)
def test_cause_is_declined_where_it_is_not_documented(kind: type[Any], cause: str) -> None:
    """A profile that does not document a cause never answers with another one's row."""
    others = [profile for profile in contract.ALL if cause not in {row.cause for row in profile.of(kind.name)}]
    decided = [kind(cause=cause).decide(sent(TWO_LINES, path), scene(p.name)) for p in others for path in ENDPOINTS]

    assert [None] * len(decided) == decided


def test_every_documented_cause_is_offered() -> None:
    """Whoever wants a documented answer of a fault that has causes finds its cause among the knob's choices."""
    offered = {(kind.name, cause) for kind, cause in CAUSES}
    kinds = {name for name, _ in offered}
    documented = {(row.fault, row.cause) for profile in contract.ALL for row in profile.rows if row.fault in kinds}

    assert offered == documented


@pytest.mark.parametrize(
    "kind", [k for k in faults.ALL if any(f.name == "stored" for f in fields(k)) and faults.family_of(k)]
)
@pytest.mark.parametrize(("stored", "deliver"), [(False, Nothing()), (True, Everything())])
def test_server_may_store_and_still_fail(kind: type[Any], stored: bool, deliver: Nothing | Everything) -> None:
    """``stored`` delivers the batch and tells the client the same failure."""
    decision = kind(stored=stored).decide(sent(), scene())

    assert (deliver, told(kind().decide(sent(), scene()))) == (decision.deliver, told(decision))


def test_not_stored_reaches_nobody() -> None:
    """Every refusal that offers no choice keeps the batch from upstream."""
    refusing = [
        k for k in faults.ALL if k not in {PartialWrite, Quota} and k.name not in {"success", "no_content", "catalogue"}
    ]
    decided = [
        _fired(kind, profile)[1].deliver for kind in refusing for profile in contract.ALL if profile.of(kind.name)
    ]

    assert {Nothing()} == set(decided)


MIXED = b"""# a comment

m,k=a v=1 1
m s="two
lines" 2
m v= 3

m,k=b v=2i 4
# another
m,k=c v=3 5"""
"""Points at physical lines 3, 4 and 5 together, 8 and 10, ordinals 1, 2, 4 and 5; line 6 does not parse, ordinal 3."""

TEXTS = {3: "m,k=a v=1 1", 4: 'm s="two\nlines" 2', 6: "m v= 3", 8: "m,k=b v=2i 4", 10: "m,k=c v=3 5"}
ORDINALS = {3: 1, 4: 2, 6: 3, 8: 4, 10: 5}


@pytest.mark.parametrize("encoding", ["", "gzip"])
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("share", "count"), [(0.0, 1), (0.25, 1), (0.5, 2), (0.75, 3), (1.0, 3)])
def test_refused_lines_are_named_by_their_first_physical_line(
    share: float, count: int, seed: int, encoding: str
) -> None:
    """The share of good lines is refused, at least one and never all, and every line that does not parse besides."""
    decision = PartialWrite(share=share).decide(sent(MIXED, encoding=encoding), scene(seed=seed))
    assert decision is not None
    named = {refusal.line: refusal.text for refusal in decision.refused}

    assert (count + 1, True, {n: TEXTS[n] for n in named}, Lines(tuple(sorted(named)))) == (
        len(named),
        6 in named,
        named,
        decision.deliver,
    )


@pytest.mark.parametrize(
    ("profile", "path", "numbering", "numbers"),
    [
        ("serverless", V2_WRITE, "documented", ORDINALS),
        ("serverless", V2_WRITE, "points", ORDINALS),
        ("serverless", V2_WRITE, "physical", {n: n for n in ORDINALS}),
        ("core", V3_WRITE, "documented", ORDINALS),
        ("core", V3_WRITE, "physical", {n: n for n in ORDINALS}),
    ],
)
def test_answer_numbers_lines_as_asked(profile: str, path: str, numbering: str, numbers: dict[int, int]) -> None:
    """The answer counts lines as the product does, or as the knob says; what is kept from upstream stays physical."""
    decision = PartialWrite(share=0.5, numbering=numbering).decide(sent(MIXED, path), scene(profile))
    assert decision is not None
    assert isinstance(decision.deliver, Lines)
    said = re.findall(rb'(?:line |"line_number":)(\d+)', told(decision).body)

    assert [numbers[line] for line in decision.deliver.refused] == [int(number) for number in said]


@pytest.mark.parametrize(
    ("profile", "path"), [("tsm", V2_WRITE), ("oss2", V2_WRITE), ("oss1", V1_WRITE), ("oss1", V2_WRITE)]
)
def test_schema_refusals_speak_of_types(profile: str, path: str) -> None:
    """Where a partial write is a matter of the schema, a refused point's reason is a type conflict."""
    row = contract.named(profile).select("partial_write", path)
    decision = PartialWrite().decide(sent(TWO_LINES, path), scene(profile))
    assert decision is not None
    assert row is not None
    wanted = "type conflict" if row.cause == "schema" else "missing fields"

    assert [True] == [wanted in refusal.reason for refusal in decision.refused]


@pytest.mark.parametrize(
    ("status", "path", "row"),
    [
        (None, V2_WRITE, "partial_write/syntax/201"),
        (201, V2_WRITE, "partial_write/syntax/201"),
        (204, V2_WRITE, "partial_write/syntax/204"),
        (400, V2_WRITE, "partial_write/syntax/400"),
        (400, V1_WRITE, "partial_write/syntax/400"),
        (422, V2_WRITE, ""),
    ],
)
def test_status_chooses_among_documents_that_disagree(status: int | None, path: str, row: str) -> None:
    """A status some document has gives that document's answer; one that none has names no row."""
    decision = PartialWrite(status=status).decide(sent(TWO_LINES, path), scene())

    assert (status or 201, row) == (told(decision).status, decision and decision.row)


@pytest.mark.parametrize("status", [204, 400])
def test_status_gives_the_body_of_its_document(status: int) -> None:
    """The answer of a chosen status is rendered by that status's own row."""
    profile = contract.named("serverless")
    row = profile.select("partial_write", V2_WRITE, status=status)
    decision = PartialWrite(status=status).decide(sent(), scene())
    assert row is not None
    assert decision is not None
    facts = {
        "refusals": decision.refused,
        "bucket": "b",
        "database": "b",
        "written": 1,
        "path": V2_WRITE,
        "method": "POST",
    }

    assert profile.render(row, facts) == told(decision)


@pytest.mark.parametrize(
    "exchange",
    [
        sent(b"m v=1 1\n"),
        sent(b"m v=1 1\nm v=\n# x\n\n"),
        sent(b""),
        sent(b"\n# only this\n"),
        sent(TWO_LINES, method="GET"),
        sent(TWO_LINES, encoding="br"),
        sent(TWO_LINES, "/elsewhere"),
    ],
)
def test_partial_write_needs_two_good_lines(exchange: Exchange) -> None:
    """A batch of which nothing could be stored, or nothing refused, is left alone."""
    decision = PartialWrite().decide(exchange, scene())

    assert decision is None


POOL = (b"m,k=a v=1 1", b'm s="two\nlines" 2', b"# comment", b"", b"m v= 3", b"nonsense", b"m,k=b v=2i")
BATCHES = st.lists(st.sampled_from(POOL), max_size=12).map(b"\n".join)


@settings(deadline=None)
@given(body=BATCHES, share=st.sampled_from((0.0, 0.25, 0.5, 1.0)), seed=st.integers(0, 99), data=st.data())
def test_kept_body_is_the_body_without_the_refused(body: bytes, share: float, seed: int, data: st.DataObject) -> None:
    """What upstream receives is the body minus the refused lines: its points are the good ones that were not drawn."""
    profile = data.draw(st.sampled_from([p for p in contract.ALL if p.select("partial_write", V2_WRITE)]))
    decision = PartialWrite(share=share).decide(sent(body), scene(profile.name, seed=seed))
    whole = lineprotocol.parse(body, profile.dialect)
    if decision is None:
        assert len(whole.points) < 2
        return
    assert isinstance(decision.deliver, Lines)
    refused = set(decision.deliver.refused)
    kept = lineprotocol.parse(lineprotocol.without(body, refused, profile.dialect), profile.dialect)
    wanted = [(p.identity, p.fields) for p in whole.points if p.line not in refused]
    drawn = min(max(round(share * len(whole.points)), 1), len(whole.points) - 1)

    assert (wanted, (), drawn) == (
        [(p.identity, p.fields) for p in kept.points],
        kept.refused,
        len(whole.points) - len(wanted),
    )
    assert {line.line for line in whole.refused} <= refused
    assert wanted


def test_restated_answer_names_more_lines() -> None:
    """An answer can be given anew for more lines than were kept from upstream, in its status and its words."""
    fault = PartialWrite(share=0.0)
    exchange = sent(MIXED)
    more = (Refusal(3, TEXTS[3], "one"), Refusal(10, TEXTS[10], "two"))
    again = fault.restate(exchange, contract.named("serverless"), more, 201)

    assert (201, [b"1", b"5"]) == (again.status, re.findall(rb"line (\d+)", again.body))


def test_written_counts_points_alone() -> None:
    """An answer that says how many points were written counts neither comments nor blank lines."""
    decision = PartialWrite(share=0.25).decide(sent(MIXED), scene("tsm"))

    assert b"partial write error (3 written)" in told(decision).body


@pytest.mark.parametrize(
    ("body", "line", "reason"),
    [
        (MIXED, 3, "No fields were provided"),
        (b"# x\nm v=1\nm v=x 2\n", 2, ""),
    ],
)
def test_first_line_that_does_not_parse_is_named(body: bytes, line: int, reason: str) -> None:
    """Where a line does not parse, the refusal of the batch names that one, by number and in the server's words."""
    decision = MalformedLine().decide(sent(body), scene())
    said = json.loads(told(decision).body)["message"]

    assert (Nothing(), True, True) == (decision and decision.deliver, f"line {line} " in said, reason in said)


def test_good_batch_is_blamed_on_a_drawn_line() -> None:
    """Where every line parses, each is blamed sooner or later."""
    blamed = set()
    for seed in range(40):
        decision = MalformedLine().decide(sent(TWO_LINES), scene(seed=seed))
        blamed |= set(re.findall(rb"line (\d+) ", told(decision).body))

    assert {b"1", b"2"} == blamed


@pytest.mark.parametrize("kind", [MalformedLine, TypeConflict])
@pytest.mark.parametrize(
    "exchange",
    [sent(b""), sent(b"# x\n\n"), sent(TWO_LINES, method="GET"), sent(TWO_LINES, encoding="br"), sent(b"", V1_QUERY)],
)
def test_no_line_no_blame(kind: type[Any], exchange: Exchange) -> None:
    """A request without a line to blame is left alone."""
    decision = kind().decide(exchange, scene())

    assert decision is None


def test_only_malformed_lines_have_no_types() -> None:
    """A body without points is left alone by a type conflict."""
    decision = TypeConflict().decide(sent(b"m v=\nnonsense\n"), scene())

    assert decision is None


@pytest.mark.parametrize(
    ("profile", "value", "said"),
    [
        (
            "serverless",
            b"1",
            "iox::column_type::field::float type into column v  with type iox::column_type::field::string",
        ),
        (
            "serverless",
            b'"x"',
            "iox::column_type::field::string type into column v  with type iox::column_type::field::float",
        ),
        ("oss2", b"1i", 'field "v" on measurement "m" is type integer, already exists as type string'),
        ("oss1", b"t", 'field "v" on measurement "m" is type boolean, already exists as type string'),
        ("core", b"1u", "column 'v', expected iox::column_type::field::string, got iox::column_type::field::uinteger"),
    ],
)
def test_conflict_names_the_type_that_was_sent(profile: str, value: bytes, said: str) -> None:
    """A type conflict tells the type the point has, and another one that it is said to have had."""
    body = b"m v=" + value + b" 1\n"
    decision = TypeConflict().decide(sent(body, V3_WRITE if profile == "core" else V2_WRITE), scene(profile))

    assert said in told(decision).body.decode().replace('\\"', '"')


@pytest.mark.parametrize("precision", ["s", "nonsense", ""])
def test_precision_never_stops_a_fault(precision: str) -> None:
    """A body is parsed by the request's precision, and as nanoseconds where that is none."""
    exchange = sent(b"m v=1 1\nm v=2 9223372036\n", query=(("bucket", "b"), ("precision", precision)))
    decision = PartialWrite().decide(exchange, scene())

    assert 201 == told(decision).status


@pytest.mark.parametrize(
    ("knob", "exchange", "fires"),
    [
        ({"by": "size", "wire": 24}, sent(TWO_LINES), False),
        ({"by": "size", "wire": 23}, sent(TWO_LINES), True),
        ({"by": "size", "decoded": 999}, sent(bytes(1000), encoding="gzip"), True),
        ({"by": "size", "decoded": 1000}, sent(bytes(1000), encoding="gzip"), False),
        ({"by": "size"}, sent(TWO_LINES), False),
        ({"by": "size"}, replace(sent(), body=Body(gzip.compress(bytes(1_000_000)) * 250, "gzip")), False),
        ({"by": "size"}, replace(sent(), body=Body(gzip.compress(bytes(1_000_000)) * 251, "gzip")), True),
        ({"by": "draw"}, sent(TWO_LINES), True),
        ({"by": "size", "wire": 0}, sent(b"", encoding=""), False),
    ],
)
def test_size_is_measured(knob: dict[str, Any], exchange: Exchange, fires: bool) -> None:
    """By size only requests over a limit are refused: the knob's, or the documented one."""
    decision = TooLarge(**knob).decide(exchange, scene())

    assert fires is (decision is not None)


@pytest.mark.parametrize(
    ("body", "media"),
    [(None, "text/html"), ("html", "text/html"), ("json", "application/json"), ("text", "text/plain")],
)
def test_form_of_too_large_is_chosen(body: str | None, media: str) -> None:
    """The answer to a large request comes as HTML, JSON or text."""
    answer = told(TooLarge(body=body).decide(sent(), scene()))

    assert (413, media) == (answer.status, (answer.header("Content-Type") or "").partition(";")[0])


def test_names_are_found() -> None:
    """Each fault is found by its name, and an unknown name is answered with the nearest."""
    found = [faults.named(kind.name) for kind in faults.ALL]
    with pytest.raises(faults.KnobError) as caught:
        faults.named("rate_limt")

    assert (list(faults.ALL), "no fault named 'rate_limt'; did you mean 'rate_limit'?") == (found, str(caught.value))


def test_unlike_name_is_answered_with_all() -> None:
    """A name that is like none is answered with all there are."""
    with pytest.raises(faults.KnobError) as caught:
        faults.named("zzz")

    assert f"no fault named 'zzz'; known: {', '.join(kind.name for kind in faults.ALL)}" == str(caught.value)


def test_every_fault_says_what_it_does() -> None:
    """Names are words of their own, and every fault and its decision have a docstring."""
    names = [kind.name for kind in faults.ALL]
    undocumented = [kind.name for kind in faults.ALL if not kind.__doc__ or not kind.decide.__doc__]

    assert (len(names), []) == (len(set(names)), undocumented)


def test_same_draw_same_decision() -> None:
    """A decision depends on the draw it is handed and on nothing else."""
    first, again = (PartialWrite(share=0.5).decide(sent(MIXED), scene(seed=3)) for _ in range(2))

    assert first == again


def test_unavailable_is_retryable_by_its_row() -> None:
    """A 503 of the service names the row that tells to retry."""
    decision = Unavailable().decide(sent(), scene())
    row = contract.named("serverless").select("unavailable", V2_WRITE)

    assert (row and row.id) == (decision and decision.row)

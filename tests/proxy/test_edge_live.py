"""The edge over real sockets: what was decided is what the client sees and what the origin holds."""

from __future__ import annotations

import gzip
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from faultlab import contract, faults
from faultlab.exchange import ENDPOINTS, WRITES, Answer, Effect, Lines
from faultlab.faults import Catalogue, PartialWrite, RateLimit, TooLarge, Unavailable
from faultlab.faults.catalogue import rows_at
from faultlab.history import Ended
from faultlab.plan import Match, Range, Rule, When
from tests.labs import AUTH, finished, plan_of, running
from tests.raw import LINE, Raw, Seen

BODY = b"".join(b"cpu,host=h%d usage=%d 170000000000000000%d\n" % (n, n, n) for n in range(6))


def stored(raw: Raw) -> list[Any]:
    """Give the rows the origin holds of measurement cpu in bucket b."""
    seen = raw.ask("GET", "/query?db=b&q=SELECT%20*%20FROM%20cpu", headers=AUTH)
    series = seen.json["results"][0].get("series", [])
    return [row for one in series for row in one["values"]]


def test_without_a_rule_upstream_answers(tmp_path: Path) -> None:
    """A write no rule speaks of is stored, answered by the origin, and recorded."""
    with running(plan_of(), tmp_path / "h") as lab:
        with Raw(lab.port) as raw:
            seen = raw.write(BODY, headers=AUTH)
            rows = stored(raw)
        past = finished(lab)

    assert (204, 6, Effect.ALL) == (seen.status, len(rows), past.events[0].outcome and past.events[0].outcome.effect)


def test_rate_limit_over_the_wire(tmp_path: Path) -> None:
    """The client reads 429 and whole seconds; the origin holds nothing; the connection stays usable."""
    rule = Rule(RateLimit(min_wait=3, max_wait=3), match=Match(endpoint="write", attempt=Range(1, 1)))
    with running(plan_of(rule), tmp_path / "h") as lab, Raw(lab.port) as raw:
        first = raw.write(BODY, headers=AUTH)
        before = stored(raw)
        second = raw.write(BODY, headers=AUTH)
        after = stored(raw)

    assert (429, ["3"], [], 204, 6) == (first.status, first.all("retry-after"), before, second.status, len(after))


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("absent", []),
        ("empty", [""]),
        ("negative", ["-2"]),
        ("repeated", ["2", "3"]),
        ("padded", ["2"]),
        ("zero", ["0"]),
    ],
)
def test_every_form_of_retry_after_reaches_the_client(tmp_path: Path, form: str, expected: list[str]) -> None:
    """Odd Retry-After headers arrive as they were drawn, absent and repeated ones too."""
    with running(plan_of(RateLimit(form=form, min_wait=2, max_wait=2)), tmp_path / "h") as lab, Raw(lab.port) as raw:
        seen = raw.write(headers=AUTH)

    assert (429, expected) == (seen.status, [value.strip() for value in seen.all("retry-after")])


@pytest.mark.parametrize("compressed", [False, True])
def test_partial_write_stores_what_it_does_not_name(tmp_path: Path, *, compressed: bool) -> None:
    """The lines the answer names are missing from the origin, and all others are there."""
    body = gzip.compress(BODY) if compressed else BODY
    headers = {**AUTH, "Content-Encoding": "gzip"} if compressed else AUTH
    with running(plan_of(PartialWrite(share=0.5)), tmp_path / "h") as lab:
        with Raw(lab.port) as raw:
            seen = raw.write(body, headers=headers)
            rows = stored(raw)
        event = finished(lab).events[0]

    deliver = event.decision.deliver
    assert isinstance(deliver, Lines)
    assert (201, 3, 3) == (seen.status, len(rows), len(deliver.refused))
    assert all(f"line {number} " in seen.json["message"] for number in deliver.refused)
    assert event.outcome is not None
    assert Effect.PART is event.outcome.effect


def test_lines_the_origin_refuses_are_reported_beside_the_drawn_ones(tmp_path: Path) -> None:
    """A type conflict among the delivered lines is named in the same 201, under its number in the client's own body."""
    body = b'# heading\ncpu,host=a usage=1 1\n\ncpu,host=b usage=2 2\ncpu,host=c usage="x" 3\ncpu,host=d usage=4 4\n'
    with running(plan_of(PartialWrite(share=0.1, numbering="physical")), tmp_path / "h") as lab:
        with Raw(lab.port) as raw:
            raw.write(b"cpu usage=1 1\n", headers=AUTH)
            seen = raw.write(body, headers=AUTH)
        event = finished(lab).events[1]

    assert isinstance(event.decision.deliver, Lines)
    drawn = event.decision.deliver.refused
    assert 201 == seen.status
    if drawn != (5,):
        assert event.outcome is not None
        assert (5,) == tuple(refusal.line for refusal in event.outcome.refused)
    assert all(f"line {number} " in seen.json["message"] for number in {*drawn, 5})


def test_a_stored_batch_may_be_answered_with_a_failure(tmp_path: Path) -> None:
    """Everything delivered and 503 told: the points are there although the client was refused."""
    with running(plan_of(Unavailable(stored=True)), tmp_path / "h") as lab:
        with Raw(lab.port) as raw:
            seen = raw.write(BODY, headers=AUTH)
        outcome = finished(lab).events[0].outcome

    assert outcome is not None
    assert (503, 204, Effect.ALL) == (seen.status, outcome.status, outcome.effect)


@pytest.mark.parametrize("profile", [profile.name for profile in contract.ALL])
def test_every_documented_answer_arrives_as_it_was_decided(tmp_path: Path, profile: str) -> None:
    """At each endpoint each row of the contract reaches the client: status, headers and body, byte for byte."""
    chosen = contract.named(profile)
    rows = {endpoint: rows_at(chosen, endpoint) for endpoint in ENDPOINTS}
    seen = []
    with running(plan_of(Catalogue(max_wait=0), profile=profile), tmp_path / "h") as lab:
        for endpoint, those in rows.items():
            for number in range(len(those)):
                with Raw(lab.port) as raw:
                    target = f"{endpoint}?org=o&bucket=b&db=b&q={number}"
                    method = "POST" if endpoint in WRITES else "GET"
                    seen.append(raw.ask(method, target, BODY if endpoint in WRITES else b"", AUTH))
        events = finished(lab).events

    assert sum(map(len, rows.values())) == len(seen) == len(events)
    given = {endpoint: [e.decision.row for e in events if e.exchange.path == endpoint] for endpoint in rows}
    assert {endpoint: [row.id for row in those] for endpoint, those in rows.items()} == given
    for event, reply in zip(events, seen, strict=True):
        decided = event.decision.reply
        if isinstance(decided, Answer):
            assert (decided.status, decided.body) == (reply.status, reply.body), event.decision.row
            assert [(n, v.strip()) for n, v in decided.headers] == [
                (n, v.strip()) for n, v in reply.headers if n not in {"Content-Length", "Connection"}
            ], event.decision.row


def test_a_204_with_a_body_spoils_no_later_reply(tmp_path: Path) -> None:
    """Whoever takes it for a reply without a body finds the connection at its end, as it was told."""
    with running(plan_of(Rule(PartialWrite(status=204))), tmp_path / "h") as lab, Raw(lab.port) as raw:
        seen = raw.write(LINE * 2, headers=AUTH)
        after = raw.read()

    assert (204, ["close"], True) == (seen.status, seen.all("connection"), bool(seen.body))
    assert (0, "fin") == (after.status, after.end)


def test_too_large_by_size_measures_what_was_sent(tmp_path: Path) -> None:
    """Only requests over the limit are refused: on the wire, and after decompression."""
    rule = Rule(TooLarge(by="size", wire=1000, decoded=5000))
    small, large, bomb = LINE, LINE * 40, gzip.compress(LINE * 400)
    with running(plan_of(rule), tmp_path / "h") as lab, Raw(lab.port) as raw:
        seen = [
            raw.write(small, headers=AUTH).status,
            raw.write(large, headers=AUTH).status,
            raw.write(bomb, headers={**AUTH, "Content-Encoding": "gzip"}).status,
        ]

    assert len(bomb) < 1000
    assert [204, 413, 413] == seen


def test_secrets_are_not_in_the_history(tmp_path: Path) -> None:
    """The token, sent as a header and as a parameter, stands in no byte of the history."""
    with running(plan_of(), tmp_path / "h") as lab:
        with Raw(lab.port) as raw:
            raw.write(headers=AUTH)
            raw.ask("POST", "/write?db=b&u=user&p=secret-of-the-test", LINE)
        finished(lab)

    held = b"".join(path.read_bytes() for path in (tmp_path / "h").rglob("*") if path.is_file())
    assert b"secret-of-the-test" not in held
    assert b"[redacted " in held


def test_a_client_that_leaves_is_recorded(tmp_path: Path) -> None:
    """A request that never comes to its end has an exchange and an outcome all the same."""
    with running(plan_of(), tmp_path / "h") as lab:
        with Raw(lab.port) as raw:
            raw.send(b"POST /api/v2/write?bucket=b HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\ncpu usage=1")
            with Raw(lab.port) as other:
                other.write(headers=AUTH)
        past = finished(lab)

    endings = {event.outcome.ended for event in past.events if event.outcome}
    assert {Ended.REPLIED, Ended.CLIENT_LEFT} == endings


def test_the_history_says_everything_that_was_decided(tmp_path: Path) -> None:
    """Rule, draw, row and all four choices of a decision are read back from the events."""
    rule = Rule(RateLimit(), name="quota", when=When(probability=0.999999))
    with running(plan_of(rule), tmp_path / "h") as lab:
        with Raw(lab.port) as raw:
            raw.write(headers=AUTH)
        decision = finished(lab).events[0].decision

    assert ("quota", "rate_limit", "nothing", "answer", "whole", "at_once") == (
        decision.rule,
        decision.fault,
        decision.deliver.kind,
        decision.reply.kind,
        decision.intake.kind,
        decision.ending.kind,
    )
    assert decision.draw is not None


def test_every_line_of_the_history_is_json(tmp_path: Path) -> None:
    """The first line says what was planned and the last that the run ended."""
    with running(plan_of(), tmp_path / "h") as lab:
        with Raw(lab.port) as raw:
            raw.write(headers=AUTH)
        finished(lab)
    events = [json.loads(line)["event"] for line in (tmp_path / "h" / "events.jsonl").read_text().splitlines()]

    assert ["run", "exchange", "outcome", "end"] == events


def test_every_fault_has_a_name_of_its_own() -> None:
    """No two faults share a name, because scenario files know them by it."""
    names = [kind.name for kind in faults.ALL]

    assert sorted(set(names)) == sorted(names)


def test_large_bodies_are_worked_on_one_at_a_time(tmp_path: Path) -> None:
    """Bodies parsed beside the event loop, several at once, are decided and stored as small ones are."""
    bodies = [
        b"".join(b"cpu,host=h%d,part=%d usage=%d %d\n" % (n % 7, part, n, 10**18 + n) for n in range(8000))
        for part in range(4)
    ]
    assert min(map(len, bodies)) > 256 * 1024
    with running(plan_of(PartialWrite(share=0.25)), tmp_path / "h") as lab:
        seen: list[Seen] = []

        def write(body: bytes) -> None:
            with Raw(lab.port) as raw:
                seen.append(raw.write(body, headers=AUTH))

        threads = [threading.Thread(target=write, args=(body,)) for body in (*bodies, BODY)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with Raw(lab.port) as raw:
            count = raw.ask("GET", "/query?db=b&q=SELECT%20COUNT(usage)%20FROM%20cpu", headers=AUTH)
        past = finished(lab)

    assert [201] * 5 == [one.status for one in seen]
    assert 4 * 6000 + 4 == count.json["results"][0]["series"][0]["values"][0][1]
    assert [Effect.PART] * 5 == [event.outcome.effect for event in past.events[:5] if event.outcome]


def test_one_connection_and_sixty_four_are_decided_alike(tmp_path: Path) -> None:
    """The same writes with the same seed get the same answers, whether one after the other or sixty-four at a time."""
    bodies = [BODY.replace(b"cpu", b"m%d" % number) for number in range(128)]
    rule = Rule(RateLimit(), when=When(probability=0.5))

    def statuses(folder: Path, connections: int) -> dict[bytes, tuple[int, tuple[str, ...]]]:
        seen: dict[bytes, tuple[int, tuple[str, ...]]] = {}
        with running(plan_of(rule), folder) as lab:
            together = threading.Barrier(connections)

            def write(those: list[bytes]) -> None:
                with Raw(lab.port) as raw:
                    together.wait()
                    for body in those:
                        reply = raw.write(body, headers=AUTH)
                        seen[body] = (reply.status, tuple(reply.all("retry-after")))

            threads = [threading.Thread(target=write, args=(bodies[n::connections],)) for n in range(connections)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        return seen

    alone, crowded = statuses(tmp_path / "1", 1), statuses(tmp_path / "64", 64)

    assert 128 == len(alone)
    assert alone == crowded
    assert {204, 429} == {status for status, _ in alone.values()}

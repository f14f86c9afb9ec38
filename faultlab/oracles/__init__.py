"""The built-in oracles in report order, and how a history is put to them.

Importing registers nothing: ``ALL`` is the list.
"""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Collection, Iterator, Sequence

from faultlab.history import History
from faultlab.ledger import Ledger
from faultlab.oracles.budget import keeps_the_request_budget
from faultlab.oracles.delivery import delivers_through_transient_failures
from faultlab.oracles.ending import ends_well
from faultlab.oracles.hostility import survives_any_retry_after
from faultlab.oracles.loss import loses_nothing_silently
from faultlab.oracles.pacing import backs_off
from faultlab.oracles.partial import reports_partial_writes
from faultlab.oracles.permanence import leaves_permanent_failures_alone
from faultlab.oracles.poison import lets_good_lines_pass_bad_ones
from faultlab.oracles.recovery import recovers_promptly
from faultlab.oracles.repetition import repeats_only_idempotently
from faultlab.oracles.secrecy import keeps_its_secrets
from faultlab.oracles.splitting import splits_oversized_batches
from faultlab.oracles.truth import tells_the_truth
from faultlab.oracles.types import keeps_field_types
from faultlab.oracles.validity import writes_valid_lines
from faultlab.oracles.waiting import waits_as_told
from faultlab.verdict import KEPT, Counts, Finding, Judgement, Oracle, Verdict, Verdicts

ALL: tuple[Oracle, ...] = (
    loses_nothing_silently,
    delivers_through_transient_failures,
    waits_as_told,
    survives_any_retry_after,
    leaves_permanent_failures_alone,
    reports_partial_writes,
    splits_oversized_batches,
    backs_off,
    keeps_the_request_budget,
    lets_good_lines_pass_bad_ones,
    repeats_only_idempotently,
    writes_valid_lines,
    keeps_field_types,
    recovers_promptly,
    ends_well,
    tells_the_truth,
    keeps_its_secrets,
)


class UnknownOracle(ValueError):  # noqa: N818 - it says what is wrong with a name, as a noun
    """No oracle has the given name; the message names it and the nearest that exists."""


def named(name: str, oracles: Sequence[Oracle] = ALL) -> Oracle:
    """Give the oracle of a name; raises UnknownOracle."""
    for candidate in oracles:
        if candidate.name == name:
            return candidate
    names = [candidate.name for candidate in oracles]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(names)}"
    raise UnknownOracle(f"no oracle named '{name}'; {hint}")


def judge(
    history: History,
    oracles: Sequence[Oracle] = ALL,
    checks: Collection[str] | None = None,
    *,
    strict: bool = False,
) -> Verdicts:
    """Put a history to every oracle.

    ``checks`` names the oracles that must find something to judge; the history's own when None. An oracle that crashes,
    a check without a case, a required rule that never fired and a history that is broken or lacks something make the
    run inconclusive unless something else fails it.
    """
    wanted = tuple(history.run.get("checks") or ()) if checks is None else tuple(checks)
    ledger = Ledger(history)
    findings = tuple(_finding(oracle, ledger, asked=oracle.name in wanted) for oracle in oracles)
    reasons = (
        *_of_history(history),
        *_of_checks(findings, wanted, oracles),
    )
    verdict = max((finding.counts(strict=strict) for finding in findings), default=Verdict.PASS)
    counts = Counts(len(history.events), len(ledger.batches), ledger.size)
    return Verdicts(findings, max(verdict, Verdict.INCONCLUSIVE) if reasons else verdict, reasons, counts)


def _finding(oracle: Oracle, ledger: Ledger, *, asked: bool) -> Finding:
    cases = dict.fromkeys(Verdict, 0)
    first: list[Judgement] = []
    crashed = ""
    try:
        for judgement in oracle.looks_at(ledger):
            cases[judgement.verdict] += 1
            if cases[judgement.verdict] <= KEPT:
                first.append(judgement)
    except Exception:  # noqa: BLE001 - whatever it is, it is reported and the run is no pass
        crashed = traceback.format_exc()
    found = [verdict for verdict, count in cases.items() if count]
    doubt = [Verdict.INCONCLUSIVE] if crashed or (asked and not found) else []
    return Finding(oracle, cases, tuple(first), max(found + doubt, default=None), crashed, asked)


def _of_history(history: History) -> Iterator[str]:
    for why in history.broken:
        yield f"the lab itself failed: {why}"
    for how in history.altered:
        yield f"the history is not as it was when the run ended: {how}"
    if not history.complete:
        yield "the history ends before the run did"
    if not history.events:
        yield f"the client made no exchange at all{_last_words(history)}"
    fired = history.fired
    for rule in history.run.get("plan", {}).get("rules", ()):
        if rule.get("required", True) and not fired.get(rule["name"]):
            yield f"rule '{rule['name']}' is required and never fired"
    client = history.client
    if client is None or not (client.timed_out or client.signal):
        # A client that was ended leaves exchanges behind that nobody can settle; any other exchange has an outcome.
        open_ = [event.exchange.seq for event in history.events if event.outcome is None]
        if open_:
            shown = ", ".join(map(str, open_[:5])) + (f" and {len(open_) - 5} more" if len(open_) > 5 else "")
            yield f"{len(open_)} exchange{'s have' if len(open_) > 1 else ' has'} no outcome: {shown}"


def _last_words(history: History) -> str:
    """Say how a client ended that failed before it could write anything, in words of its own."""
    client = history.client
    if client is None or client.status == 0:
        return ""
    how = f"signal {client.signal}" if client.status is None else f"exit status {client.status}"
    said = [line.strip() for line in history.stderr.splitlines() if line.strip()][-1:]
    return f"; it ended with {how}{''.join(f', last saying: {line[:200]}' for line in said)}"


def _of_checks(findings: Sequence[Finding], wanted: Sequence[str], oracles: Sequence[Oracle]) -> Iterator[str]:
    for name in wanted:
        try:
            named(name, oracles)
        except UnknownOracle as problem:
            yield f"a check cannot be made: {problem}"
    for finding in findings:
        if finding.crashed:
            yield f"oracle '{finding.oracle.name}' crashed: {finding.crashed.strip().splitlines()[-1]}"
        elif finding.verdict is not None and not finding.judged:
            yield f"oracle '{finding.oracle.name}' was not put to the test"
    if all(finding.verdict is None for finding in findings):
        yield "no oracle found anything to judge"


__all__ = [
    "ALL",
    "UnknownOracle",
    "backs_off",
    "delivers_through_transient_failures",
    "ends_well",
    "judge",
    "keeps_field_types",
    "keeps_its_secrets",
    "keeps_the_request_budget",
    "leaves_permanent_failures_alone",
    "lets_good_lines_pass_bad_ones",
    "loses_nothing_silently",
    "named",
    "recovers_promptly",
    "repeats_only_idempotently",
    "reports_partial_writes",
    "splits_oversized_batches",
    "survives_any_retry_after",
    "tells_the_truth",
    "waits_as_told",
    "writes_valid_lines",
]

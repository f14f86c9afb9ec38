"""The exchanges about those that a report speaks of, one line each, in order."""

from __future__ import annotations

from faultlab.history import Event, History
from faultlab.verdict import Verdict, Verdicts

NEAR = 2
"""How many exchanges before and after one that was judged are shown."""

SHOWN = 24
"""How many exchanges are shown at most."""

GAP = "       …"


def around(verdicts: Verdicts, history: History) -> str:
    """Give the exchanges about those in which something failed or is in doubt, the latter marked by ``>``.

    Empty where no judgement names an exchange. One line each: number, seconds since the run began, request, attempt and
    batch, what the client was told, what upstream stored, and the rule that decided.
    """
    marked = {
        judgement.exchange
        for finding in verdicts.findings
        for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE)
        for judgement in finding.first_of(verdict)
        if judgement.exchange is not None
    }
    events = history.events
    places = [place for place, event in enumerate(events) if event.exchange.seq in marked]
    near = sorted({place for at in places for place in range(max(at - NEAR, 0), min(at + NEAR + 1, len(events)))})
    lines: list[str] = []
    for before, place in zip([None, *near], near[:SHOWN], strict=False):
        if before is not None and place > before + 1:
            lines.append(GAP)
        lines.append(f"{'>' if events[place].exchange.seq in marked else ' '} {_line(events[place])}")
    if len(near) > SHOWN:
        lines.append(GAP)
    return "\n".join(("exchanges", *lines)) if lines else ""


def _line(event: Event) -> str:
    exchange = event.exchange
    ride = f"  attempt {event.attempt} of {event.batch[:8]}" if exchange.is_write else ""
    rule = f"  ({event.decision.rule})" if event.decision.rule else ""
    return f"{exchange.seq:>5}  {exchange.at:>8.3f} s  {exchange.method} {exchange.path}{ride}  {_told(event)}{rule}"


def _told(event: Event) -> str:
    outcome = event.outcome
    if outcome is None:
        return "unfinished"
    if outcome.told is None:
        said = f"no reply, {outcome.ended}".replace("_", " ")
    else:
        waits = [value for name, value in outcome.told.headers if name.lower() == "retry-after"]
        said = f"{outcome.told.status}{''.join(f', Retry-After {value}' for value in waits)}"
    return f"{said}, stored {outcome.effect}" if event.exchange.is_write else said

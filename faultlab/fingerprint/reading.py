"""A fingerprint read off a history: what was refused, what the client did next, and after how long."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from faultlab.exchange import Answer
from faultlab.fingerprint.policy import Fingerprint, Obedience, Spread, Tally
from faultlab.history import History
from faultlab.ledger import Ledger, Send
from faultlab.oracles.delivery import is_transient
from faultlab.oracles.pacing import FLOOR, STEPS
from faultlab.oracles.splitting import TOO_LARGE
from faultlab.oracles.waiting import LONGEST, SLACK, seconds, wait_told, waits_named

PATIENCE = 60.0
"""Seconds after which a client that was never seen to choose a delay will not send again: usual ones begin with 10."""

_INVALID = {
    "empty": re.compile(r""),
    "negative": re.compile(r"-\d+(\.\d*)?", re.ASCII),
    "fraction": re.compile(r"\d*\.\d+|\d+\.", re.ASCII),
    "huge": re.compile(r"\d+… \(\d+ characters\)", re.ASCII),  # a history keeps only the beginning of a long value
    "garbage": re.compile(r".*", re.DOTALL),
}

FORMS = ("seconds", "date", "zero", "past_date", "repeated", *_INVALID)
"""The forms a Retry-After is told in, which are those of the faults; ``huge`` is more than a day."""


@dataclass(frozen=True, slots=True)
class _Refused:
    """A write that was refused: what sent it again, the form of its Retry-After, and the wait that this says, or 0."""

    send: Send
    again: Send | None
    split: bool
    form: str | None
    told: float

    @property
    def kind(self) -> str:
        return "dropped" if self.send.dropped else str(self.send.status)

    @property
    def delay(self) -> float | None:
        return None if self.again is None else self.again.event.exchange.at - self.send.ended

    @property
    def own(self) -> float | None:
        # A Retry-After that is not valid may still be read in some way, so that the delay is not the client's own.
        return self.delay if self.form is None and is_transient(self.send) else None


def take(history: History) -> Fingerprint:
    """Give the retry policy that a history shows; takes time linear in its size.

    A refusal counts only where it is known what came of it, not where the run ended while the client may still have
    been waiting. Raises ValueError where the history names a profile that does not exist.
    """
    ledger = Ledger(history)
    refused = [
        _refused(ledger, send)
        for send in ledger.sends
        if send.event.exchange.is_write and (send.dropped or send.status >= 300)
    ]
    chains = _chains(refused)
    firsts = [delay for chain in chains for delay in _own(chain[:1])]
    longest = [max(delays) for chain in chains if (delays := _own(chain))]
    settled = list(_settled(refused, history, max(longest, default=None)))
    resent = {kind: _resent(group) for kind, group in sorted(_by(settled, lambda one: one.kind).items())}
    forms = _by(settled, lambda one: one.form)
    return Fingerprint(
        time_scale=history.time_scale,
        resent=resent,
        splits_on_413=Tally.of(one.split for one in settled if _could_split(one)),
        first_delay=Spread.of(firsts),
        growth=Spread.of([ratio for chain in chains for ratio in _growth(chain)]),
        jitter=Spread.of(list(_jitter(chains))),
        longest_delay=Spread.of(longest),
        gives_up_after=Spread.of(list(_given_up(ledger, chains, settled, resent))),
        retry_after={form: _obedience(forms[form]) for form in FORMS if form in forms},
    )


def form_of(reply: Answer, wait: float | None) -> str | None:
    """Give which of ``FORMS`` a reply's Retry-After has, which says this wait or no valid one; None without one."""
    given = [value.strip(" \t") for value in waits_named(reply)]
    if len(given) != 1:
        return "repeated" if given else None
    if wait is None:
        # Without the time of day a date is still one.
        dated = seconds(reply, 0.0) is not None
        return "date" if dated else next(form for form, pattern in _INVALID.items() if pattern.fullmatch(given[0]))
    if wait > LONGEST:
        return "huge"
    whole = given[0].isdigit()
    return ("seconds" if whole else "date") if wait > 0 else "zero" if whole else "past_date"


def _refused(ledger: Ledger, send: Send) -> _Refused:
    again = ledger.next_send(send)
    split = send.status == TOO_LARGE and again is not None and again.carries.lines < send.carries.lines
    if again is not None and again.batch != send.batch and not is_transient(send):
        # Points that were refused for good and come in another body were mended or split, not sent again.
        again = None
    wait = wait_told(send, ledger.history.run.get("epoch"))
    form = None if send.reply is None else form_of(send.reply, wait)
    return _Refused(send, again, split, form, wait if wait is not None and 0 < wait <= LONGEST else 0.0)


def _chains(refused: Iterable[_Refused]) -> list[list[_Refused]]:
    """Follow each batch from its first refusal to its last; where a body joins several, the longest way goes on."""
    chains: list[list[_Refused]] = []
    leading: dict[int, list[_Refused]] = {}
    for one in refused:
        chain = leading.pop(one.send.index, None)
        if chain is None:
            chains.append(chain := [])
        chain.append(one)
        if one.again is not None:
            leading[one.again.index] = max(leading.get(one.again.index, []), chain, key=len)
    return chains


def _own(chain: Iterable[_Refused]) -> list[float]:
    return [one.own for one in chain if one.own is not None]


def _settled(refused: Iterable[_Refused], history: History, longest: float | None) -> Iterator[_Refused]:
    """Yield the refusals that were answered, or that the client had the time to answer; ``longest`` is its delay."""
    # The next delay may be longer than any before; most clients double it.
    patience = PATIENCE if longest is None else max(2 * longest, SLACK)
    horizon = _horizon(history)
    for one in refused:
        answered = one.again is not None or one.split
        # A wait of more than a day binds nobody, but a client may well keep to it.
        waiting = one.form == "huge" or horizon - one.send.ended <= one.told + patience
        if answered or horizon == math.inf or not waiting:
            yield one


def _horizon(history: History) -> float:
    """Give until when the client could have gone on: for ever where it ended by itself."""
    client = history.client
    if client is not None:
        return client.ended if client.timed_out else math.inf
    # Nobody saw it end, whether or not the history is complete.
    return max((event.exchange.at for event in history.events), default=0.0)


def _by(refused: Iterable[_Refused], key: Callable[[_Refused], str | None]) -> dict[str, list[_Refused]]:
    groups: dict[str, list[_Refused]] = defaultdict(list)
    for one in refused:
        name = key(one)
        if name is not None:
            groups[name].append(one)
    return groups


def _resent(group: Sequence[_Refused]) -> Tally:
    return Tally(sum(one.again is not None for one in group), len(group))


def _could_split(one: _Refused) -> bool:
    # Parts of a body without timestamps cannot be told from new data.
    several = one.send.status == TOO_LARGE and one.send.carries.lines > 1
    return several and (one.again is not None or one.send.carries.timed)


def _growth(chain: Sequence[_Refused]) -> Iterator[float]:
    """Yield by what factor delays grow from one attempt to the next, over the first few: later ones may be a cap."""
    found = [(step, max(one.own, FLOOR)) for step, one in enumerate(chain[:STEPS]) if one.own is not None]
    if len(found) > 1:
        (first, least), (last, most) = found[0], found[-1]
        yield (most / least) ** (1 / (last - first))


def _jitter(chains: Iterable[Sequence[_Refused]]) -> Iterator[float]:
    """Yield how far delays lie from the median of those after as many attempts, as a share of it."""
    by_step: dict[int, list[float]] = defaultdict(list)
    for chain in chains:
        for step, one in enumerate(chain[:STEPS]):
            if one.own is not None:
                by_step[step].append(one.own)
    for delays in by_step.values():
        middle = median(delays)
        if len(delays) > 2:
            # Of very short delays the machine's own unrest would be a large share.
            yield from (abs(delay - middle) / max(middle, SLACK) for delay in delays)


def _given_up(
    ledger: Ledger, chains: Iterable[Sequence[_Refused]], settled: Iterable[_Refused], resent: dict[str, Tally]
) -> Iterator[int]:
    """Yield the attempts of each batch that was not sent again and never acknowledged.

    A failure that this client never sends again, and that is no transient one, was heeded and not given up.
    """
    attempts = {chain[-1].send.index: len(chain) for chain in chains}
    for one in settled:
        insists = is_transient(one.send) or resent[one.kind].yes
        if one.again is None and not one.split and insists:
            entries = one.send.carries.entries
            if any(not entry.acknowledged for entry in entries):
                yield attempts[one.send.index]


def _obedience(group: Sequence[_Refused]) -> Obedience:
    resends = [(one.delay, one.told) for one in group if one.delay is not None]
    return Obedience(
        resent=_resent(group),
        obeyed=Tally.of(told - delay <= SLACK for delay, told in resends if told),
        late=Spread.of([delay - told for delay, told in resends]),
    )

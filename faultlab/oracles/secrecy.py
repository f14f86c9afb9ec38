"""Whether the client's credentials stay where they belong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from faultlab.exchange import SECRET_PARAMETERS
from faultlab.history import History
from faultlab.ledger import Ledger
from faultlab.redact import SECRET_HEADERS, TAG
from faultlab.verdict import Judgement, Level, Verdict, oracle


@oracle(level=Level.MUST, source="RFC 9110, sections 11.6.2 and 15.4; OWASP Logging Cheat Sheet, data to exclude")
def keeps_its_secrets(ledger: Ledger) -> Iterator[Judgement]:
    """The client sends its credentials to one host only, and prints them nowhere.

    Looks at: the hosts that each credential was sent to; what the client printed or reported, where the lab ran it.

    Fails: a credential went to a second host, for instance after a redirect; or the token stands in standard output, on
    standard error or in the report.

    Considered: only a token that the lab gave can be found in the output; where the client used another one, its output
    is no case. Histories hold tags instead of secrets; the same secret of a run has the same tag.

    To mend: drop Authorization when a redirect leaves the host, and keep headers out of what is logged.
    """
    hosts = _hosts(ledger)
    for tag, sent in hosts.items():
        first, *others = sent
        if others:
            what = f"credential {tag} was sent to {first}, and by exchange {sent[others[0]]} to {others[0]}"
            yield Judgement(Verdict.FAIL, what, sent[others[0]])
        else:
            yield Judgement(Verdict.PASS, f"credential {tag} was sent to {first} only", sent[first])
    printed = _of_output(ledger, hosts)
    if printed is not None:
        yield printed


def _hosts(ledger: Ledger) -> Mapping[str, Mapping[str, int]]:
    """Give the hosts each credential was sent to, in order, with the first exchange that did."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for event in ledger.history.events:
        exchange = event.exchange
        values = [value for name, value in exchange.headers if name.lower() in SECRET_HEADERS]
        values += [value for name, value in exchange.query if name in SECRET_PARAMETERS]
        for tag in TAG.findall(" ".join(values)):
            found[tag].setdefault(exchange.host, exchange.seq)
    return found


def _of_output(ledger: Ledger, hosts: Mapping[str, Mapping[str, int]]) -> Judgement | None:
    history = ledger.history
    for where, text in _printed(history):
        if found := TAG.search(text):
            line = text[text.rfind("\n", 0, found.start()) + 1 :].partition("\n")[0]
            number = text.count("\n", 0, found.start()) + 1
            return Judgement(Verdict.FAIL, f'a credential was printed, {where} line {number}: "{line[:160]}"')
    if history.client is None or history.run.get("token") not in hosts:
        return None
    return Judgement(Verdict.PASS, "the token stands neither in the output nor in the report")


def _printed(history: History) -> Iterator[tuple[str, str]]:
    yield "stderr", history.stderr
    yield "stdout", history.stdout
    yield "report", "\n".join(f"{one.told} {one.message} {one.lines!r}" for one in history.reports)

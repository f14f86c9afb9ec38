"""How the client ends."""

from __future__ import annotations

import signal
from collections.abc import Iterator

from faultlab.ledger import Ledger
from faultlab.terms import Terms
from faultlab.verdict import Judgement, Level, Verdict, oracle

MIB = 1024 * 1024


@oracle(level=Level.MUST, source="POSIX.1-2024, exit status of a process; the scenario's deadline and memory_mb")
def ends_well(ledger: Ledger) -> Iterator[Judgement]:
    """The client ends by itself, without a crash, in bounded memory.

    Looks at: how the client's process ended, when, and the most memory it held.

    Fails: the lab had to end it, a signal did, or it held more than ``client.memory_mb``.

    Considered: any exit status is an ending of its own, because a status other than 0 is how a client tells. The signal
    by which the lab ended a client that ran too long is not held against it twice. A limit on memory that nobody
    measured is a doubt, and so is a client that ran too long where time ran faster: some wait may not have.

    To mend: bound the buffer and the time that closing may take, and say what is dropped.
    """
    client, limit = ledger.history.client, Terms.from_json(ledger.history.run).memory_mb
    if client is None:
        return
    ran = client.ended - client.began
    if client.timed_out:
        what = f"the client was still running after {ran:.1f} s, and the lab ended it"
        if ledger.history.in_true_time:
            yield Judgement(Verdict.FAIL, what)
        else:
            yield Judgement(Verdict.INCONCLUSIVE, f"{what}; a wait that fast time does not reach looks the same")
    elif client.signal:
        yield Judgement(Verdict.FAIL, f"the client was ended by {_name(client.signal)} after {ran:.1f} s")
    else:
        yield Judgement(Verdict.PASS, f"the client ended by itself after {ran:.1f} s with exit status {client.status}")
    if limit is None:
        return
    used = client.memory / MIB
    if not client.memory:
        yield Judgement(Verdict.INCONCLUSIVE, f"the client's memory was not measured; at most {limit} MiB were allowed")
    elif used > limit:
        yield Judgement(Verdict.FAIL, f"the client used {used:.1f} MiB of memory; at most {limit} MiB were allowed")
    else:
        yield Judgement(Verdict.PASS, f"the client used {used:.1f} MiB of memory of {limit} MiB allowed")


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

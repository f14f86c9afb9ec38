"""Runs as large as wanted, made of builders: most writes are taken, some are refused, dropped or refused for good."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from faultlab import oracles
from faultlab.history import Event, History
from faultlab.reports import Result
from faultlab.reports.html import html
from tests.builders import history, sent

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">{{ 7 * 7 }}"
"""Text that would run, were it not escaped."""

RULES = ("opening", "quota", "outage")


def events(count: int, seed: int = 7) -> Iterator[Event]:
    """Yield so many exchanges, a few a second, one batch in five with a fault and two attempts or three."""
    random = Random(seed)
    seq, at, batch = 0, 0.0, 0
    while seq < count:
        batch += 1
        at += random.uniform(0.01, 0.3)
        body = "".join(f"home,room=r{batch % 9} temperature={row} {batch}{row:03}000000000\n" for row in range(5))
        faulty = random.random() < 0.2
        moment = at
        for attempt in range(random.randint(1, 2) if faulty else 0):
            seq += 1
            status = random.choice((429, 503, None, 429))
            yield sent(
                seq,
                body,
                status,
                at=moment,
                rule={429: "quota", 503: "outage", None: "opening"}[status],
                retry_after="2" if status == 429 else None,
            )
            moment += 0.1 + random.uniform(1.5, 4) * 2**attempt
        if batch % 20 == 0:
            seq += 1
            yield sent(seq, body, 400, at=moment, message=HOSTILE if batch % 40 == 0 else None)
        elif not (faulty and batch % 7 == 0):
            seq += 1
            yield sent(seq, body, 204, at=moment)


def run(count: int, seed: int = 7) -> History:
    """Give a history of so many exchanges, in order of time."""
    some = sorted(events(count, seed), key=lambda event: event.exchange.at)[:count]
    numbered = [replace(one, exchange=replace(one.exchange, seq=number)) for number, one in enumerate(some, 1)]
    return history(
        *numbered,
        rules=tuple({"name": name, "fault": name} for name in RULES),
        command=("python", HOSTILE),
        stderr=HOSTILE,
    )


def page(past: History) -> str:
    """Give a history's page."""
    return html(Result.of(oracles.judge(past), past), past)

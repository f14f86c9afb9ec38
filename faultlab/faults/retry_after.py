"""Every form of Retry-After a client can meet: the documented one, the other legal one, and the hostile ones.

Source: RFC 9110 section 10.2.3 for the grammar (whole seconds, or an HTTP-date); the InfluxDB Cloud Serverless API
description (2026-08) for whole seconds only. The hostile forms are documented by nobody.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from email.utils import formatdate
from random import Random

LEGAL = ("seconds", "date", "zero", "past_date", "padded")
HOSTILE = ("zero", "negative", "fraction", "huge", "garbage", "empty", "padded", "repeated", "past_date")
FORMS = ("documented", "seconds", "date", "absent", *HOSTILE, "hostile")

LONGEST = 10**9
"""Seconds; the most a knob may ask for. Their HTTP-date still has a year of four digits."""

HUGE = 10**12
"""Seconds; more than any date library holds, and more than any client should wait."""

GARBAGE = ("soon", "1h", "0x10", "NaN", "１", "2 seconds", "-", "Wed, 99 Foo 2026 25:61:61 GMT")


def values(form: str, wait: int, now: float, draw: Random) -> tuple[str, ...]:
    """Give the header's values, one a header line, for a wait of whole seconds told at ``now`` (seconds since 1970).

    ``hostile`` draws one of the hostile forms. An HTTP-date is rounded up, because its finest unit is the second.
    """
    if form == "hostile":
        form = draw.choice(HOSTILE)
    return _MAKERS[form](wait, now, draw)


_MAKERS: dict[str, Callable[[int, float, Random], tuple[str, ...]]] = {
    "seconds": lambda wait, _now, _draw: (str(wait),),
    "date": lambda wait, now, _draw: (formatdate(math.ceil(now) + wait, usegmt=True),),
    "absent": lambda _wait, _now, _draw: (),
    "zero": lambda _wait, _now, _draw: ("0",),
    "negative": lambda wait, _now, _draw: (str(-max(wait, 1)),),
    "fraction": lambda wait, _now, draw: (f"{max(wait - 1, 0)}.{draw.randint(1, 9)}",),
    "huge": lambda _wait, _now, _draw: (str(HUGE),),
    "garbage": lambda _wait, _now, draw: (draw.choice(GARBAGE),),
    "empty": lambda _wait, _now, _draw: ("",),
    "padded": lambda wait, _now, _draw: (f"  {wait}  ",),
    "repeated": lambda wait, _now, _draw: (str(wait), str(wait + 1)),
    "past_date": lambda wait, now, _draw: (formatdate(math.floor(now) - 3600 - wait, usegmt=True),),
}

"""Labs that follow one another in one process: a start costs half a second, going on costs milliseconds."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace

from faultlab.lab import Lab, LabError, Settings
from faultlab.plan import Plan


class Labs:
    """Gives one lab after another; upstream, interpreter and the way clients come are the same in all of them.

    Each is like one just started: its token, its history and its port are its own, and its embedded InfluxDB is empty.
    """

    def __init__(self) -> None:
        """Begin without a process."""
        self._lab: Lab | None = None
        self._tls = False
        self._owner = os.getpid()

    def lab(self, plan: Plan, settings: Settings) -> Lab:
        """Give a lab for a plan, once the history of the one before is complete; raises LabError."""
        tls = plan.needs_tls if settings.tls is None else settings.tls
        settings = replace(settings, tls=tls)
        if self._lab is not None and (self._tls or not tls) and is_sound(self._lab):
            self._lab.renew(plan, settings)
            return self._lab
        self.close()
        lab = Lab(plan, settings)
        lab.__enter__()
        self._lab, self._tls = lab, tls
        return lab

    def close(self) -> None:
        """Stop the process, unless it belongs to the process this one was forked from."""
        lab, self._lab = self._lab, None
        if lab is not None and os.getpid() == self._owner:
            lab.close()


def is_sound(lab: Lab) -> bool:
    """Whether a lab's proxy still runs, and nothing in it has failed."""
    with contextlib.suppress(LabError):
        return not lab.ask("health")["broken"]
    return False


__all__ = ["Labs"]

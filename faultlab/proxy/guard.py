"""Failing closed: a hook that raises ends its flow and marks the run.

mitmproxy itself logs such an exception and lets the traffic pass untouched, so that a broken lab looks like a calm one.
"""

from __future__ import annotations

import functools
import inspect
import logging
import traceback
from collections.abc import Callable
from typing import Any, Protocol

from mitmproxy import flow as mitmflow

logger = logging.getLogger("faultlab")
LONGEST = 2000
"""Characters of a reason that are kept; mitmproxy's own crash messages can hold a whole body."""


class Breakable(Protocol):
    """What a guarded object offers: a way to say that the lab failed."""

    def breaks(self, why: str) -> None:
        """Mark the run."""


def failed(owner: Breakable, hook: str, flow: mitmflow.Flow | None) -> None:
    """End the flow, if there is one, and mark the run with the exception being handled."""
    if flow is not None:
        end(flow)
    why = f"hook '{hook}' raised: {traceback.format_exc(limit=-4).strip()}"[:LONGEST]
    owner.breaks(why)
    logger.error("faultlab is broken and passes no more traffic: %s", why.splitlines()[-1])


def end(flow: mitmflow.Flow) -> None:
    """End a flow without a reply, also where mitmproxy already has one to send."""
    flow.intercepted = False
    if flow.killable:
        flow.kill()
    elif flow.error is None:
        flow.error = mitmflow.Error(mitmflow.Error.KILLED_MESSAGE)


def guarded[F: Callable[..., Any]](hook: F) -> F:
    """Wrap a hook, sync or async, whose first argument after self may be a flow; what it gives is given on."""
    name = hook.__name__

    def subject(args: tuple[Any, ...]) -> mitmflow.Flow | None:
        return args[0] if args and isinstance(args[0], mitmflow.Flow) else None

    if inspect.iscoroutinefunction(hook):

        @functools.wraps(hook)
        async def closed(self: Any, *args: Any) -> None:
            try:
                await hook(self, *args)
            except Exception:  # noqa: BLE001 - whatever it is, nothing may pass
                failed(self, name, subject(args))

    else:

        @functools.wraps(hook)
        def closed(self: Any, *args: Any) -> Any:
            try:
                return hook(self, *args)
            except Exception:  # noqa: BLE001 - whatever it is, nothing may pass
                failed(self, name, subject(args))
                return None

    return closed  # type: ignore[return-value]


class ErrorTrap(logging.Handler):
    """Marks the run when anything logs an error: a crash of mitmproxy's core reaches nobody else."""

    def __init__(self, owner: Breakable) -> None:
        """Listen to errors of every logger but ours."""
        super().__init__(logging.ERROR)
        self._owner = owner

    def emit(self, record: logging.LogRecord) -> None:
        """Pass the message on, shortened."""
        if record.name != logger.name:
            self._owner.breaks(f"{record.name}: {record.getMessage()}"[:LONGEST])

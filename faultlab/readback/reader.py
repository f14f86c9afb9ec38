"""Reads upstream back for a history: asked once before the run begins, and once when it is over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, Self

from faultlab.readback.asking import read_back, server_at
from faultlab.readback.server import ReadBackError, Server
from faultlab.record import ReadBack


class Reader(Protocol):
    """Says after a run what upstream holds."""

    def read(self, folder: Path) -> ReadBack:
        """Write down in a history's folder what upstream holds; what it does not say makes it void."""


class OfOrigin:
    """Reads back the InfluxDB that is embedded in a proxy."""

    NAME = "the embedded InfluxDB"

    def __init__(self, ask: Callable[..., dict[str, Any]], database: str) -> None:
        """Take what gives the proxy an order, and the database of the run."""
        self._ask = ask
        self._database = database

    def read(self, folder: Path) -> ReadBack:
        """Have the proxy write it down, whose history lies in the same folder."""
        del folder
        said = self._ask("stored", database=self._database)
        void = f"it has dropped {said['dropped']} points, as many as it does not hold" if said["dropped"] else ""
        return ReadBack(self.NAME, self._database, points=said["points"], void=void)


class OfUpstream:
    """Reads back a real server, unless something was in its database before: nobody could tell whose it is."""

    def __init__(self, name: str, database: str, server: Server | None, void: str) -> None:
        """Take who is to be asked; ``void`` says why it is not."""
        self._name = name
        self._database = database
        self._server = server
        self._void = void

    @classmethod
    def at(cls, url: str, database: str, token: str) -> Self:
        """Look who answers at a URL, and have the database there."""
        try:
            server = server_at(url, token)
            if server is None:
                return cls("upstream", database, None, "it is no server that faultlab can ask")
            server.prepare(database)
            void = "" if server.is_empty(database) else f"there were points in '{database}' before the run"
        except ReadBackError as problem:
            return cls("upstream", database, None, str(problem))
        return cls(server.name, database, server, void)

    def read(self, folder: Path) -> ReadBack:
        """Ask it, and write down what it says."""
        if self._server is None or self._void:
            return ReadBack(self._name, self._database, void=self._void)
        return read_back(self._server, self._database, folder)


__all__ = ["OfOrigin", "OfUpstream", "Reader"]

"""Steering a running proxy over a unix socket: one JSON object a line, one answer a line.

Commands: ``position`` (counts so far), ``arm`` (go on with another plan and history), ``disarm`` (let everything pass),
``deliver`` (let upstream have what is held), ``guard`` (the client's process group, which ends when the parent does),
``move`` (listen on another port, and drop whoever is connected), ``health`` (why the lab is broken, if it is),
``holds`` (process, connections, tasks), ``stop``.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable
from typing import Any

type Command = Callable[[dict[str, Any]], dict[str, Any] | Awaitable[dict[str, Any]]]


async def serve(path: str, commands: dict[str, Command]) -> asyncio.AbstractServer:
    """Listen on a socket file, at most 107 bytes of path, and answer commands until the server is closed.

    A command that is unknown, malformed or raises is answered with ``{"error": …}``; the connection stays.
    """

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await answer(line, commands)).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    return await asyncio.start_unix_server(talk, path, limit=16 * 1024 * 1024)


async def answer(line: bytes, commands: dict[str, Command]) -> dict[str, Any]:
    """Give the answer to one line."""
    try:
        given = json.loads(line)
        name = given["do"]
        if name not in commands:
            return {"error": f"no command {name!r}; known: {', '.join(commands)}"}
        result = commands[name](given)
        return await result if inspect.isawaitable(result) else result
    except Exception as problem:  # noqa: BLE001 - whoever steers is told, and the proxy goes on
        return {"error": f"{type(problem).__name__}: {problem}"}

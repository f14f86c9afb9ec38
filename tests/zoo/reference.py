"""A writer that is right in everything: what it cannot store it tells, and it tells nothing else.

    python -m tests.zoo reference [--batches 4] [--size 5]

It writes numbered points to the InfluxDB that the lab's variables name. What it is going to write it first writes to
FAULTLAB_MANIFEST; what it was told, to FAULTLAB_REPORT. Its exit status is 1 when something was not stored.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import os
import random
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

START = 1_700_000_000_000_000_000
TRANSIENT = frozenset({429, 500, 502, 503, 504})
DAY = 86_400.0
"""Seconds above which a Retry-After is taken for none."""


@dataclass(frozen=True)
class Reply:
    """What came back; status 0 stands for a connection that ended before a whole reply."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Writer:
    """Sends batches one after the other, and keeps at each as long as there is hope; times are in seconds."""

    timeout: float | None = 5.0
    first_wait = 0.1
    longest_wait = 5.0
    patience = 60.0

    def __init__(self, url: str, token: str, bucket: str, seed: int = 0) -> None:
        """Open nothing yet."""
        parts = urlsplit(url)
        self.connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.host, self.port = parts.hostname or "", parts.port
        self.path = f"/api/v2/write?bucket={quote(bucket)}&precision=ns"
        self.token = token
        self.draw = random.Random(seed)
        self.connection: http.client.HTTPConnection | None = None
        self.failed = False

    def line(self, number: int) -> str:
        """Give the text of a point."""
        return f"zoo,id={number} value={number}i {START + number}"

    def run(self, batches: Sequence[Sequence[str]]) -> int:
        """Write all of it, and give the exit status."""
        self.hand_over([line for batch in batches for line in batch])
        for batch in batches:
            self.write(batch)
        self.close()
        return int(self.failed)

    def hand_over(self, lines: Sequence[str]) -> None:
        """Write down what is going to be written."""
        append("FAULTLAB_MANIFEST", "".join(f"{line}\n" for line in lines))

    def write(self, lines: Sequence[str]) -> None:
        """Bring one batch to its end: stored, or told."""
        began, attempt = time.monotonic(), 0
        while True:
            attempt += 1
            reply = self.send(lines)
            if reply.status in {200, 201, 204} or self.in_part(reply):
                self.accepted(reply, lines)
                return
            if reply.status == 413 and len(lines) > 1:
                self.split(lines)
                return
            if not self.may_pass(reply):
                self.refused(reply, lines)
                return
            wait = self.wait(reply, attempt)
            if time.monotonic() - began + wait > self.patience:
                self.tell("failed", f"given up after {attempt} attempts", lines)
                return
            time.sleep(wait)

    def may_pass(self, reply: Reply) -> bool:
        """Whether the same request may succeed later."""
        return reply.status in TRANSIENT or reply.status == 0

    def in_part(self, reply: Reply) -> bool:
        """Whether a refusal says that some of it is stored; a partial write of nothing is none."""
        return reply.status in {400, 422} and re.search(rb"partial write(?! error \(0 )", reply.body) is not None

    def accepted(self, reply: Reply, lines: Sequence[str]) -> None:
        """Tell of the lines that a reply to what is stored names as refused."""
        if reply.body:
            self.tell("partial", self.message(reply), named(reply, lines) or lines)

    def refused(self, reply: Reply, lines: Sequence[str]) -> None:
        """Tell of a refusal that no waiting mends."""
        self.tell("rejected", self.message(reply), lines)

    def split(self, lines: Sequence[str]) -> None:
        """Send what is too large in two halves."""
        half = len(lines) // 2
        self.write(lines[:half])
        self.write(lines[half:])

    def wait(self, reply: Reply, attempt: int) -> float:
        """Give the seconds before the next attempt: those asked for, else growing ones with jitter."""
        told = retry_after(reply, time.time())
        if told is not None and told <= DAY:
            return max(told, 0.0) + 0.01
        grown: float = min(self.first_wait * 2 ** (attempt - 1), self.longest_wait)
        return grown * self.draw.uniform(0.5, 1.0)

    def message(self, reply: Reply) -> str:
        """Give what an application logs of a reply."""
        return f"status {reply.status}: {reply.body.decode(errors='replace')}"

    def tell(self, told: str, message: str, lines: Sequence[str]) -> None:
        """Tell the application."""
        self.failed = True
        print(f"{told}: {message}", file=sys.stderr)
        report = {"told": told, "message": message, "lines": "".join(f"{line}\n" for line in lines)}
        append("FAULTLAB_REPORT", json.dumps(report) + "\n")

    def send(self, lines: Sequence[str]) -> Reply:
        """Make one request, on a connection that is kept."""
        body = "".join(f"{line}\n" for line in lines).encode()
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "text/plain; charset=utf-8"}
        try:
            if self.connection is None:
                self.connection = self.connect(self.host, self.port, timeout=self.timeout)
            self.connection.request("POST", self.path, body, headers)
            response = self.connection.getresponse()
            given = response.read()
            # A header that stands twice means nothing.
            once = {
                name.lower(): value
                for name, value in response.getheaders()
                if len(response.headers.get_all(name) or ()) == 1
            }
            return Reply(response.status, once, given)
        except (OSError, http.client.HTTPException):
            self.close()
            return Reply(0)

    def close(self) -> None:
        """Close the connection."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def retry_after(reply: Reply, now: float) -> float | None:
    """Read the two forms that RFC 9110 has; anything else is as good as none."""
    text = reply.headers.get("retry-after", "").strip(" \t")
    if text.isascii() and text.isdigit():
        return float(text) if len(text) < 16 else None
    try:
        when = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return when.timestamp() - now if when.tzinfo is not None else None


def named(reply: Reply, lines: Sequence[str]) -> list[str]:
    """Give the lines a body names as refused, by their numbers or in full."""
    try:
        message = str(json.loads(reply.body)["message"])
    except (ValueError, TypeError, KeyError):
        return []
    numbers = {int(number) for number in re.findall(r"line (\d+)", message)}
    return [line for number, line in enumerate(lines, 1) if number in numbers or f"'{line}'" in message]


def append(variable: str, text: str) -> None:
    """Add to the file that a variable names, if it names one."""
    path = os.environ.get(variable)
    if path:
        with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123 - a line of its own would not be clearer
            file.write(text)

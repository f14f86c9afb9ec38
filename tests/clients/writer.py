"""A writer for tests, with nothing but the standard library: what it does wrong, if anything, is told by its arguments.

Each batch is sent until it is taken. It honours Retry-After, reports partial writes and refusals on standard error, and
gives up on statuses that no resend can mend.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

FIRST = 1_700_000_000_000_000_000
WAITS = {429, 500, 502, 503, 504}


def send(url: str, body: bytes, token: str) -> tuple[int, str, bytes]:
    """POST a body; give status, Retry-After and body of the reply, and status 0 when there was none."""
    request = urllib.request.Request(url, body, {"Authorization": f"Token {token}"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, "", reply.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers.get("Retry-After", ""), refused.read()
    except OSError as problem:
        return 0, "", str(problem).encode()


def main() -> int:
    """Write the batches and give 0 when all were taken, 1 when some were not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=5)
    parser.add_argument("--points", type=int, default=4)
    parser.add_argument("--impatient", action="store_true", help="do not wait as told")
    parser.add_argument("--stubborn", action="store_true", help="resend what can never be taken, once")
    parser.add_argument("--silent", action="store_true", help="tell nobody what was lost")
    parser.add_argument("--quitter", action="store_true", help="never send anything twice")
    parser.add_argument("--hang", action="store_true", help="never end")
    parser.add_argument("--crash", action="store_true", help="end by a signal")
    given = parser.parse_args()
    url = f"{os.environ['FAULTLAB_URL']}/api/v2/write?org=o&bucket=b"
    lost = 0
    for batch in range(given.batches):
        first = FIRST + batch * 10**12
        lines = [f"cpu,host=h{n} usage={n} {first + n}" for n in range(given.points)]
        body = "\n".join(lines).encode() + b"\n"
        if path := os.environ.get("FAULTLAB_MANIFEST"):
            with Path(path).open("ab") as manifest:
                manifest.write(body)
        for attempt in range(6):
            status, wait, reply = send(url, body, os.environ["FAULTLAB_TOKEN"])
            if status == 204:
                break
            if status in WAITS and not given.quitter:
                time.sleep(0 if given.impatient else int(wait) if wait.isascii() and wait.isdigit() else 0.05)
                continue
            if given.stubborn and attempt == 0:
                continue
            lost += 1
            if not given.silent:
                print(f"write failed: {status} {reply.decode(errors='replace')}", file=sys.stderr)
                report(status, reply, body)
            break
    if given.hang:
        time.sleep(3600)
    if given.crash:
        os.abort()
    return 1 if lost and not given.silent else 0


def report(status: int, reply: bytes, body: bytes) -> None:
    """Say in the report what the application would be told."""
    told = {
        "told": "partial" if status == 201 else "failed",
        "message": reply.decode(errors="replace"),
        "lines": body.decode(),
    }
    with Path(os.environ["FAULTLAB_REPORT"]).open("a") as file:
        file.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    sys.exit(main())

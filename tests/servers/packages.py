"""Where the tests have their servers.

    python -m tests.servers.packages

fetches what is missing. apt decides where from; nothing of the system is changed, and no rights are needed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from faultlab.clients.packages import PackageError
from faultlab.servers.packages import ALL

SERVERS = Path(__file__).parent.parent.parent / ".servers"
"""Where the servers lie. ``make clean`` removes it."""

if __name__ == "__main__":
    try:
        for each in ALL:
            each.fetch(SERVERS)
    except PackageError as failure:
        sys.exit(f"tests.servers: {failure}")

"""Node and the clients it runs, installed from their lock file into ``.clients/``, once for each lock."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from faultlab.clients.environments import environment, place

HERE = Path(__file__).parent / "node"
KEPT = Path(__file__).parent.parent.parent / ".clients"


def installed() -> Path:
    """Give the folder of the installed programs; raises RuntimeError where npm fails, with what it said."""
    with environment(KEPT, "node", HERE / "package-lock.json") as (folder, is_new):
        if is_new:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, folder)
            command = ["npm", "ci", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
            if done.returncode:
                raise RuntimeError(f"npm ci failed: {done.stderr[-500:]}")
        for program in HERE.glob("*.mjs"):
            place(program, folder)
    return folder

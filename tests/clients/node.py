"""Node and the clients it runs, installed from their lock file into ``.clients/``, once for each lock."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent / "node"
KEPT = Path(__file__).parent.parent.parent / ".clients"


def installed() -> Path:
    """Give the folder of the installed programs; raises RuntimeError where npm fails, with what it said."""
    lock = (HERE / "package-lock.json").read_bytes()
    folder = KEPT / f"node-{hashlib.blake2b(lock, digest_size=6).hexdigest()}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        command = ["npm", "ci", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode:
            raise RuntimeError(f"npm ci failed: {done.stderr[-500:]}")
        (folder / "done").touch()
    for program in HERE.glob("*.mjs"):
        shutil.copy(program, folder)
    return folder

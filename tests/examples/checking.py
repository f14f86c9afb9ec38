"""The linters and schemas that examples are held against, as the dev group has them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.examples.running import run

PROGRAMS = Path(sys.executable).parent


def read(file: Path) -> Any:
    """Give what a YAML file says."""
    return YAML(typ="safe").load(file.read_text())


def schema_errors(schema: str | Path, file: Path, *options: str) -> str:
    """Give what is wrong with a file by a schema, one of check-jsonschema's own or a file; empty if nothing."""
    kind = "--schemafile" if isinstance(schema, Path) else "--builtin-schema"
    done = run([PROGRAMS / "check-jsonschema", kind, schema, *options, file])
    return "" if done.returncode == 0 else done.stdout + done.stderr


def shell_errors(script: str, folder: Path, shell: str = "bash") -> str:
    """Give what shellcheck says of a script, which is put into a folder; empty if nothing."""
    file = folder / "script.sh"
    file.write_text(script)
    done = run([PROGRAMS / "shellcheck", f"--shell={shell}", file])
    return "" if done.returncode == 0 else done.stdout + done.stderr

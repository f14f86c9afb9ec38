"""The main job, three times: a real client is failed as InfluxDB documents it, and judged.

make demo
"""

import subprocess
import sys
import tempfile
from pathlib import Path

WRITER = "examples/write_batches.py"
PROJECT = Path(__file__).parent.parent

SCENES = (
    (
        "rate-limit",
        0,
        "1. The server is over its quota: 429 with a Retry-After of 1 to 3 seconds, on one attempt in two.",
        """\
A pass says: each refused batch was sent again, none of them before the time it was told, and all points arrived.
The waits are in the history, one judgement for each refused attempt.""",
    ),
    (
        "unavailable",
        0,
        "2. The service is overloaded: 503, with and without Retry-After.",
        "A pass says: the client kept trying, and nothing was lost while the service was away.",
    ),
    (
        "partial-write",
        1,
        "3. A few lines are refused: 201, and the body names them.",
        """\
A fail here is the truth about this client: it takes every 201 for success, so the application never hears which
points are gone. They are named above.""",
    ),
)


def main() -> int:
    """Run the three scenes; fail when a verdict is not the one that this release of the client deserves."""
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for name, expected, title, meaning in SCENES:
            print(f"\n\033[1m{title}\033[0m\n" if sys.stdout.isatty() else f"\n{title}\n", flush=True)
            command = [sys.executable, "-m", "faultlab", "run", name, "--seed", "7", "--quiet"]
            command += ["--history", f"{folder}/{name}", "--", "python", WRITER]
            status = subprocess.run(command, check=False, cwd=PROJECT).returncode
            print(f"\n{meaning}", flush=True)
            if status != expected:
                wrong.append(f"{name} ended with status {status}; expected {expected}")
    print(
        "\nWhere to go on:\n"
        "  .venv/bin/faultlab run rate-limit -- YOUR COMMAND   the same with your own writer\n"
        "  .venv/bin/faultlab scenarios                        the other scenarios\n"
        "  .venv/bin/faultlab faults                           every documented failure, with its source\n"
        "  .venv/bin/mitmdump -s addons/rate_limit.py          in a proxy of your own\n"
    )
    for line in wrong:
        print(f"demo: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""Run one writer of the zoo: ``python -m tests.zoo NAME [--batches N] [--size N]``."""

from __future__ import annotations

import argparse
import os
import sys

from tests.zoo.mutants import MUTANTS
from tests.zoo.reference import Writer

WRITERS = {"reference": Writer, **MUTANTS}


def main() -> int:
    """Write to the InfluxDB that the lab's variables name, and give the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.zoo")
    parser.add_argument("name", choices=WRITERS)
    parser.add_argument("--batches", type=int, default=4)
    parser.add_argument("--size", type=int, default=5)
    given = parser.parse_args()
    seed = int(os.environ.get("FAULTLAB_SEED", "0"))
    writer = WRITERS[given.name](
        os.environ["INFLUX_HOST"], os.environ["INFLUX_TOKEN"], os.environ["INFLUX_BUCKET"], seed
    )
    numbers = range(given.batches)
    return writer.run([[writer.line(b * given.size + n) for n in range(given.size)] for b in numbers])


if __name__ == "__main__":
    sys.exit(main())

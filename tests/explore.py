"""The same properties on fresh examples: `python -m tests.explore --seconds 3600 [options]`.

The options are pytest's. Each round is a run with a seed of its own, which is printed first, and
with which `--seed` repeats the round. It ends after the round in which the time is up or a test
fails.
"""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence


def command(seed: int, options: Sequence[str]) -> list[str]:
    """pytest with the seed for all random examples."""
    return [sys.executable, "-m", "pytest", "-q", f"--hypothesis-seed={seed}", *options]


def explore(seconds: float, first: int | None, options: Sequence[str]) -> int:
    """The exit status of the last round; first: the seed of the first round, by default a new one.

    seconds: rounds begin until they are spent.
    """
    end = time.monotonic() + seconds
    environment = {**os.environ, "RHOBUST_EXPLORE": "1"}
    seed = secrets.randbelow(2**32) if first is None else first
    while True:
        asked = command(seed, options)
        print(f"seed {seed}: RHOBUST_EXPLORE=1 {' '.join(asked)}", flush=True)
        status = subprocess.run(asked, env=environment, check=False).returncode
        if status or time.monotonic() >= end:
            return status
        seed = secrets.randbelow(2**32)


def main() -> int:
    """The exit status of the last round."""
    parser = argparse.ArgumentParser(prog="python -m tests.explore", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0, help="rounds begin until then")
    parser.add_argument("--seed", type=int, help="the first round's, to repeat it")
    known, options = parser.parse_known_args()
    return explore(known.seconds, known.seed, options)


if __name__ == "__main__":
    sys.exit(main())

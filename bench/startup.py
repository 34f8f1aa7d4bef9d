"""Start-up: what whole processes cost that have next to nothing to answer.

    python -m bench.startup [--rounds 7] [--base CHECKOUT] [--first]

Kinds: the interpreter alone, numpy, `import rhobust`, `rhobust --help`, `rhobust solve` of a small
question whose answer is unsat and of one that is sat, and `rhobust verify` of one image. Each round
runs all kinds one after the other, so that other work on the machine meets all alike; --base is the
folder of another version, whose processes run in turn with ours. Compiled files and kernels are
kept in folders of their own, and warm before the clock starts; --first runs the questions once
more, each with empty folders. A line of JSON a process: seconds of the processor (user and system),
of the clock, and the peak of memory in MiB; the last lines have medians.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rhobust.embedded import embedded_images

ROOT = Path(__file__).resolve().parents[1]
MEASURES = ("processor", "seconds", "mebibytes")


def question(radius: float) -> str:
    """Whether the first embedded image can lose its label within a radius, pixels in [0, 1]."""
    images, labels = embedded_images()
    image, label = np.round(images[0].ravel() / 255.0, 3), int(labels[0])
    lines = [f"(declare-const X_{i} Real)" for i in range(64)]
    lines += [f"(declare-const Y_{k} Real)" for k in range(10)]
    for i, pixel in enumerate(image):
        lines.append(f"(assert (>= X_{i} {max(pixel - radius, 0.0):.3f}))")
        lines.append(f"(assert (<= X_{i} {min(pixel + radius, 1.0):.3f}))")
    rivals = [f"(>= Y_{k} Y_{label})" for k in range(10) if k != label]
    return "\n".join([*lines, f"(assert (or {' '.join(rivals)}))"])


def kinds(folder: Path) -> dict[str, list[str]]:
    """Arguments of Python, by what they measure; questions are written into a folder."""
    for name, radius in (("unsat", 0.02), ("sat", 0.25)):
        (folder / f"{name}.vnnlib").write_text(question(radius))
    program = ["-m", "rhobust"]
    solve = {
        f"solve {name}": [*program, "solve", "digits", str(folder / f"{name}.vnnlib")]
        for name in ("unsat", "sat")
    }
    return {
        "nothing": ["-c", "pass"],
        "numpy": ["-c", "import numpy"],
        "import": ["-c", "import rhobust"],
        "help": [*program, "--help"],
        **solve,
        "verify": [*program, "verify", "digits", "--index", "0", "--eps", "0.01"],
    }


def measured(arguments: list[str], checkout: Path, caches: Path) -> dict[str, float]:
    """What one process of a version costs, whose compiled files are kept in a folder."""
    kept = {"PYTHONPYCACHEPREFIX": str(caches / "python"), "NUMBA_CACHE_DIR": str(caches / "numba")}
    outside = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment = {**outside, **kept, "PYTHONPATH": str(checkout)}
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], env=environment, cwd=checkout,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begin
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} of {checkout} ended in {process.returncode}")
    peak = used.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    values = used.ru_utime + used.ru_stime, seconds, peak
    return {name: round(value, 4) for name, value in zip(MEASURES, values, strict=True)}


def told(version: str, kind: str, rounds: int | str, found: Mapping[str, float]) -> None:
    print(json.dumps({"version": version, "kind": kind, "round": rounds, **found}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--base", type=Path)
    parser.add_argument("--first", action="store_true")
    given = parser.parse_args()
    versions = {"ours": ROOT} | ({"base": given.base.resolve()} if given.base else {})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asked = kinds(folder)
        found: dict[tuple[str, str], list[dict[str, float]]] = {}
        for number in range(-1, given.rounds):  # the first one fills the caches
            for kind, arguments in asked.items():
                for version, checkout in versions.items():
                    one = measured(arguments, checkout, folder / version)
                    if number >= 0:
                        told(version, kind, number, one)
                        found.setdefault((version, kind), []).append(one)
        for kind in ("solve unsat", "verify") if given.first else ():
            for version, checkout in versions.items():
                empty = Path(tempfile.mkdtemp(dir=folder))
                told(version, f"{kind}, first ever", 0, measured(asked[kind], checkout, empty))
    for (version, kind), rows in found.items():
        medians = {key: statistics.median(row[key] for row in rows) for key in MEASURES}
        told(version, kind, "median", medians)


if __name__ == "__main__":
    main()

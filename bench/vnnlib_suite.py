"""The suite of VNN-LIB 2.0, `vnnlib-satisfactory`: which of its cases are right, refused or wrong.

    pip install vnnlib-satisfactory
    python -m bench.vnnlib_suite [--out suite.jsonl] [--command]

A JSON line a case: category, name, expected, status, reason, seconds. `--command` asks the
command line (`verify PROPERTY --network NAME=MODEL`) instead of `rb.solve`, as the suite itself
does. The checks of `supports` are the last lines. Exit status 1 where one answer is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import chdir, redirect_stdout
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import rhobust as rb
from rhobust.compiler.base.errors import RhobustError


@dataclass(frozen=True)
class Case:
    """A case of the suite, as its files and what is expected."""

    category: str
    name: str
    networks: dict[str, Path]
    question: Path
    expected: str


@dataclass(frozen=True)
class Row:
    """What became of a case. status: right, wrong, refused or open; reason: why it is not right."""

    category: str
    name: str
    expected: str
    answer: str
    status: str
    reason: str
    seconds: float


def cases(folder: Path) -> list[Case]:
    """All cases, written into a folder by the suite's own generator."""
    from vnntest.core.generator import generate_all_tests

    with chdir(folder), redirect_stdout(StringIO()):
        entries: list[dict[str, Any]] = generate_all_tests()
    tests = folder / ".vnnlib-satisfactory" / "tests"
    return [
        Case(
            entry["category"],
            entry["name"],
            {name: tests / entry["category"] / file for name, file in entry["networks"].items()},
            tests / entry["category"] / entry["vnnlib"],
            entry["expected"].lower(),
        )
        for entry in entries
    ]


def judged(case: Case, answer: str, reason: str, seconds: float) -> Row:
    known = {case.expected: "right", "refused": "refused"}
    wrong = "wrong" if answer in ("sat", "unsat") else "open"
    return Row(
        case.category, case.name, case.expected, answer, known.get(answer, wrong), reason,
        round(seconds, 3),
    )  # fmt: skip


def solved(case: Case, timeout: float) -> Row:
    """The case by `rb.solve`."""
    start = time.monotonic()
    try:
        result = rb.solve(case.networks, case.question, timeout=timeout)
        answer, reason = result.status, result.reason
    except RhobustError as error:
        answer, reason = "refused", str(error)
    return judged(case, answer, reason, time.monotonic() - start)


def commanded(case: Case, timeout: float) -> Row:
    """The case by the command line."""
    start = time.monotonic()
    named = [
        part for name, path in case.networks.items() for part in ("--network", f"{name}={path}")
    ]
    call = [sys.executable, "-m", "rhobust", "verify", str(case.question), *named]
    found = subprocess.run(
        [*call, "--timeout", str(timeout)], capture_output=True, text=True, check=False
    )
    answer = found.stdout.split("\n", 1)[0] if found.returncode == 0 else "refused"
    return judged(case, answer, found.stderr.strip(), time.monotonic() - start)


def compliance() -> Iterator[tuple[str, bool, str]]:
    """The suite's own checks of what `supports` prints."""
    from vnntest.core import compliance as checks

    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "solver"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m rhobust "$@"\n')
        script.chmod(0o755)
        for name in ("opset_versions", "vnnlib_versions", "serialise_assignments"):
            passed, told = getattr(checks, f"check_{name}")(str(script), 60)
            yield name, bool(passed), str(told)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument("--timeout", type=float, default=5.0)
    parser.add_argument("--command", action="store_true")
    given = parser.parse_args()
    lines: list[str] = []
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(Path(folder)):
            row = (commanded if given.command else solved)(case, given.timeout)
            counts[row.status] += 1
            lines.append(json.dumps(asdict(row)).replace(folder + os.sep, ""))
            if row.status != "right":
                print(
                    f"{row.category}/{row.name}: {row.status} ({row.reason[:150]})".replace(
                        folder, ""
                    )
                )
    for name, passed, told in compliance():
        counts["checks passed" if passed else "checks failed"] += 1
        lines.append(json.dumps({"check": name, "passed": passed, "told": told}))
        print(f"supports, {name}: {'passed' if passed else 'FAILED'}: {told}")
    if given.out is not None:
        given.out.write_text("\n".join(lines) + "\n")
    print(", ".join(f"{count} {status}" for status, count in sorted(counts.items())))
    return int(counts["wrong"] > 0 or counts["checks failed"] > 0)


if __name__ == "__main__":
    raise SystemExit(main())

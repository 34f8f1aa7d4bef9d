"""Two commits on one workload in one session: base, candidate, candidate, base.

    python -m bench.pair --base COMMIT --candidate COMMIT --workload wk17a_verify_100

Each commit gets a work tree of its own and one run that is not counted, which compiles its kernels.
Verdicts are compared before times: a contradiction ends the comparison with status 1.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .workloads import WORKLOADS, run

Rows = list[dict[str, Any]]
ROOT = Path(__file__).resolve().parent.parent


def said(row: dict[str, Any]) -> str:
    """An image's verdict, an instance's status."""
    return str(row.get("verdict") or row["status"])


def contradictions(base: Rows, candidate: Rows) -> list[int]:
    """The images that one run calls ROBUST and the other NOT_ROBUST; unsat and sat likewise."""
    decided = {"ROBUST", "NOT_ROBUST"}, {"sat", "unsat"}
    pairs = zip(base, candidate, strict=True)
    return [a["index"] for a, b in pairs if {said(a), said(b)} in decided]


def compare(base: list[Rows], candidate: list[Rows]) -> None:
    """Prints counts, sums, the median ratio per image, and what the ten largest movers hold."""
    before = [min(rows[i]["seconds"] for rows in base) for i in range(len(base[0]))]
    after = [min(rows[i]["seconds"] for rows in candidate) for i in range(len(base[0]))]
    for name, rows in (("base", base[0]), ("candidate", candidate[0])):
        unknown = sum(said(row) in ("UNKNOWN", "unknown", "timeout") for row in rows)
        nodes = sum(row["nodes"] or 0 for row in rows)
        print(f"{name}: {len(rows)} images, {unknown} unknown, {nodes} nodes")
    ratio = statistics.median(b / max(a, 1e-9) for a, b in zip(before, after, strict=True))
    print(f"seconds {sum(before):.2f} -> {sum(after):.2f}, median ratio {ratio:.3f}")
    moves = sorted((abs(b - a) for a, b in zip(before, after, strict=True)), reverse=True)
    print(
        f"the ten largest movers hold {sum(moves[:10]) / max(sum(moves), 1e-9):.0%} of the change"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", required=True)
    parser.add_argument("--candidate", required=True)
    parser.add_argument("--workload", required=True, choices=sorted(WORKLOADS))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trees = {}
        for side in ("base", "candidate"):
            trees[side] = Path(folder) / side
            commit = getattr(chosen, side)
            subprocess.run(
                ["git", "worktree", "add", "--detach", str(trees[side]), commit],
                check=True, cwd=ROOT, capture_output=True,
            )  # fmt: skip
        try:
            found: dict[str, list[Rows]] = {"base": [], "candidate": []}
            order = ["base", "candidate", "base", "candidate", "candidate", "base"]
            for turn, side in enumerate(order):
                rows = run(chosen.workload, Path(folder) / "out.jsonl", trees[side])
                (Path(folder) / "out.jsonl").unlink()
                if turn >= 2:
                    found[side].append(rows)
        finally:
            for tree in trees.values():
                subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=ROOT)
    wrong = contradictions(found["base"][0], found["candidate"][0])
    if wrong:
        print(f"contradicting verdicts on images {wrong}")
        sys.exit(1)
    compare(found["base"], found["candidate"])


if __name__ == "__main__":
    main()

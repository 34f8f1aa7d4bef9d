"""Certificates of a workload: written, then checked by the independent checker.

    python -m bench.certificates NAME [--out results.jsonl] [--limit SECONDS] [--index A:B]
        [--exact] [--every K] [--keep FOLDER]

NAME is a verify or vnncomp workload of `bench.workloads`; one process and one thread. A JSON line
for each proven instance: seconds of solving and of checking, the file's size, accepted or why not.
The model is read once for all certificates about it, by the search as by the checker.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from rhobust.bnb.check import Checker
from rhobust.cli.commands.solve import stored

from .workloads import DATA, WORKLOADS, arguments


def solved(command: list[str], folder: Path, out: Path) -> list[dict[str, Any]]:
    """The rows of a run of the program with certificates, in this process."""
    from rhobust.cli.app import app

    place = command.index("--json")
    command = [*command[:place], "--json", str(out), "--certificates", str(folder)]
    app(command, standalone_mode=False)
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    names = [name for name, (kind, *_) in WORKLOADS.items() if kind in ("verify", "vnncomp")]
    parser.add_argument("name", choices=sorted(names))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--limit", default="20", help="seconds for one instance")
    parser.add_argument("--index", help="images, instead of the workload's")
    parser.add_argument("--every", default="1", help="every K-th instance of a vnncomp set")
    parser.add_argument("--exact", action="store_true", help="check in rationals")
    parser.add_argument("--keep", type=Path, help="leave the certificates there")
    chosen = parser.parse_args()
    command = arguments(chosen.name, Path("unused"), chosen.limit)
    if chosen.index:
        command[command.index("--index") + 1] = chosen.index
    if command[0] == "vnncomp":
        command += ["--every", chosen.every]
        command = [*command[:2], *command[-2:], *command[2:-2]]
    elif "--timeout" not in command:
        command[2:2] = ["--timeout", chosen.limit]
    checkers: dict[str, Checker] = {}
    lines = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.keep or Path(scratch)
        rows = solved(command, folder, Path(scratch) / "rows.jsonl")
        for row in rows:
            proven = (row.get("verdict") or row.get("status")) in ("ROBUST", "unsat")
            if not proven:
                continue
            line = {"index": row["index"], "seconds": row["seconds"], "nodes": row["nodes"]}
            if "certificate" not in row:
                lines.append(line | {"accepted": False, "reason": row.get("uncertified")})
                continue
            model = command[1] if command[0] == "verify" else row["onnx"]
            path = Path(model) if command[0] == "verify" else stored(Path(command[1]), model)
            if model not in checkers:
                checkers.clear()
                checkers[model] = Checker(path)
            file = Path(row["certificate"])
            report = checkers[model].check(file, exact=chosen.exact)
            lines.append(
                line
                | {"check": report.seconds, "size": file.stat().st_size}
                | {"accepted": report.accepted, "reason": report.reason}
            )
    if chosen.out is not None:
        chosen.out.write_text("".join(json.dumps(line) + "\n" for line in lines))
    accepted = [line for line in lines if line["accepted"]]
    print(f"{chosen.name}: {len(accepted)} of {len(lines)} proofs accepted")
    for line in lines:
        if not line["accepted"]:
            print(f"  {line['index']}: {line['reason']}")
    if accepted:
        ratio = [line["check"] / max(line["seconds"], 1e-9) for line in accepted]
        told = {
            "check / solve": statistics.median(ratio),
            "solve": statistics.median(line["seconds"] for line in accepted),
            "check": statistics.median(line["check"] for line in accepted),
            "largest check": max(line["check"] for line in accepted),
            "size": statistics.median(line["size"] for line in accepted),
            "largest size": max(line["size"] for line in accepted),
        }
        print(", ".join(f"{name} {value:.4g}" for name, value in told.items()))


if __name__ == "__main__":
    assert DATA.is_dir(), f"{DATA}: no data; set RHOBUST_DATA"
    main()

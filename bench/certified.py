"""Certified training from seed to verdict: trains a recipe, and decides every test image.

    python -m bench.certified [--recipe NAME] [--seeds 0 1 2] --out FOLDER [--workers 1]

Writes FOLDER/results.jsonl, one line a seed: natural accuracy, the proven and the shown end of the
robust accuracy, how many images are undecided, wall and processor seconds of training and of
deciding. Models and stores stay in FOLDER; a seed whose line is there is not run again. One thread
a process; needs torch, and MNIST in RHOBUST_DATA.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rhobust.training import recipes

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("RHOBUST_DATA", "../shared/data")).resolve()


def run(folder: Path, *arguments: str) -> dict[str, float]:
    """Wall and processor seconds of one call of the program; its output goes to standard error."""
    environment = {
        **os.environ, "RHOBUST_DATA": str(DATA), "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
    }  # fmt: skip
    before, began = _processor(), time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "rhobust", *arguments],
        cwd=folder, env=environment, stdout=sys.stderr, check=True,
    )  # fmt: skip
    wall = time.monotonic() - began
    return {"wall": round(wall, 1), "processor": round(_processor() - before, 1)}


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def judged(path: Path, eps: float) -> dict[str, Any]:
    """Shares of all images, from the lines that `evaluate` wrote."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    verdicts = [row["decisions"][0]["verdict"] for row in rows]
    assert all(row["decisions"][0]["eps"] == eps for row in rows)
    right = sum(row["label"] == row["predicted"] for row in rows)
    robust, broken = verdicts.count("ROBUST"), verdicts.count("NOT_ROBUST")
    return {
        "images": len(rows),
        "natural": right / len(rows),
        "proven": robust / len(rows),
        "shown": 1.0 - broken / len(rows),
        "undecided": len(rows) - robust - broken,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="mnist-linf-0.1-sabr", choices=recipes.names())
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--eps", type=float, default=0.1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds for one image")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    results = chosen.out / "results.jsonl"
    chosen.out.mkdir(parents=True, exist_ok=True)
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    done = {(row["recipe"], row["seed"], row["eps"]) for row in map(json.loads, lines)}
    for seed in chosen.seeds:
        if (chosen.recipe, seed, chosen.eps) in done:
            continue
        folder = chosen.out / f"{chosen.recipe}-{seed}"
        folder.mkdir(exist_ok=True)
        model, rows = f"{chosen.recipe}.onnx", folder / f"{chosen.eps}.jsonl"
        training = run(
            folder, "train", "--recipe", chosen.recipe, "--seed", str(seed), "--overwrite"
        )
        deciding = run(
            folder, "evaluate", model, "--data", str(DATA / "mnist" / "mnist_test.npz"),
            "--eps", str(chosen.eps), "--store", "results.sqlite", "--workers", str(chosen.workers),
            "--timeout", str(chosen.timeout),
            "--json", rows.name, "--overwrite", "--quiet",
        )  # fmt: skip
        row = {
            "recipe": chosen.recipe, "seed": seed, "eps": chosen.eps, "training": training,
            **judged(rows, chosen.eps), "deciding": deciding, "workers": chosen.workers,
        }  # fmt: skip
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()

"""Workloads over the benchmark data, each one command of the program.

    python -m bench.workloads NAME [--out results.jsonl] [--limit SECONDS] [--processes N]

The data folder is RHOBUST_DATA (default ../shared/data); `bench.lenet` and `bench.nin` make the
networks of the workloads named after them. Prints verdict counts, seconds and peak memory; the JSON
lines (one per image) go to --out. With --processes the images are shared out among so many.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

DATA = Path(os.environ.get("RHOBUST_DATA", "../shared/data"))
WK17A, RSL18A = "mipverify/wk17a_linf0.1.onnx", "mipverify/rsl18a_linf0.1.onnx"
MNIST = "mnist/mnist_test.npz"
MODELS = Path(os.environ.get("RHOBUST_MODELS", Path(__file__).resolve().parent / "models"))
"""Where `bench.lenet` and `bench.nin` write; kept out of the repository."""
LENET, NIN = "lenet.onnx", "nin.onnx"

SETS = (
    "acasxu", "cifar10_resnet", "collins_rul_cnn", "cora", "dist_shift", "eran_mnist",
    "linearizenn", "malbeware", "marabou_cifar10", "metaroom", "ml4acopf", "mnist_fc", "nn4sys",
    "oval21", "reach_prob_density", "rl_benchmarks", "safenlp", "sat_relu", "sri_resnet_a", "test",
    "tllverifybench", "verivital",
)  # fmt: skip

WORKLOADS: dict[str, list[str]] = {
    "wk17a_verify_100": ["verify", WK17A, "--index", "0:100", "--eps", "0.1"],
    "wk17a_verify_500": ["verify", WK17A, "--index", "0:500", "--eps", "0.1", "--timeout", "120"],
    "wk17a_verify_all": ["verify", WK17A, "--index", "0:10000", "--eps", "0.1", "--timeout", "120"],
    "wk17a_rho_10": ["rho", WK17A, "--index", "0:10", "--timeout", "60"],
    "wk17a_estimate_100": ["estimate", WK17A, "--index", "0:100"],
    "rsl18a_verify_40": ["verify", RSL18A, "--index", "0:40", "--eps", "0.1", "--timeout", "60"],
    "rsl18a_verify_200": ["verify", RSL18A, "--index", "0:200", "--eps", "0.1", "--timeout", "120"],
    "estimate_lenet": ["estimate", LENET, "--index", "0:200"],
    "estimate_lenet_threshold": [
        *("estimate", LENET, "--index", "0:10000", "--max-eps", "20/255"),
    ],
    "estimate_nin": ["estimate", NIN, "--index", "0:10", "--max-eps", "20/255"],
    "estimate_wk17a": ["estimate", WK17A, "--index", "0:10000"],
    "digits_rho": ["rho", "digits"],
    "digits_conv_rho": ["rho", "digits_conv"],
    **{f"vnncomp_{name}": ["vnncomp", f"vnncomp/{name}"] for name in SETS},
    "acasxu_every_8": ["vnncomp", "vnncomp/acasxu", "--every", "8"],
}


def arguments(name: str, out: Path, limit: str = "20") -> list[str]:
    """The program's arguments for a workload, with the data's paths filled in."""
    command, model, *rest = WORKLOADS[name]
    if command == "vnncomp":
        folder = str((DATA / model).resolve())
        return [command, folder, *rest, "--limit", limit, "--json", str(out)]
    if model.endswith(".onnx"):
        data = MODELS / "nin_images.npz" if model == NIN else DATA / MNIST
        rest = [*rest, "--data", str(data.resolve())]
        model = str(((MODELS if model in (LENET, NIN) else DATA) / model).resolve())
    return [command, model, *rest, "--json", str(out)]


def shares(told: list[str], processes: int) -> list[list[str]]:
    """The arguments of each process: an --index A:B is cut, the JSON lines go to OUT.0, OUT.1, …"""
    if processes == 1:
        return [told]
    place = told.index("--index") + 1
    start, end = map(int, told[place].split(":"))
    cuts = [start + (end - start) * k // processes for k in range(processes + 1)]
    return [
        [*told[:place], f"{low}:{high}", *told[place + 1 : -1], f"{told[-1]}.{k}"]
        for k, (low, high) in enumerate(zip(cuts, cuts[1:], strict=False))
    ]


def run(
    name: str, out: Path, folder: Path, limit: str = "20", processes: int = 1
) -> list[dict[str, Any]]:
    """The JSON lines of one run of the program as it stands in `folder`, on one thread each."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(folder)}
    parts = shares(arguments(name, out, limit), processes)
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "rhobust", *part],
            cwd=folder, env=environment, stdout=subprocess.DEVNULL,
        )
        for part in parts
    ]  # fmt: skip
    if any([process.wait() for process in started]):  # a list: all are waited for
        raise RuntimeError(f"the program ended with an error: {parts[0]}")
    if processes > 1:
        files = [Path(part[-1]) for part in parts]
        out.write_text("".join(file.read_text(encoding="utf-8") for file in files))
        for file in files:
            file.unlink()
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(WORKLOADS))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--limit", default="20", help="seconds for one instance of a vnncomp set")
    parser.add_argument("--processes", type=int, default=1, help="share the images out")
    chosen = parser.parse_args()
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        out = (chosen.out or Path(folder) / "out.jsonl").resolve()
        root = Path(__file__).resolve().parent.parent
        rows = run(chosen.name, out, root, chosen.limit, chosen.processes)
    wall = time.perf_counter() - begun
    seconds = [row["seconds"] for row in rows]
    print(dict(Counter(row.get("verdict") or row["status"] for row in rows)))
    print(f"seconds: sum {sum(seconds):.2f}, median {statistics.median(seconds):.3f},", end=" ")
    nodes = sum(row["nodes"] or 0 for row in rows)
    print(f"largest {max(seconds):.2f}; nodes {nodes}; wall {wall:.1f}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()

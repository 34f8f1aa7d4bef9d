"""The adversarial example of Gurobi Machine Learning: its sign, and its proven optimum.

    python -m bench.optimum [--limit SECONDS] [--rounds N]

784-50-50-10, image 26 (a 4), class 9 against 4 in an l1 ball of 5; one thread. A JSON line for each
solve; the first, short one compiles the kernels and is not shown.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

import rhobust as rb

from .workloads import DATA

FOLDER = DATA / "gurobi_ml"


def solved(network: Any, image: Any, **asked: Any) -> dict[str, Any]:
    x = rb.Variable(784, lower=0, upper=1)
    y = network(x)
    problem = rb.Problem(rb.maximize(y[9] - y[4]), [rb.norm1(x - image) <= 5])
    began, busy = time.perf_counter(), time.process_time()
    solution = problem.solve(**asked)
    return {
        "status": solution.status, "value": solution.value, "bound": solution.bound,
        "seconds": round(time.perf_counter() - began, 3),
        "processor_seconds": round(time.process_time() - busy, 3),
        "nodes": solution.statistics.nodes, "lps": solution.statistics.lps,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, default=120.0)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    network = rb.load(str(Path(FOLDER) / "mnist_mlpclassifier.onnx"))
    image = np.load(FOLDER / "mnist_images100.npz")["data"][26]
    solved(network, image, timeout=2.0)
    for _ in range(chosen.rounds):
        sign = solved(network, image, timeout=chosen.limit, stop_above=0.0, stop_below=0.0)
        print(json.dumps({"question": "sign", **sign}), flush=True)
        optimum = solved(network, image, timeout=chosen.limit)
        print(json.dumps({"question": "optimum", **optimum}), flush=True)


if __name__ == "__main__":
    main()

"""How many nodes would a search need?  An estimate from random walks down its tree.

    python -m bench.treesize [--index A:B] [--walks N] [--deep LEVELS] [--timeout SECONDS]

For images of MNIST and WK17a: ρ's interval by `rb.rho`, then walks at a radius just below its
upper end, where an exact ρ asks for a proof; see `rhobust.bnb.tree_size`. One JSON line an image.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any
from unittest.mock import patch

import numpy as np

import rhobust as rb
from rhobust.bnb.caller import Caller
from rhobust.bnb.search import Outcome, Search, Settings
from rhobust.bnb.tree_size import TreeSize, from_roots
from rhobust.compiler.problem import Problem
from rhobust.queries import engine

from .workloads import DATA

SHARE = 1.0 - 1e-4
"""Of the upper end: what an exact interval may leave open."""


class Walked:
    """What stands in for the search: it only walks; `size`: what it found, `nodes`: it bounded."""

    def __init__(self, walks: int, deep: int) -> None:
        self.walks, self.deep = walks, deep
        self.size, self.nodes = TreeSize(), 0

    def __call__(self, problem: Problem, caller: Caller, settings: Settings) -> Outcome:
        search = Search(problem, caller, settings)
        found = from_roots(search, self.walks, self.deep)
        self.nodes = search.state.statistics.nodes
        if isinstance(found, Outcome):
            return found
        self.size = found
        status = "accepted" if found.settled else "open"
        return search.state.outcome(status, "" if found.settled else "node_limit", -np.inf, 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", default="0:10")
    parser.add_argument("--walks", type=int, default=10)
    parser.add_argument("--deep", type=int, default=60)
    parser.add_argument("--timeout", type=float, default=60.0)
    chosen = parser.parse_args()
    network = rb.load(str(DATA / "mipverify" / "wk17a_linf0.1.onnx"))
    stored = np.load(DATA / "mnist" / "mnist_test.npz")
    for index in range(*map(int, chosen.index.split(":"))):
        image = stored["images"][index].reshape(-1) / 255.0
        label = int(stored["labels"][index])
        rho = rb.rho(network, image, label=label, timeout=chosen.timeout)
        walked = Walked(chosen.walks, chosen.deep)
        began = time.perf_counter()
        with patch.object(engine, "search", walked):
            rb.verify(network, image, SHARE * rho.upper, label=label, timeout=3600.0)
        line: dict[str, Any] = {"index": index, "rho_lower": rho.lower, "rho_upper": rho.upper}
        walks = walked.size.walks
        if walks:
            line |= {
                "leaves_log2": float(np.log2(walked.size.leaves)),
                "nodes_log2": float(np.log2(walked.size.nodes)),
                "depths": [walk.depth for walk in walks],
                "short": [round(walk.short, 3) for walk in walks],
                "nodes_a_second": walked.nodes / (time.perf_counter() - began),
            }  # fmt: skip
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()

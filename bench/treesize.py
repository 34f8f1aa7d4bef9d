"""How many nodes would a search need?  An estimate from random walks down its tree.

    python -m bench.treesize [--index A:B] [--walks N] [--deep LEVELS] [--timeout SECONDS]

For images of MNIST and WK17a: ρ's interval by `rb.rho`, then walks at a radius just below its
upper end, where an exact ρ asks for a proof. A walk takes one open child of each node by chance;
the product of how many there were is an estimate of the number of leaves without bias (Knuth 1975,
Estimating the efficiency of backtrack programs). A walk that is cut off after some levels makes it
a lower bound, by what is still open there. One JSON line an image.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np

import rhobust as rb
from rhobust.bnb.root import root_nodes
from rhobust.bnb.search import Hooks, Outcome, Search, Settings
from rhobust.compiler.problem import Problem
from rhobust.queries import engine

from .workloads import DATA

SHARE = 1.0 - 1e-4
"""Of the upper end: what an exact interval may leave open."""


class Walks:
    """A search that only walks; `depths`: how deep each walk came; `leaves`: its estimate;
    `short`: what the node that it ended at was short of closing, 0 for a closed one."""

    def __init__(
        self, problem: Problem, hooks: Hooks, settings: Settings, walks: int, deep: int
    ) -> None:
        self.search = Search(problem, hooks, settings)
        self.state = self.search.state
        self.walks, self.deep = walks, deep
        self.depths: list[int] = []
        self.leaves: list[float] = []
        self.short: list[float] = []
        self.root_value = 0.0

    @np.errstate(all="ignore")
    def run(self) -> Outcome:
        rng = np.random.default_rng(0)
        block, early = root_nodes(self.state)
        if early is not None:
            return early
        self.root_value = float(block.value.min())
        for _ in range(self.walks):
            leaves, depth, left = float(len(block)), 0, 0.0
            node = block.take(rng.integers(0, len(block), 1))
            while depth < self.deep:
                parts = self.search.advance(node)
                if parts is None:
                    return self.state.outcome("accepted", "", -np.inf, 0.0)
                both = [(part, row) for part in parts for row in range(len(part))]
                if not both:
                    left = 0.0
                    break
                leaves *= len(both)
                part, row = both[int(rng.integers(0, len(both)))]
                node, depth = part.take(np.array([row])), depth + 1
                left = -float(node.value[0])
            self.depths.append(depth)
            self.leaves.append(leaves)
            self.short.append(left)
        return self.state.outcome("open", "node_limit", self.root_value, 0.0)


def walking(
    made: list[Walks], walks: int, deep: int
) -> Callable[[Problem, Hooks, Settings], Outcome]:
    """What stands in for the search; `made` hears of the walks."""

    def walk(problem: Problem, hooks: Hooks, settings: Settings) -> Outcome:
        made.append(Walks(problem, hooks, settings, walks, deep))
        return made[-1].run()

    return walk


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
        made: list[Walks] = []
        began = time.perf_counter()
        with patch.object(engine, "search", walking(made, chosen.walks, chosen.deep)):
            rb.verify(network, image, SHARE * rho.upper, label=label, timeout=3600.0)
        line: dict[str, Any] = {"index": index, "rho_lower": rho.lower, "rho_upper": rho.upper}
        if made and made[-1].leaves:
            last = made[-1]
            line |= {
                "root": last.root_value,
                "leaves_log2": float(np.log2(np.mean(last.leaves))),
                "depths": last.depths, "short": [round(item, 3) for item in last.short],
                "nodes_a_second": last.state.statistics.nodes / (time.perf_counter() - began),
            }  # fmt: skip
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()

"""How many nodes would a search need?  An estimate from random walks down its tree.

A walk takes one open child of each node by chance; the product of how many there were estimates
how many open nodes there are at its depth, and the sum over its depths of that times the children
that were bounded there how many nodes are bounded in all, both without bias (Knuth 1975, Estimating
the efficiency of backtrack programs). A walk that is cut off makes both lower bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..compiler.base.late import Late, Stop
from .root import root_nodes
from .search import Search
from .settings import Outcome, Unfinished


@dataclass(frozen=True, slots=True)
class Walk:
    """leaves: its estimate of the nodes whose children all close. nodes: of those bounded below
    the ones that walks begin at. depth: of the node it ended at. short: what that one was short of
    closing, 0 for a closed one. whole: whether it came to a closed node.
    """

    leaves: float
    nodes: float
    depth: int
    short: float
    whole: bool


@dataclass(slots=True)
class TreeSize:
    """The walks. settled: whether a candidate settled the question on one, which has no estimate
    then.
    """

    walks: list[Walk] = field(default_factory=list)
    settled: bool = False

    @property
    def leaves(self) -> float:
        """The mean of the estimates, NaN without a walk."""
        return float(np.mean([walk.leaves for walk in self.walks])) if self.walks else np.nan

    @property
    def nodes(self) -> float:
        """The mean of the estimates, NaN without a walk."""
        return float(np.mean([walk.nodes for walk in self.walks])) if self.walks else np.nan

    @property
    def whole(self) -> bool:
        """Whether no walk was cut off: if one was, the means are lower bounds."""
        return bool(self.walks) and all(walk.whole for walk in self.walks)


@np.errstate(all="ignore")
def from_roots(search: Search, walks: int, deep: int, seed: int = 0) -> TreeSize | Outcome:
    """The size of the whole tree; the answer where the root nodes settle the question.

    search: one that did not run; it is of no further use.
    """
    block, early = root_nodes(search.state)
    if early is not None:
        return early
    state = search.state
    start = Unfinished(search.advance, state.statistics, block, np.arange(len(block)))
    return from_open(start, state.clock.stop, state.candidates.cutoff, walks, deep, seed)


def from_open(
    start: Unfinished,
    stop: Stop,
    cutoff: Callable[[], float],
    walks: int,
    deep: int,
    seed: int = 0,
) -> TreeSize:
    """What is below the open nodes of a search, by `walks` walks of at most `deep` levels from
    nodes taken by chance; fewer where the time is up.
    """
    rng, found = np.random.default_rng(seed), TreeSize()
    while len(start.rows) and len(found.walks) < walks and not stop():
        made = _walk(start, stop, cutoff, deep, rng)
        if made is None:
            found.settled = True
            break
        found.walks.append(made)
    return found


def _walk(
    start: Unfinished, stop: Stop, cutoff: Callable[[], float], deep: int, rng: np.random.Generator
) -> Walk | None:
    """One walk; None when a candidate settled the question."""
    leaves, nodes, depth = float(len(start.rows)), 0.0, 0
    node = start.nodes.take(start.rows[rng.integers(0, len(start.rows), 1)])
    while depth < deep and not stop():
        before = start.statistics.nodes
        try:
            parts = start.advance(node)
        except Late:
            break
        if parts is None:
            return None
        rows = [(part, row) for part in parts for row in range(len(part))]
        nodes += leaves * (start.statistics.nodes - before)
        if not rows:
            return Walk(leaves, nodes, depth, 0.0, True)
        leaves *= len(rows)
        part, row = rows[int(rng.integers(0, len(rows)))]
        node, depth = part.take(np.array([row])), depth + 1
    return Walk(leaves, nodes, depth, float(cutoff() - node.value[0]), False)

"""What a search may spend, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ..compiler.base.arrays import Indices, Numbers
from ..compiler.base.digest import UNASKED
from ..compiler.base.errors import InputError
from ..lp.oracle.highs import Oracle, highs
from .nodes.batch import Block


@dataclass(frozen=True, slots=True)
class Settings:
    """What the search may spend; none of it changes what a verdict means.

    A search that was saved can go on with more of what is unasked; the rest shapes its nodes.
    batch: nodes of a batch: more fill the products better, and more are bounded before the worst is
    looked for again. root_steps: ascent steps at root nodes, which all others go on from.
    tighten_steps: those of the region's unit bounds. node_steps, extra_steps: those below, and how
    many more where a node is short of closing by no more than `hope` of what the worst root node
    was, or has no unit to split: 3, and 12 more near the end, took half the time of 10 everywhere
    (bench/RESULTS.md). inside_steps: of the objective cut's multipliers.
    trees, refine, joint, boxes: whether nodes are given trees of single units, bounds below splits,
    multi-neuron groups, input boxes of their own.
    slack: how many times their rounding errors bounds allow for, at least 1.
    nodes, memory, threads: nodes to bound at most; bytes of open nodes, beyond which the search
    goes depth first; batches bounded at once.
    tracked: inputs (D,), floats or Fractions, that the search checks never to lose; see `tracking`.
    """

    batch: int = field(default=64, metadata=UNASKED)
    root_steps: int = 40
    tighten_steps: int = 8
    trees: bool = True
    refine: bool = True
    joint: bool = True
    boxes: bool = True
    node_steps: int = 3
    extra_steps: int = 12
    hope: float = 0.01
    inside_steps: int = 10
    slack: float = 1.0
    nodes: int = field(default=10_000_000, metadata=UNASKED)
    memory: float = field(default=4e8, metadata=UNASKED)
    threads: int = field(default=1, metadata=UNASKED)
    oracle: Oracle = field(default=highs, metadata=UNASKED)
    tracked: tuple[Numbers, ...] = field(default=(), metadata=UNASKED)

    @classmethod
    def of(
        cls, given: Settings | None, threads: int | None = None, memory: float | None = None
    ) -> Settings:
        """What a caller gave, with the threads and the memory (MB for open nodes) that were told
        apart.  Raises InputError for what is none.
        """
        made = given or cls()
        if threads is not None:
            if isinstance(threads, bool) or not threads == int(threads) or threads < 1:
                raise InputError(f"threads is a whole number of at least 1, not {threads!r}")
            made = replace(made, threads=int(threads))
        if memory is not None:
            if not memory > 0.0:  # NaN too
                raise InputError(f"memory is a positive number of megabytes, not {memory!r}")
            made = replace(made, memory=float(memory) * 1e6)
        return made


@dataclass(slots=True)
class Statistics:
    """Counts of one search.  numerical: leaves that nothing could decide; exact: those that only
    rational arithmetic closed.
    """

    nodes: int = 0
    lps: int = 0
    numerical: int = 0
    exact: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class Unfinished:
    """A search that ended with open nodes, which could go on. advance: what stays open of some
    nodes, or None when a candidate settled the question. statistics: which it counts in. The open
    nodes are `rows` of `nodes`.
    """

    advance: Callable[[Block], list[Block] | None]
    statistics: Statistics
    nodes: Block
    rows: Indices


@dataclass(slots=True)
class Outcome:
    """status: `closed` (the root branch cannot be satisfied, or not below the cutoff), `accepted`
    (a candidate settled the question) or `open`; open with the reason `contradiction` where a check
    of the search itself failed, and nothing is proven.

    bound: least proven value over what is still open, of the atoms' sums or of the objective;
    proven_distance: of a violation, at least.
    """

    status: str
    reason: str
    bound: float
    proven_distance: float
    statistics: Statistics = field(default_factory=Statistics)

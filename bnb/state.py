"""What the parts of one search are given: the question, reduced more and more, and what is known.

The parts are functions over it: `root` sets what the root nodes begin with, `bound_batch` bounds
nodes, `leaves` closes those without a unit to split, `split_batch` splits the others. What they do
beyond that stands in two tables, of tighteners (`tighten`) and of branching rules (`branching`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import RLock
from typing import ClassVar, Literal, TypeAlias

import numpy as np

from ..compiler.base.arrays import Bounds, Indices, Matrix, Vector
from ..compiler.problem import Branch, Problem
from .bounds.crown import Multipliers, Nodes, Pass
from .bounds.magnitudes import Magnitudes
from .bounds.node_lp import LeafResult
from .caller import Caller, Candidates, Clock, Listeners
from .nodes.batch import Block
from .nodes.disjunctions import Tree
from .nodes.forms import Units
from .presolve.remaining import Remaining
from .presolve.sparse_rows import SparseRows
from .presolve.substitute_stable import reduce
from .settings import Outcome, Settings, Statistics
from .tracking.tracker import Tracker, tracker

WIDEST = 128
"""Inputs of some width beyond which nodes share one box."""


@dataclass(slots=True)
class State:
    """One search over one region."""

    # known from the start
    problem: Problem
    """The question; a smaller one after every reduction."""
    clock: Clock
    candidates: Candidates
    listeners: Listeners
    settings: Settings
    boxes: bool
    """Whether nodes have input boxes of their own."""
    remaining: Remaining
    """Which units and atoms of the compiled problem the reduced one has."""
    tracker: Tracker
    known: tuple[Nodes, Magnitudes] | None = None
    """Bounds of the region that the caller has already."""
    lock: RLock = field(default_factory=RLock)
    """Over all that threads share: counts, records and the caller's functions."""

    # replaced at the root, with every reduction
    tree: Tree = field(init=False)
    """The disjunctions over the atoms that are left."""
    root: Nodes = field(init=False)
    """Bounds of the region, one node; set before the first reduction."""
    magnitudes: Magnitudes = field(init=False)
    """Magnitudes on the region; set with `root`."""
    units: Units = field(init=False)
    """How the units of the reduced problem are numbered; set by the first reduction."""

    # set at the root, after the last reduction
    rows: SparseRows = field(init=False)
    """The reduced problem as sparse rows."""
    roots: int = 0
    """How many root nodes there were."""
    scale: float = 0.0
    """How far the worst root node is from closing."""
    tighteners: list[Tightener] = field(default_factory=list)
    """Those of the table that apply."""
    rules: list[BranchingRule] = field(default_factory=list)
    """Those of the table that apply."""

    # learnt by the search
    statistics: Statistics = field(default_factory=Statistics)
    doubtful: tuple[float, float] = (np.inf, np.inf)
    """The least value and the least distance of the nodes given up."""
    learnt: Vector = field(init=False)
    """What halving each input gained beside what it promised, (D,), NaN where nobody tried."""

    @classmethod
    def of(cls, problem: Problem, caller: Caller, settings: Settings) -> State:
        """A search that knows nothing yet."""
        boxes = settings.boxes and 0 < wide_inputs(problem) <= WIDEST
        candidates = caller.candidates
        tracked = tracker(problem, settings.tracked, candidates.cutoff, candidates.box)
        made = cls(
            problem, caller.clock, candidates, caller.listeners, settings, boxes,
            Remaining(problem), tracked, caller.known,
        )  # fmt: skip
        root = problem.root
        if problem.objective is not None:
            root = Branch((problem.objective, *root.atoms), root.choices)
        made.tree = Tree(root, problem.choices, len(problem.offset))
        made.learnt = np.full(problem.input_size, np.nan)
        return made

    @property
    def last(self) -> int:
        """The stage of the atoms."""
        return len(self.problem.stages) - 1

    def above(self) -> Vector:
        """What each atom must not exceed to be of interest, (A,)."""
        above = np.zeros(len(self.problem.offset))
        if self.problem.objective is not None:
            above[self.problem.objective] = self.candidates.cutoff()
        return above

    def accept(self, points: Matrix) -> bool:
        """Whether one of some points (B, D) settles the question."""
        with self.lock:
            return self.candidates.accept(points)

    def reduce(self, atoms: Indices) -> None:
        """Substitutes units that are stable on the region; keeps some atoms.  Raises Late."""
        listeners = self.remaining, self.tracker, self.listeners.recorder
        for listener in listeners:
            if listener is not None:
                listener.reduced(self.problem, self.root, atoms)
        self.problem, self.root, self.magnitudes = reduce(
            self.problem, self.magnitudes, self.root, self.tree, atoms, self.clock.stop
        )
        self.units = Units.of(self.problem)
        self.tracker.substituted("substituting stable units", self.problem)

    def outcome(self, status: str, reason: str, bound: float, proven_distance: float) -> Outcome:
        return Outcome(status, reason, bound, proven_distance, self.statistics)


def wide_inputs(problem: Problem) -> int:
    """How many inputs of a problem are no constants."""
    return int((problem.lower < problem.upper).sum())


Changes: TypeAlias = Literal["region", "boxes", "units", "values", "multipliers"]


class Tightener:
    """One way to tighter bounds, made for one search: an entry of the table in `tighten`.

    A method says when it is called; those that a tightener does not need it does not override. The
    methods of nodes are called by several threads at once, each with nodes of its own.

    step: what it does, for whoever is told that a solution was lost. changes: what of a region or
    of nodes it may change; tracked solutions are looked for after each change of bounds. flag: its
    name in a certificate, where the checker has to do the same.
    """

    step: ClassVar[str]
    changes: ClassVar[tuple[Changes, ...]]
    flag: ClassVar[str] = ""

    def __init__(self, state: State) -> None:
        self.state = state

    @staticmethod
    def applies(state: State) -> bool:
        """Whether it has a use, once the reduced problem is known."""
        raise NotImplementedError

    @staticmethod
    def at_region(state: State) -> bool:
        """Whether the region's bounds are better now, so that the root begins again."""
        return False

    def at_roots(self, block: Block) -> bool:
        """Whether the open root nodes have something new, so that they are bounded again."""
        return False

    def below_split(self, block: Block, known: Bounds) -> None:
        """Tightens children, in place; known: bounds of units (B, U) that they had before all
        tighteners.
        """

    def before_pass(self, block: Block, multipliers: Multipliers) -> None:
        """Before each pass from the nodes' weighted atoms: may set multipliers, in place."""

    def after_pass(self, block: Block, found: Pass) -> None:
        """After each such pass: may raise its values, in place."""

    def after_ascent(self, block: Block, found: Pass) -> None:
        """After the last of some passes: may cut what their bounds exclude, in place."""


class BranchingRule:
    """One way to say what nodes are split on: an entry of the table in `branching`."""

    def __init__(self, state: State) -> None:
        self.state = state

    @staticmethod
    def applies(state: State) -> bool:
        """Whether it has a use, once the reduced problem is known."""
        raise NotImplementedError

    def after_ascent(self, block: Block, nodes: Nodes, found: Pass) -> None:
        """Sets what nodes are split on, where it knows better than the rules before it.

        nodes: the same ones as they were in the last pass, `found`.
        """

    def after_lp(self, alone: Block, found: LeafResult) -> int:
        """What the only node of a block, whose LP says no more, is split on; -1 for the next rule,
        and where no rule knows, for rational arithmetic.
        """
        return -1

    def learn(self, parents: Block, children: Block) -> None:
        """Hears of nodes that were split and of their children that are open."""

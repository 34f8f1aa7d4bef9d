"""What the parts of one search are given: the question, reduced more and more, and what is known.

The parts are functions over it: `root` sets what the root nodes begin with, `bound_batch` bounds
nodes, `leaves` closes those without a unit to split, `split_batch` splits the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import RLock

import numpy as np

from ..compiler.base.arrays import Indices, Matrix, Vector
from ..compiler.problem import Branch, Problem
from .bounds.crown import Nodes
from .bounds.magnitudes import Reach
from .nodes.batch import Units
from .nodes.disjunctions import Tree
from .presolve.remaining import Remaining
from .presolve.sparse_rows import SparseRows
from .presolve.substitute_stable import reduce
from .settings import Hooks, Outcome, Settings, Statistics
from .tighten.input_boxes import Axes, own_boxes, worth_halving
from .tighten.multi_neuron import JointGroups
from .tighten.objective_cut import Inside
from .tighten.ties import Ties
from .tracking.tracker import Tracker, tracker


@dataclass(slots=True)
class State:
    """One search over one region."""

    # known from the start
    compiled: Problem
    """The question as it was compiled."""
    hooks: Hooks
    settings: Settings
    boxes: bool
    """Whether nodes have input boxes of their own."""
    halving: bool
    """Whether halving those competes with splitting units."""
    remaining: Remaining
    """Which units and atoms of the compiled problem the reduced one has."""
    tracker: Tracker
    lock: RLock = field(default_factory=RLock)
    """Over all that threads share: counts, records and the caller's hooks."""

    # replaced at the root, with every reduction
    problem: Problem = field(init=False)
    tree: Tree = field(init=False)
    """The disjunctions over the atoms that are left."""
    root: Nodes = field(init=False)
    """Bounds of the region, one node; set before the first reduction."""
    reach: Reach = field(init=False)
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
    inputs: Matrix | None = None
    propagates: bool = False
    refines: bool = False
    ties: Ties | None = None
    joint: JointGroups | None = None

    # learnt by the search
    statistics: Statistics = field(default_factory=Statistics)
    doubtful: tuple[float, float] = (np.inf, np.inf)
    """The least value and the least distance of the nodes given up."""
    inside: Inside = field(default_factory=Inside)
    axes: Axes = field(init=False)

    @classmethod
    def of(cls, problem: Problem, hooks: Hooks, settings: Settings) -> State:
        """A search that knows nothing yet."""
        boxes = settings.boxes and own_boxes(problem)
        tracked = tracker(problem, settings.tracked, hooks.cutoff, hooks.box)
        halving = boxes and worth_halving(problem)
        made = cls(problem, hooks, settings, boxes, halving, Remaining(problem), tracked)
        made.problem = problem
        root = problem.root
        if problem.objective is not None:
            root = Branch((problem.objective, *root.atoms), root.choices)
        made.tree = Tree(root, problem.choices, len(problem.offset))
        made.axes = Axes(problem.input_size)
        return made

    @property
    def last(self) -> int:
        """The stage of the atoms."""
        return len(self.problem.stages) - 1

    def above(self) -> Vector:
        """What each atom must not exceed to be of interest, (A,)."""
        above = np.zeros(len(self.problem.offset))
        if self.problem.objective is not None:
            above[self.problem.objective] = self.hooks.cutoff()
        return above

    def accept(self, points: Matrix) -> bool:
        """Whether one of some points (B, D) settles the question."""
        with self.lock:
            return self.hooks.accept(points)

    def reduce(self, atoms: Indices) -> None:
        """Substitutes units that are stable on the region; keeps some atoms.  Raises Late."""
        listeners = self.remaining, self.tracker, self.hooks.recorder
        for listener in listeners:
            if listener is not None:
                listener.reduced(self.problem, self.root, atoms)
        self.problem, self.root, self.reach = reduce(
            self.problem, self.reach, self.root, self.tree, atoms, self.hooks.stop
        )
        self.units = Units.of(self.problem)
        self.tracker.substituted("substituting stable units", self.problem)

    def outcome(self, status: str, reason: str, bound: float, radius: float) -> Outcome:
        return Outcome(status, reason, bound, radius, self.statistics)

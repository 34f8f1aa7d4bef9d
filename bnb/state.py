"""What all parts of one search share."""

from __future__ import annotations

from threading import RLock

import numpy as np

from ..compiler.base.arrays import Indices, Mask, Matrix, Vector
from ..compiler.problem import Branch, Problem
from .bounds.crown import Nodes
from .bounds.magnitudes import Reach
from .leaves.rational import ExactLeaves
from .nodes.batch import Block, Units
from .nodes.disjunctions import Tree
from .presolve.sparse_rows import SparseRows
from .presolve.substitute_stable import reduce
from .settings import Hooks, Outcome, Settings, Statistics
from .tighten.input_boxes import Axes, own_boxes, worth_halving
from .tighten.multi_neuron import JointGroups
from .tighten.objective_cut import Inside
from .tighten.ties import Ties
from .tracking import tracker


class Shared:
    """The question, reduced more and more, and what is known of the whole region."""

    def __init__(self, problem: Problem, hooks: Hooks, settings: Settings) -> None:
        self.problem, self.hooks, self.settings = problem, hooks, settings
        root = problem.root
        if problem.objective is not None:
            root = Branch((problem.objective, *root.atoms), root.choices)
        self.tree = Tree(root, problem.choices, len(problem.offset))
        self.statistics = Statistics()
        self.exact = ExactLeaves(problem, hooks)
        self.doubtful = (np.inf, np.inf)  # least value and radius of the nodes given up
        self.joint: JointGroups | None = None
        self.inputs: Matrix | None = None
        self.propagates = False
        self.refines = False
        self.ties: Ties | None = None
        self.inside = Inside()
        self.axes = Axes(problem.input_size)
        self.tracker = tracker(problem, settings.tracked)
        self.lock = RLock()  # over all that threads share: counts, records and the caller's hooks
        self.boxes = settings.boxes and own_boxes(problem)
        self.halving = self.boxes and worth_halving(problem)
        self.root: Nodes
        self.reach: Reach
        self.units: Units
        self.sparse: SparseRows
        self.scale: float  # how far the worst root node is from closing

    @property
    def last(self) -> int:
        return len(self.problem.stages) - 1

    def _accept(self, points: Matrix) -> bool:
        with self.lock:
            return self.hooks.accept(points)

    def _above(self, atoms: int) -> Vector:
        """What each atom must not exceed to be of interest, (A,)."""
        above = np.zeros(atoms)
        if self.problem.objective is not None:
            above[self.problem.objective] = self.hooks.cutoff()
        return above

    def _reduce(self, atoms: Indices) -> None:
        self.exact.reduced(self.problem, self.root, atoms)
        if self.hooks.recorder is not None:
            self.hooks.recorder.reduced(self.problem, self.root, atoms)
        if self.tracker is not None:
            self.tracker.reduced(self.problem, self.root, atoms)
        self.problem, self.root, self.reach = reduce(
            self.problem, self.reach, self.root, self.tree, atoms, self.hooks.stop
        )
        self.units = Units.of(self.problem)
        if self.tracker is not None:
            self.tracker.substituted("substituting stable units", self.problem)

    def _held(self, block: Block) -> Mask | None:
        """Which nodes hold which tracked points; None where nothing is tracked."""
        return None if self.tracker is None else self.tracker.held(block)

    def _relevant(self) -> Mask:
        """The tracked points that still have to be held."""
        assert self.tracker is not None
        return self.tracker.relevant(self.hooks.cutoff(), self.hooks.box())

    def _kept(self, step: str, before: Mask | None, block: Block) -> None:
        """Checks a step that changed nodes in place; before: what they held."""
        if self.tracker is not None and before is not None:
            self.tracker.kept(step, before, block, self._relevant())

    def _empty(self, step: str, block: Block) -> None:
        """Checks nodes that a step closed."""
        if self.tracker is not None and len(block):
            self.tracker.empty(step, self.tracker.held(block), self._relevant())

    def _covered(self, step: str, before: Mask | None, block: Block) -> None:
        """Checks that nodes hold what their parents held; before (B, P)."""
        if self.tracker is not None and before is not None:
            held: Mask = np.logical_or.reduce(before, axis=0)
            self.tracker.covered(step, held, block, self._relevant())

    def _outcome(self, status: str, reason: str, bound: float, radius: float) -> Outcome:
        return Outcome(status, reason, bound, radius, self.statistics)

"""What all parts of one search share."""

from __future__ import annotations

from threading import RLock

import numpy as np

from ..compiler.arrays import Indices, Matrix, Vector
from ..compiler.problem import Branch, Problem
from .bounds.backward import Nodes
from .bounds.inverse import Inside
from .bounds.reach import Reach
from .bounds.reduce import reduce
from .boxes import Axes, own_boxes, worth_halving
from .choices import Tree
from .exact_leaf import ExactLeaves
from .joint import JointGroups
from .node import Units
from .refine import SparseRows
from .settings import Hooks, Outcome, Settings, Statistics
from .ties import Ties


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
        self.problem, self.root, self.reach = reduce(
            self.problem, self.reach, self.root, self.tree, atoms, self.hooks.stop
        )
        self.units = Units.of(self.problem)

    def _outcome(self, status: str, reason: str, bound: float, radius: float) -> Outcome:
        return Outcome(status, reason, bound, radius, self.statistics)

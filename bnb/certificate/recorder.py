"""What a search proves, noted while it runs: the tree of splits and the multipliers that close it.

Nothing here is looked at by the search, which is the same with and without it. The terms are those
of docs/design/certificate.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ...compiler.base.arrays import Indices, Mask, Matrix, Phases, Vector
from ...compiler.problem import Problem
from ..bounds.crown import Multipliers, Nodes
from ..nodes.batch import Block
from ..nodes.disjunctions import Tree
from ..presolve.substitute_stable import unstable_units

Case: TypeAlias = tuple[dict[int, int], dict[int, Fraction], dict[int, Fraction]]
"""A `Refutation` in the numbers of kept units."""
Unit: TypeAlias = tuple[int, int]
"""A stage of the compiled problem and an element of it."""
Slopes: TypeAlias = npt.NDArray[np.floating[Any]]
LEAF, NONE, DEAD = -1, -1, -2
"""No split; no row of multipliers; closed by an atom that is dead."""


@dataclass(frozen=True, slots=True)
class Refutation:
    """What proves a leaf empty where the units of `free` have these phases: multipliers > 0 of
    rows phase * z >= 0 of units, and of atoms.
    """

    free: Mapping[Unit, int]
    units: Mapping[Unit, Fraction]
    atoms: Mapping[int, Fraction]


@dataclass(slots=True)
class Rows:
    """Multipliers of single nodes, batch after batch.

    gamma, beta: (row of the batch, place, value) of what is not 0; alpha (B, U).
    """

    marks: list[Indices] = field(default_factory=list)
    gamma: list[tuple[Indices, Indices, Vector]] = field(default_factory=list)
    beta: list[tuple[Indices, Indices, Vector]] = field(default_factory=list)
    alpha: list[Slopes] = field(default_factory=list)

    def add(self, block: Block, atoms: Indices, alpha: Slopes, beta: Matrix) -> None:
        """alpha, beta (B, U); the atoms' own numbers are `atoms`."""
        self.marks.append(block.mark.copy())
        row, place = np.nonzero(block.gamma)
        self.gamma.append((row, atoms[place], block.gamma[row, place]))
        held = np.where(block.phase != 0, beta, 0.0)
        row, place = np.nonzero(held)
        self.beta.append((row, place, held[row, place]))
        self.alpha.append(alpha * block.free())


@dataclass(slots=True)
class Born:
    """A batch of new nodes: whose children they are, which one, and their root."""

    parent: Indices
    side: Indices
    origin: Indices
    tighten: bool


@dataclass(slots=True)
class Tight:
    """Better bounds of sign * z of some units: how many leaves each has (Q,), their slopes (M, V),
    and what they hold: (row, place, phase, multiplier)."""

    units: Indices
    sign: int
    leaves: Indices
    alpha: npt.NDArray[np.float32]
    held: tuple[Indices, Indices, npt.NDArray[np.int8], Vector]


class Recorder:
    """Notes of one search of `problem`; marks are the nodes' numbers in the order of birth."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.dead: Mask = np.zeros(len(problem.offset), dtype=bool)
        self.atoms: Indices = np.arange(len(problem.offset))
        self.layers: list[tuple[str, int]] = []
        self.units: Indices = np.empty(0, dtype=np.int64)
        self.own: list[Indices] | None = None  # by stage: places of its units in `units`
        self.tight: list[Tight] = []
        self.born: list[Born] = []
        self.count = 0
        self.splits: list[tuple[Indices, Indices]] = []
        self.fast, self.exact = Rows(), Rows()
        self.groups: Indices = np.empty((0, 0, 0), dtype=np.int64)
        self.share: Matrix = np.empty((0, 0))
        self.rational: dict[int, list[Case]] = {}  # by mark: leaves closed in rationals
        self.lock = Lock()  # a search may have several threads
        self.flags: dict[str, bool] = {"boxes": False, "propagate": False, "refine": False}

    # the root

    def plain(self, value: Vector, above: Vector) -> None:
        """The atoms' plain bounds (A,): those above 0 can hold nowhere."""
        self.dead = value > above

    def reduced(self, problem: Problem, nodes: Nodes, atoms: Indices) -> None:
        """To be told before each reduction to the unstable units and to some atoms."""
        self.atoms = self.atoms[atoms]
        unstable = unstable_units(problem, nodes)[:-1]
        if self.own is not None:
            several = zip(self.own, unstable, strict=True)
            self.own = [places[units] for places, units in several if len(units)]
            return
        pairs = zip(problem.stages, unstable, strict=False)
        self.layers = [(stage.name, len(units)) for stage, units in pairs if len(units)]
        self.units = np.concatenate([np.empty(0, dtype=np.int64), *unstable])
        ends = np.cumsum([0, *(count for _, count in self.layers)])
        self.own = [np.arange(a, b) for a, b in zip(ends[:-1], ends[1:], strict=True)]

    def tightened(self, number: int, units: Indices, sign: int, alpha: Sequence[Matrix]) -> None:
        """Multipliers (Q, N) of every stage below `number` that gave some units a better bound."""
        assert self.own is not None
        wide = np.zeros((len(units), len(self.units)), dtype=np.float32)
        for places, part in zip(self.own, alpha, strict=False):
            wide[:, places] = part
        self._note(number, units, sign, np.arange(len(units)), wide, np.zeros(wide.shape), None)

    def grown(
        self,
        number: int,
        units: Indices,
        sign: int,
        owner: Indices,
        phases: Sequence[Phases],
        multipliers: Multipliers,
    ) -> None:
        """Trees that gave some units a better bound: whose each of their leaves is (M,), a place in
        `units`, its phases and its multipliers (M, N) of every stage below `number`.
        """
        assert self.own is not None
        shape = len(owner), len(self.units)
        alpha, beta = np.zeros(shape, dtype=np.float32), np.zeros(shape)
        phase = np.zeros(shape, dtype=np.int8)
        for j, places in enumerate(self.own[:number]):
            alpha[:, places], beta[:, places] = multipliers.alpha[j], multipliers.beta[j]
            phase[:, places] = phases[j]
        order = np.argsort(owner, kind="stable")
        self._note(number, units, sign, owner[order], alpha[order], beta[order], phase[order])

    def _note(
        self,
        number: int,
        units: Indices,
        sign: int,
        owner: Indices,
        alpha: npt.NDArray[np.float32],
        beta: Matrix,
        phase: npt.NDArray[np.int8] | None,
    ) -> None:
        assert self.own is not None
        shown, count = np.unique(owner, return_counts=True)
        held = np.zeros(alpha.shape, dtype=np.int8) if phase is None else phase
        row, place = np.nonzero(held)
        self.tight.append(
            Tight(
                self.own[number][units[shown]], sign, count, alpha * (held == 0),
                (row, place, held[row, place], beta[row, place]),
            )
        )  # fmt: skip

    def grouped(self, groups: Indices, origin: Indices, share: Matrix) -> None:
        """The groups of units, and the coefficients (B, U) of the nodes of some roots."""
        self.groups = groups
        self.share = np.zeros((len(groups), share.shape[1]))
        self.share[origin] = share

    # the tree

    def add(self, parent: Indices, side: Indices, origin: Indices, tighten: bool) -> Indices:
        """New nodes; returns their marks."""
        with self.lock:
            self.born.append(Born(parent.copy(), side.astype(np.int64), origin.copy(), tighten))
            self.count += len(parent)
            return np.arange(self.count - len(parent), self.count)

    def split(self, marks: Indices, by: Indices) -> None:
        """What nodes are split by."""
        self.splits.append((marks.copy(), by.copy()))

    def restart(self) -> None:
        """Forgets the tree, whose root is to be bounded again."""
        self.born, self.count, self.splits = [], 0, []
        self.fast, self.exact = Rows(), Rows()
        self.rational = {}

    def start(self, tree: Tree) -> Indices:
        """The choices made before the search; returns the marks of the root nodes."""
        none = np.array([NONE])
        marks = self.add(none, np.zeros(1, dtype=np.int64), none, False).tolist()

        def made(row: int, number: int, count: int) -> None:
            parent = marks.pop(row)
            self.split(np.array([parent]), np.array([-2 - number]))
            several = np.full(count, parent), np.arange(count), np.full(count, NONE)
            marks.extend(self.add(*several, False).tolist())

        tree.start(made)
        for origin, mark in enumerate(marks):
            self._origin(mark, origin)
        return np.array(marks, dtype=np.int64)

    def _origin(self, mark: int, origin: int) -> None:
        for batch in self.born:
            if mark < len(batch.origin):
                batch.origin[mark] = origin
                return
            mark -= len(batch.origin)

    def rows(self, block: Block, alpha: Matrix, beta: Matrix) -> None:
        """Multipliers of nodes, all of which float32 holds."""
        with self.lock:
            self.fast.add(block, self.atoms, alpha.astype(np.float32), beta)

    def leaf(self, block: Block, gamma: Vector, multipliers: Multipliers) -> None:
        """Multipliers that an LP gave the only node of a block."""
        block.gamma = gamma[None]
        parts = [np.empty((1, 0)), *multipliers.alpha], [np.empty((1, 0)), *multipliers.beta]
        alpha, beta = (np.concatenate(several, axis=1) for several in parts)
        with self.lock:
            self.exact.add(block, self.atoms, alpha, beta)

    def refuted(
        self, mark: int, left: Sequence[tuple[int, Indices]], proof: Sequence[Refutation]
    ) -> None:
        """A leaf that was closed in rationals; left: stage and elements of the kept units."""
        places = [(number, unit) for number, units in left for unit in units.tolist()]
        kept = {place: k for k, place in enumerate(places)}
        with self.lock:
            self.rational[mark] = [
                (
                    {kept[unit]: phase for unit, phase in case.free.items()},
                    {kept[unit]: weight for unit, weight in case.units.items()},
                    dict(case.atoms),
                )
                for case in proof
            ]

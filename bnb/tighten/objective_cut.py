"""Bounds of units over those inputs alone that can still matter: where the atoms hold.

Where every atom holds, atom_k <= above_k, so that for any weights gamma >= 0

    z  >=  z + sum gamma_k (atom_k - above_k)  >=  min over the node of the same

A pass from the outputs with the rows gamma meets the unit's own row where that stage stands: what
comes out bounds the unit over all inputs of the node at which every atom holds, splits of later
stages included (INVPROP: Kotha et al. 2023, Provably Bounding Neural Network Preimages, section 3).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...compiler.base.arrays import Bounds, Indices, Mask, Matrix, Vector
from ...compiler.base.late import Stop
from ...compiler.problem import Problem
from ..bounds.crown import Ascent, Multipliers, Nodes, ascend, crown
from ..bounds.kernels.crown import adam_step
from ..bounds.magnitudes import Magnitudes
from ..bounds.region_bounds import LARGEST_BATCH
from ..nodes.batch import Block
from ..nodes.forms import multipliers, spread
from ..state import State, Tightener

RATE, DECAY, WEIGHT_RATE = 0.4, 0.85, 0.15
"""First ascent step of the slopes, what is left of it with each further one, and the first step of
the atoms' weights. There are ten steps (`Settings.inside_steps`), so they are larger than a node's.
"""
START = 0.1
"""The atoms' first weight: at 0 no slope that only they meet would ever move."""
TRIAL, SHARE = 100, 0.1
"""Nodes to learn from, and the share of them that has to close."""
MOST_FREE = 256
"""Free units up to which all of a node's are bounded."""
SHORT = 1e-9
"""What a node is short of closing at least, relative to the cutoff: a scale of weights."""


class ObjectiveCut(Tightener):
    """A hundred passes a node: for nodes with few free units, while it closes a good part of them.

    tried, closed: how many nodes it looked at, and how many of them it showed to be empty.
    """

    step = "bounding units over what betters the objective"
    changes = ("units",)

    def __init__(self, state: State, tried: int = 0, closed: int = 0) -> None:
        super().__init__(state)
        self.tried, self.closed = tried, closed

    @staticmethod
    def applies(state: State) -> bool:
        return state.problem.objective is not None

    @property
    def worthwhile(self) -> bool:
        return self.tried < TRIAL or self.closed >= SHARE * self.tried

    def below_split(self, block: Block, known: Bounds) -> None:
        state, cutoff = self.state, self.state.candidates.cutoff()
        few = (block.free().sum(axis=1) <= MOST_FREE) & np.isfinite(block.value)
        rows = np.flatnonzero(few & ~block.crossed())
        if not (self.worthwhile and np.isfinite(cutoff) and len(rows)):
            return
        some, above = block.take(rows), state.above()
        nodes = spread(some, state.units, state.candidates.box())
        alpha = multipliers(some, state.units).alpha
        short = np.maximum(cutoff - some.value, SHORT * (1.0 + abs(cutoff)))
        for number in range(state.units.stages):
            cut_by_objective(
                state.problem, state.magnitudes, nodes, number, alpha, some.atoms, above, short,
                state.settings.inside_steps, state.clock.stop,
            )  # fmt: skip
            part, bounds = state.units.part(number), nodes.bounds[number]
            block.lower[rows, part], block.upper[rows, part] = bounds.lower, bounds.upper
        with state.lock:
            self.tried += len(rows)
            self.closed += int((block.lower[rows] > block.upper[rows]).any(axis=1).sum())


def cut_by_objective(
    problem: Problem,
    magnitudes: Magnitudes,
    nodes: Nodes,
    number: int,
    alpha: Sequence[Matrix],
    atoms: Mask,
    above: Vector,
    short: Vector,
    steps: int,
    stop: Stop,
) -> None:
    """Tightens the bounds of stage `number`'s unstable units at all nodes, in place.

    alpha: slopes (B, N) of every stage to begin with; atoms (B, A): which must not exceed above
    (A,); short (B,): how far the nodes are from closing, the atoms' scale.
    """
    bounds = nodes.bounds[number]
    owner, unit = np.nonzero((bounds.lower < 0.0) & (bounds.upper > 0.0))
    widest = max([problem.input_size, *(stage.size for stage in problem.stages)])
    chunk = max(1, LARGEST_BATCH // widest)
    for begin in range(0, len(owner), chunk):
        part = slice(begin, begin + chunk)
        mine, k = owner[part], unit[part]
        for sign in (1.0, -1.0):
            if stop():
                return
            value = _best(
                problem, magnitudes, nodes, number, mine, k, sign, alpha, atoms[mine], above,
                (bounds.upper[mine, k] - bounds.lower[mine, k]) / short[mine], steps,
            )  # fmt: skip
            if sign > 0:
                bounds.lower[mine, k] = np.fmax(bounds.lower[mine, k], value)
            else:
                bounds.upper[mine, k] = np.fmin(bounds.upper[mine, k], -value)


def _best(
    problem: Problem,
    magnitudes: Magnitudes,
    nodes: Nodes,
    number: int,
    owner: Indices,
    unit: Indices,
    sign: float,
    alpha: Sequence[Matrix],
    atoms: Mask,
    above: Vector,
    scale: Vector,
    steps: int,
) -> Vector:
    """The best bounds of sign * z over some steps of all multipliers, (Q,).

    scale (Q,): of the atoms' weights.
    """
    last = len(problem.stages) - 1
    slopes = Multipliers(
        [values[owner] for values in alpha], [np.zeros((len(owner), v.shape[1])) for v in alpha]
    )
    rows = np.zeros((len(owner), problem.stages[number].size))
    rows[np.arange(len(owner)), unit] = sign
    weight = np.where(atoms, START, 0.0)
    first, second = np.zeros(atoms.shape), np.zeros(atoms.shape)
    best = np.full(len(owner), -np.inf)
    rounding = 2.0**-50 * (len(above) + 1)
    ascent, rate = Ascent(RATE, DECAY), WEIGHT_RATE
    for step in range(steps + 1):
        gamma = weight * scale[:, None]
        offset = -(gamma @ above) - rounding * (gamma @ np.abs(above))
        found = crown(
            problem, magnitudes, nodes, owner, last, gamma, offset, slopes,
            keep=step < steps, also=(number, rows),
        )  # fmt: skip
        best = np.fmax(best, found.value)
        if step < steps:
            output = ascend(problem, nodes, owner, last, found, slopes, ascent)
            grad = np.where(atoms, output - above, 0.0) * scale[:, None]
            adam_step(weight, grad, first, second, np.full(len(owner), rate), ascent.step, np.inf)
            rate *= DECAY
    return best

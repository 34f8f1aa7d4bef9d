"""Nodes with input boxes of their own, for problems of few inputs: halved, and shrunk by what
holds.

A linear bound row @ x + base <= 0 that every solution of a node satisfies cuts its box; a smaller
box makes all units' bounds tighter.
"""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Bounds, Indices, Mask, Matrix, Vector
from ...compiler.base.late import Stop
from ...compiler.problem import Problem
from ..bounds.crown import Nodes, Pass, crown, heuristic_slopes
from ..bounds.interval import stage_interval
from ..bounds.magnitudes import Reach
from ..bounds.region_bounds import LARGEST_BATCH
from ..nodes.batch import Block, Units, spread

WIDEST, WIDEST_HALVED = 128, 16
"""Inputs of some width beyond which nodes share one box, and beyond which boxes are not halved."""


def own_boxes(problem: Problem) -> bool:
    """Whether the problem has few enough inputs for boxes of the nodes' own."""
    return 0 < _wide(problem) <= WIDEST


def worth_halving(problem: Problem) -> bool:
    """Whether halving boxes competes with splitting units."""
    return 0 < _wide(problem) <= WIDEST_HALVED


def _wide(problem: Problem) -> int:
    return int((problem.lower < problem.upper).sum())


def shrink(low: Matrix, high: Matrix, found: Pass, most: Vector) -> None:
    """Cuts boxes (B, D) in place by the linear bounds of a pass, which must not exceed `most` (B,).

    row @ x + base is at least `least` over the box, whatever else bounds the region, so an input j
    can move by (most - least) / |row_j| from where its own term is least; a box with least > most
    is crossed.
    """
    rows = found.input_rows
    own = np.where(rows >= 0.0, rows * low, rows * high)
    room = most - (found.base - found.slack + own.sum(axis=1))
    step = np.divide(room[:, None], np.abs(rows), out=np.full_like(rows, np.inf), where=rows != 0)
    step = step * (1.0 + 1e-9) + 1e-300 + 1e-15 * np.maximum(np.abs(low), np.abs(high))
    step = np.where(np.isfinite(step), step, np.inf)
    np.copyto(high, np.minimum(high, low + step), where=rows > 0)
    np.copyto(low, np.maximum(low, high - step), where=rows < 0)
    empty = room < 0.0
    low[empty], high[empty] = 1.0, 0.0


def shrink_by_splits(problem: Problem, reach: Reach, units: Units, block: Block) -> None:
    """Cuts the boxes by the unit that was split last: held active, its pre-activation is >= 0."""
    for number in range(units.stages):
        part = units.part(number)
        mine = np.flatnonzero((block.choice >= part.start) & (block.choice < part.stop))
        if not len(mine):
            continue
        nodes = spread(block.take(mine), units, _all(block))
        unit = block.choice[mine] - part.start
        phase = block.phase[mine, block.choice[mine]].astype(np.float64)
        rows = np.zeros((len(mine), problem.stages[number].size))
        rows[np.arange(len(mine)), unit] = -phase
        owner = np.arange(len(mine))
        slopes = heuristic_slopes(problem, nodes, owner, number)
        found = crown(problem, reach, nodes, owner, number, rows, np.zeros(len(mine)), slopes)
        low, high = block.low[mine], block.high[mine]
        shrink(low, high, found, np.zeros(len(mine)))
        block.low[mine], block.high[mine] = low, high


def shrink_by_atoms(
    problem: Problem, reach: Reach, units: Units, block: Block, above: Vector
) -> None:
    """Cuts the boxes by each atom alone, which must not exceed `above` (A,): a weighted sum of them
    says less about single inputs.
    """
    owner, atom = np.nonzero(block.atoms)
    if not len(owner):
        return
    nodes, last = spread(block, units, _all(block)), len(problem.stages) - 1
    rows = np.zeros((len(owner), len(above)))
    rows[np.arange(len(owner)), atom] = 1.0
    slopes = heuristic_slopes(problem, nodes, owner, last)
    found = crown(problem, reach, nodes, owner, last, rows, np.zeros(len(owner)), slopes)
    for number in range(len(above)):
        mine = np.flatnonzero(atom == number)
        low, high = block.low[owner[mine]], block.high[owner[mine]]
        shrink(low, high, found.take(mine), np.full(len(mine), above[number]))
        block.low[owner[mine]], block.high[owner[mine]] = low, high


def rebound(
    problem: Problem, reach: Reach, units: Units, block: Block, box: Bounds, stop: Stop
) -> None:
    """All unit bounds of the nodes again, within those they have; in place.

    box (1, D): the region, which the nodes' own boxes cut; without those only what stands behind
    the unit that was split last can change.  Once `stop` says so the rest stay as they are.
    """
    nodes = spread(block, units, box)
    sources = [nodes.box]
    own = block.low.shape[1] > 0
    for number in range(units.stages):
        stage, known = problem.stages[number], nodes.bounds[number]
        bounds = stage_interval(stage, sources).intersect(known)
        nodes.bounds[number] = bounds
        deep = any(source != 0 for _, source in stage.terms)
        # in a shared region nothing new is known of units that read the input alone
        part = units.part(number)
        if deep or (own and problem.ball is not None):
            changed = own | ((block.choice >= 0) & (block.choice < part.start))
            _backward(problem, reach, nodes, number, bounds, changed, stop)
        sources.append(bounds.rectified())
        block.lower[:, part], block.upper[:, part] = bounds.lower, bounds.upper


def _all(block: Block) -> Bounds:
    """A box (1, D) that says nothing: the nodes have their own."""
    wide = np.full((1, block.low.shape[1]), np.inf)
    return Bounds(-wide, wide)


def _backward(
    problem: Problem,
    reach: Reach,
    nodes: Nodes,
    number: int,
    bounds: Bounds,
    changed: Mask,
    stop: Stop,
) -> None:
    """Tightens the bounds of a stage's unstable units at the changed nodes (B,), in place."""
    size = problem.stages[number].size
    free = (bounds.lower < 0.0) & (bounds.upper > 0.0) & changed[:, None]
    owner, unit = np.nonzero(free)
    widest = max([problem.input_size, *(s.size for s in problem.stages[: number + 1])])
    chunk = max(1, LARGEST_BATCH // widest)
    for begin in range(0, len(owner), chunk):
        if stop():
            return
        part, k = owner[begin : begin + chunk], unit[begin : begin + chunk]
        for sign in (1.0, -1.0):
            rows = np.zeros((len(part), size))
            rows[np.arange(len(part)), k] = sign
            slopes = heuristic_slopes(problem, nodes, part, number)
            value = crown(
                problem, reach, nodes, part, number, rows, np.zeros(len(part)), slopes
            ).value
            if sign > 0:
                bounds.lower[part, k] = np.fmax(bounds.lower[part, k], value)
            else:
                bounds.upper[part, k] = np.fmin(bounds.upper[part, k], -value)


POWER = 0.5
"""How far past gains correct an input's effect: 0 not at all, 1 fully; between them is best."""


class Axes:
    """Which input to halve: its coefficient times its width, corrected by what that gained before.

    The bound of a node far from closing says little about what matters inside; an input that
    promises more than it keeps loses its turn (pseudo-costs: Benichou et al. 1971).
    """

    def __init__(self, inputs: int) -> None:
        self.kept = np.full(inputs, np.nan)

    def choose(self, effect: Matrix) -> tuple[Indices, Vector]:
        """The input of each node, and its effect; effect (B, D): coefficient times width."""
        known = np.nan_to_num(self.kept, nan=2.0 * np.nanmax(self.kept, initial=0.5))
        axis = np.argmax(effect * known**POWER, axis=1)
        return axis, effect[np.arange(len(effect)), axis]

    def learn(self, axis: Indices, promise: Vector, gain: Vector) -> None:
        """What halving some inputs gained, beside what it promised."""
        for j, share in zip(
            axis.tolist(), (gain / np.maximum(promise, 1e-300)).tolist(), strict=True
        ):
            old = self.kept[j]
            self.kept[j] = max(share if np.isnan(old) else 0.9 * old + 0.1 * share, 1e-6)


FEW, SHARE = 8, 0.08
"""Units are split once no more than FEW + SHARE * (those unstable at the root) are left."""


def few_left(root_units: int) -> float:
    """Unstable units up to which a node is split on them rather than on its inputs.

    Learning the better kind from the gains of single splits did worse than this rule: a phase gains
    at once, and halving pays only later.
    """
    return FEW + SHARE * root_units

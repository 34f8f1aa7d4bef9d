"""Input boxes of the nodes' own, cut by what holds: for problems of few inputs.

Let row @ x + base <= most for every solution of a node. Over its box the other terms are at least
their minima, so input j can move from where its own term is least by no more than

    (most - least of row @ x + base) / |row_j|

as in `fbbt`, with rows that a pass found. A smaller box makes all units' bounds tighter.
"""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Bounds, Matrix, Vector
from ...compiler.problem import Problem
from ..bounds.crown import Pass, crown, heuristic_slopes
from ..bounds.magnitudes import Magnitudes
from ..nodes.batch import Block
from ..nodes.forms import Units, spread
from ..state import State, Tightener


class InputBoxes(Tightener):
    """A pass for each split and for each atom asked for; the bound of a node itself costs nothing
    more.
    """

    step = "cutting input boxes"
    changes = ("boxes",)
    flag = "boxes"

    @staticmethod
    def applies(state: State) -> bool:
        return state.boxes

    def below_split(self, block: Block, known: Bounds) -> None:
        state = self.state
        cut_by_splits(state.problem, state.magnitudes, state.units, block)
        cut_by_atoms(state.problem, state.magnitudes, state.units, block, state.above())

    def after_ascent(self, block: Block, found: Pass) -> None:
        most = np.full(len(block), self.state.candidates.cutoff())
        cut_boxes(block.low, block.high, found, most)


def cut_boxes(low: Matrix, high: Matrix, found: Pass, most: Vector) -> None:
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


def cut_by_splits(problem: Problem, magnitudes: Magnitudes, units: Units, block: Block) -> None:
    """Cuts the boxes by the unit that was split last: held active, its pre-activation is >= 0."""
    for number in range(units.stages):
        part = units.part(number)
        mine = np.flatnonzero((block.split_on >= part.start) & (block.split_on < part.stop))
        if not len(mine):
            continue
        nodes = spread(block.take(mine), units, _all(block))
        unit = block.split_on[mine] - part.start
        phase = block.phase[mine, block.split_on[mine]].astype(np.float64)
        rows = np.zeros((len(mine), problem.stages[number].size))
        rows[np.arange(len(mine)), unit] = -phase
        owner = np.arange(len(mine))
        slopes = heuristic_slopes(problem, nodes, owner, number)
        found = crown(problem, magnitudes, nodes, owner, number, rows, np.zeros(len(mine)), slopes)
        low, high = block.low[mine], block.high[mine]
        cut_boxes(low, high, found, np.zeros(len(mine)))
        block.low[mine], block.high[mine] = low, high


def cut_by_atoms(
    problem: Problem, magnitudes: Magnitudes, units: Units, block: Block, above: Vector
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
    found = crown(problem, magnitudes, nodes, owner, last, rows, np.zeros(len(owner)), slopes)
    for number in range(len(above)):
        mine = np.flatnonzero(atom == number)
        low, high = block.low[owner[mine]], block.high[owner[mine]]
        cut_boxes(low, high, found.take(mine), np.full(len(mine), above[number]))
        block.low[owner[mine]], block.high[owner[mine]] = low, high


def _all(block: Block) -> Bounds:
    """A box (1, D) that says nothing: the nodes have their own."""
    wide = np.full((1, block.low.shape[1]), np.inf)
    return Bounds(-wide, wide)

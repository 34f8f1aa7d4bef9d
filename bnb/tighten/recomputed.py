"""All unit bounds of a node again, as at the root: where boxes or a ball make them depend on every
split.
"""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Bounds, Mask
from ...compiler.base.late import Stop
from ...compiler.problem import Problem
from ..bounds.crown import Nodes, crown, heuristic_slopes
from ..bounds.interval import stage_interval
from ..bounds.magnitudes import Magnitudes
from ..bounds.region_bounds import LARGEST_BATCH
from ..nodes.batch import Block
from ..nodes.forms import Units, spread
from ..state import State, Tightener


class Recomputed(Tightener):
    """Two passes for each free unit."""

    step = "bounding a node's units again"
    changes = ("units",)

    @staticmethod
    def applies(state: State) -> bool:
        return state.boxes or state.problem.ball is not None

    def below_split(self, block: Block, known: Bounds) -> None:
        state = self.state
        box, stop = state.candidates.box(), state.clock.stop
        bound_again(state.problem, state.magnitudes, state.units, block, box, stop)


def bound_again(
    problem: Problem, magnitudes: Magnitudes, units: Units, block: Block, box: Bounds, stop: Stop
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
            changed = own | ((block.split_on >= 0) & (block.split_on < part.start))
            _backward(problem, magnitudes, nodes, number, bounds, changed, stop)
        sources.append(bounds.rectified())
        block.lower[:, part], block.upper[:, part] = bounds.lower, bounds.upper


def _backward(
    problem: Problem,
    magnitudes: Magnitudes,
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
                problem, magnitudes, nodes, part, number, rows, np.zeros(len(part)), slopes
            ).value
            if sign > 0:
                bounds.lower[part, k] = np.fmax(bounds.lower[part, k], value)
            else:
                bounds.upper[part, k] = np.fmin(bounds.upper[part, k], -value)

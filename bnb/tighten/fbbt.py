"""Feasibility-based bound tightening: boxes and unit bounds cut by what every solution satisfies.

Let sum w_j y_j + c <= most hold for every solution, with y_j in [l_j, u_j]. The other terms are at
least their own minima, so each y_j can move from where its term is least by no more than

    (most - c - sum min w_k y_k) / |w_j|

(Savelsbergh 1994; Belotti et al. 2010). Rows are those of units, which lie between
their bounds, and those of atoms, which must not exceed what is of interest.
"""

from __future__ import annotations

from ...compiler.base.arrays import Bounds, Vector
from ..bounds.kernels.propagation import propagate_nodes
from ..bounds.magnitudes import Magnitudes
from ..nodes.batch import Block
from ..presolve.sparse_rows import SparseRows
from ..state import State, Tightener

DENSE = 0.5
"""Share of nonzero input coefficients from which propagation costs more than it tells."""

SWEEPS = 2
"""Rounds of propagation at most; what the first two leave is little."""


class Fbbt(Tightener):
    """Two sweeps over all rows a node cost about as much as one pass."""

    step = "propagating rows"
    changes = ("boxes", "units")
    flag = "propagate"

    @staticmethod
    def applies(state: State) -> bool:
        return state.boxes and state.rows.density(state.problem.input_size) < DENSE

    def below_split(self, block: Block, known: Bounds) -> None:
        propagate(self.state.rows, self.state.magnitudes, block, self.state.above())


def propagate(rows: SparseRows, magnitudes: Magnitudes, block: Block, above: Vector) -> None:
    """Cuts the nodes' own boxes and unit bounds by what every solution satisfies, in place.

    above (A,): what the atoms asked for must not exceed.
    """
    factor = 2.0**-53 * 1.01 * (2.0 * (len(magnitudes.input) + len(rows.bias)) + 64.0)
    propagate_nodes(
        block.atoms, above, block.lower, block.upper, block.low, block.high,
        rows.x_start, rows.x_index, rows.x_value, rows.u_start, rows.u_index, rows.u_value,
        rows.bias, rows.radius, rows.magnitude, factor, SWEEPS,
    )  # fmt: skip

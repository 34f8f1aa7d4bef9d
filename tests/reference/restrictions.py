"""The convex restriction as Bastani et al. 2016 state it: a linear program over all layer values.

Every layer has variables of its own.  Their equalities stand in the program from the start; the
inequalities, which say that each unit keeps the piece it has at the image, either all do
(`solve_full`) or only once they are violated (`solve_lazily`, the paper's section 4).  Slow and
obvious: what the package's own restriction is compared with and timed against.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import highspy
import numpy as np
import numpy.typing as npt
from scipy import sparse

from rhobust.compiler.network.graph import Network
from rhobust.compiler.network.layers import Layer, Linear, Sum

from .layers import Floats, Greatest, activation
from .oracles import Bend

Places = npt.NDArray[np.int64]

INF = highspy.kHighsInf


@dataclass(frozen=True, eq=False)
class LayerProgram:
    """Least of column 0, the radius, where equal @ v = level and kept @ v <= bound.

    v: the radius, the D inputs, the values of every layer.  Of `kept` the first `always` rows are
    the ball and the margin; the others keep pieces.
    """

    lower: Floats
    upper: Floats
    equal: sparse.csr_matrix
    level: Floats
    kept: sparse.csr_matrix
    bound: Floats
    always: int
    inputs: int


@dataclass(frozen=True, slots=True)
class Solved:
    """status: found, none (the region holds no example) or stopped; rho is inf unless found."""

    status: str
    rho: float
    point: Floats | None
    rows: int
    rounds: int
    seconds: float


class _Rows:
    """Sparse rows that grow block by block."""

    def __init__(self) -> None:
        self.count = 0
        self._rows: list[Places] = []
        self._columns: list[Places] = []
        self._values: list[Floats] = []
        self._right: list[Floats] = []

    def add(self, right: Floats, *blocks: tuple[sparse.spmatrix, int]) -> None:
        """Rows sum(block @ v[start:]) with their right-hand side, (M,)."""
        for block, start in blocks:
            form = sparse.coo_matrix(block)
            self._rows.append(form.row.astype(np.int64) + self.count)
            self._columns.append(form.col.astype(np.int64) + start)
            self._values.append(form.data.astype(np.float64))
        self._right.append(right)
        self.count += len(right)

    def matrix(self, columns: int) -> tuple[sparse.csr_matrix, Floats]:
        parts = [np.concatenate([*part, []]) for part in (self._rows, self._columns, self._values)]
        place = parts[0].astype(np.int64), parts[1].astype(np.int64)
        shape = (self.count, columns)
        return sparse.csr_matrix((parts[2], place), shape), np.concatenate([*self._right, []])


class _Builder:
    def __init__(self, network: Network, image: Floats, tree: bool) -> None:
        self.equal, self.kept = _Rows(), _Rows()
        self.network, self.tree = network, tree
        self.values = network.values(image[None])
        self.start = {Network.INPUT: 1}
        self.columns = 1 + len(image)

    def fresh(self, size: int) -> int:
        """The first of so many new columns."""
        self.columns += size
        return self.columns - size

    def layer(self, node: str) -> None:
        sources = self.network.sources[node]
        starts = [self.start[source] for source in sources]
        values = [self.values[source][0] for source in sources]
        size = self.network.size(node)
        self.start[node] = self.add(self.network.layer(node), starts, values, size)

    def add(self, layer: Layer, starts: list[int], values: list[Floats], size: int) -> int:
        """The columns of a layer's values."""
        if isinstance(layer, Linear):
            y = self.fresh(size)
            matrix = layer.operator.rows(np.arange(size))
            right = np.zeros(size) if layer.bias is None else layer.bias
            self.equal.add(right, (sparse.identity(size), y), (-matrix, starts[0]))
            return y
        if isinstance(layer, Sum):
            y = self.fresh(size)
            parts = [
                (-sign * sparse.identity(size), s)
                for sign, s in zip(layer.signs, starts, strict=True)
            ]
            self.equal.add(np.zeros(size), (sparse.identity(size), y), *parts)
            return y
        match activation(layer, size):
            case Greatest(windows):
                shape = len(windows), max(len(window) for window in windows)
                index, numbers = np.full(shape, -1), np.full(shape, -np.inf)
                for row, window in enumerate(windows):
                    for column, (slot, k) in enumerate(window):
                        index[row, column] = starts[slot] + k
                        numbers[row, column] = values[slot][k]
                return self.greatest(index, numbers)
            case bends:
                return self.bend(starts[0], values[0].tolist(), bends)

    def bend(self, start: int, z: list[float], bends: tuple[Bend, ...]) -> int:
        """Each number keeps its piece: slope * z + offset between two kinks."""
        y, size = self.fresh(len(z)), len(z)
        found = [bend.piece(Fraction(number)) for bend, number in zip(bends, z, strict=True)]
        lines = [bend.pieces[piece] for bend, piece in zip(bends, found, strict=True)]
        slope, level = np.array(lines, dtype=np.float64).T
        self.equal.add(level, (sparse.identity(size), y), (-sparse.diags(slope), start))
        for side, sign in ((0, 1.0), (-1, -1.0)):  # sign * z <= sign * kink: above, below
            units = [k for k in range(size) if 0 <= found[k] + side < len(bends[k].kinks)]
            kinks = [float(bends[k].kinks[found[k] + side][0]) for k in units]
            place = np.arange(len(units)), units
            block = sparse.csr_matrix((np.full(len(units), sign), place), (len(units), size))
            self.kept.add(sign * np.array(kinks), (block, start))
        return y

    def greatest(self, index: Places, values: Floats) -> int:
        """The greatest of each row of columns `index` (N, W), of these values; the rest is -1."""
        count, width = index.shape
        y = self.fresh(count)
        winner = np.argmax(values, axis=1)
        rows = np.arange(count)
        self.difference(self.equal, rows + y, index[rows, winner])
        if not self.tree:
            for k in range(width):
                other = (k != winner) & (index[:, k] >= 0)
                self.difference(self.kept, index[other, k], index[rows, winner][other])
            return y
        while index.shape[1] > 1:
            if index.shape[1] % 2:
                index = np.pad(index, ((0, 0), (0, 1)), constant_values=-1)
                values = np.pad(values, ((0, 0), (0, 1)), constant_values=-np.inf)
            first = values[:, 0::2] >= values[:, 1::2]
            both = index[:, 1::2] >= 0
            better = np.where(first, index[:, 0::2], index[:, 1::2])
            worse = np.where(first, index[:, 1::2], index[:, 0::2])
            self.difference(self.kept, worse[both], better[both])
            index, values = better, np.maximum(values[:, 0::2], values[:, 1::2])
        return y

    def difference(self, rows: _Rows, one: Places, other: Places) -> None:
        """v[one] - v[other], against 0."""
        count = len(one)
        place = np.concatenate([np.arange(count)] * 2), np.concatenate([one, other])
        values = np.concatenate([np.ones(count), -np.ones(count)])
        rows.add(np.zeros(count), (sparse.csr_matrix((values, place), (count, self.columns)), 0))


def layer_program(
    network: Network,
    image: Floats,
    label: int,
    target: int,
    margin: float = 0.0,
    domain: tuple[object, object] = (0.0, 1.0),
    limit: float = np.inf,
    tree: bool = False,
) -> LayerProgram:
    """The program of one target label, for the l-infinity norm.

    tree: whether a maximum keeps who wins every pair of its tournament, not only its winner.
    """
    builder = _Builder(network, image, tree)
    size = len(image)
    ball = sparse.identity(size)
    ones = -np.ones((size, 1))
    builder.kept.add(image, (ball, 1), (ones, 0))
    builder.kept.add(-image, (-ball, 1), (ones, 0))
    for node in network.order[1:]:
        builder.layer(node)
        if node == network.output:
            break
    row = np.zeros((1, network.output_size))
    row[0, label], row[0, target] = 1.0, -1.0
    output = builder.start[network.output]
    builder.kept.add(np.array([-margin]), (row, output))
    columns = builder.columns
    equal, level = builder.equal.matrix(columns)
    kept, bound = builder.kept.matrix(columns)
    always = [*range(2 * size), kept.shape[0] - 1]
    order = np.concatenate([always, np.setdiff1d(np.arange(len(bound)), always)]).astype(np.int64)
    lower, upper = np.full(columns, -INF), np.full(columns, INF)
    lower[0], upper[0] = 0.0, limit
    lower[1 : size + 1], upper[1 : size + 1] = domain
    return LayerProgram(lower, upper, equal, level, kept[order], bound[order], len(always), size)


def solve_full(program: LayerProgram, seconds: float = np.inf, solver: str = "simplex") -> Solved:
    """With every row from the start."""
    return _solve(program, np.arange(len(program.bound)), seconds, solver)


def solve_lazily(program: LayerProgram, seconds: float = np.inf, solver: str = "simplex") -> Solved:
    """The paper's: equalities from the start, of the inequalities all that the last point broke.

    solver: simplex starts each round from the last basis; ipm starts afresh, without crossover, and
    is the faster one where layers are large.
    """
    return _solve(program, np.arange(program.always), seconds, solver)


def _solve(program: LayerProgram, chosen: Places, seconds: float, solver: str) -> Solved:
    begun = time.perf_counter()
    model, tolerance = _model(program, solver)
    held = np.zeros(len(program.bound), dtype=bool)
    rounds, status = 0, highspy.HighsModelStatus
    while True:
        held[chosen] = True
        _add(model, program.kept[chosen], np.full(len(chosen), -INF), program.bound[chosen])
        if solver == "ipm":
            model.clearSolver()
        left = seconds - (time.perf_counter() - begun)
        if np.isfinite(left):
            model.setOptionValue("time_limit", float(model.getRunTime() + max(left, 0.0)))
        model.run()
        rounds += 1
        found, spent = model.getModelStatus(), time.perf_counter() - begun
        count = int(held.sum())
        if found != status.kOptimal:
            none = found == status.kInfeasible
            return Solved("none" if none else "stopped", np.inf, None, count, rounds, spent)
        point = np.array(model.getSolution().col_value)
        broken = program.kept @ point - program.bound > tolerance
        chosen = np.flatnonzero(broken & ~held)
        if not len(chosen):
            inputs = point[1 : program.inputs + 1]
            return Solved("found", float(point[0]), inputs, count, rounds, spent)


def _model(program: LayerProgram, solver: str) -> tuple[Any, float]:
    """HiGHS with the variables and the equalities, and the violation that it accepts."""
    tolerance = 1e-9 if solver == "simplex" else 1e-8
    model: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, option in (
        ("output_flag", False),
        ("threads", 1),
        ("solver", solver),
        ("run_crossover", "off"),
        ("primal_feasibility_tolerance", tolerance),
        ("dual_feasibility_tolerance", tolerance),
    ):
        model.setOptionValue(name, option)
    model.addVars(len(program.lower), program.lower, program.upper)
    model.changeColsCost(1, np.zeros(1, dtype=np.int32), np.ones(1))
    _add(model, program.equal, program.level, program.level)
    return model, tolerance


def _add(model: Any, rows: sparse.csr_matrix, lower: Floats, upper: Floats) -> None:
    form = sparse.csr_matrix(rows)
    starts, indices = form.indptr.astype(np.int32), form.indices.astype(np.int32)
    model.addRows(form.shape[0], lower, upper, form.nnz, starts[:-1], indices, form.data)

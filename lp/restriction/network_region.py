"""The linear region of an image in the input space of its network, from the source's own layers.

Every pre-activation is one row over the input there. Rows are pulled back through the graph when
they are asked for: sparse as long as they are, so rows of early layers cost next to nothing, and by
the layers' own kernels otherwise. Memory depends on neither units times inputs nor on the network's
matrix form.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from ...compiler.base.arrays import Indices, Mask, Matrix, Vector
from ...compiler.base.late import go_on
from ...compiler.base.later import sparse
from ...compiler.network.graph import Network
from ...compiler.network.layers import Layer, Linear, Rectifier, Sum
from ...compiler.network.linear_region import Fixed
from ...compiler.operators import Chain, Dense, LinearOperator, times

Rows: TypeAlias = "Matrix | sparse.csr_array"

DENSE = 0.2
"""Share of nonzeros from which rows are kept as full arrays."""

CHUNK = 4_000_000
"""Numbers of full rows at the widest layer that are pulled back at once (32 MB)."""


@dataclass(frozen=True, eq=False)
class NetworkRegion:
    """The inputs on which every bent layer keeps what it does at `point`.

    fixed: the bent layers, in the order of the network.  values: every node at the point.
    """

    network: Network
    point: Vector
    fixed: dict[str, Fixed]
    values: dict[str, Vector]

    @classmethod
    def of(cls, network: Network, point: Vector) -> NetworkRegion:
        """The region of `point` (D,)."""
        values: dict[str, Vector] = {Network.INPUT: point}
        fixed: dict[str, Fixed] = {}
        for node in network.order[1:]:
            go_on()
            layer, sources = network.layer(node), network.sources[node]
            x = _joined([values[source] for source in sources])
            made = layer.on_region(x, _idle(network, fixed, sources, len(x)))
            if made is None:
                values[node] = layer.value([values[source][None] for source in sources])[0]
            else:
                fixed[node] = made
                values[node] = made.value(x[None])[0]
        return cls(network, point, fixed, values)

    @cached_property
    def key(self) -> int:
        """The same for two points of one region."""
        parts: list[bytes] = []
        for fixed in self.fixed.values():
            parts.extend((fixed.factor.tobytes(), fixed.sign.tobytes()))
            parts.append(b"" if fixed.index is None else fixed.index.tobytes())
        return hash(tuple(parts))

    @property
    def output(self) -> Vector:
        """The network's output at the point, (K,)."""
        return self.values[self.network.output]

    def forward(self, points: Matrix) -> dict[str, Matrix]:
        """Every node under the region's affine map, (B, size) each.  points (B, D)."""
        known = {Network.INPUT: points}
        for node in self.network.order[1:]:
            go_on()
            sources = [known[source] for source in self.network.sources[node]]
            if node in self.fixed:
                joined = sources[0] if len(sources) == 1 else np.concatenate(sources, axis=1)
                known[node] = self.fixed[node].value(joined)
            else:
                known[node] = self.network.layer(node).value(sources)
        return known

    def shortfall(self, point: Vector) -> list[Vector]:
        """How far the conditions of every bent layer fail at `point`, (C,) each; <= 0 inside."""
        values = self.forward(point[None])
        return [
            -fixed.slack(_joined([values[source][0] for source in self.network.sources[node]]))
            for node, fixed in self.fixed.items()
        ]

    @cached_property
    def scales(self) -> list[Vector]:
        """For each condition a bound on the sum of its row's absolute coefficients, (C,) each.

        A violation divided by it says how far, at least, the point has to move.
        """
        known = {Network.INPUT: np.ones(self.network.input_size)}
        found: list[Vector] = []
        for node in self.network.order[1:]:
            layer, sources = self.network.layer(node), self.network.sources[node]
            joined = _joined([known[source] for source in sources])
            if node in self.fixed:
                found.append(np.maximum(self.fixed[node].spread(joined), 1e-300))
                known[node] = self.fixed[node].reach(joined)
            elif isinstance(layer, Linear):
                known[node] = layer.operator.absolute().apply(joined[None])[0]
            else:
                assert isinstance(layer, Sum)
                pairs = zip(layer.signs, sources, strict=True)
                known[node] = np.sum([abs(sign) * known[s] for sign, s in pairs], axis=0)
        return found

    def unit_rows(self, number: int, chosen: Indices) -> tuple[Rows, Vector]:
        """Conditions of the bent layer `number` as rows over the input, with what they add.

        row @ x + constant >= 0 on the region.
        """
        node = list(self.fixed)[number]
        fixed, sources = self.fixed[node], self.network.sources[node]
        joined = _joined([self.values[source] for source in sources])
        rows = self._pull(fixed.rows(chosen), node)
        return rows, fixed.slack(joined)[chosen] - np.asarray(rows @ self.point)

    def output_rows(self, coefficients: Matrix) -> tuple[Matrix, Vector]:
        """coefficients @ output as rows over the input: ((Q, D), constants (Q,))."""
        rows = self._pulled_from({self.network.output: coefficients}, len(coefficients))
        full = full_rows(rows)
        return full, coefficients @ self.output - full @ self.point

    def _pull(self, rows: sparse.csr_array, node: str) -> Rows:
        """Rows over the joined sources of a node as rows over the input."""
        widest = max(self.network.size(n) for n in self.network.order)
        step = max(1, CHUNK // widest)
        parts = [
            self._pulled_from(
                dict(self._split(rows[start : start + step], node)),
                min(step, rows.shape[0] - start),
            )
            for start in range(0, rows.shape[0], step)
        ]
        if len(parts) == 1:
            return parts[0]
        if not any(isinstance(part, np.ndarray) for part in parts):
            return sparse.csr_array(sparse.vstack(parts))
        return np.concatenate([full_rows(part) for part in parts])

    def _split(self, rows: Rows, node: str) -> list[tuple[str, Rows]]:
        """Rows over joined sources, cut up; a source that stands there twice comes once."""
        sources = self.network.sources[node]
        if len(sources) == 1:
            return [(sources[0], rows)]
        found: dict[str, Rows] = {}
        start = 0
        for source in sources:
            end = start + self.network.size(source)
            part = rows[:, start:end]
            found[source] = _sum(found[source], part) if source in found else part
            start = end
        return list(found.items())

    def _pulled_from(self, pending: dict[str, Rows], count: int) -> Rows:
        network = self.network
        for node in reversed(network.order[1:]):
            rows = pending.pop(node, None)
            if rows is None:
                continue
            layer = network.layer(node)
            if node in self.fixed:
                parts = self._split(self.fixed[node].pulled(rows), node)
            elif isinstance(layer, Linear):
                parts = [(network.sources[node][0], pulled(rows, layer.operator))]
            else:
                assert isinstance(layer, Sum)
                pairs = zip(layer.signs, network.sources[node], strict=True)
                parts = [(source, rows * sign) for sign, source in pairs]
            for source, part in parts:
                part = lean(part)
                pending[source] = _sum(pending[source], part) if source in pending else part
        found = pending.get(Network.INPUT)
        return np.zeros((count, network.input_size)) if found is None else found


def pulled(rows: Rows, operator: LinearOperator) -> Rows:
    """rows @ operator: sparse where the rows are, and few of the operator's are met."""
    go_on()
    if isinstance(rows, np.ndarray):
        return operator.adjoint(rows)
    match operator:
        case Chain(parts):
            for part in reversed(parts):
                rows = lean(pulled(rows, part))
            return rows
        case Dense(weight):
            return np.asarray(rows @ weight)
        case _:
            return times(rows, operator)


def lean(rows: Rows) -> Rows:
    """The rows in full once too few of their numbers are 0."""
    if not isinstance(rows, np.ndarray) and rows.nnz > DENSE * rows.shape[0] * rows.shape[1]:
        return full_rows(rows)
    return rows


def full_rows(rows: Rows) -> Matrix:
    """The rows as an array."""
    return rows if isinstance(rows, np.ndarray) else np.asarray(rows.toarray())


def _sum(left: Rows, right: Rows) -> Rows:
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return full_rows(left) + full_rows(right)
    return sparse.csr_array(left + right)


def _joined(parts: list[Vector]) -> Vector:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _idle(network: Network, fixed: dict[str, Fixed], sources: list[str], size: int) -> Mask:
    """Elements that are the 0 of an inactive ReLU, if all elements come from ReLUs."""
    layers: list[Layer | None] = [
        None if source == Network.INPUT else network.layer(source) for source in sources
    ]
    if not all(isinstance(layer, Rectifier) for layer in layers):
        return np.zeros(size, dtype=bool)
    return np.concatenate([fixed[source].factor == 0.0 for source in sources])

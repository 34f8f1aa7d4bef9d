"""The same bounds in exact arithmetic.

What is stored between two steps are float64 numbers: bounds, rounded outward, and rows, rounded to
the nearest with the difference added to their error. Multipliers are rounded too, which is free:
for any mu, and z in [l, u], r = max(z, 0),

    lambda r >= mu z + min over z of (lambda r - mu z),

and that least value, at l, u or 0, is computed exactly. Gains of groups are left out.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np

from ..arithmetic import TINY, UNIT, Array
from ..convolution import Convolution
from ..operators import Operator
from ..rounded.ball import Ball
from ..rounded.coefficients import Rows, step
from ..rounded.root import Root, Weights
from .whole import FINE, Whole, ceil, exactly, fine, floor, power_of, root


def relaxed(
    value: Whole, slope: Array, low: Whole, high: Whole, beta: float | Array = 0.0
) -> tuple[Whole, Whole]:
    """mu near value * slope - beta, and constants, of values that stand on r = max(z, 0).

    low and high are over one power.  Rule: triangle.
    """
    wanted = value.nearest() * slope - beta
    mu = floor(wanted, fine(np.abs(wanted).max(axis=-1, initial=0.0)))
    ends = [value * end.positive() - mu * end for end in (low, high)]
    least = np.minimum(ends[0].values, ends[1].values)
    straddles = (low.values < 0) & (high.values > 0)
    return mu, Whole(np.where(straddles, np.minimum(least, 0), least), ends[0].power)


def within(ball: Ball, g: Array, low: Array, high: Array, center: Array) -> Whole:
    """(R,): Ball.least of g.  Rule: ball."""
    power = max(power_of(g), 2 * FINE)  # a root is off by one
    s = floor(np.nan_to_num(ball.split(g, low, high, center)), power)
    rest, bits = exactly(g) - s, fine(low, high)
    ends = rest.positive() * floor(low, bits) + rest.negative() * ceil(high, bits)
    found = (ends + s * exactly(center)).sums()
    return found - Whole(DUALS[ball.norm](s), power) * exactly(np.array([ball.radius]))


DUALS: dict[str, Callable[[Whole], Array]] = {
    "l1": lambda s: np.asarray(np.abs(s.values).max(axis=1)),
    "l2": lambda s: np.asarray(root((s * s).sums().values) + 1),
}
"""No less than the dual norm of each row, over its power."""


class ExactRoot(Root):
    """Root, in whole numbers."""

    @staticmethod
    def twin(operator: Operator) -> tuple[Operator, int]:
        """The operator with whole weights, and their power."""
        if operator.twin is None:
            twin, power = copy.copy(operator), 0
            if operator.weight is not None:
                weight = exactly(operator.weight)
                twin.weight, power = weight.values, weight.power
            if isinstance(twin, Convolution):
                twin.patches = {}
            operator.twin = twin, power
        return operator.twin

    def ends(self, number: int) -> tuple[Whole, Whole]:
        """A tensor's bounds, over one power."""
        bits = fine(self.low[number], self.high[number])
        return floor(self.low[number], bits), ceil(self.high[number], bits)

    def interval(self, number: int) -> None:
        tensor = self.tensors[number]
        zero = np.zeros(tensor.size)
        low = high = exactly(zero if tensor.bias is None else tensor.bias)
        loose = zero if tensor.error is None else 1.01 * tensor.error
        for source, operator in tensor.terms:
            twin, power = self.twin(operator)
            floor, roof = self.ends(source)
            both, power = np.stack([floor.values, roof.values]), power + floor.power
            weight = twin.weight
            sent = twin.forward(both, None if weight is None else np.maximum(weight, 0))
            if weight is not None:
                sent = sent + twin.forward(both[::-1], np.minimum(weight, 0))
            low, high = low + Whole(sent[0], power), high + Whole(sent[1], power)
            if operator.slack and operator.weight is not None:
                size = operator.forward(self.most[source][None], np.abs(operator.weight))[0]
                loose = loose + operator.slack * UNIT * 1.01 * size
        slack = 1.01 * loose + TINY
        self.low.append(np.nextafter(low.below() - slack, -np.inf))
        self.high.append(np.nextafter(-Whole(-high.values, high.power).below() + slack, np.inf))
        self._check(self.low[-1], self.high[-1])
        self.most.append(np.maximum(np.abs(self.low[-1]), np.abs(self.high[-1])))
        self.cost.append(loose)
        self.loose.append(loose)

    def begun(self, rows: dict[int, Rows], constant: Array, error: Array) -> tuple[Whole, Array]:
        for number, row in rows.items():
            found = exactly(row.values)
            rows[number] = row.holding(found.values, found.power)
        return exactly(constant), error

    def charge(self, rows: Rows, number: int) -> Array:
        if not self.loose[number].any():
            return np.zeros(len(rows.values))
        size = np.abs(Whole(rows.values, rows.power).nearest())
        return 1.01 * rows.holding(size).dot(self.loose[number])

    def shift(self, rows: Rows, bias: Array) -> Whole:
        whole = exactly(bias)
        return Whole(rows.dot(whole.values), rows.power + whole.power)

    def step(self, operator: Operator, rows: Rows, size: int) -> Rows:
        twin, power = self.twin(operator)
        if isinstance(twin, Convolution) and rows.index is not None:
            assert isinstance(operator, Convolution)
            if rows.side not in twin.patches:
                twin.patches[rows.side] = floor(operator.patch(rows.side)[0], power).values
        below = step(twin, rows, size)
        return below.holding(below.values, rows.power + power)

    def ended(self, g: Rows | None, total: Whole, error: Array) -> tuple[Rows, Array, Array]:
        g = Rows(np.zeros((len(error), self.model.inputs), dtype=object)) if g is None else g
        g = g.holding(Whole(g.values, g.power).nearest())
        error = error + 1.01 * UNIT * g.dot(self.most[0], np.abs(g.values))
        value = total.nearest()
        return g, value, 1.01 * (error + 2.0 * UNIT * np.abs(value)) + TINY

    def relax(
        self, rows: Rows, source: int, weights: Weights, recorded: Array | None
    ) -> tuple[Rows, Whole, Array]:
        value, shape = Whole(rows.spread(rows.values), rows.power), rows.values.shape
        lost = none = np.zeros(len(rows.values))
        if recorded is not None:  # units are recorded, or stable: the rest is an identity
            if weights.record is not None:
                units, places = weights.record
                dense = rows.dense(len(weights.alpha))[:, units]
                dense = Whole(dense, rows.power).nearest()
                recorded[:, places] += dense
                most = np.maximum(self.high[source][units], 0.0)
                lost = 1.01 * UNIT * (np.abs(dense) @ most)
            keep = value.values * rows.take(floor(weights.alpha, 0).values)
            return rows.holding(keep.reshape(shape), rows.power), exactly(none), lost
        slope = np.where(value.values > 0, rows.take(weights.alpha), rows.take(weights.s))
        low, high = (Whole(rows.take(end.values), end.power) for end in self.ends(source))
        mu, constants = relaxed(value, slope, low, high)
        gained = constants.sums()
        gained = Whole(gained.values.reshape(-1), gained.power)
        return rows.holding(mu.values.reshape(shape), mu.power), gained, none

    def least(self, g: Rows, constant: Array, error: Array) -> Array:
        values, (low, high) = exactly(g.values), self.ends(0)
        rest = exactly(constant)
        rest = rest - ceil(error, rest.power + FINE)
        found = g.dot(low.values, values.positive().values)
        found = found + g.dot(high.values, values.negative().values)
        bound = (Whole(found, values.power + low.power) + rest).below()
        if self.ball is None:
            return bound
        inner = within(self.ball, g.values, *self.region(g, self.ball))
        return np.asarray(np.fmax(bound, (inner + rest).below()))

"""The same bounds in exact arithmetic.

What is stored between two steps are float64 numbers: bounds, rounded outward, and rows, rounded to
the nearest with the difference added to their error. Multipliers are rounded too, which is free:
for any mu, and z in [l, u], r = max(z, 0),

    lambda r >= mu z + min over z of (lambda r - mu z),

and that least value, at l, u or 0, is computed exactly. Gains of groups are left out.
"""

from __future__ import annotations

import copy

import numpy as np

from ..arithmetic import TINY, UNIT, Array
from ..convolution import Convolution
from ..operators import Operator
from ..rounded.ball import Ball
from ..rounded.coefficients import Rows, add, fitting, step
from ..rounded.root import Root
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
    dual = np.abs(s.values).max(axis=1)
    if ball.norm == "l2":
        dual = root((s * s).sums().values) + 1
    return found - Whole(dual, power) * exactly(np.array([ball.radius]))


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

    def backward(
        self, rows: dict[int, Rows], constant: Array, error: Array, recorded: Array | None = None
    ) -> tuple[Rows, Array, Array]:
        parts: dict[int, Rows] = {}
        for number, row in rows.items():
            found = exactly(row.values)
            parts[number] = row.holding(found.values, found.power)
        total = exactly(constant)
        for number in range(max(parts), 0, -1):
            if number not in parts:
                continue
            part, tensor = parts.pop(number), self.tensors[number]
            if tensor.relu is not None:
                part, gained, lost = self.relaxed(part, number, recorded)
                total, error = total + gained, error + lost
                add(parts, tensor.relu, part, tensor.size)
                continue
            if self.loose[number].any():
                size = np.abs(Whole(part.values, part.power).nearest())
                error = error + 1.01 * part.holding(size).dot(self.loose[number])
            if tensor.bias is not None:
                bias = exactly(tensor.bias)
                total = total + Whole(part.dot(bias.values), part.power + bias.power)
            for source, operator in tensor.terms:
                twin, power = self.twin(operator)
                taken = fitting(operator, part, tensor.size, len(tensor.terms) == 1)
                if isinstance(twin, Convolution) and taken.index is not None:
                    assert isinstance(operator, Convolution)
                    if taken.side not in twin.patches:
                        patch = floor(operator.patch(taken.side)[0], power)
                        twin.patches[taken.side] = patch.values
                below = step(twin, taken, self.tensors[source].size)
                below = below.holding(below.values, part.power + power)
                add(parts, source, below, self.tensors[source].size)
        none = Rows(np.zeros((len(constant), self.model.inputs), dtype=object))
        g = parts.get(0, none)
        g = g.holding(Whole(g.values, g.power).nearest())
        error = error + 1.01 * UNIT * g.holding(np.abs(g.values)).dot(self.most[0])
        value = total.nearest()
        return g, value, 1.01 * (error + 2.0 * UNIT * np.abs(value)) + TINY

    def relaxed(
        self, part: Rows, number: int, recorded: Array | None
    ) -> tuple[Rows, Whole, Array | float]:
        """What `relax` makes of rows, constants and errors.  Rule: triangle."""
        weights, source = self.weights[number], self.tensors[number].relu
        assert source is not None
        value, shape = Whole(part.spread(part.values), part.power), part.values.shape
        if recorded is not None:  # units are recorded, or stable: the rest is an identity
            lost: Array | float = 0.0
            if weights.record is not None and weights.places is not None:
                dense = part.dense(len(weights.alpha))[:, weights.record]
                dense = Whole(dense, part.power).nearest()
                recorded[:, weights.places] += dense
                most = np.maximum(self.high[source][weights.record], 0.0)
                lost = 1.01 * UNIT * (np.abs(dense) @ most)
            keep = value.values * part.take(floor(weights.alpha, 0).values)
            zero = Whole(np.zeros(len(keep.reshape(shape)), dtype=object), 0)
            return part.holding(keep.reshape(shape), part.power), zero, lost
        slope = np.where(value.values > 0, part.take(weights.alpha), part.take(weights.s))
        low, high = (Whole(part.take(end.values), end.power) for end in self.ends(source))
        mu, constants = relaxed(value, slope, low, high)
        gained = constants.sums()
        gained = Whole(gained.values.reshape(-1), gained.power)
        return part.holding(mu.values.reshape(shape), mu.power), gained, 0.0

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

"""Bounds of the network's tensors over a box: intervals, and rows of coefficients sent backward.

Backward: a row with coefficients lambda on a tensor's values is rewritten, tensor by tensor, into
coefficients on earlier ones. Where a product rounds, computed coefficients stand for different
true ones; the difference meets values of known size, so that lambda A costs at most
G * |lambda| (|A| vmax + |b|), which needs one vector for each tensor and no second product.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arithmetic import LIMIT, TINY, UNIT, Array, growth, in_time, midpoint, require
from ..claim import Part
from ..model import Model
from ..operators import Dense, Operator
from .ball import Ball
from .coefficients import Rows, add, fitting, step
from .slopes import slopes

PORTION = 128  # units whose rows are handled at once, so that they stay in the cache


@dataclass(slots=True)
class Weights:
    """The slopes of one relu tensor's units, what a coefficient on them costs, each (size,); and
    which of them are recorded, and where."""

    alpha: Array
    s: Array
    t: Array
    cost: Array
    record: tuple[Array, slice] | None = None


class Root:
    """The bounds of all tensors over a box, or what a ball leaves of it, and rows sent backward.

    low, high: bounds of each tensor; most: of |value|; cost: of the error that a coefficient 1
    on an element meets, when it is replaced by coefficients on earlier tensors; loose: what of it
    comes from weights that are not exact.
    """

    def __init__(self, model: Model, low: Array, high: Array, ball: Ball | None = None) -> None:
        self.ball = ball
        self.stop: Callable[[], bool] | None = None  # whether the time is up
        self.model, self.tensors = model, model.tensors
        self.relus = {n: t.relu for n, t in enumerate(model.tensors) if t.relu is not None}
        count = len(self.tensors)
        self.sums = [growth(tensor.size + count) for tensor in self.tensors]
        self.merges = [1] * count  # how many rows may meet in a tensor
        for tensor in self.tensors:
            for source in tensor.sources:
                self.merges[source] += 1
        self.low, self.high = [low], [high]
        self.most, self.cost = [np.maximum(np.abs(low), np.abs(high))], [np.zeros(len(low))]
        self.loose = [self.cost[0]]
        self.weights: dict[int, Weights] = {}
        self._check(low, high)

    def _check(self, low: Array, high: Array) -> None:
        require(np.all(low >= -LIMIT) and np.all(high <= LIMIT), "bounds overflow")
        require(np.all(low <= high), "bounds cross")

    def propagate(self) -> None:
        """Interval bounds of all tensors; then of relu tensors' units, where they are unstable,
        the better of them and of a backward pass with plain slopes.  Rule: better bounds."""
        mixed = {0: 0}  # how many sums over several elements lie between a tensor and the input
        for number, tensor in enumerate(self.tensors[1:], 1):
            in_time(self.stop)
            if tensor.relu is None:
                self.interval(number)
                mixes = [mixed[s] + (op.terms[0] > 1) for s, op in tensor.terms]
                mixed[number] = max(mixes) if len(mixes) == 1 else 2
                continue
            source, mixed[number] = tensor.relu, 2
            low, high = self.low[source], self.high[source]
            unstable = np.flatnonzero((low < 0.0) & (high > 0.0))
            # an interval of one sum is exact over a box, not over a ball
            if len(unstable) and (mixed[source] > 1 or self.ball is not None):
                self._improve(source, unstable)
            plain = slopes(low, high)
            # t is summed, lambda s rounded, as is what meets on z, at most s or alpha times lambda
            cost = self.sums[number] * plain[2] + np.maximum(*plain[:2]) * self.merged(source)
            self.weights[number] = Weights(*plain, 1.01 * cost)
            self.low.append(np.maximum(low, 0.0))
            self.high.append(np.maximum(high, 0.0))
            self.most.append(self.high[-1])
            self.cost.append(np.zeros(0))
            self.loose.append(np.zeros(0))

    def interval(self, number: int) -> None:
        """From A+ low + A- high + b to A+ high + A- low + b, with their errors, where A+ and A- are
        the positive and the negative part of A: each end meets no other numbers than its own.

        Rule: interval.
        """
        tensor = self.tensors[number]
        bias = np.zeros(tensor.size) if tensor.bias is None else tensor.bias
        added = growth(2 * len(tensor.terms)) * np.abs(bias)
        ends, spread = np.stack([bias, bias]), np.stack([added, added])
        cost, loose = self.sums[number] * np.abs(bias), np.zeros(tensor.size)
        for source, operator in tensor.terms:
            both = np.stack([self.low[source], self.high[source]])
            least = bool(both.min(initial=0.0) < 0.0)
            rows = np.concatenate([both, np.abs(both), self.most[source][None]]) if least else both
            weight = operator.weight
            if weight is None:
                rise, fall = operator.forward(rows, None), np.zeros((len(rows), tensor.size))
            else:
                rise = operator.forward(rows, np.maximum(weight, 0.0))
                fall = operator.forward(rows, np.maximum(-weight, 0.0))
            ends = ends + rise[:2] - fall[1::-1]
            own = slice(2, 4) if least else slice(0, 2)
            sizes, size = rise[own] + fall[own][::-1], rise[-1] + fall[-1]
            spread = spread + growth(operator.terms[0] + 2 * len(tensor.terms)) * sizes
            cost += growth(operator.terms[1] + self.merges[source]) * size
            loose += operator.slack * UNIT * 1.01 * size
        loose += 0.0 if tensor.error is None else 1.01 * tensor.error
        spread = 1.01 * (spread + loose) + TINY
        low, high = ends[0] - spread[0], ends[1] + spread[1]
        self._check(low, high)
        self.low.append(low)
        self.high.append(high)
        self.most.append(np.maximum(np.abs(low), np.abs(high)))
        self.cost.append(cost + loose)
        self.loose.append(loose)

    def merged(self, number: int) -> Array:
        """What the coefficients on a tensor cost that meet there, and one product before."""
        return growth(self.merges[number]) * self.most[number]

    def _improve(self, number: int, units: Array) -> None:
        low, high = self.low[number], self.high[number]
        for start in range(0, len(units), PORTION):
            in_time(self.stop)
            some = units[start : start + PORTION]
            bound = self.least(*self.backward(*self.begin(number, some, both=True)))
            low[some] = np.fmax(low[some], bound[: len(some)])
            high[some] = np.fmin(high[some], -bound[len(some) :])
        self._check(low, high)

    def begin(
        self, number: int, units: Array, both: bool = False
    ) -> tuple[dict[int, Rows], Array, Array]:
        """Rows of elements `units` of an affine tensor, and then, for both, of their negatives."""
        tensor = self.tensors[number]
        rows: dict[int, Rows] = {}
        alone = len(tensor.terms) == 1
        for source, operator in tensor.terms:
            if isinstance(operator, Dense) and operator.before * operator.after == 1:
                part = Rows(operator.weight[units])
            else:
                ones = Rows(np.ones((len(units), 1)), units[:, None])
                ones = fitting(operator, ones, tensor.size, alone)
                part = step(operator, ones, self.tensors[source].size)
            if both:
                part = part.holding(np.concatenate([part.values, -part.values]))
            add(rows, source, part, self.tensors[source].size)
        bias = np.zeros(len(units)) if tensor.bias is None else tensor.bias[units]
        cost = (self.loose if alone else self.cost)[number][units]
        if both:
            bias, cost = np.concatenate([bias, -bias]), np.concatenate([cost, cost])
        return rows, bias, cost

    def backward(
        self,
        rows: dict[int, Rows],
        constant: Array,
        error: Array,
        weights: Mapping[int, Weights] | None = None,
        recorded: Array | None = None,
    ) -> tuple[Rows, Array, Array]:
        """(g, c, e): the rows are at least g x + c - e, over the box; or, where units are recorded,
        differ from g x + recorded * (their units) + c by at most e.

        Shapes: g (R, D), c, e (R,). `recorded` (R, V) is filled, rows are taken out.  weights: of
        each relu, if not the plain ones.  Rule: backward.
        """
        weights = self.weights if weights is None else weights
        total: Any
        total, error = self.begun(rows, constant, error)
        for number in range(max(rows), 0, -1):
            if number not in rows:
                continue
            part, tensor = rows.pop(number), self.tensors[number]
            if tensor.relu is not None:
                part, gained, lost = self.relax(part, tensor.relu, weights[number], recorded)
                total, error = total + gained, error + lost
                add(rows, tensor.relu, part, tensor.size)
                continue
            error = error + self.charge(part, number)
            if tensor.bias is not None:
                total = total + self.shift(part, tensor.bias)
            for source, operator in tensor.terms:
                size = self.tensors[source].size
                taken = fitting(operator, part, tensor.size, len(tensor.terms) == 1)
                add(rows, source, self.step(operator, taken, size), size)
        return self.ended(rows.pop(0, None), total, error)

    # how numbers are rounded on the way, which exact arithmetic does in its own way

    def begun(self, rows: dict[int, Rows], constant: Array, error: Array) -> tuple[Any, Array]:
        return constant, error + self.sums[0] * np.abs(constant)

    def charge(self, rows: Rows, number: int) -> Array:
        """The error that coefficients on an affine tensor meet."""
        return rows.dot(self.cost[number], np.abs(rows.values))

    def shift(self, rows: Rows, bias: Array) -> Any:
        return rows.dot(bias)

    def step(self, operator: Operator, rows: Rows, size: int) -> Rows:
        return step(operator, rows, size)

    def ended(self, g: Rows | None, total: Any, error: Array) -> tuple[Rows, Array, Array]:
        g = Rows(np.zeros((len(total), self.model.inputs))) if g is None else g
        return g, total, 1.01 * error + TINY

    def relax(
        self, rows: Rows, source: int, weights: Weights, recorded: Array | None
    ) -> tuple[Rows, Any, Array]:
        """lambda >= 0: lambda r >= alpha lambda z; lambda < 0: lambda r >= lambda (s z + t).

        Rows on z, constants and errors of rows on r = max(z, 0); source: z.  Rule: triangle.
        """
        if recorded is not None and weights.record is not None:
            units, places = weights.record
            recorded[:, places] += rows.dense(len(weights.alpha))[:, units]
        lost = rows.dot(weights.cost, np.abs(rows.values))
        negative = np.minimum(rows.values, 0.0)
        moved = rows.spread(rows.values - negative) * rows.take(weights.alpha)
        moved += rows.spread(negative) * rows.take(weights.s)
        return rows.holding(moved.reshape(rows.values.shape)), rows.dot(weights.t, negative), lost

    def least(self, g: Rows, constant: Array, error: Array) -> Array:
        """(R,) lower bounds of the rows over the box and the ball.  Rule: least value."""
        centre, radius = midpoint(self.low[0], self.high[0])
        size = np.abs(g.values)
        error = 1.01 * (error + 8 * UNIT * np.abs(constant))
        rounded = 1.01 * self.sums[0] * g.dot(self.most[0], size)
        found = g.dot(centre) - g.dot(radius, size) + constant - (error + rounded)
        if self.ball is not None:
            within = self.ball.least(g.values, *self.region(g, self.ball))
            found = np.fmax(found, within + constant - error)
        return np.asarray(found)

    def region(self, g: Rows, ball: Ball) -> tuple[Array, Array, Array]:
        """The box and the ball's center where the rows' coefficients stand, (R, n) or (1, n)."""
        repeated = 1 if g.index is None else len(g.values) // max(1, len(g.index))
        if g.index is not None:  # a ball has one step for each input, however many coefficients
            order = np.sort(g.index, axis=1)
            twice = (order[:, 1:] == order[:, :-1]) & (order[:, 1:] < self.tensors[0].size)
            require(not twice.any(), "an input that stands in a row twice")

        def at(vector: Array) -> Array:
            return np.tile(np.atleast_2d(g.take(vector)), (repeated, 1))

        return at(self.low[0]), at(self.high[0]), at(ball.center)


def atom_rows(root: Root, part: Part) -> tuple[dict[int, Rows], Array, Array]:
    """The atoms as rows on the output and the input."""
    model = root.model
    dense = np.zeros((part.atoms, model.inputs + model.outputs))
    owner = np.repeat(np.arange(part.atoms), np.diff(part.start))
    np.add.at(dense, (owner, part.index), part.value)
    direct = dense[:, : model.inputs]
    rows = {0: Rows(direct), model.output: Rows(dense[:, model.inputs :])}
    # what the output brings is added to the inputs' own coefficients, and rounded
    return rows, part.offset, growth(root.merges[0]) * (np.abs(direct) @ root.most[0])

"""Bounds on a part's reduced rows: everything over x and the units that are unstable on its box.

Row i says |z_i - (W_i v + b_i)| <= error_i for v = (x, r) on the whole box, r = max(z, 0), where
W_i only meets units of earlier layers. A pass replaces the coefficient lambda on r by mu on z:

    z >= 0: mu = lambda - beta     z <= 0: mu = beta     lambda >= 0: mu = alpha lambda
    lambda < 0: mu = lambda s, constant lambda t, with max(z, 0) <= s z + t

of which each is a lower bound for any beta >= 0 and alpha in [0, 1]. cost_i is at least the error
that a coefficient mu = 1 on z_i brings: of row i, of the sums over its terms, and of mu's product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arithmetic import TINY, Array, growth, midpoint, slopes
from .claim import Part
from .groups import Groups
from .root import Root, Weights, atom_rows

MOST_CELLS = 2**17  # of one array of rows, so that it stays in the cache


@dataclass(slots=True)
class Slopes:
    """For each of B nodes and V units: alpha, s and t as above, and beta, negative on z <= 0."""

    alpha: Array
    s: Array
    t: Array
    beta: Array | None = None

    @classmethod
    def plain(cls, low: Array, high: Array) -> Slopes:
        return cls(*slopes(low, high))

    def with_alpha(self, alpha: Array, low: Array, high: Array) -> Slopes:
        """Other slopes where a unit is unstable."""
        unstable = (low < 0.0) & (high > 0.0)
        return Slopes(np.where(unstable, alpha, self.alpha), self.s, self.t, self.beta)

    def update(self, span: slice, low: Array, high: Array) -> None:
        """Plain slopes of some units anew; low, high (B, V)."""
        new = slopes(low[:, span], high[:, span])
        self.alpha[:, span], self.s[:, span], self.t[:, span] = new

    def at(self, owner: Array, units: slice) -> tuple[Array, Array, Array]:
        return self.alpha[owner, units], self.s[owner, units], self.t[owner, units]


class Reduced:
    """A part's rows. D inputs, V units in `layers` (slices), A atoms; see the module.

    weight (V, D + V), bias, cost (V,); atoms likewise; low, high: the units' bounds on the box.
    """

    def __init__(
        self, root: Root, part: Part, units: dict[int, Array], wanted: bool = True
    ) -> None:
        self.inputs = root.model.inputs
        sizes = [len(elements) for elements in units.values()]
        ends = np.cumsum([0, *sizes])
        self.layers = [slice(a, b) for a, b in zip(ends, ends[1:], strict=False)]
        self.count, self.atom_count = int(ends[-1]), part.atoms
        plain = root.weights
        root.weights = {}
        for number, weights in plain.items():
            sure = (root.low[root.tensors[number].relu or 0] >= 0.0).astype(float)
            weights = Weights(sure, sure, np.zeros(len(sure)))
            if number in units:
                place = list(units).index(number)
                weights.alpha = weights.s = sure.copy()
                weights.alpha[units[number]] = 0.0
                weights.record = units[number]
                weights.places = np.arange(ends[place], ends[place + 1])
            root.weights[number] = weights
        width = self.inputs + self.count
        self.weight, self.bias = np.zeros((self.count, width)), np.zeros(self.count)
        error = np.zeros(self.count)
        low, high = [np.zeros(0)], [np.zeros(0)]
        for (number, elements), span in zip(units.items(), self.layers, strict=True):
            source = root.tensors[number].relu
            assert source is not None
            made = root.backward(*root.begin(source, elements), self.weight[span, self.inputs :])
            self.weight[span, : self.inputs] = made[0].dense(self.inputs)
            self.bias[span], error[span] = made[1:]
            low.append(root.low[source][elements])
            high.append(root.high[source][elements])
        self.low, self.high = np.concatenate(low), np.concatenate(high)
        self.atom_weight = np.zeros((part.atoms, width))
        self.atom_bias = atom_error = np.full(part.atoms, np.nan)  # not used unless wanted
        if wanted:
            made = root.backward(*atom_rows(root, part), self.atom_weight[:, self.inputs :])
            self.atom_weight[:, : self.inputs] = made[0].dense(self.inputs)
            self.atom_bias, atom_error = made[1:]
        root.weights = plain
        self.most = np.concatenate([root.most[0], np.maximum(self.high, 0.0)])
        self.growth = growth(2 * width + part.atoms + 8 * len(sizes) + 64)
        self.cost = self._cost(self.weight, self.bias, error)
        self.atom_cost = self._cost(self.atom_weight, self.atom_bias, atom_error)
        self.absolute = np.abs(self.weight)

    def _cost(self, weight: Array, bias: Array, error: Array) -> Array:
        size = np.abs(weight) @ self.most + np.abs(bias) + error
        return np.asarray(1.01 * error + 2.0 * self.growth * size + TINY)

    def squeeze(self, kept: Array) -> None:
        """Substitutes the units that are not kept (V,), which are all stable."""
        active = np.flatnonzero(~kept & (self.low >= 0.0))
        columns = self.inputs + active

        def substitute(weight: Array, bias: Array, cost: Array, rows: slice) -> Array:
            factor = weight[rows, columns].copy()
            weight[rows, columns] = 0.0
            bias[rows] += factor @ self.bias[active]
            size = np.abs(factor) @ self.cost[active] + cost[rows]
            weight[rows] += factor @ self.weight[active]
            return self._cost(weight[rows], bias[rows], size)

        for span in self.layers:
            self.cost[span] = substitute(self.weight, self.bias, self.cost, span)
        every = slice(0, self.atom_count)
        self.atom_cost = substitute(self.atom_weight, self.atom_bias, self.atom_cost, every)
        columns = np.concatenate([np.ones(self.inputs, dtype=bool), kept])
        self.weight, self.atom_weight = self.weight[kept][:, columns], self.atom_weight[:, columns]
        self.bias, self.cost, self.most = self.bias[kept], self.cost[kept], self.most[columns]
        self.low, self.high, self.absolute = self.low[kept], self.high[kept], np.abs(self.weight)
        ends = np.cumsum([0, *(int(kept[span].sum()) for span in self.layers)])
        self.layers = [slice(a, b) for a, b in zip(ends, ends[1:], strict=False) if b > a]
        self.count = int(ends[-1])

    def layer(self, unit: int) -> int:
        return next(j for j, span in enumerate(self.layers) if unit < span.stop)

    def backward(
        self,
        coefficients: Array,
        constant: Array,
        error: Array,
        above: int,
        slopes: Slopes,
        owner: Array,
        groups: Groups | None = None,
    ) -> tuple[Array, Array]:
        """(g, c): g x + c is at most each row, on its node; by the slopes of layers below `above`.

        Shapes: coefficients (R, D + V or less), overwritten; constant, error (R,); owner: whose
        slopes, (R,), or (R / k,) where the rows' nodes repeat.
        """
        count = len(coefficients)
        for number in reversed(range(above)):
            span = self.layers[number]
            start = self.inputs + span.start
            value = coefficients[:, start : self.inputs + span.stop]
            value = value.reshape(-1, len(owner), span.stop - span.start)
            alpha, s, t = slopes.at(owner, span)
            negative = np.minimum(value, 0.0)
            moved = value - negative
            moved *= alpha
            gained = np.einsum("krn,rn->kr", negative, t).reshape(count)
            if groups is not None:
                constant = constant + groups.gained(number, negative[0], owner)
            negative *= s
            moved += negative
            if slopes.beta is not None:
                moved -= slopes.beta[owner, span]
            moved = moved.reshape(count, -1)
            constant = constant + moved @ self.bias[span] + gained
            error = error + np.abs(moved) @ self.cost[span] - self.growth * gained
            coefficients[:, :start] += moved @ self.weight[span, :start]
        g = coefficients[:, : self.inputs]
        error = error + 2.0 * self.growth * (
            np.abs(g) @ self.most[: self.inputs] + np.abs(constant)
        )
        return g, constant - 1.01 * error - TINY

    def unit_rows(self, layer: int, units: Array, sign: Array) -> tuple[Array, Array, Array]:
        """Coefficients, constants and errors of sign * z for units of one layer; units, sign (R,).

        The coefficients end with the units before the layer, the only ones that it meets.
        """
        end = self.inputs + self.layers[layer].start
        rows = self.weight[:, :end].take(units, axis=0)
        rows *= sign[:, None]
        return rows, self.bias[units] * sign, self.cost[units]

    def interval(
        self, units: Array, below: int, box_low: Array, box_high: Array, low: Array, high: Array
    ) -> tuple[Array, Array]:
        """Interval bounds (B, n) of units from boxes (B, D) and from bounds (B, V) of the units
        numbered less than `below`, the only ones that these depend on."""
        floor = np.concatenate([box_low, np.maximum(low[:, :below], 0.0)], axis=1)
        roof = np.concatenate([box_high, np.maximum(high[:, :below], 0.0)], axis=1)
        centre, radius = midpoint(floor, roof)
        end = self.inputs + below
        middle = centre @ self.weight[units, :end].T + self.bias[units]
        half = radius @ self.absolute[units, :end].T + 2.0 * self.cost[units]
        return middle - half, middle + half

    def least(self, g: Array, constant: Array, low: Array, high: Array) -> Array:
        """(R,) least values of g x + constant over boxes (R, D) or (1, D); errors are in it."""
        centre, radius = midpoint(low, high)
        if len(low) == 1:
            return np.asarray(g @ centre[0] - np.abs(g) @ radius[0] + constant)
        inner = np.einsum("rd,rd->r", g, centre) - np.einsum("rd,rd->r", np.abs(g), radius)
        return np.asarray(inner + constant)

    def chunks(self, count: int) -> list[slice]:
        """Rows 0 ... count - 1 in portions."""
        size = max(32, MOST_CELLS // (self.inputs + self.count))
        return [slice(start, min(start + size, count)) for start in range(0, count, size)]

    def improve(
        self,
        number: int,
        owner: Array,
        units: Array,
        slopes: Slopes,
        box: tuple[Array, Array],
        bounds: tuple[Array, Array],
    ) -> None:
        """Backward bounds, both signs, of units (R,) of layer `number`, of nodes `owner` (R,).

        box: (B, D) twice; bounds (B, V) twice, in which the better ones stay.
        """
        for part in self.chunks(len(units)):
            mine, who = units[part], owner[part]
            one = np.ones(len(mine))
            both, sign = np.concatenate([mine, mine]), np.concatenate([one, -one])
            whose = np.concatenate([who, who])
            rows = self.unit_rows(number, both, sign)
            g, c = self.backward(*rows, number, slopes, who)
            here = (box[0], box[1]) if len(box[0]) == 1 else (box[0][whose], box[1][whose])
            found = self.least(g, c, *here)
            low, high = bounds
            low[who, mine] = np.fmax(low[who, mine], found[: len(mine)])
            high[who, mine] = np.fmin(high[who, mine], -found[len(mine) :])

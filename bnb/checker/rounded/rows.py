"""Bounds on a part's reduced rows: everything over x and the units that are unstable on its box.

Row i says |z_i - (W_i v + b_i)| <= error_i for v = (x, r) on the whole box, r = max(z, 0), where
W_i only meets units of earlier layers. A pass replaces the coefficient lambda on r by mu on z:

    z >= 0: mu = lambda - beta     z <= 0: mu = beta     lambda >= 0: mu = alpha lambda
    lambda < 0: mu = lambda s, constant lambda t, with max(z, 0) <= s z + t

of which each is a lower bound for any beta >= 0 and alpha in [0, 1]. cost_i is at least the error
that a coefficient mu = 1 on z_i brings: of row i, of the sums over its terms, and of mu's product.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ..arithmetic import TINY, UNIT, Array, growth, midpoint
from ..claim import Part
from .coefficients import Rows
from .root import Root, Weights, atom_rows
from .slopes import Slopes

MOST_CELLS = 2**17  # of one array of rows, so that it stays in the cache


class Gains(Protocol):
    """What groups of units add to a pass, see `multi_neuron`."""

    def gained(self, layer: int, negative: Array, owner: Array) -> Array: ...


@dataclass(slots=True)
class Lines:
    """Rows over (x, r): weight (N, D + V), bias, error (N,), see the module.

    cost: of a coefficient 1 on a row in a pass; spread: of the ends of a row's interval.
    """

    weight: Array
    bias: Array
    error: Array
    cost: Array = field(default_factory=lambda: np.zeros(0))
    spread: Array = field(default_factory=lambda: np.zeros(0))

    def sums(self, factors: Array, some: Array | slice = slice(None)) -> tuple[Array, Array, Array]:
        """Coefficients, constants and errors of sums of some rows, factors (R, n)."""
        size = np.abs(factors) @ self.cost[some]
        return factors @ self.weight[some], factors @ self.bias[some], size

    def measure(self, most: Array, once: float, sums: float) -> None:
        """most: of |(x, r)|; once, sums: of the terms that meet on a unit, and of all units."""
        terms = int((self.weight != 0.0).sum(axis=1).max(initial=0))
        size = np.abs(self.weight) @ most
        bias, error = np.abs(self.bias), self.error
        self.cost = 1.01 * error + once * (size + error) + sums * bias + TINY
        self.spread = 1.01 * (error + growth(terms) * (size + bias)) + TINY


class Reduced:
    """A part's rows. D inputs, V units in `layers` (slices), A atoms; see the module.

    units, atoms: their rows; low, high (V,): the units' bounds on the box.

    Rule: substitution.
    """

    exact = False  # in whole numbers, which leave groups out

    def __init__(
        self, root: Root, part: Part, units: dict[int, Array], wanted: bool = True
    ) -> None:
        self.stop = root.stop
        self.inputs, self.ball = root.model.inputs, part.ball
        ends = np.cumsum([0, *map(len, units.values())])
        self.layers = [slice(a, b) for a, b in zip(ends, ends[1:], strict=False)]
        self.count = int(ends[-1])
        records = dict(zip(units, zip(units.values(), self.layers, strict=True), strict=True))
        weights = {}
        for number, source in root.relus.items():
            sure, record = (root.low[source] >= 0.0).astype(float), records.get(number)
            if record is not None:
                sure[record[0]] = 0.0
            cost = 1.01 * sure * root.merged(source)
            weights[number] = Weights(sure, sure, np.zeros(len(sure)), cost, record)
        width = self.inputs + self.count

        def reduced(rows: tuple[dict[int, Rows], Array, Array]) -> tuple[Array, Array, Array]:
            """Coefficients over (x, r), constants and errors of rows."""
            made = np.zeros((len(rows[1]), width))
            g, bias, error = root.backward(*rows, weights, made[:, self.inputs :])
            made[:, : self.inputs] = g.dense(self.inputs)
            return made, bias, error

        found = [(np.zeros((0, width)), *[np.zeros(0)] * 4)]
        for number, elements in units.items():
            source = root.relus[number]
            bounds = root.low[source][elements], root.high[source][elements]
            found.append((*reduced(root.begin(source, elements)), *bounds))
        *rows, self.low, self.high = map(np.concatenate, zip(*found, strict=True))
        self.units = Lines(*rows)
        if wanted:
            self.atoms = Lines(*reduced(atom_rows(root, part)))
        else:  # for a tree that has no use of them
            none = np.full(part.atoms, np.nan)
            self.atoms = Lines(np.zeros((part.atoms, width)), none, none)
        self.most = np.concatenate([root.most[0], np.maximum(self.high, 0.0)])
        self.measure()

    def measure(self) -> None:
        """What the rounding of all rows may cost; to be done again when they have changed."""
        meet = sum((lines.weight != 0.0).sum(axis=0) for lines in (self.units, self.atoms))
        once = growth(int(np.max(meet, initial=0)) + len(self.layers) + 16)
        self.sums = growth(self.count + len(self.atoms.bias) + len(self.layers))
        for lines in (self.units, self.atoms):
            lines.measure(self.most, once, self.sums)

    def product(self, left: Array, right: Array) -> Array:
        return np.asarray(left @ right)

    def unit_rows(self, layer: int, units: Array, sign: Array) -> tuple[Array, Array, Array]:
        """Coefficients, constants and errors of sign * z for units of one layer; units, sign (R,).

        The coefficients end with the units before the layer, the only ones that it meets.
        """
        end = self.inputs + self.layers[layer].start
        rows = self.units.weight[:, :end].take(units, axis=0)
        rows *= sign[:, None]
        return rows, self.units.bias[units] * sign, self.charged(self.units)[units]

    def atom_rows(self, atoms: Array) -> tuple[Array, Array, Array]:
        """Those of atoms."""
        return self.atoms.weight[atoms], self.atoms.bias[atoms], self.charged(self.atoms)[atoms]

    def atom_sums(self, gamma: Array) -> tuple[Array, Array, Array]:
        """Those of sums of atoms, gamma (R, A) >= 0."""
        return self.atoms.sums(gamma)

    def charged(self, lines: Lines) -> Array:
        """The error that a coefficient 1 on a row has in a pass."""
        return lines.cost

    def squeeze(self, kept: Array) -> None:
        """Substitutes the stable units, all that are not kept (V,).  Rule: substitution."""
        units, atoms = self.units, self.atoms
        active = np.flatnonzero(~kept & (self.low >= 0.0))
        columns = self.inputs + active

        def substitute(lines: Lines, some: slice) -> None:
            factor = lines.weight[some, columns].copy()
            lines.weight[some, columns] = 0.0
            lines.bias[some] += self.product(factor, units.bias[active])
            lines.weight[some] += self.product(factor, units.weight[active])
            more = 1.01 * (np.abs(factor) @ units.cost[active] + lines.cost[some])
            lines.error[some] = np.where(factor.any(axis=1), more, lines.error[some])

        for span in self.layers:
            substitute(units, span)
            self.measure()
        substitute(atoms, slice(None))
        places = np.concatenate([np.ones(self.inputs, dtype=bool), kept])
        self.units = Lines(units.weight[kept][:, places], units.bias[kept], units.error[kept])
        self.atoms = Lines(atoms.weight[:, places], atoms.bias, atoms.error)
        self.low, self.high, self.most = self.low[kept], self.high[kept], self.most[places]
        ends = np.cumsum([0, *(int(kept[span].sum()) for span in self.layers)])
        self.layers = [slice(a, b) for a, b in zip(ends, ends[1:], strict=False) if b > a]
        self.count = int(ends[-1])
        self.measure()

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
        groups: Gains | None = None,
    ) -> tuple[Array, Array]:
        """(g, c): g x + c is at most each row, on its node; by the slopes of layers below `above`.

        Shapes: coefficients (R, D + V or less), overwritten; constant, error (R,); owner: whose
        slopes, (R,), or (R / k,) where the rows' nodes repeat.  Rule: triangle with splits.
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
                more = groups.gained(number, negative[0], owner)
                constant, error = constant + more, error + self.sums * more
            negative *= s
            moved += negative
            if slopes.beta is not None:
                moved -= slopes.beta[owner, span]
            moved = moved.reshape(count, -1)
            constant = constant + moved @ self.units.bias[span] + gained
            error = error + np.abs(moved) @ self.units.cost[span] - self.sums * gained
            coefficients[:, :start] += moved @ self.units.weight[span, :start]
        g = coefficients[:, : self.inputs]
        size = np.abs(g) @ self.most[: self.inputs]
        error = error + growth(self.inputs) * size + 8 * UNIT * np.abs(constant)
        return g, constant - 1.01 * error - TINY

    def interval(
        self, units: Array, below: int, box_low: Array, box_high: Array, low: Array, high: Array
    ) -> tuple[Array, Array]:
        """Interval bounds (B, n) of units from boxes (B, D) and from bounds (B, V) of the units
        numbered less than `below`, the only ones that these depend on.  Rule: interval."""
        floor = np.concatenate([box_low, np.maximum(low[:, :below], 0.0)], axis=1)
        roof = np.concatenate([box_high, np.maximum(high[:, :below], 0.0)], axis=1)
        centre, radius = midpoint(floor, roof)
        weight = self.units.weight[units, : self.inputs + below].T
        middle = centre @ weight + self.units.bias[units]
        half = radius @ np.abs(weight) + self.units.spread[units]
        return middle - half, middle + half

    def least(self, g: Array, constant: Array, low: Array, high: Array) -> Array:
        """(R,) least values of g x + constant over the ball and boxes (R, D) or (1, D).

        Errors of a box's sums are in the constant.  Rule: least value.
        """
        found = self.over_box(g, constant, low, high)
        if self.ball is None:
            return found
        within = self.ball.least(g, low, high, self.ball.center[None])
        return np.asarray(np.fmax(found, within + constant))

    def over_box(self, g: Array, constant: Array, low: Array, high: Array) -> Array:
        """`least` over the boxes alone, which is what a box may be cut by."""
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

        box: (B, D) twice; bounds (B, V) twice, in which the better ones stay.  Rule: better bounds.
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

"""The bounds on reduced rows in whole numbers."""

from __future__ import annotations

import numpy as np

from ..arithmetic import TINY, UNIT, Array
from ..rounded.rows import Gains, Lines, Reduced
from ..rounded.slopes import Slopes
from .root import relaxed, within
from .whole import Whole, ceil, exactly, fine, floor


def _lower(g: Whole, low: Array, high: Array) -> Whole:
    """(R,) least values of g x on boxes (R, D) or (1, D)."""
    bits = fine(low, high)
    return (g.positive() * floor(low, bits) + g.negative() * ceil(high, bits)).sums()


class ExactReduced(Reduced):
    """Reduced, in whole numbers; what is stored of rows are float64 numbers, with their errors.

    Rule: substitution.
    """

    exact = True

    def measure(self) -> None:
        super().measure()
        self.rows = []  # of each layer, over what comes before it; and its bias
        for span in self.layers:
            weight = exactly(self.units.weight[span, : self.inputs + span.start])
            self.rows.append((weight, exactly(self.units.bias[span, None])))

    def product(self, left: Array, right: Array) -> Array:
        """left @ right, rounded once."""
        if right.ndim == 1:
            return self.product(left, right[:, None])[:, 0]
        return (exactly(left) @ exactly(right)).nearest()

    def charged(self, lines: Lines) -> Array:
        return lines.error

    def atom_sums(self, gamma: Array) -> tuple[Array, Array, Array]:
        atoms = self.atoms
        rows, bias = self.product(gamma, atoms.weight), self.product(gamma, atoms.bias)
        rounded = UNIT * (np.abs(rows) @ self.most + np.abs(bias))
        return rows, bias, 1.01 * (gamma @ atoms.error + rounded) + TINY

    def interval(
        self, units: Array, below: int, box_low: Array, box_high: Array, low: Array, high: Array
    ) -> tuple[Array, Array]:
        """(floor, roof) times the rows' positive and negative parts; for the upper end, of -z.

        Rule: interval.
        """
        ends = np.concatenate([box_low, np.maximum(low[:, :below], 0.0)], axis=1)
        roof = np.concatenate([box_high, np.maximum(high[:, :below], 0.0)], axis=1)
        bits = fine(ends, roof)
        least, most = floor(ends, bits), ceil(roof, bits)
        row = exactly(self.units.weight[units, : self.inputs + below].T)
        bias, error = exactly(self.units.bias[units]), 1.01 * self.units.error[units] + TINY
        found = []
        for sign in (1, -1):
            part = Whole(sign * row.values, row.power)
            bound = least @ part.positive() + most @ part.negative()
            bound = bound + Whole(sign * bias.values, bias.power)
            found.append(np.nextafter(bound.below() - error, -np.inf))
        return found[0], -found[1]

    def least(self, g: Array, constant: Array, low: Array, high: Array) -> Array:
        found = self.over_box(g, constant, low, high)
        if self.ball is None:
            return found
        inner = within(self.ball, g, low, high, self.ball.center[None])
        return np.asarray(np.fmax(found, (inner + exactly(constant)).below()))

    def over_box(self, g: Array, constant: Array, low: Array, high: Array) -> Array:
        return (_lower(exactly(g), low, high) + exactly(constant)).below()

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
        row, total = exactly(coefficients), exactly(constant)
        owner = np.tile(owner, len(coefficients) // len(owner))
        for number in reversed(range(above)):
            span = self.layers[number]
            start = self.inputs + span.start
            value = Whole(row.values[:, start : self.inputs + span.stop], row.power)
            slope = np.where(value.values > 0, slopes.alpha[owner, span], slopes.s[owner, span])
            bits = fine(slopes.bounds[0][:, span], slopes.bounds[1][:, span])
            low = Whole(floor(slopes.bounds[0][:, span], bits).values[owner], bits)
            high = Whole(ceil(slopes.bounds[1][:, span], bits).values[owner], bits)
            beta = 0.0 if slopes.beta is None else slopes.beta[owner, span]
            mu, constants = relaxed(value, slope, low, high, beta)
            weight, bias = self.rows[number]
            found = mu @ bias
            total = total + constants.sums() + Whole(found.values[:, 0], found.power)
            row = Whole(row.values[:, :start], row.power) + mu @ weight
            error = error + 1.01 * (np.abs(mu.nearest()) @ self.units.error[span])
        g = row.nearest()
        error = error + 1.01 * UNIT * (np.abs(g) @ self.most[: self.inputs])
        return g, np.nextafter(total.below() - 1.01 * error - TINY, -np.inf)

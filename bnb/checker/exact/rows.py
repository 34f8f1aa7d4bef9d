"""The bounds on reduced rows in whole numbers, see `whole`.

Rows are scaled by powers of two before they are sent backward, so that their coefficients are
multiples of 2**-FINE of the greatest of them. What is cut off below changes a coefficient by a
known number of units, which costs as much as the value that it stands on can be. Weights and
bounds have a unit each, as fine as their largest number allows. A row whose numbers grow too
large has no bound.
"""

from __future__ import annotations

import numpy as np

from ..arithmetic import TINY, UNIT, Array, require
from ..rounded.rows import Reduced, Slopes
from .fixed_point import LARGEST, ceilings, floors, multiples, product, slices, times, too_large
from .root import floats_below, integers, nearest, power_of, within

FINE = 42
ROOM = 10  # sums of bounds are held in a larger unit where a bound exceeds 2**ROOM
FINEST = 52
WEIGHTS = 61  # bits of weights, which are only multiplied in slices


def fine_for(bits: int, *arrays: Array) -> int:
    """As many bits after the point as numbers of so many bits can have."""
    largest = max(float(np.abs(item).max(initial=1.0)) for item in arrays)
    require(largest < 2.0 ** (FINEST - ROOM), "numbers too large for --exact")
    return bits - int(np.frexp(largest)[1])


def scales(rows: Array) -> Array:
    """(R, 1) exponents e, with 2**(e - 1) <= the greatest coefficient of a row <= 2**e."""
    return np.asarray(np.frexp(np.abs(rows).max(axis=1, initial=0))[1])[:, None]


def below(whole: Array, power: Array | int) -> Array:
    """Floats that are at most whole / 2**power."""
    return np.nextafter(np.ldexp(whole.astype(np.float64), -power), -np.inf)


class ExactReduced(Reduced):
    """Reduced, in whole numbers; what is stored of rows are float64 numbers, with their errors.

    Rule: substitution.
    """

    exact = True

    def _measure(self) -> None:
        super()._measure()
        fine = fine_for(WEIGHTS, self.weight, self.bias)
        self.bound_fine = fine_for(FINEST, self.most, self.low, self.high)
        self.spare = max(0, FINEST - self.bound_fine - ROOM)
        whole = np.column_stack([self.weight, self.bias])
        rounded = np.ldexp(np.rint(np.ldexp(whole, fine)), -fine)
        if not np.array_equal(rounded, whole):
            self.weight, self.bias = rounded[:, :-1].copy(), rounded[:, -1].copy()
            self.error = self.error + 2.0**-fine * (self.most.sum() + 1.0)
            super()._measure()
        self.whole, self.fine = rounded, fine
        parts = slices(multiples(rounded, fine))
        self.sliced = [
            [part[span, [*range(self.inputs + span.start), -1]] for part in parts]
            for span in self.layers
        ]  # of each layer: over what comes before it, and its bias
        self.largest = [np.abs(rounded[span]).max(initial=0.0) for span in self.layers]

    def product(self, left: Array, right: Array) -> Array:
        """left @ right, rounded once."""
        powers = power_of(left), power_of(right)
        return nearest(integers(left, powers[0]) @ integers(right, powers[1]), sum(powers))

    def unit_rows(self, layer: int, units: Array, sign: Array) -> tuple[Array, Array, Array]:
        rows, bias, _ = super().unit_rows(layer, units, sign)
        return rows, bias, self.error[units]

    def atom_rows(self, atoms: Array) -> tuple[Array, Array, Array]:
        return self.atom_weight[atoms], self.atom_bias[atoms], self.atom_error[atoms]

    def atom_sums(self, gamma: Array) -> tuple[Array, Array, Array]:
        rows, bias = self.product(gamma, self.atom_weight), self.product(gamma, self.atom_bias)
        rounded = UNIT * (np.abs(rows) @ self.most + np.abs(bias))
        return rows, bias, 1.01 * (gamma @ self.atom_error + rounded) + TINY

    def interval(
        self, units: Array, below_: int, box_low: Array, box_high: Array, low: Array, high: Array
    ) -> tuple[Array, Array]:
        """(floor, roof) times the rows' positive and negative parts; for the upper end, of -z.

        Rule: interval.
        """
        floor = np.concatenate([box_low, np.maximum(low[:, :below_], 0.0)], axis=1)
        roof = np.concatenate([box_high, np.maximum(high[:, :below_], 0.0)], axis=1)
        one = np.ones((len(floor), 1))
        most = np.maximum(np.abs(floor), np.abs(roof)).max(axis=0, initial=0.0)
        row = self.whole[units][:, [*range(self.inputs + below_), -1]]
        size = float((np.abs(row) @ np.append(most, 1.0)).max(initial=1.0))
        require(size < LARGEST, "numbers too large for --exact")
        fine = min(self.bound_fine, 58 - int(np.frexp(size)[1]))
        both = np.concatenate(
            [floors(np.column_stack([floor, one]), fine), ceilings(roof, fine)], axis=1
        )
        bad = too_large(both)
        both[bad] = 0
        error = 1.01 * self.error[units] + TINY
        found = []
        for some in (row, -row):
            first, second = np.maximum(some[:, :-1], 0.0), np.minimum(some[:, :-1], 0.0)
            right = np.column_stack([first, some[:, -1], second]).T
            values, _ = product(both, slices(multiples(right, self.fine)), self.fine)
            least = np.nextafter(below(values, fine) - error, -np.inf)
            found.append(np.where(bad[:, None], -np.inf, least))
        return found[0], -found[1]

    def least(self, g: Array, constant: Array, low: Array, high: Array) -> Array:
        found = self.over_box(g, constant, low, high)
        if self.ball is None:
            return found
        inner, power = within(self.ball, g, low, high, self.ball.center[None], power_of(g))
        good = np.isfinite(constant)
        fine = max(power, power_of(constant[good]))
        total = inner * 2 ** (fine - power) + integers(np.where(good, constant, 0.0), fine)
        return np.where(good, np.fmax(found, floats_below(total, fine)), found)

    def over_box(self, g: Array, constant: Array, low: Array, high: Array) -> Array:
        scale = scales(g)
        values = floors(np.ldexp(g, -scale), FINEST)
        back = np.ldexp(values.astype(np.float64), scale - FINEST)
        require(np.array_equal(back, g), "coefficients of too many bits")
        ends = floors(low, self.bound_fine), ceilings(high, self.bound_fine)
        total, bad = self._sum(np.where(values > 0, ends[0], ends[1]), values)
        bound = np.nextafter(below(total, self.bound_fine - scale[:, 0]) + constant, -np.inf)
        return np.where(bad | np.isnan(bound), -np.inf, bound)

    @staticmethod
    def _sum(left: Array, right: Array) -> tuple[Array, Array]:
        """At most the sums over rows of left * right, right / 2**FINEST; and where none is."""
        bad = too_large(left) | too_large(right)
        terms = times(np.where(bad[:, None], 0, left), right, FINEST)
        bad |= ~(np.abs(terms).astype(np.float64).sum(axis=1) < LARGEST)
        return terms.sum(axis=1), bad

    def backward(  # type: ignore[no-untyped-def]
        self, coefficients, constant, error, above_layer, slopes: Slopes, owner, groups=None
    ) -> tuple[Array, Array]:
        count, width = coefficients.shape
        sums = FINE - self.spare
        scale = np.maximum(scales(coefficients), scales(constant[:, None]) + sums - FINEST)
        values = floors(np.ldexp(coefficients, -scale), FINE)
        constant = np.ldexp(constant, -scale[:, 0])
        total = floors(constant, sums)
        bad = too_large(values) | too_large(total[:, None])
        owner = np.tile(owner, count // len(owner))
        reach = self._reach(slopes.bounds[1])[owner]
        error = np.ldexp(error, -scale[:, 0]) + reach[:, width - self.inputs]

        def hold(grown: Array, units: int) -> None:
            """Holds rows in a unit that is larger by `grown` (R, 1) bits, where positive."""
            nonlocal scale, error
            if (grown > 0).any():
                more = np.maximum(grown, 0)
                values[:, : self.inputs + units] >>= more
                total[:] >>= more[:, 0]
                error = np.ldexp(error, -more[:, 0]) + (grown[:, 0] > 0) * reach[:, units]
                scale = scale + more

        for number in reversed(range(above_layer)):
            span = self.layers[number]
            start = self.inputs + span.start
            values[bad], total[bad] = 0, 0
            value = values[:, start : self.inputs + span.stop]
            size = np.abs(value).sum(axis=1, keepdims=True) * self.largest[number]
            hold(scales(size) - 58, span.stop)
            slope = np.where(value > 0, slopes.alpha[owner, span], slopes.s[owner, span])
            wanted = value * slope
            if slopes.beta is not None:
                wanted -= np.ldexp(slopes.beta[owner, span], FINE - scale)
            mu = floors(wanted, 0)
            bad |= too_large(mu)
            mu[bad] = 0
            low = floors(slopes.bounds[0][:, span], self.bound_fine)
            high = ceilings(slopes.bounds[1][:, span], self.bound_fine)
            bad |= (too_large(low) | too_large(high))[owner]
            gained, worse = self.relax(value, mu, low[owner], high[owner])
            size = np.abs(mu).sum(axis=1).astype(np.float64) * self.largest[number]
            bad |= ~(size < LARGEST)
            mu[bad] = 0
            found, lost = product(mu, self.sliced[number], self.fine)
            total += gained + (found[:, -1] >> self.spare)
            values[:, :start] += found[:, :-1]
            bad |= worse | ~(np.abs(total) < LARGEST)
            error = error + 1.01 * 2.0**-FINE * (np.abs(mu) @ self.error[span])
            error = error + lost * reach[:, span.start]
            hold(scales(values[:, :start]) - (FINE + 4), span.start)
        values[bad], total[bad] = 0, 0
        g = np.ldexp(values[:, : self.inputs].astype(np.float64), scale - FINE)
        least = np.nextafter(below(total, sums) - 1.01 * error - TINY, -np.inf)
        bound = np.ldexp(least, scale[:, 0])
        return g, np.where(bad | np.isnan(bound), -np.inf, bound)

    def _reach(self, high: Array) -> Array:
        """(B, V + 1): what one unit more in the coefficients of all inputs and of the first units
        may cost; high (B, V)."""
        inputs = np.full((len(high), 1), self.most[: self.inputs].sum())
        units = np.concatenate([inputs, np.maximum(high, 0.0)], axis=1)
        return np.asarray(np.cumsum(units, axis=1) * 2.0**-FINE * 1.01)

    def relax(self, value: Array, mu: Array, low: Array, high: Array) -> tuple[Array, Array]:
        """(R,): at most sum of min over low <= z <= high of value max(z, 0) - mu z, in units of
        2**-(FINE - spare).  Rule: triangle with splits."""
        at_low, at_high = (np.where(end >= 0, value - mu, -mu) for end in (low, high))
        bad = too_large(at_low) | too_large(at_high)
        at_low[bad], at_high[bad] = 0, 0
        row, unit = np.nonzero((at_low != 0) | (at_high != 0))
        ends = (at_low[row, unit], low[row, unit]), (at_high[row, unit], high[row, unit])
        size = sum(np.abs(a.astype(np.float64) * b) for a, b in ends)
        size = np.bincount(row, size, minlength=len(value))
        fine = self.bound_fine + self.spare
        bad |= ~(np.ldexp(size, -fine) < LARGEST)
        found = np.minimum(*(times(a, b, fine) for a, b in ends))
        straddling = (ends[0][1] < 0) & (ends[1][1] > 0)
        found = np.where(straddling, np.minimum(found, 0), found)
        # sums of each row's entries as differences of running ones, which may wrap around
        running = np.concatenate([[0], np.cumsum(found)])
        last = np.cumsum(np.bincount(row, minlength=len(value)))
        total = np.diff(running[last], prepend=0)
        return np.where(bad, 0, total), bad

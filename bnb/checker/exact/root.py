"""The same bounds in exact arithmetic: Python integers, each array over one power of two.

What is stored between two steps are float64 numbers: bounds, rounded outward, and rows, rounded to
the nearest with the difference added to their error. Multipliers are rounded too, which is free:
for any mu, and z in [l, u], r = max(z, 0),

    lambda r >= mu z + min over z of (lambda r - mu z),

and that least value, at l, u or 0, is computed exactly. Gains of groups are left out.
"""

from __future__ import annotations

import copy
import math
from fractions import Fraction
from operator import truediv

import numpy as np

from ..arithmetic import TINY, UNIT, Array, require
from ..convolution import Convolution
from ..operators import Operator
from ..rounded.ball import Ball
from ..rounded.coefficients import Rows, fitting, joined, step
from ..rounded.root import Root

FINE = 48  # bits after the point of multipliers and bounds; more where these are small
MOST_MORE = 200
_whole = np.frompyfunc(int, 1, 1)
_divided = np.frompyfunc(truediv, 2, 1)
_root = np.frompyfunc(math.isqrt, 1, 1)


def integers(array: Array, power: int) -> Array:
    """floor(array * 2**power), as Python integers: exact, since both steps are."""
    given = np.asarray(array, dtype=np.float64)
    found = np.floor(np.ldexp(given, power))
    if not np.all(np.isfinite(found)):
        require(np.all(np.isfinite(given)), "a number that is not finite")
        part, exponent = np.frexp(given)
        return np.asarray(_shifted(np.ldexp(part, 53), exponent + (power - 53)), dtype=object)
    return np.asarray(_whole(found), dtype=object).reshape(np.shape(array))


def _shift(mantissa: float, places: int) -> int:
    """floor(mantissa * 2**places) of a whole mantissa."""
    whole = int(mantissa)
    return whole << int(places) if places >= 0 else whole >> -int(places)


_shifted = np.frompyfunc(_shift, 2, 1)


def above(array: Array, power: int) -> Array:
    """ceil(array * 2**power)."""
    return np.asarray(-integers(-array, power))


def power_of(array: Array) -> int:
    """A power for which array * 2**power are whole numbers."""
    exponents = np.frexp(array[array != 0.0])[1]
    least = int(exponents.min(initial=0))
    for bits in (24, 53):
        if np.array_equal(np.ldexp(array, bits - least), np.floor(np.ldexp(array, bits - least))):
            return max(0, bits - least)
    raise AssertionError("float64 numbers have 53 bits")


def fine(array: Array) -> int:
    """Bits after the point that leave FINE or so to the smallest of some numbers."""
    exponents = np.frexp(array[array != 0.0])[1]
    return FINE + min(MOST_MORE, max(0, -int(exponents.min(initial=0))))


def nearest(whole: Array, power: int) -> Array:
    """whole / 2**power as floats; off by at most UNIT of itself."""
    try:
        return np.asarray(np.ldexp(np.asarray(whole, dtype=np.float64), -power))
    except OverflowError:  # where the quotient is a float, though the whole number is none
        return np.asarray(_divided(whole, 2**power), dtype=np.float64)


def floats_below(whole: Array, power: int) -> Array:
    """Floats that are at most whole / 2**power."""
    return np.nextafter(nearest(whole, power), -np.inf)


def relaxed(
    value: Array, power: int, slope: Array, low: Array, high: Array
) -> tuple[Array, int, Array, int]:
    """mu near value * slope, over a power of two that is told, and constants over another one.

    value, over 2**power, stands on r = max(z, 0); low, high and the constants are over one power
    more, the same.  Rule: triangle.
    """
    wanted = nearest(value, power) * slope
    largest = np.abs(wanted).max(axis=-1, initial=0.0)
    own = fine(largest)
    mu, common = integers(wanted, own), max(power, own)
    value, wide = value * 2 ** (common - power), mu * 2 ** (common - own)
    ends = [value * np.maximum(end, 0) - wide * end for end in (low, high)]
    least = np.minimum(*ends)
    return mu, own, np.where((low < 0) & (high > 0), np.minimum(least, 0), least), common


def within(
    ball: Ball, g: Array, low: Array, high: Array, center: Array, power: int
) -> tuple[Array, int]:
    """Ball.least of g, which is whole over 2**power; (R,) over another power.  Rule: ball."""
    power = max(power, 2 * FINE)  # a root is off by one
    ends = np.concatenate([low.reshape(-1), high.reshape(-1)])
    own = max(fine(ends), power_of(center), power_of(np.array([ball.radius])))
    values = integers(g, power)
    s = integers(np.nan_to_num(ball.split(g, low, high, center)), power)
    rest = values - s
    found = np.maximum(rest, 0) * integers(low, own) + np.minimum(rest, 0) * above(high, own)
    found = (found + s * integers(center, own)).sum(axis=1)
    dual = np.abs(s).max(axis=1) if ball.norm == "l1" else _root((s * s).sum(axis=1)) + 1
    return found - dual * int(integers(np.array([ball.radius]), own)[0]), power + own


class ExactRoot(Root):
    """Root, in integers."""

    @staticmethod
    def _twin(operator: Operator) -> tuple[Operator, int]:
        """The operator with whole weights, and their power."""
        if operator.twin is None:
            twin, power = copy.copy(operator), 0
            if operator.weight is not None:
                power = power_of(operator.weight)
                twin.weight = integers(operator.weight, power)
            if isinstance(twin, Convolution):
                twin.patches = {}
            operator.twin = twin, power
        return operator.twin

    def interval(self, number: int) -> None:
        tensor = self.tensors[number]
        twins = [self._twin(operator) for _, operator in tensor.terms]
        several = [side[source] for source, _ in tensor.terms for side in (self.low, self.high)]
        more = fine(np.concatenate(several))
        power = more + max(own for _, own in twins)
        bias = np.zeros(tensor.size) if tensor.bias is None else tensor.bias
        low, high = 2 * integers(bias, power), 2 * above(bias, power)
        loose = np.zeros(tensor.size) if tensor.error is None else 1.01 * tensor.error
        for (source, operator), (twin, own) in zip(tensor.terms, twins, strict=True):
            floor, roof = integers(self.low[source], more), above(self.high[source], more)
            absolute = None if twin.weight is None else np.abs(twin.weight)
            scale = 2 ** (power - more - own)
            centre = twin.forward((floor + roof)[None], twin.weight)[0] * scale
            radius = twin.forward((roof - floor)[None], absolute)[0] * scale
            low, high = low + centre - radius, high + centre + radius
            if operator.slack:
                weight = None if operator.weight is None else np.abs(operator.weight)
                size = operator.forward(self.most[source][None], weight)[0]
                loose = loose + operator.slack * UNIT * 1.01 * size
        slack = 1.01 * loose + TINY
        self.low.append(np.nextafter(nearest(low, power + 1) - slack, -np.inf))
        self.high.append(np.nextafter(nearest(high, power + 1) + slack, np.inf))
        for side in (self.low, self.high):  # what nextafter undoes is one rounding; here are two
            side[-1] = np.nextafter(side[-1], -np.inf if side is self.low else np.inf)
        self._check(self.low[-1], self.high[-1])
        self.most.append(np.maximum(np.abs(self.low[-1]), np.abs(self.high[-1])))
        self.cost.append(loose)
        self.loose.append(loose)

    def backward(
        self, rows: dict[int, Rows], constant: Array, error: Array, recorded: Array | None = None
    ) -> tuple[Rows, Array, Array]:
        parts: dict[int, tuple[Rows, int]] = {}
        for number, row in rows.items():
            power = power_of(row.values)
            parts[number] = row.holding(integers(row.values, power)), power
        total = [Fraction(float(item)) for item in constant]
        for number in range(max(parts), 0, -1):
            if number not in parts:
                continue
            part, power = parts.pop(number)
            tensor = self.tensors[number]
            if tensor.relu is not None:
                part, power, gained, lost = self.relaxed(part, power, number, recorded)
                total = [a + b for a, b in zip(total, gained, strict=True)]
                error = error + lost
                self._join(parts, tensor.relu, part, power)
                continue
            if self.loose[number].any():
                size = np.abs(nearest(part.values, power))
                error = error + 1.01 * part.holding(size).dot(self.loose[number])
            if tensor.bias is not None:
                own = power_of(tensor.bias)
                found = part.dot(integers(tensor.bias, own))
                scale = 2 ** (power + own)
                total = [a + Fraction(b, scale) for a, b in zip(total, found, strict=True)]
            for source, operator in tensor.terms:
                twin, own = self._twin(operator)
                whole = fitting(operator, part, tensor.size, len(tensor.terms) == 1)
                if isinstance(operator, Convolution) and whole.index is not None:
                    assert isinstance(twin, Convolution)
                    if whole.side not in twin.patches:
                        twin.patches[whole.side] = integers(operator.patch(whole.side)[0], own)
                below = step(twin, whole, self.tensors[source].size)
                self._join(parts, source, below, power + own)
        none = Rows(np.zeros((len(total), self.model.inputs), dtype=object))
        g, power = parts.get(0, (none, 0))
        g = g.holding(nearest(g.values, power))
        error = error + 1.01 * UNIT * g.holding(np.abs(g.values)).dot(self.most[0])
        value = np.array([float(item) for item in total])
        return g, value, 1.01 * (error + 2.0 * UNIT * np.abs(value)) + TINY

    def _join(
        self, parts: dict[int, tuple[Rows, int]], number: int, part: Rows, power: int
    ) -> None:
        if number in parts:
            other, before = parts[number]
            most = max(power, before)
            pair = (
                part.holding(part.values * 2 ** (most - power)),
                other.holding(other.values * 2 ** (most - before)),
            )
            part, power = joined(*pair, self.tensors[number].size), most
        parts[number] = part, power

    def relaxed(
        self, part: Rows, power: int, number: int, recorded: Array | None
    ) -> tuple[Rows, int, list[Fraction], Array | float]:
        """Rows and power of what `relax` makes of them, constants and errors.  Rule: triangle."""
        weights, source = self.weights[number], self.tensors[number].relu
        assert source is not None
        if recorded is not None:  # units are recorded, or stable: the rest is an identity
            lost: Array | float = 0.0
            if weights.record is not None and weights.places is not None:
                dense = nearest(part.dense(len(weights.alpha))[:, weights.record], power)
                recorded[:, weights.places] += dense
                most = np.maximum(self.high[source][weights.record], 0.0)
                lost = 1.01 * UNIT * (np.abs(dense) @ most)
            keep = part.spread(part.values) * part.take(integers(weights.alpha, 0))
            gone = [Fraction(0)] * len(part.values)
            return part.holding(keep.reshape(part.values.shape)), power, gone, lost
        value = part.spread(part.values)
        slope = np.where(value > 0, part.take(weights.alpha), part.take(weights.s))
        more = fine(np.concatenate([self.low[source], self.high[source]]))
        low, high = integers(self.low[source], more), above(self.high[source], more)
        mu, own, constants, power = relaxed(value, power, slope, part.take(low), part.take(high))
        sums = constants.sum(axis=-1).reshape(-1)
        gained = [Fraction(item, 2 ** (power + more)) for item in sums]
        return part.holding(mu.reshape(part.values.shape)), own, gained, 0.0

    def least(self, g: Rows, constant: Array, error: Array) -> Array:
        power = power_of(g.values)
        values = integers(g.values, power)
        more = fine(np.concatenate([self.low[0], self.high[0]]))
        low, high = integers(self.low[0], more), above(self.high[0], more)
        finest = max(power + more, power_of(constant))
        rest = integers(constant, finest) - above(error, finest)
        found = g.dot(low, np.maximum(values, 0)) + g.dot(high, np.minimum(values, 0))
        bound = floats_below(found * 2 ** (finest - power - more) + rest, finest)
        if self.ball is None:
            return bound
        region = self.region(g, self.ball)
        inner, own = within(self.ball, g.values, *region, power)
        total = inner * 2 ** max(0, finest - own) + rest * 2 ** max(0, own - finest)
        return np.asarray(np.fmax(bound, floats_below(total, max(finest, own))))

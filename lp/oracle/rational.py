"""Exact feasibility of small linear systems, in rational arithmetic.

Every row gets a variable that equals it. Of all variables some are basic: linear functions of the
others, which stay within their bounds while basic ones are brought back into theirs one by one
(Dutertre and de Moura 2006), by Bland's rule, so that it ends. A strict bound b is b - d for an
infinitesimal d, so that numbers are pairs. What is returned has been checked on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from typing import TypeAlias

Row: TypeAlias = Sequence[Fraction]
Pair: TypeAlias = tuple[Fraction, Fraction]
"""a + b * d for an infinitesimal d > 0; pairs compare as these numbers do."""

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class System:
    """rows @ x <= bound, less where strict, and lower <= x <= upper.  n columns, M rows."""

    rows: Sequence[Row]
    bound: Row
    strict: Sequence[bool]
    lower: Row
    upper: Row

    def holds(self, point: Row) -> bool:
        """Whether a point satisfies everything."""
        if not all(a <= x <= b for a, x, b in zip(self.lower, point, self.upper, strict=True)):
            return False
        for row, bound, strict in zip(self.rows, self.bound, self.strict, strict=True):
            value = sum((c * x for c, x in zip(row, point, strict=True) if c), ZERO)
            if value > bound or (strict and value == bound):
                return False
        return True


@dataclass(frozen=True, slots=True)
class Certificate:
    """Multipliers, at least 0, of the rows (M,) and of the lower and upper bounds (n,)."""

    rows: Row
    lower: Row
    upper: Row

    def proves(self, system: System) -> bool:
        """Whether the sum of all, so weighted, reads 0 <= something negative, or 0 < 0."""
        if not all(weight >= 0 for part in (self.rows, self.lower, self.upper) for weight in part):
            return False
        left = [b - a for a, b in zip(self.lower, self.upper, strict=True)]
        right, strict = ZERO, False
        for a, b, low, high in zip(self.lower, self.upper, system.lower, system.upper, strict=True):
            right += b * high - a * low
        for weight, row, bound, without in zip(
            self.rows, system.rows, system.bound, system.strict, strict=True
        ):
            if weight:
                left = [a + weight * c for a, c in zip(left, row, strict=True)]
                right += weight * bound
                strict = strict or without
        return not any(left) and (right < 0 or (strict and right == 0))


def decide(
    system: System, start: Row, most: int, stop: Callable[[], bool]
) -> tuple[Fraction, ...] | Certificate | None:
    """A point of the system, or the proof that there is none; None after `most` exchanges.

    start (n,): where to look first; the nearer to a solution the better.
    """
    return _Simplex(system, start).run(most, stop)


class _Simplex:
    """row k says scale[k] * basic[k] = sum of tableau[k][j] * others[j], in integers."""

    def __init__(self, system: System, start: Row) -> None:
        self.system = system
        self.columns = len(system.lower)
        ends = zip(system.lower, start, system.upper, strict=True)
        inside = [min(max(x, low), high) for low, x, high in ends]
        self.others = list(range(self.columns))
        self.basic = list(range(self.columns, self.columns + len(system.rows)))
        self.scale: list[int] = []
        self.tableau: list[list[int]] = []
        self.value: list[Pair] = [(x, ZERO) for x in inside]
        for row in system.rows:
            scale = lcm(*(c.denominator for c in row))
            self.scale.append(scale)
            self.tableau.append([c.numerator * (scale // c.denominator) for c in row])
            self.value.append((sum((c * x for c, x in zip(row, inside, strict=True)), ZERO), ZERO))
        # rows have no lower bound
        self.low: list[Pair | None] = [(v, ZERO) for v in system.lower]
        self.low += [None] * len(system.rows)
        self.high: list[Pair] = [(v, ZERO) for v in system.upper]
        self.high += [
            (bound, Fraction(-1 if strict else 0))
            for bound, strict in zip(system.bound, system.strict, strict=True)
        ]

    def run(self, most: int, stop: Callable[[], bool]) -> tuple[Fraction, ...] | Certificate | None:
        ends = zip(self.system.lower, self.system.upper, strict=True)
        crossed = next((k for k, (a, b) in enumerate(ends) if a > b), -1)
        if crossed >= 0:
            ones = [Fraction(int(k == crossed)) for k in range(self.columns)]
            return Certificate([ZERO] * len(self.system.rows), ones, ones)
        for _ in range(most):
            row = self._outside()
            if row < 0:
                point = self._point()
                return point if self.system.holds(point) else None
            low = self.low[self.basic[row]]
            up = low is not None and self.value[self.basic[row]] < low
            column = self._entering(row, up)
            if column < 0:
                proof = self._certificate(row, up)
                return proof if proof.proves(self.system) else None
            if stop():
                return None
            self._exchange(row, column, low if up and low else self.high[self.basic[row]])
        return None

    def _outside(self) -> int:
        """The row of the first basic variable beyond a bound, -1 where there is none."""
        best = -1
        for row, name in enumerate(self.basic):
            if best >= 0 and name > self.basic[best]:
                continue
            low, value = self.low[name], self.value[name]
            if value > self.high[name] or (low is not None and value < low):
                best = row
        return best

    def _entering(self, row: int, up: bool) -> int:
        """The place of the first other variable that can move the row's up, or down."""
        best = -1
        for place, (name, coefficient) in enumerate(
            zip(self.others, self.tableau[row], strict=True)
        ):
            if coefficient == 0 or (best >= 0 and name > self.others[best]):
                continue
            low = self.low[name]
            if (coefficient > 0) == up:
                free = self.value[name] < self.high[name]
            else:
                free = low is None or self.value[name] > low
            if free:
                best = place
        return best

    def _exchange(self, row: int, place: int, target: Pair) -> None:
        """The row's variable goes to a bound and changes places with another one."""
        leaving, entering = self.basic[row], self.others[place]
        old, scale = self.tableau[row], self.scale[row]
        pivot = old[place]
        ratio = Fraction(scale, pivot)
        here = self.value[leaving]
        step = ((target[0] - here[0]) * ratio, (target[1] - here[1]) * ratio)
        sign = 1 if pivot > 0 else -1
        fresh = [-sign * c for c in old]
        fresh[place] = sign * scale
        size = abs(pivot)
        for k, line in enumerate(self.tableau):
            share = line[place]
            if k == row or share == 0:
                continue
            name, slope = self.basic[k], Fraction(share, self.scale[k])
            before = self.value[name]
            self.value[name] = (before[0] + slope * step[0], before[1] + slope * step[1])
            line[place] = 0
            line = [size * a + share * b for a, b in zip(line, fresh, strict=True)]
            scaled = size * self.scale[k]
            divisor = gcd(scaled, *line)
            self.scale[k] = scaled // divisor
            self.tableau[k] = [c // divisor for c in line] if divisor > 1 else line
        moved = self.value[entering]
        self.value[entering] = (moved[0] + step[0], moved[1] + step[1])
        self.value[leaving] = target
        divisor = gcd(size, *fresh)
        self.scale[row], self.tableau[row] = size // divisor, [c // divisor for c in fresh]
        self.basic[row], self.others[place] = entering, leaving

    def _point(self) -> tuple[Fraction, ...]:
        """The columns' values, with a number for the infinitesimal that breaks no bound."""
        small = Fraction(1)
        for (v, t), low, (high, less) in zip(self.value, self.low, self.high, strict=True):
            if t > less:
                small = min(small, (high - v) / (t - less))
            if low is not None and t < 0:
                small = min(small, (low[0] - v) / t)
        return tuple(v + t * small for v, t in self.value[: self.columns])

    def _certificate(self, row: int, up: bool) -> Certificate:
        """What keeps the row's variable from its bound: all others stand at theirs."""
        total = self.columns + len(self.system.rows)
        below, above = [ZERO] * total, [ZERO] * total
        (below if up else above)[self.basic[row]] = Fraction(self.scale[row])
        for name, coefficient in zip(self.others, self.tableau[row], strict=True):
            (above if (coefficient > 0) == up else below)[name] = Fraction(abs(coefficient))
        return Certificate(above[self.columns :], below[: self.columns], above[: self.columns])

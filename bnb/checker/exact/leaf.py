"""Leaves in rationals: where every unit has a phase, all is affine in the input.

So a leaf is a linear system, and multipliers of its rows that add up to a contradiction prove it
empty (Farkas 1902), at ties and by strictness alone, too, which no rounded bound does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from ..arithmetic import Array, in_time, require
from ..claim import Part
from ..model import Model
from .root import ExactRoot

MOST_FREE = 8  # units of a leaf without a phase, each of which doubles the systems
MOST_PRODUCTS = 4_000_000  # of one pass of all forms through the network: time
MOST_DIGITS = 4_000  # of a numerator or denominator
_fraction = np.frompyfunc(Fraction, 1, 1)


def _fractions(array: Array) -> Array:
    return np.array(_fraction(array), dtype=object)


@dataclass(frozen=True, slots=True)
class Case:
    """What refutes a leaf where the units of `free` have these phases: multipliers >= 0 of rows.

    units: of phase * z >= 0; atoms: of the atom.  Units are kept ones, by their position.
    """

    free: dict[int, int]
    units: dict[int, Fraction]
    atoms: dict[int, Fraction]


def read_cases(items: Any, units: int, atoms: int, nodes: int) -> dict[int, list[Case]]:
    """The refutations by node, from the header: [[node, [[free, units, atoms], ...]], ...]."""
    require(isinstance(items, list), "rational leaves")
    found: dict[int, list[Case]] = {}
    for node, cases in items:
        known = type(node) is int and 0 <= node < nodes and node not in found
        require(known and isinstance(cases, list), "rational leaves")
        found[node] = [
            Case(
                dict(_pairs(free, units, lambda item: item if item in (1, -1) else None)),
                dict(_pairs(rows, units, _weight)),
                dict(_pairs(own, atoms, _weight)),
            )
            for free, rows, own in cases
        ]
    return found


def _pairs(items: Any, end: int, read: Callable[[Any], Any]) -> Iterator[tuple[int, Any]]:
    for index, item in items:
        value = read(item)
        known = type(index) is int and 0 <= index < end and value is not None
        require(known, "the multipliers of a rational leaf")
        yield index, value


def _weight(item: Any) -> Fraction | None:
    short = isinstance(item, str) and len(item) <= 2 * MOST_DIGITS
    value = Fraction(item) if short else Fraction(-1)
    return value if value >= 0 else None


class Leaves:
    """The leaves of a part's tree that are closed in rationals.

    phases: of each relu tensor's units on the whole box, 0 where unknown; units: tensor and element
    of each kept unit.
    """

    def __init__(
        self,
        model: Model,
        part: Part,
        phases: dict[int, Array],
        units: list[tuple[int, int]],
        cases: dict[int, list[Case]],
        stop: Callable[[], bool] | None,
    ) -> None:
        self.model, self.part, self.phases, self.units = model, part, phases, units
        self.cases, self.stop = cases, stop
        self.at: dict[int, list[tuple[int, int]]] = {}  # by tensor: kept unit and element
        for kept, (number, element) in enumerate(units):
            self.at.setdefault(number, []).append((kept, element))
        self.atoms = part.sharp or part.literals()

    def closes(
        self, node: int, box: tuple[Array, Array], bounds: tuple[Array, Array], atoms: Array
    ) -> bool:
        """Whether a node holds no solution: box (D,), bounds of its kept units (U,), atoms (A,).

        On every solution phase * z >= 0 for the units' phases, and atom <= 0, or < 0 where it is
        strict.  A sum of these with weights >= 0 that is > 0 on the whole region, or 0 and has a
        strict one, leaves none.  Rule: rational leaf.
        """
        low, high = _fractions(box[0]), _fractions(box[1])
        for j, end in self.part.ends[0].items():
            low[j] = max(low[j], end)
        for j, end in self.part.ends[1].items():
            high[j] = min(high[j], end)
        if np.any(low > high):
            return True
        held = np.where(bounds[0] >= 0.0, 1, np.where(bounds[1] <= 0.0, -1, 0))
        return _Leaf(self, self.cases[node], low, high, held, np.flatnonzero(atoms)).refuted()


class _Leaf:
    """One leaf; a form (1 + W,) is a constant and the coefficients of the inputs with width."""

    def __init__(
        self, leaves: Leaves, cases: list[Case], low: Array, high: Array, held: Array, atoms: Array
    ) -> None:
        self.leaves, self.cases, self.held, self.asked = leaves, cases, held, set(atoms.tolist())
        self.low, self.high = low, high
        self.wide = np.flatnonzero(low < high)
        tensors = leaves.model.tensors[: leaves.model.output + 1]
        operators = [(tensor.size, op) for tensor in tensors for _, op in tensor.terms]
        products = sum(size * op.terms[0] for size, op in operators) * (1 + len(self.wide))
        require(products <= MOST_PRODUCTS, "a rational leaf of a network that is too large")
        known = all(op.slack == 0 for _, op in operators)
        known = known and all(tensor.error is None for tensor in tensors)
        require(known, "a rational leaf of a model with weights that the reader rounds")

    def refuted(self) -> bool:
        """Whether each way to give the units phases has a refutation."""
        forms = np.full((1 + len(self.wide), len(self.low)), Fraction(0))
        forms[0] = self.low
        forms[0, self.wide] = Fraction(0)
        forms[1 + np.arange(len(self.wide)), self.wide] = Fraction(1)
        return self._from(1, {0: forms}, {}, {})

    def _from(
        self, number: int, forms: dict[int, Array], rows: dict[int, Array], free: dict[int, int]
    ) -> bool:
        """From a tensor on; rows: of each kept unit, a form that is <= 0; free: chosen phases."""
        model = self.leaves.model
        if number > model.output:
            return self._contradicts(forms, rows, free)
        in_time(self.leaves.stop)
        tensor = model.tensors[number]
        if tensor.relu is None:
            total = np.full((1 + len(self.wide), tensor.size), Fraction(0))
            for source, operator in tensor.terms:
                twin, power = ExactRoot.twin(operator)
                total = total + twin.forward(forms[source], twin.weight) * Fraction(1, 2**power)
            if tensor.bias is not None:
                total[0] = total[0] + _fractions(tensor.bias)
            return self._from(number + 1, {**forms, number: total}, rows, free)
        pre, phase = forms[tensor.relu], self.leaves.phases[number].copy()
        own = self.leaves.at.get(number, [])
        for kept, element in own:
            phase[element] = self.held[kept]
        for element in np.flatnonzero(phase == 0).tolist():
            least, most = self._range(pre[:, element])
            phase[element] = 1 if least >= 0 else -1 if most <= 0 else 0
        open_ = [(kept, element) for kept, element in own if phase[element] == 0]
        known = len(open_) == int((phase == 0).sum()) and len(open_) + len(free) <= MOST_FREE
        require(known, "a rational leaf with units that have no phase")
        for signs in product((1, -1), repeat=len(open_)):
            chosen = {kept: sign for (kept, _), sign in zip(open_, signs, strict=True)}
            for kept, element in open_:
                phase[element] = chosen[kept]
            post = pre * (phase > 0).astype(object)
            more = {kept: pre[:, element] * Fraction(-int(phase[element])) for kept, element in own}
            after = {**forms, number: post}, {**rows, **more}, {**free, **chosen}
            if not self._from(number + 1, *after):
                return False
        return True

    def _range(self, form: Array) -> tuple[Fraction, Fraction]:
        """Least and greatest value over the box."""
        ends = form[1:] * self.low[self.wide], form[1:] * self.high[self.wide]
        least = sum(np.minimum(*ends), form[0])
        return least, sum(np.maximum(*ends), form[0])

    def _contradicts(
        self, forms: dict[int, Array], rows: dict[int, Array], free: dict[int, int]
    ) -> bool:
        """Whether the refutation of these phases is one."""
        case = next(
            (c for c in self.cases if all(free.get(k) == sign for k, sign in c.free.items())), None
        )
        if case is None:
            return False
        total, strict = np.full(1 + len(self.wide), Fraction(0)), False
        for kept, weight in case.units.items():
            total = total + rows[kept] * weight
        model = self.leaves.model
        for atom, weight in case.atoms.items():
            require(atom in self.asked, "a rational leaf uses an atom that it does not have")
            literal = self.leaves.atoms[atom]
            total[0] = total[0] + literal.offset * weight
            for place, factor in literal.terms:
                output = place >= model.inputs
                source = forms[model.output] if output else forms[0]
                place = place - model.inputs if output else place
                total = total + source[:, place] * (factor * weight)
            strict = strict or (literal.strict and weight > 0)
        least = self._least(total)
        return least is None or least > 0 or (strict and least == 0)

    def _least(self, form: Array) -> Fraction | None:
        """The least value over the box and an l1 ball; None where they do not meet.

        Over the ball it is a fractional knapsack: from the box's point nearest to the center, the
        inputs of the largest coefficients move first, until the radius is spent.
        """
        ball = self.leaves.part.ball
        if ball is None or ball.norm != "l1":
            return self._range(form)[0]
        center = _fractions(ball.center)
        start: Any = np.minimum(np.maximum(center, self.low), self.high)
        left = Fraction(ball.radius) - sum(abs(start - center), Fraction(0))
        if left < 0:
            return None
        slope: Any = form[1:]
        start = start[self.wide]
        total: Fraction = form[0] + sum(slope * start, Fraction(0))
        room = np.where(slope > 0, start - self.low[self.wide], self.high[self.wide] - start)
        for j in sorted(range(len(slope)), key=lambda j: -abs(slope[j])):
            step = min(left, room[j])
            total, left = total - abs(slope[j]) * step, left - step
        return total

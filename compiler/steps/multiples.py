"""Whether one expression is a multiple of another: exact, and told from their form alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from ..base.rounding import two_sum
from ..language.expressions import Affine, Offset, Term
from ..operators import Chain, LinearOperator, Scale, Select, compose, identity, is_identity

Key: TypeAlias = tuple[object, ...]
LARGEST = 2.0**1000
"""Beyond it a sum of two floats might overflow."""


@dataclass(frozen=True, slots=True)
class Factor:
    """A number, times a vector where there is a scale."""

    number: float
    scale: Scale | None = None


def times(value: Affine, factors: Iterable[Factor]) -> Affine:
    """The sum of `value` times each factor."""
    total = Affine(value.size)
    for factor in factors:
        part = value if factor.scale is None else value.through(factor.scale)
        total = total + part * factor.number
    return total


def ratio(affine: Affine, base: Affine) -> Fraction | None:
    """c with affine = c * base, both not 0; None when the form does not show it."""
    return _ratio(collected(affine), collected(base)) or None


def multiple(affine: Affine, base: Affine) -> tuple[Factor, ...] | None:
    """Factors that sum to c with affine = c * base: a number, or a vector where slopes differ."""
    whole = ratio(affine, base)
    if whole is not None:
        return _floats(whole)
    right, factors = collected(base), list[Factor]()
    for scale in _last_scales(affine):
        inner, affine = _apart(affine, scale)
        part = _ratio(collected(inner), right)
        numbers = None if part is None else _floats(part)
        if numbers is None:
            return None
        factors.extend(Factor(number.number, scale) for number in numbers)
    rest = _ratio(collected(affine), right)
    numbers = None if rest is None or not factors else _floats(rest)
    return None if numbers is None else _merged((*numbers, *factors))


def collected(affine: Affine) -> dict[Key, Fraction]:
    """Coefficients by (operator, variable or vector), those that cancel left out."""
    total: dict[Key, Fraction] = defaultdict(Fraction)
    for term in affine.terms:
        total[(_form(term.operator), id(term.variable))] += Fraction(term.factor)
    for offset in affine.offsets:
        total[(_form(offset.operator), id(offset.vector))] += Fraction(offset.factor)
    return {key: factor for key, factor in total.items() if factor}


def _form(operator: LinearOperator) -> Key:
    """What tells operators apart: substitution composes the same parts again each time."""
    if isinstance(operator, Chain):
        return tuple(key for part in operator.parts for key in _form(part))
    if isinstance(operator, Select):
        return () if is_identity(operator) else (operator.index.tobytes(), operator.in_size)
    return (id(operator),)


def _ratio(left: Mapping[Key, Fraction], right: Mapping[Key, Fraction]) -> Fraction | None:
    if not left:
        return Fraction(0)
    if left.keys() != right.keys():
        return None
    ratios = {left[key] / right[key] for key in right}
    return ratios.pop() if len(ratios) == 1 else None


def _floats(number: Fraction) -> tuple[Factor, ...] | None:
    """At most two floats that sum to a number, such as 1 - 0.1."""
    if abs(number) > LARGEST:
        return None
    high = float(number)
    low = float(number - Fraction(high))
    if Fraction(high) + Fraction(low) != number:
        return None
    return tuple(Factor(part) for part in (high, low) if part)


def _last_scales(affine: Affine) -> list[Scale]:
    """The scales that parts of the expression end with, each once."""
    operators = [term.operator for term in affine.terms]
    operators += [offset.operator for offset in affine.offsets]
    last = [
        operator.parts[-1] if isinstance(operator, Chain) else operator for operator in operators
    ]
    return list({id(o): o for o in last if isinstance(o, Scale)}.values())


def _apart(affine: Affine, scale: Scale) -> tuple[Affine, Affine]:
    """What the scale is applied to, and the rest."""
    ends: tuple[list[Term], list[Offset]] = [], []
    rest: tuple[list[Term], list[Offset]] = [], []
    for term in affine.terms:
        inner = _without(term.operator, scale)
        if inner is None:
            rest[0].append(term)
        else:
            ends[0].append(Term(term.factor, inner, term.variable))
    for offset in affine.offsets:
        inner = _without(offset.operator, scale)
        if inner is None:
            rest[1].append(offset)
        else:
            ends[1].append(Offset(offset.factor, inner, offset.vector))
    first, second = (Affine(affine.size, tuple(t), tuple(o)) for t, o in (ends, rest))
    return first, second


def _without(operator: LinearOperator, scale: Scale) -> LinearOperator | None:
    """The operator before a last scale; None where that is not its last part."""
    if operator is scale:
        return identity(scale.in_size)
    if not isinstance(operator, Chain) or operator.parts[-1] is not scale:
        return None
    before = operator.parts[0]
    for part in operator.parts[1:-1]:
        before = compose(before, part)
    return before


def _merged(factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
    """1 - s as one vector and its rounding error, rather than two that nearly cancel."""
    if len(factors) != 2 or any(abs(factor.number) != 1.0 for factor in factors):
        return factors
    (plain, scaled), scale = factors, factors[1].scale
    if plain.scale is not None or scale is None:
        return factors
    divisor = scale.divisor
    if max(np.abs(divisor).max(), np.abs(scale.multiplier).max()) > LARGEST:
        return factors
    sums = two_sum(plain.number * divisor, scaled.number * scale.multiplier)
    return tuple(Factor(1.0, Scale(part, divisor)) for part in sums if part.any())

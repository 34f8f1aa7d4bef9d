"""Numbers, linear terms, relations and connectives of VNN-LIB, in rational arithmetic."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from ..question.and_or_tree import Atom, Place, Tree, atom, conjunction, disjunction, negated
from .tokens import Refused, Word

NUMBER = re.compile(r"([-+]?)([0-9]+)?(?:\.([0-9]*))?(?:[eE]([-+]?[0-9]+))?")
DIGITS = 2000
"""Digits of a numeral, and its largest exponent."""
BITS = 4096
"""Of numerators and denominators on the way."""
REACH = 900
"""Bits of what ends up in a relation: float64 has room for it, and for its reciprocal."""


@dataclass(frozen=True, slots=True)
class Linear:
    """Sum of coefficient * variable, plus constant; coefficients are not 0."""

    coefficients: Mapping[Place, Fraction]
    constant: Fraction


def number(word: Word) -> Fraction | None:
    """The exact value of a numeral; None for what is none."""
    match = NUMBER.fullmatch(word.text)
    if match is None or not (match[2] or match[3]):
        return None
    whole, decimals = match[2] or "", match[3] or ""
    exponent = match[4] or "0"
    if len(whole) + len(decimals) > DIGITS or len(exponent) > 8 or abs(int(exponent)) > DIGITS:
        raise Refused(f"the number {word.text[:40]} has too many digits or too large an exponent")
    value = int(whole + decimals) * (-1 if match[1] == "-" else 1)
    power = int(exponent) - len(decimals)
    return _bounded(Fraction(value * 10**power) if power >= 0 else Fraction(value, 10**-power))


def arithmetic(operator: str, terms: Sequence[Linear]) -> Linear:
    """The value of (operator term ...), which must be linear."""
    if operator == "+":
        return _weighted(terms, [1] * len(terms))
    if operator == "-":
        return _weighted(terms, [-1] if len(terms) == 1 else [1] + [-1] * (len(terms) - 1))
    if operator == "*":
        return _product(terms)
    if len(terms) < 2:
        raise Refused("(/ ...) needs two terms")
    factor = Fraction(1)
    for divisor in terms[1:]:
        if divisor.coefficients or not divisor.constant:
            what = "a variable" if divisor.coefficients else "zero"
            raise Refused(f"a division by {what} is not supported; divide by a constant")
        factor = _bounded(factor / divisor.constant)
    return _weighted(terms[:1], [factor])


def _product(terms: Sequence[Linear]) -> Linear:
    factor = Fraction(1)
    for term in terms:
        if not term.coefficients:
            factor = _bounded(factor * term.constant)
    variable = [term for term in terms if term.coefficients]
    if len(variable) > 1 and factor:
        raise Refused("a product of two variables is not linear; only constants may multiply them")
    if not variable or not factor:
        return Linear({}, factor)
    return _weighted(variable, [factor])


def _weighted(terms: Sequence[Linear], factors: Sequence[Fraction | int]) -> Linear:
    """Sum of factor * term."""
    found: dict[Place, Fraction] = {}
    constant = Fraction(0)
    for term, factor in zip(terms, factors, strict=True):
        if term.constant:
            constant = _bounded(constant + _times(factor, term.constant))
        for place, k in term.coefficients.items():
            change = _times(factor, k)
            found[place] = _bounded(found[place] + change if place in found else change)
    return Linear({place: k for place, k in found.items() if k}, constant)


def _times(factor: Fraction | int, value: Fraction) -> Fraction:
    # most factors are signs, and a product of Fractions is slow
    return value if factor == 1 else -value if factor == -1 else factor * value


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > BITS:
        raise Refused(f"a number of more than {BITS} bits arises; round the constants")
    return value


def relation(operator: str, terms: Sequence[Linear]) -> Tree:
    """The value of (operator term term ...); more than two terms form a chain."""
    if len(terms) < 2:
        raise Refused(f"({operator} ...) needs two terms")
    if operator in ("!=", "distinct"):
        if len(terms) > 2:
            raise Refused(f"({operator} ...) of more than two terms is not supported; use pairs")
        left, right = terms
        return disjunction([_below(left, right, True), _below(right, left, True)])
    parts = []
    for left, right in zip(terms, terms[1:], strict=False):
        if operator in ("<=", "<", "=", "=="):
            parts.append(_below(left, right, operator == "<"))
        if operator in (">=", ">", "=", "=="):
            parts.append(_below(right, left, operator == ">"))
    return conjunction(parts)


def _below(left: Linear, right: Linear, strict: bool) -> Tree:
    difference = _weighted([left, right], [1, -1])
    common = 1
    for k in difference.coefficients.values():
        common = lcm(common, k.denominator)
        if common.bit_length() > BITS:
            raise Refused("the coefficients have too many digits together; round them")
    found = atom(difference.coefficients, difference.constant, strict)
    if isinstance(found, Atom):
        largest = max(abs(k).bit_length() for _, k in found.terms)
        constant = abs(found.constant)
        if max(largest, (constant.numerator // constant.denominator).bit_length()) > REACH:
            raise Refused("the numbers of this relation differ too much in size for float64")
    return found


def connective(operator: str, parts: Sequence[Tree]) -> Tree:
    """The value of (operator formula ...)."""
    if not parts:
        raise Refused(f"({operator}) needs a formula")
    if operator == "and":
        return conjunction(parts)
    if operator == "or":
        return disjunction(parts)
    if operator == "=>":
        return disjunction([*map(negated, parts[:-1]), parts[-1]])
    if len(parts) > 1:
        raise Refused("(not ...) takes one formula")
    return negated(parts[0])

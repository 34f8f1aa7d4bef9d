"""An exact property as VNN-LIB 1.0 text, which reads back as the same tree."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import assert_never

from ..base.errors import PropertyError
from ..question.and_or_tree import AllOf, AnyOf, Atom, Place, Tree
from ..question.property import Property
from .terms import BITS, REACH

DECIMALS = 1200
"""Beyond this a number is written as a quotient; the smallest float64 has 1074."""


def write_vnnlib(stated: Property) -> str:
    """The property over X_0, X_1, ... and Y_0, Y_1, ...; shapes and names are not part of 1.0.

    Raises PropertyError for several networks, and for numbers that the reader does not take.
    """
    if len(stated.networks) > 1:
        message = "version 1.0 knows one network only, and the property is about several"
        raise PropertyError(stated.source, None, message)
    lines = [f"(declare-const X_{i} Real)" for i in range(stated.inputs)]
    lines += [f"(declare-const Y_{j} Real)" for j in range(stated.outputs)]
    parts = stated.tree.parts if isinstance(stated.tree, AllOf) else (stated.tree,)
    for part in parts:
        if not _readable(part):
            message = "its numbers differ too much in size to be read back"
            raise PropertyError(stated.source, None, message)
    lines += [f"(assert {_formula(part)})" for part in parts]
    return "\n".join(lines) + "\n"


def _readable(tree: Tree) -> bool:
    """Whether the reader's limits on numbers are kept."""
    if not isinstance(tree, Atom):
        return all(map(_readable, tree.parts))
    size = abs(tree.constant)
    whole = [size.numerator // size.denominator, *(abs(k) for _, k in tree.terms)]
    parts = size.numerator, size.denominator
    return all(k.bit_length() <= REACH for k in whole) and all(
        k.bit_length() <= BITS for k in parts
    )


def _formula(tree: Tree) -> str:
    match tree:
        case Atom(terms, constant, strict):
            sign = "<" if strict else "<="
            if len(terms) == 1 and terms[0][1] == -1:
                return f"({sign.replace('<', '>')} {_name(terms[0][0])} {_number(constant)})"
            right = [(place, -k) for place, k in terms if k < 0]
            if right and len(right) < len(terms) and not constant:
                left = [(place, k) for place, k in terms if k > 0]
                return f"({sign} {_sum(left)} {_sum(right)})"
            return f"({sign} {_sum(terms)} {_number(-constant)})"
        case AllOf(()):
            return "(<= 0 1)"
        case AnyOf(()):
            return "(<= 1 0)"
        case AllOf(parts):
            return f"(and {' '.join(map(_formula, parts))})"
        case AnyOf(parts):
            return f"(or {' '.join(map(_formula, parts))})"
        case _:
            assert_never(tree)


def _name(place: Place) -> str:
    return f"{'Y' if place.output else 'X'}_{place.element}"


def _sum(terms: Sequence[tuple[Place, int]]) -> str:
    texts = [_name(place) if k == 1 else f"(* {k} {_name(place)})" for place, k in terms]
    return texts[0] if len(texts) == 1 else f"(+ {' '.join(texts)})"


def _number(value: Fraction) -> str:
    """A decimal where one is exact, a quotient otherwise."""
    powers = []
    rest = value.denominator
    for prime in (2, 5):
        powers.append(0)
        while rest % prime == 0:
            rest //= prime
            powers[-1] += 1
    places = max(powers)
    if rest > 1 or places > DECIMALS:
        return f"(/ {value.numerator} {value.denominator})"
    digits = str(abs(value.numerator) * (10**places // value.denominator)).zfill(places + 1)
    sign = "-" if value < 0 else ""
    point = len(digits) - places
    return f"{sign}{digits[:point]}.{digits[point:] or '0'}"

"""Exact linear properties: trees of And and Or over linear atoms with rational constants.

This is what a property file says, before any number is rounded: the measure of every witness.
Trees are equal whatever the order of their parts. They are kept in normal form by `atom`,
`conjunction` and `disjunction`: no part of a node is of the node's own kind, occurs twice, or is
true or false, and only the tree that is true or false as a whole has a node with fewer than two
parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd, lcm
from typing import NamedTuple, TypeAlias, assert_never


class Place(NamedTuple):
    """A variable: which element of the flat inputs, or of the flat outputs."""

    output: bool
    element: int


@dataclass(frozen=True, slots=True)
class Atom:
    """Sum of coefficient * variable, plus constant, is <= 0, or < 0 where strict.

    terms: by place, each place once; the coefficients are integers without a common divisor, so
    that equal half-spaces are equal atoms.
    """

    terms: tuple[tuple[Place, int], ...]
    constant: Fraction
    strict: bool
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # atoms are looked up often, and hashing a Fraction is slow
        constant = self.constant.as_integer_ratio()
        object.__setattr__(self, "_hash", hash((self.terms, constant, self.strict)))

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """Equal to one with the same parts in another order: so these count as repetitions too."""

    parts: tuple[Tree, ...]
    _hash: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((type(self), frozenset(self.parts))))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Parts) or type(self) is not type(other):
            return NotImplemented
        return self._hash == other._hash and (
            self.parts == other.parts or frozenset(self.parts) == frozenset(other.parts)
        )

    def __hash__(self) -> int:
        return self._hash


class AllOf(_Parts):
    """Every part holds; without parts: true."""

    __slots__ = ()


class AnyOf(_Parts):
    """Some part holds; without parts: false."""

    __slots__ = ()


Tree: TypeAlias = Atom | AllOf | AnyOf

TRUE, FALSE = AllOf(()), AnyOf(())


def atom(coefficients: Mapping[Place, Fraction], constant: Fraction, strict: bool) -> Tree:
    """coefficients * variables + constant <= 0 (or < 0) in normal form."""
    used = sorted((place, value) for place, value in coefficients.items() if value)
    if not used:
        return TRUE if constant < 0 or (constant == 0 and not strict) else FALSE
    denominator = lcm(*(value.denominator for _, value in used))
    whole = [value.numerator * (denominator // value.denominator) for _, value in used]
    divisor = gcd(*whole)
    terms = tuple((place, k // divisor) for (place, _), k in zip(used, whole, strict=True))
    if denominator != divisor:
        constant *= Fraction(denominator, divisor)
    return Atom(terms, constant, strict)


def conjunction(parts: Iterable[Tree]) -> Tree:
    """All of the parts, in normal form."""
    found: dict[Tree, None] = {}
    for part in parts:
        if isinstance(part, AllOf):
            found.update(dict.fromkeys(part.parts))
        else:
            found[part] = None
    if FALSE in found:
        return FALSE
    return next(iter(found)) if len(found) == 1 else AllOf(tuple(found))


def disjunction(parts: Iterable[Tree]) -> Tree:
    """Any of the parts, in normal form."""
    found: dict[Tree, None] = {}
    for part in parts:
        if isinstance(part, AnyOf):
            found.update(dict.fromkeys(part.parts))
        else:
            found[part] = None
    if TRUE in found:
        return TRUE
    return next(iter(found)) if len(found) == 1 else AnyOf(tuple(found))


def negated(tree: Tree) -> Tree:
    """The tree that holds exactly where this one does not."""
    match tree:
        case Atom(terms, constant, strict):
            return Atom(tuple((place, -k) for place, k in terms), -constant, not strict)
        case AllOf(parts):
            return disjunction([negated(part) for part in parts])
        case AnyOf(parts):
            return conjunction([negated(part) for part in parts])
        case _:
            assert_never(tree)


def holds(
    tree: Tree, inputs: Sequence[Fraction | float], outputs: Sequence[Fraction | float]
) -> bool:
    """Whether the tree is true of these values, without tolerance.

    In rational arithmetic where all are Fractions, else in that of floats.
    """
    match tree:
        case Atom(terms, constant, strict):
            total: Fraction | float = constant
            for (output, element), k in terms:
                total += k * (outputs[element] if output else inputs[element])
            return total < 0 or (total == 0 and not strict)
        case AllOf(parts):
            return all(holds(part, inputs, outputs) for part in parts)
        case AnyOf(parts):
            return any(holds(part, inputs, outputs) for part in parts)
        case _:
            assert_never(tree)

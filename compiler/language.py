"""The constraint language: affine expressions over tensor variables, relations, And, Or.

    affine    sum of factor * operator(variable)  +  sum of factor * operator(vector)
    relation  affine <= 0 | affine < 0 | affine = 0, elementwise
    formula   relation | And | Or

An elementwise `Or` chooses a disjunct for every element by itself: a layer of N ReLUs is one
formula. Constants are kept as operators applied to stored vectors, so nothing is rounded before
compilation. The language follows Bastani et al. 2016, section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from typing import TypeAlias, Union

import numpy as np

from .arrays import Vector
from .errors import LanguageError
from .operators import LinearOperator, Select, compose, identity

_serial = count()


@lru_cache(maxsize=256)
def _identity(size: int) -> Select:
    return identity(size)


@dataclass(frozen=True, eq=False)
class Variable:
    """A vector of `size` reals, each within its bounds; used like an affine expression."""

    size: int
    lower: Vector
    upper: Vector
    name: str = ""
    serial: int = field(default_factory=lambda: next(_serial))

    @classmethod
    def within(cls, size: int, lower: object, upper: object, name: str = "") -> Variable:
        """A variable whose bounds are scalars or vectors."""
        low = np.broadcast_to(np.asarray(lower, dtype=np.float64), (size,)).copy()
        high = np.broadcast_to(np.asarray(upper, dtype=np.float64), (size,)).copy()
        if not (low <= high).all():  # NaN fails too
            raise LanguageError(f"variable {name!r}: its bounds are empty or not numbers")
        return cls(size, low, high, name)

    @classmethod
    def free(cls, size: int, name: str = "") -> Variable:
        return cls.within(size, -np.inf, np.inf, name)

    @property
    def affine(self) -> Affine:
        return Affine(self.size, (Term(1.0, _identity(self.size), self),))


@dataclass(frozen=True)
class Term:
    """factor * operator(variable)."""

    factor: float
    operator: LinearOperator
    variable: Variable


@dataclass(frozen=True)
class Offset:
    """factor * operator(vector), a constant that is not rounded yet."""

    factor: float
    operator: LinearOperator
    vector: Vector


@dataclass(frozen=True, eq=False)
class Affine:
    """A vector-valued affine expression, and the formulas that define its variables."""

    size: int
    terms: tuple[Term, ...] = ()
    offsets: tuple[Offset, ...] = ()
    requires: tuple[Formula, ...] = ()

    def through(self, operator: LinearOperator) -> Affine:
        """operator applied to this expression."""
        if operator.in_size != self.size:
            raise LanguageError(f"an operator on {operator.in_size} numbers meets {self.size}")
        return Affine(
            operator.out_size,
            tuple(Term(t.factor, compose(t.operator, operator), t.variable) for t in self.terms),
            tuple(Offset(o.factor, compose(o.operator, operator), o.vector) for o in self.offsets),
            self.requires,
        )

    def __add__(self, other: Operand) -> Affine:
        right = as_affine(other, self.size)
        known = {id(formula) for formula in self.requires}
        extra = tuple(formula for formula in right.requires if id(formula) not in known)
        return Affine(
            self.size,
            self.terms + right.terms,
            self.offsets + right.offsets,
            self.requires + extra,
        )

    def __mul__(self, factor: float) -> Affine:
        return Affine(
            self.size,
            tuple(Term(factor * t.factor, t.operator, t.variable) for t in self.terms),
            tuple(Offset(factor * o.factor, o.operator, o.vector) for o in self.offsets),
            self.requires,
        )

    __rmul__ = __mul__

    def __neg__(self) -> Affine:
        return self * -1.0

    def __sub__(self, other: Operand) -> Affine:
        return self + -as_affine(other, self.size)

    def __rsub__(self, other: Operand) -> Affine:
        return -self + other

    __radd__ = __add__

    def __getitem__(self, index: int) -> Affine:
        return self.through(Select(np.array([range(self.size)[index]]), self.size))

    def __le__(self, other: Operand) -> Relation:
        return Relation(self - other, "<=")

    def __lt__(self, other: Operand) -> Relation:
        return Relation(self - other, "<")

    def __ge__(self, other: Operand) -> Relation:
        return Relation(-self + other, "<=")

    def __gt__(self, other: Operand) -> Relation:
        return Relation(-self + other, "<")

    def equals(self, other: Operand) -> Relation:
        """self = other (`==` keeps its Python meaning, so that expressions can be keys)."""
        return Relation(self - other, "=")


Operand: TypeAlias = Union[Affine, "Variable", float, Vector]


def as_affine(value: Operand, size: int) -> Affine:
    """A variable, number or vector as an expression of `size` elements."""
    if isinstance(value, Variable):
        value = value.affine
    if isinstance(value, Affine):
        if value.size != size:
            raise LanguageError(
                f"expressions of {size} and {value.size} elements do not go together"
            )
        return value
    vector = np.asarray(value, dtype=np.float64)
    if vector.ndim > 0 and vector.size != size:
        raise LanguageError(f"a vector of {vector.size} elements meets an expression of {size}")
    if not np.isfinite(vector).all():
        raise LanguageError("a constant is not a finite number")
    if not vector.any():
        return Affine(size)
    full = np.broadcast_to(vector.reshape(-1), (size,)).copy()
    return Affine(size, (), (Offset(1.0, _identity(size), full),))


@dataclass(frozen=True, eq=False)
class Relation:
    """affine <= 0, affine < 0 or affine = 0 for every element; strict over the reals."""

    affine: Affine
    kind: str


@dataclass(frozen=True, eq=False)
class And:
    """All parts hold."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True, eq=False)
class Or:
    """Some part holds; `elementwise`: for every element some part holds there."""

    parts: tuple[Formula, ...]
    elementwise: bool = False


Formula: TypeAlias = Relation | And | Or


def conjunction(parts: Iterable[Formula]) -> And:
    return And(tuple(parts))


def disjunction(parts: Iterable[Formula]) -> Or:
    return Or(tuple(parts))


def requirements(formula: Formula) -> list[Formula]:
    """The formulas that define the variables of `formula`, in order, each once."""
    match formula:
        case Relation(affine):
            found: Sequence[Formula] = affine.requires
        case And(parts) | Or(parts):
            found = [needed for part in parts for needed in requirements(part)]
    return list({id(needed): needed for needed in found}.values())


def _functional(
    arguments: Sequence[Affine], name: str, disjuncts: Callable[[Affine], list[Formula]]
) -> Affine:
    """A fresh variable defined by an elementwise disjunction over it."""
    needed: dict[int, Formula] = {}
    for argument in arguments:
        needed.update((id(formula), formula) for formula in argument.requires)
    output = Variable.free(arguments[0].size, name).affine
    definition = Or(tuple(disjuncts(output)), elementwise=True)
    return Affine(output.size, output.terms, (), (*needed.values(), definition))


def define(value: Affine, name: str = "") -> Affine:
    """A fresh variable equal to `value`: shares what several expressions use."""
    output = Variable.free(value.size, name).affine
    return Affine(value.size, output.terms, (), (*value.requires, output.equals(value)))


def relu(z: Affine, name: str = "relu") -> Affine:
    """y = max(z, 0):  (z >= 0 and y = z) or (z <= 0 and y = 0)."""
    return _functional(
        (z,), name, lambda y: [And((z >= 0.0, y.equals(z))), And((z <= 0.0, y.equals(0.0)))]
    )


def leaky_relu(z: Affine, slope: float, name: str = "leaky_relu") -> Affine:
    """y = z where z >= 0, slope * z elsewhere."""
    return _functional(
        (z,), name, lambda y: [And((z >= 0.0, y.equals(z))), And((z <= 0.0, y.equals(z * slope)))]
    )


def absolute(z: Affine, name: str = "abs") -> Affine:
    """y = |z|."""
    return _functional(
        (z,), name, lambda y: [And((z >= 0.0, y.equals(z))), And((z <= 0.0, y.equals(-z)))]
    )


def maximum(a: Affine, b: Affine, name: str = "max") -> Affine:
    """y = max(a, b), elementwise."""
    return _functional(
        (a, b), name, lambda y: [And((a >= b, y.equals(a))), And((a <= b, y.equals(b)))]
    )


@dataclass(frozen=True)
class NormInf:
    """The largest absolute element of an expression; compare it with a radius."""

    affine: Affine

    def __le__(self, radius: float) -> And:
        return And((self.affine <= radius, self.affine >= -radius))


def norm_inf(affine: Affine) -> NormInf:
    return NormInf(affine)


def argmax_is(logits: Affine, label: int) -> And:
    """`label` has a logit no smaller than any other: C_f(x, label) of Bastani et al. 2016."""
    rivals = [k for k in range(logits.size) if k != label]
    return And(tuple(logits[label] >= logits[k] for k in rivals))

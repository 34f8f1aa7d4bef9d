"""The constraint language: affine expressions over tensor variables, relations, And, Or.

    affine    sum of factor * operator(variable)  +  sum of factor * operator(vector)
    relation  affine <= 0 | affine < 0 | affine = 0, elementwise
    formula   relation | norm of an affine <= radius | And | Or

An elementwise `Or` chooses a disjunct for every element by itself: a layer of N ReLUs is one
formula. Constants are kept as operators applied to stored vectors, so nothing is rounded before
compilation. The language follows Bastani et al. 2016, section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import count
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .arrays import Indices, Matrix, Vector
from .errors import LanguageError
from .operators import Dense, LinearOperator, Scale, Select, compose, identity

_serial = count()


@lru_cache(maxsize=256)
def _identity(size: int) -> Select:
    return identity(size)


class Expression:
    """What variables and affine expressions share: arithmetic and relations by operators."""

    size: int

    @property
    def affine(self) -> Affine:
        raise NotImplementedError

    def through(self, operator: LinearOperator) -> Affine:
        """operator applied to this expression."""
        source = self.affine
        if operator.in_size != self.size:
            raise LanguageError(f"an operator on {operator.in_size} numbers meets {self.size}")
        terms = (Term(t.factor, compose(t.operator, operator), t.variable) for t in source.terms)
        offsets = (
            Offset(o.factor, compose(o.operator, operator), o.vector) for o in source.offsets
        )
        return Affine(operator.out_size, tuple(terms), tuple(offsets), source.requires)

    def __add__(self, other: Operand) -> Affine:
        wide = other.size if self.size == 1 and isinstance(other, Expression) else self.size
        left, right = as_affine(self, wide), as_affine(other, wide)
        known = {id(formula) for formula in left.requires}
        extra = tuple(formula for formula in right.requires if id(formula) not in known)
        return Affine(
            wide,
            left.terms + right.terms,
            left.offsets + right.offsets,
            left.requires + extra,
        )

    def __mul__(self, factor: float | Vector) -> Affine:
        source = self.affine
        if isinstance(factor, Expression):
            raise LanguageError("a product of expressions is not linear; one must be a constant")
        factors = np.asarray(factor, dtype=np.float64)
        if factors.ndim > 0:
            if factors.size != self.size:
                raise LanguageError(f"{factors.size} factors meet an expression of {self.size}")
            return self.through(Scale(factors.reshape(-1).copy(), np.ones(self.size)))
        number = _finite(float(factors))
        if number == 0.0:
            return Affine(self.size, requires=source.requires)
        # a product of two floats is exact only with a power of two: scale by an operator otherwise
        if abs(np.frexp(number)[0]) != 0.5 and any(abs(t.factor) != 1.0 for t in source.terms):
            return self.through(Scale(np.full(self.size, number), np.ones(self.size)))
        return Affine(
            self.size,
            tuple(Term(number * t.factor, t.operator, t.variable) for t in source.terms),
            tuple(_times(number, offset) for offset in source.offsets),
            source.requires,
        )

    def __truediv__(self, divisor: float | Vector) -> Affine:
        if isinstance(divisor, Expression):
            raise LanguageError("a quotient of expressions is not linear; divide by a constant")
        numbers = np.broadcast_to(np.asarray(divisor, dtype=np.float64).reshape(-1), (self.size,))
        if not (np.isfinite(numbers).all() and (numbers != 0.0).all()):
            raise LanguageError("a divisor must be a finite number other than 0")
        return self.through(Scale(np.ones(self.size), numbers.copy()))

    def __rmatmul__(self, matrix: Matrix) -> Affine:
        weight = np.asarray(matrix, dtype=np.float64)
        if weight.ndim == 1:
            weight = weight[None]
        if weight.ndim != 2 or not np.isfinite(weight).all():
            raise LanguageError("a matrix of finite numbers is needed before @")
        return self.through(Dense(np.ascontiguousarray(weight)))

    # numpy arrays leave the operators to this class: array - variable, matrix @ variable
    __array_ufunc__ = None

    def sum(self) -> Affine:
        """The sum of all elements, an expression of size 1."""
        return self.through(Dense(np.ones((1, self.size))))

    def __neg__(self) -> Affine:
        return self * -1.0

    def __sub__(self, other: Operand) -> Affine:
        return self + (-other if isinstance(other, Expression) else -as_affine(other, self.size))

    def __rsub__(self, other: Operand) -> Affine:
        return -self + other

    __radd__ = __add__
    __rmul__ = __mul__

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int | slice | Indices | Sequence[int]) -> Affine:
        chosen = np.atleast_1d(np.arange(self.size)[index])
        return self.through(Select(chosen.astype(np.int64), self.size))

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


class Variable(Expression):
    """A vector of reals, each within its bounds; used like an affine expression.

    size: the number of elements, or a shape; lower, upper: numbers, or arrays of that shape.
    value: what the last solution gave it, (size,) float64, None before one was found.
    exact: the same as Fractions, which are no floats where no floats are a solution; of variables
    that nothing defines.
    """

    def __init__(
        self,
        size: int | tuple[int, ...],
        lower: npt.ArrayLike = -np.inf,
        upper: npt.ArrayLike = np.inf,
        name: str = "",
        source: Application | None = None,
    ) -> None:
        self.size = int(np.prod(size, dtype=np.int64))
        self.name = name
        self.lower, self.upper = self._bound(lower), self._bound(upper)
        if not (self.lower <= self.upper).all():  # NaN fails too
            raise LanguageError(f"variable {name!r}: its bounds are empty or not numbers")
        self.source = source
        self.value: Vector | None = None
        self.exact: tuple[Fraction, ...] | None = None
        self.serial = next(_serial)

    def __repr__(self) -> str:
        return f"Variable({self.size}, name={self.name!r})"

    def _bound(self, given: npt.ArrayLike) -> Vector:
        bound = np.asarray(given, dtype=np.float64)
        if bound.ndim > 0 and bound.size != self.size:
            raise LanguageError(
                f"variable {self.name!r} has {self.size} elements and a bound of {bound.size}"
            )
        return np.broadcast_to(bound.reshape(-1), (self.size,)).copy()

    @property
    def affine(self) -> Affine:
        return Affine(self.size, (Term(1.0, _identity(self.size), self),))


@dataclass(frozen=True, eq=False)
class Application:
    """A function applied to an expression; `runtime` is its own float32 evaluation, if any.

    function: what was applied, as its maker knows it.
    """

    argument: Affine
    runtime: Callable[[Matrix], Matrix] | None
    name: str
    function: object = None


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
class Affine(Expression):
    """A vector-valued affine expression, and the formulas that define its variables."""

    size: int
    terms: tuple[Term, ...] = ()
    offsets: tuple[Offset, ...] = ()
    requires: tuple[Formula, ...] = ()

    @property
    def affine(self) -> Affine:
        return self


def _finite(number: float) -> float:
    if not np.isfinite(number):
        raise LanguageError("a factor is not a finite number")
    return number


def _times(number: float, offset: Offset) -> Offset:
    if abs(offset.factor) == 1.0 or abs(np.frexp(number)[0]) == 0.5:
        return Offset(number * offset.factor, offset.operator, offset.vector)
    size = offset.operator.out_size
    scale = Scale(np.full(size, number), np.ones(size))
    return Offset(offset.factor, compose(offset.operator, scale), offset.vector)


Operand: TypeAlias = Expression | float | Vector


def as_affine(value: Operand, size: int) -> Affine:
    """A variable, number or vector as an expression of `size` elements."""
    if isinstance(value, Expression):
        if value.size != size and value.size != 1:
            raise LanguageError(
                f"expressions of {size} and {value.size} elements do not go together"
            )
        if value.size != size:
            return value.through(Select(np.zeros(size, dtype=np.int64), 1))
        return value.affine
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


@dataclass(frozen=True, eq=False)
class Ball:
    """The norm of an expression is at most `radius`; norm: l1 or l2."""

    affine: Affine
    norm: str
    radius: float


Formula: TypeAlias = Relation | Ball | And | Or


def all_of(*parts: Formula) -> And:
    """All parts hold."""
    return And(_formulas(parts))


def any_of(*parts: Formula) -> Or:
    """Some part holds; parts of several elements hold where all their elements do."""
    return Or(_formulas(parts))


def implies(condition: Formula, consequence: Formula) -> Or:
    """The consequence holds wherever the condition does."""
    return Or((negated(condition), consequence))


def negated(formula: Formula) -> Formula:
    """The formula that holds exactly where this one does not; strictness is kept exact."""
    match formula:
        case Relation(affine, kind):
            # some element fails: one relation an element
            sides = {"<=": [(-1.0, "<")], "<": [(-1.0, "<=")], "=": [(1.0, "<"), (-1.0, "<")]}
            every = [
                Relation(affine[k] * sign, strict)
                for k in range(affine.size)
                for sign, strict in sides[kind]
            ]
            return every[0] if len(every) == 1 else Or(tuple(every))
        case And(parts):
            return Or(tuple(negated(part) for part in parts))
        case Or(parts, elementwise):
            if elementwise:
                raise LanguageError("an elementwise Or defines a variable and cannot be negated")
            return And(tuple(negated(part) for part in parts))
        case Ball():
            raise LanguageError(
                "a norm that exceeds a radius is not convex; write it as a disjunction over "
                "absolute values"
            )


def _formulas(parts: Iterable[Formula]) -> tuple[Formula, ...]:
    found = tuple(parts)
    for part in found:
        if not isinstance(part, Relation | Ball | And | Or):
            raise LanguageError(
                f"{part!r} is no formula; write a relation such as x <= 1, or all_of / any_of"
            )
    return found


def requirements(formula: Formula) -> list[Formula]:
    """The formulas that define the variables of `formula`, in order, each once."""
    match formula:
        case Relation(affine) | Ball(affine):
            found: Sequence[Formula] = affine.requires
        case And(parts) | Or(parts):
            found = [needed for part in parts for needed in requirements(part)]
    return list({id(needed): needed for needed in found}.values())


def define(value: Affine, name: str = "", source: Application | None = None) -> Affine:
    """A fresh variable equal to `value`: shares what several expressions use."""
    output = Variable(value.size, name=name, source=source).affine
    return Affine(value.size, output.terms, (), (*value.requires, output.equals(value)))


@dataclass(frozen=True, eq=False)
class Norm:
    """A norm of an expression: compare it with a radius, or minimise it.  kind: l1, l2 or linf."""

    affine: Affine
    kind: str

    def __le__(self, radius: float) -> Formula:
        if isinstance(radius, Expression | Norm):
            raise LanguageError("a norm is compared with a number")
        if not (np.isfinite(radius) and radius >= 0.0):
            raise LanguageError(f"the radius of a ball must be a number at least 0, not {radius}")
        if self.kind == "linf":
            return And((self.affine <= radius, self.affine >= -radius))
        return Ball(self.affine, self.kind, float(radius))


def norm_inf(expression: Expression) -> Norm:
    """The largest absolute element."""
    return Norm(expression.affine, "linf")


def norm1(expression: Expression) -> Norm:
    """The sum of the absolute elements."""
    return Norm(expression.affine, "l1")


def norm2(expression: Expression) -> Norm:
    """The Euclidean norm."""
    return Norm(expression.affine, "l2")


def argmax_is(logits: Expression, label: int) -> And:
    """`label` has a logit no smaller than any other: C_f(x, label) of Bastani et al. 2016."""
    rivals = [k for k in range(logits.size) if k != label]
    return And(tuple(logits[label] >= logits[k] for k in rivals))

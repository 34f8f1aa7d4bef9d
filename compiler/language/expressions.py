"""Affine expressions over tensor variables.

    affine    sum of factor * operator(variable)  +  sum of factor * operator(vector)

Constants are kept as operators applied to stored vectors, so nothing is rounded before compilation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import count as numbers_from
from typing import TYPE_CHECKING, Any, Never, TypeAlias

import numpy as np
import numpy.typing as npt

from ..base.arrays import Indices, Matrix, Vector
from ..base.errors import ElementError, LanguageError
from ..operators import Dense, LinearOperator, Scale, Select, compose, identity
from ..shown.told import ROWS, Detail, Told, count
from .formulas import Formula, Relation
from .truth import Undecided, Unjoined

_serial = numbers_from()


@lru_cache(maxsize=256)
def _identity(size: int) -> Select:
    return identity(size)


class Expression(Unjoined):
    """What variables and affine expressions share: arithmetic and relations by operators.

    `a == b` is the relation a = b, as `a.equals(b)` is; `a != b` raises. An expression is its own
    key in a dict or set: hashes go by identity. Relations and expressions have no truth value.
    """

    size: int

    @property
    def affine(self) -> Affine:
        raise NotImplementedError

    def _told(self) -> Told:
        from .written import written  # made of this language

        facts = (("", written(self.affine)), ("", count(self.size, "number")))
        return Told(type(self).__name__, facts)

    @property
    def shape(self) -> tuple[int]:
        """(size,): expressions are flat, also those of a variable that was given a shape."""
        return (self.size,)

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
        factors = numbers_of(factor)
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
        given = numbers_of(divisor).reshape(-1)
        if given.size not in (1, self.size):
            raise LanguageError(f"{given.size} divisors meet an expression of {self.size}")
        numbers = np.broadcast_to(given, (self.size,))
        if not (np.isfinite(numbers).all() and (numbers != 0.0).all()):
            raise LanguageError("a divisor must be a finite number other than 0")
        return self.through(Scale(np.ones(self.size), numbers.copy()))

    def __rmatmul__(self, matrix: Matrix) -> Affine:
        """matrix @ self, (M,) for a matrix (M, size); a vector of weights gives one number."""
        weight = numbers_of(matrix)
        if weight.ndim == 1:
            weight = weight[None]
        if weight.ndim != 2 or not np.isfinite(weight).all():
            raise LanguageError("a matrix of finite numbers is needed with @")
        return self.through(Dense(np.ascontiguousarray(weight)))

    def __matmul__(self, matrix: Matrix) -> Affine:
        """self @ matrix, (K,) for a matrix (size, K); a vector of weights gives one number."""
        if isinstance(matrix, Expression):
            raise LanguageError("a product of expressions is not linear; one must be a constant")
        return self.__rmatmul__(numbers_of(matrix).T)

    def __rtruediv__(self, dividend: object) -> Never:
        raise LanguageError("a quotient of expressions is not linear; divide by a constant")

    def __pow__(self, power: object) -> Never:
        raise LanguageError("a power of an expression is not linear")

    __rpow__ = __pow__

    def __round__(self, digits: object = None) -> Never:
        raise LanguageError("rounding an expression, also by //, % and round, is not linear")

    __mod__ = __rmod__ = __floordiv__ = __rfloordiv__ = __divmod__ = __rdivmod__ = __round__

    def __abs__(self) -> Affine:
        from .activations import absolute  # made of this language, and one of its operators

        return absolute(self)

    # numpy leaves its operators and functions to this class: array - variable, np.sum(variable)

    if TYPE_CHECKING:  # so that a type checker asks the reflected operators below
        __array_ufunc__ = None
    else:

        def __array_ufunc__(self, ufunc, method, *inputs, **options):
            from .numpy_calls import called

            return called(ufunc, inputs, options if method == "__call__" else {"method": method})

        def __array__(self, *types, **options):
            raise LanguageError(
                "an expression is no array of numbers; lists of expressions are put together by "
                "np.concatenate and added by sum"
            )

    def __array_function__(
        self, function: Any, types: object, inputs: Sequence[object], options: Mapping[str, object]
    ) -> object:
        from .numpy_calls import called

        return called(function, inputs, options)

    def __float__(self) -> Never:
        raise LanguageError("an expression is no number; see `value` of its variables once solved")

    __int__ = __float__

    def sum(self, axis: int | None = None) -> Affine:
        """The sum of all elements, an expression of size 1. axis: 0 or -1, for there is one."""
        if axis not in (None, 0, -1):
            raise LanguageError(f"an expression is flat and has no axis {axis!r} to sum along")
        return self.through(Dense(np.ones((1, self.size))))

    def mean(self, axis: int | None = None) -> Affine:
        """The mean of all elements, an expression of size 1; axis as for `sum`."""
        return self.sum(axis) / self.size

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

    def __iter__(self) -> Iterator[Affine]:
        return (self[k] for k in range(self.size))

    def __getitem__(self, index: int | slice | Indices | Sequence[int]) -> Affine:
        try:
            chosen = np.atleast_1d(np.arange(self.size)[index])
        except (IndexError, TypeError, ValueError) as error:
            raise ElementError(
                f"{index!r} is no index of an expression of {self.size} elements, which are "
                f"counted in one row: {error}"
            ) from error
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
        """self = other, element by element."""
        return Relation(self - other, "=")

    def __eq__(self, other: object) -> Relation:  # type: ignore[override]
        return self.equals(other)  # type: ignore[arg-type]

    def __ne__(self, other: object) -> Never:
        raise LanguageError(
            "!= is no relation of this language; of single numbers write (a < b) | (a > b)"
        )

    # hashes differ wherever expressions do, so that dicts never come to ask `==`
    __hash__ = object.__hash__


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
        sides = numbers_of(size)
        if not ((sides >= 1) & (sides == np.floor(sides))).all():
            raise LanguageError(
                f"variable {name!r}: {size!r} is no number of elements, and no shape"
            )
        self.size = int(np.prod(sides.astype(np.int64), dtype=np.int64))
        self.name = name
        self.lower, self.upper = self._bound(lower), self._bound(upper)
        if not (self.lower <= self.upper).all():  # NaN fails too
            raise LanguageError(f"variable {name!r}: its bounds are empty or not numbers")
        self.source = source
        self.value: Vector | None = None
        self.exact: tuple[Fraction, ...] | None = None
        self.serial = next(_serial)

    def _told(self) -> Told:
        from .written import called  # made of this language

        low, high = float(self.lower.min()), float(self.upper.max())
        inside = "" if np.isneginf(low) and np.isposinf(high) else f"in [{low:.6g}, {high:.6g}]"
        known = "" if self.value is None else "with a value"
        facts = (("", f"{count(self.size, 'number')} {inside}".strip()), ("", known))
        return Told(f"Variable {called(self)}", tuple(one for one in facts if one[1]))

    def _detail(self) -> Detail:
        if self.value is None:
            return Detail()
        rows = zip(map(str, range(ROWS)), (f"{one:.6g}" for one in self.value), strict=False)
        more = ((),) * max(0, self.size - ROWS)  # told as a number
        return Detail(("element", "value"), (*rows, *more))

    def _bound(self, given: npt.ArrayLike) -> Vector:
        bound = numbers_of(given)
        if bound.ndim > 0 and bound.size != self.size:
            raise LanguageError(
                f"variable {self.name!r} has {self.size} elements and a bound of {bound.size}"
            )
        return np.broadcast_to(bound.reshape(-1), (self.size,)).copy()

    @property
    def affine(self) -> Affine:
        return Affine(self.size, (Term(1.0, _identity(self.size), self),))


@dataclass(frozen=True, eq=False, repr=False)
class Application:
    """A function applied to an expression; `runtime` is its own float32 evaluation, if any.

    function: what was applied, as its maker knows it.
    """

    argument: Affine
    runtime: Callable[[Matrix], Matrix] | None
    name: str
    function: object = None


@dataclass(frozen=True, eq=False, repr=False)
class Term:
    """factor * operator(variable)."""

    factor: float
    operator: LinearOperator
    variable: Variable


@dataclass(frozen=True, eq=False, repr=False)
class Offset:
    """factor * operator(vector), a constant that is not rounded yet."""

    factor: float
    operator: LinearOperator
    vector: Vector


@dataclass(frozen=True, eq=False, repr=False)
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


def numbers_of(given: object) -> Vector:
    """A constant, in any shape, as float64; LanguageError for what is none, or no float."""
    if isinstance(given, Undecided) or given is None:
        raise LanguageError(f"{given!r} stands where a constant is needed")
    try:
        source = np.asarray(given)
        found: Vector = source.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise LanguageError(f"{given!r} is neither an expression nor a constant") from error
    if source.dtype.kind in "OiufS" and source.dtype != np.float64 and np.isfinite(found).all():
        pairs = zip(source.reshape(-1).tolist(), found.reshape(-1).tolist(), strict=True)
        wide = source.dtype.kind == "O" or source.dtype.itemsize >= 8
        if wide and any(Fraction(one) != Fraction(other) for one, other in pairs):
            raise LanguageError(
                "a constant is no float64 and would be rounded; multiply the relation by its "
                "denominator, as in (3 * x).equals(1)"
            )
    return found


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
    vector = numbers_of(value)
    if vector.ndim > 0 and vector.size != size:
        raise LanguageError(f"a vector of {vector.size} elements meets an expression of {size}")
    if not np.isfinite(vector).all():
        raise LanguageError("a constant is not a finite number")
    if not vector.any():
        return Affine(size)
    full = np.broadcast_to(vector.reshape(-1), (size,)).copy()
    return Affine(size, (), (Offset(1.0, _identity(size), full),))


def define(value: Affine, name: str = "", source: Application | None = None) -> Affine:
    """A fresh variable equal to `value`: shares what several expressions use."""
    output = Variable(value.size, name=name, source=source).affine
    return Affine(value.size, output.terms, (), (*value.requires, output.equals(value)))

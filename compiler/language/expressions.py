"""The constraint language: affine expressions over tensor variables, relations, And, Or.

    affine    sum of factor * operator(variable)  +  sum of factor * operator(vector)
    relation  affine <= 0 | affine < 0 | affine = 0, elementwise
    formula   relation | norm of an affine <= radius | And | Or

An elementwise `Or` chooses a disjunct for every element on its own: a layer of N ReLUs is one
formula. Constants are kept as operators applied to stored vectors, so nothing is rounded before
compilation. The language follows Bastani et al. 2016, section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any, Never, TypeAlias

import numpy as np
import numpy.typing as npt

from ..base.arrays import Indices, Matrix, Vector
from ..base.errors import ElementError, LanguageError
from ..operators import Dense, LinearOperator, Scale, Select, compose, identity

_serial = count()


@lru_cache(maxsize=256)
def _identity(size: int) -> Select:
    return identity(size)


TRUTH = (
    "it has no truth value while its variables have none. Write rb.And(a, b) or a & b for `and`, "
    "also for a <= x <= b, rb.Or(a, b) or a | b for `or`, ~a for `not`, rb.maximum and rb.minimum "
    "for max and min; if, in and sorted cannot be asked of it"
)
BRACKETS = "&, | and ~ join relations, which need brackets: (x <= 0) | (x >= 1)"


class Undecided:
    """What Python must not take for true: `and`, `or`, `max` or `if` would drop constraints."""

    def __bool__(self) -> Never:
        raise LanguageError(f"a {type(self).__name__} was used as a condition, but {TRUTH}")

    def __contains__(self, item: object) -> Never:
        raise LanguageError(f"a {type(self).__name__} was asked with `in`, but {TRUTH}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class Expression(Undecided):
    """What variables and affine expressions share: arithmetic and relations by operators.

    `a == b` is the relation a = b, as `a.equals(b)` is; `a != b` raises. An expression is its own
    key in a dict or set: hashes go by identity. Relations and expressions have no truth value.
    """

    size: int

    @property
    def affine(self) -> Affine:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.size}>"

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

    def __and__(self, other: object) -> Never:
        raise LanguageError(BRACKETS)

    __or__ = __rand__ = __ror__ = __and__

    def __invert__(self) -> Never:
        raise LanguageError(BRACKETS)


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

    def __repr__(self) -> str:
        return f"Variable({self.size}, name={self.name!r})"

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


@dataclass(frozen=True, eq=False)
class Application:
    """A function applied to an expression; `runtime` is its own float32 evaluation, if any.

    function: what was applied, as its maker knows it.
    """

    argument: Affine
    runtime: Callable[[Matrix], Matrix] | None
    name: str
    function: object = None


@dataclass(frozen=True, eq=False)
class Term:
    """factor * operator(variable)."""

    factor: float
    operator: LinearOperator
    variable: Variable


@dataclass(frozen=True, eq=False)
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


def expression_of(value: Operand | Sequence[Operand]) -> Affine:
    """An expression, a constant in any shape, or a list of both put after each other."""
    if isinstance(value, Expression):
        return value.affine
    return concatenated(value if isinstance(value, list | tuple) else [value])  # type: ignore[list-item]


def concatenated(parts: Sequence[Operand]) -> Affine:
    """Expressions and constants after each other, as one expression."""
    rows = [
        part.affine if isinstance(part, Expression) else as_affine(part, numbers_of(part).size)
        for part in parts
    ]
    total = Affine(sum(row.size for row in rows))
    for variable, index in _chosen(rows, total.size):
        total = total + Affine(total.size, (Term(1.0, Select(index, variable.size), variable),))
    start, needed = 0, dict[int, Formula]()
    for row in rows:
        needed.update((id(formula), formula) for formula in row.requires)
        if not _selection(row):
            index = np.full(total.size, -1, dtype=np.int64)
            index[start : start + row.size] = np.arange(row.size)
            bare = Affine(row.size, row.terms, row.offsets)
            total = total + bare.through(Select(index, row.size))
        start += row.size
    return Affine(total.size, total.terms, total.offsets, tuple(needed.values()))


def _selection(row: Affine) -> bool:
    """Whether an expression is elements of one variable."""
    single = len(row.terms) == 1 and not row.offsets
    return single and row.terms[0].factor == 1.0 and isinstance(row.terms[0].operator, Select)


def _chosen(rows: Sequence[Affine], size: int) -> list[tuple[Variable, Indices]]:
    """The selections among the rows, all those of a variable as one."""
    found: dict[Variable, Indices] = {}
    start = 0
    for row in rows:
        if _selection(row):
            (term,) = row.terms
            assert isinstance(term.operator, Select)
            if term.variable not in found:
                found[term.variable] = np.full(size, -1, dtype=np.int64)
            found[term.variable][start : start + row.size] = term.operator.index
        start += row.size
    return list(found.items())


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


class Statement(Undecided):
    """What formulas share: `a & b`, `a | b` and `~a` for And, Or and the negation."""

    def __and__(self, other: Formula) -> And:
        return And((*_members(self, And), *_members(other, And)))

    def __or__(self, other: Formula) -> Or:
        return Or((*_members(self, Or), *_members(other, Or)))

    def __invert__(self) -> Formula:
        (formula,) = _formulas((self,))
        return negated(formula)

    # `a <= 0 & b <= 0` is a <= (0 & b) <= 0
    def __rand__(self, other: object) -> Never:
        raise LanguageError(BRACKETS)

    __ror__ = __rand__


def _members(formula: object, kind: type[And] | type[Or]) -> tuple[Formula, ...]:
    """The parts of a formula of this kind, so that long chains stay flat; or itself."""
    if isinstance(formula, Expression):
        raise LanguageError(BRACKETS)
    if isinstance(formula, kind) and not (isinstance(formula, Or) and formula.elementwise):
        return formula.parts
    return _formulas((formula,))


@dataclass(frozen=True, eq=False, repr=False)
class Relation(Statement):
    """affine <= 0, affine < 0 or affine = 0 for every element; strict over the reals."""

    affine: Affine
    kind: str


@dataclass(frozen=True, eq=False, repr=False)
class And(Statement):
    """All parts hold."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Or(Statement):
    """Some part holds; `elementwise`: for every element some part holds there."""

    parts: tuple[Formula, ...]
    elementwise: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class Ball(Statement):
    """The norm of an expression is at most `radius`; norm: l1 or l2."""

    affine: Affine
    norm: str
    radius: float


Formula: TypeAlias = Relation | Ball | And | Or


def all_of(*parts: Formula | Sequence[Formula]) -> And:
    """All parts hold; formulas, or lists of them."""
    return And(_formulas(parts))


def any_of(*parts: Formula | Sequence[Formula]) -> Or:
    """Some part holds; formulas, or lists of them.

    Parts of several elements hold where all their elements do.
    """
    return Or(_formulas(parts))


def implies(condition: Formula, consequence: Formula) -> Or:
    """The consequence holds wherever the condition does."""
    first, second = _formulas((condition, consequence))
    return Or((negated(first), second))


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
        case Ball(affine, norm, radius):
            return Norm(affine, norm) > radius


def _formulas(parts: Iterable[object]) -> tuple[Formula, ...]:
    found: list[Formula] = []
    for part in parts:
        if isinstance(part, list | tuple):
            found.extend(_formulas(part))
        elif isinstance(part, Relation | Ball | And | Or):
            found.append(part)
        else:
            raise LanguageError(
                f"{part!r} is no formula; write a relation such as x <= 1, or rb.And, rb.Or of some"
            )
    return tuple(found)


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


@dataclass(frozen=True, eq=False, repr=False)
class Norm(Undecided):
    """A norm of an expression: compare it with a radius, or minimise it.  kind: l1, l2 or linf."""

    affine: Affine
    kind: str

    def __le__(self, radius: float) -> Formula:
        number = _radius(radius)
        if self.kind == "linf":
            return And((self.affine <= number, self.affine >= -number))
        return Ball(self.affine, self.kind, number)

    def __lt__(self, radius: float) -> Formula:
        number = _radius(radius)
        if self.kind == "linf":
            return And((self.affine < number, self.affine > -number))
        return self._absolute("<").sum() < number

    def __ge__(self, radius: float) -> Formula:
        return self._above(_radius(radius), "<=")

    def __gt__(self, radius: float) -> Formula:
        return self._above(_radius(radius), "<")

    def __eq__(self, radius: object) -> Formula:  # type: ignore[override]
        number = _radius(radius)
        return And((self <= number, self >= number))

    def __ne__(self, radius: object) -> Never:
        raise LanguageError("!= is no relation of this language; write (norm < r) | (norm > r)")

    __hash__ = object.__hash__

    def _above(self, radius: float, kind: str) -> Formula:
        if self.kind == "linf":
            ends = [
                end for k in range(self.affine.size) for end in (self.affine[k], -self.affine[k])
            ]
            return Or(tuple(Relation(radius - end, kind) for end in ends))
        return Relation(radius - self._absolute(">").sum(), kind)

    def _absolute(self, sign: str) -> Affine:
        """The absolute values, of which an l1 norm that must not be small is the sum."""
        if self.kind == "l2":
            raise LanguageError(
                f"norm2(...) {sign} r is not linear; of l2 norms only norm2(...) <= r is read"
            )
        return abs(self.affine)


def _radius(radius: object) -> float:
    if isinstance(radius, Undecided):
        raise LanguageError("a norm is compared with a number")
    number = numbers_of(radius)
    if number.ndim or not (np.isfinite(number) and number >= 0.0):
        raise LanguageError(f"the radius of a ball must be a number at least 0, not {radius}")
    return float(number)


def norm_inf(expression: Operand | Sequence[Operand]) -> Norm:
    """The largest absolute element."""
    return Norm(expression_of(expression), "linf")


def norm1(expression: Operand | Sequence[Operand]) -> Norm:
    """The sum of the absolute elements."""
    return Norm(expression_of(expression), "l1")


def norm2(expression: Operand | Sequence[Operand]) -> Norm:
    """The Euclidean norm."""
    return Norm(expression_of(expression), "l2")


def argmax_is(logits: Expression, label: int) -> And:
    """`label` has a logit no smaller than any other: C_f(x, label) of Bastani et al. 2016."""
    if not isinstance(label, int | np.integer) or not 0 <= label < logits.size:
        raise LanguageError(f"label {label!r} is none of 0..{logits.size - 1}")
    rivals = [k for k in range(logits.size) if k != label]
    return And(tuple(logits[label] >= logits[k] for k in rivals))

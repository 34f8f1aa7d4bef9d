"""Activations as formulas: each gives a variable that is a function of its arguments.

All but `sign_of` and `step` are continuous. They are made of disjunctions that the compile steps
recognise as rectifiers; the two others stay disjunctions, which a search has to branch on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

import numpy as np
import numpy.typing as npt

from ..base.arrays import Indices, Vector
from ..base.errors import LanguageError
from ..operators import Chain, Scale, Select, is_identity
from ..operators.pooling import Windows
from .concatenation import expression_of
from .expressions import Affine, Expression, Operand, Variable, as_affine, define, numbers_of
from .formulas import And, Formula, Or


def _functional(
    arguments: Sequence[Expression],
    name: str,
    disjuncts: Callable[[Affine], list[Formula]],
    lower: float = -np.inf,
    upper: float = np.inf,
) -> Affine:
    """A fresh variable defined by an elementwise disjunction over it."""
    needed: dict[int, Formula] = {}
    for argument in arguments:
        needed.update((id(formula), formula) for formula in argument.affine.requires)
    output = Variable(arguments[0].size, lower, upper, name).affine
    definition = Or(tuple(disjuncts(output)), elementwise=True)
    return Affine(output.size, output.terms, (), (*needed.values(), definition))


def shared(z: Expression, name: str) -> Affine:
    """z itself if it is a variable, otherwise one that equals it: for what is used repeatedly."""
    value = z.affine
    if len(value.terms) == 1 and not value.offsets:
        (term,) = value.terms
        if term.factor == 1.0 and is_identity(term.operator):
            return value
    return define(value, name)


def _unscaled(z: Expression, name: str) -> Affine:
    """z, or a variable that equals it where scales or no terms at all would hide its form."""
    scaled = any(
        isinstance(part, Scale)
        for term in z.affine.terms
        for part in (term.operator.parts if isinstance(term.operator, Chain) else (term.operator,))
    )
    return define(z.affine, f"{name}.of") if scaled or not z.affine.terms else z.affine


def relu(z: Operand | Sequence[Operand], name: str = "relu") -> Affine:
    """y = max(z, 0):  (z >= 0 and y = z) or (z <= 0 and y = 0)."""
    z = expression_of(z)
    return _functional(
        (z,), name, lambda y: [And((z >= 0.0, y.equals(z))), And((z <= 0.0, y.equals(0.0)))]
    )


def leaky_relu(
    z: Operand | Sequence[Operand], slope: npt.ArrayLike, name: str = "leaky_relu"
) -> Affine:
    """y = z where z >= 0, slope * z elsewhere.  slope: any number, or one for every element."""
    z = expression_of(z)
    slopes = _each(slope, z.size, "slope")
    if not np.isfinite(slopes).all():
        raise LanguageError("a slope is not a finite number")
    z = _unscaled(z, name)
    below = z.through(Scale(slopes, np.ones(z.size)))
    return _functional(
        (z,), name, lambda y: [And((z >= 0.0, y.equals(z))), And((z <= 0.0, y.equals(below)))]
    )


def absolute(z: Operand | Sequence[Operand], name: str = "abs") -> Affine:
    """y = |z|."""
    z = _unscaled(expression_of(z), name)
    return _functional(
        (z,), name, lambda y: [And((z >= 0.0, y.equals(z))), And((z <= 0.0, y.equals(-z)))]
    )


def maximum(a: Operand | Sequence[Operand], *others: Operand, name: str = "max") -> Affine:
    """y = max(a, b, ...), elementwise; several operands are paired as in a tournament.

    One operand alone may be a list of all of them; the maximum of one expression is that itself.
    """
    level, serial = _operands(a, others), count()
    while len(level) > 1:
        pairs = list(zip(level[0::2], level[1::2], strict=False))
        larger = [_larger(*pair, f"{name}.{next(serial)}") for pair in pairs]
        level = larger + level[2 * len(pairs) :]
    return level[0]


def _larger(a: Affine, b: Affine, name: str) -> Affine:
    return _functional(
        (a, b), name, lambda y: [And((a >= b, y.equals(a))), And((a <= b, y.equals(b)))]
    )


def minimum(a: Operand | Sequence[Operand], *others: Operand, name: str = "min") -> Affine:
    """y = min(a, b, ...), elementwise; operands as in `maximum`."""
    return -maximum([-operand for operand in _operands(a, others)], name=name)


def _operands(first: Operand | Sequence[Operand], others: Sequence[Operand]) -> list[Affine]:
    """What a maximum is of, as expressions of one size."""
    given: list[Operand] = [first, *others]  # type: ignore[list-item]
    if not others and not isinstance(first, Expression):
        given = list(first)  # type: ignore[arg-type]
    sizes = [operand.size for operand in given if isinstance(operand, Expression)]
    if not sizes:
        raise LanguageError("a maximum or minimum needs an expression among its operands")
    return [as_affine(operand, max(sizes)) for operand in given]


def clip(
    z: Operand | Sequence[Operand],
    lower: npt.ArrayLike = -np.inf,
    upper: npt.ArrayLike = np.inf,
    name: str = "clip",
) -> Affine:
    """y = min(max(z, lower), upper): hard-tanh, ReLU6.  Limits: numbers or vectors, or infinite.

    t = lower + max(z - lower, 0), then upper - max(upper - t, 0): two rectifiers, exactly, the
    second behind the first, so that what is known of one bounds the other.
    """
    z = expression_of(z)
    low, high = _each(lower, z.size, "lower limit"), _each(upper, z.size, "upper limit")
    if not (low <= high).all() or (low == np.inf).any() or (high == -np.inf).any():
        raise LanguageError("the limits of a clip are numbers, the lower one first")
    raised = _at_least(z, low, f"{name}.lower")
    return -_at_least(-raised, -high, f"{name}.upper")


def _at_least(z: Affine, level: Vector, name: str) -> Affine:
    """max(z, level); an element whose level is -inf stays as it is."""
    limited = np.isfinite(level)
    if limited.all():
        return relu(z - level, name) + level
    if not limited.any():
        return z
    chosen = np.flatnonzero(limited)
    above = relu(z[chosen] - level[chosen], name)
    place = np.full(z.size, -1, dtype=np.int64)
    place[chosen] = np.arange(len(chosen))
    free = np.where(limited, -1, np.arange(z.size))
    kept = z.through(Select(free, z.size)) + np.where(limited, level, 0.0)
    return kept + above.through(Select(place, len(chosen)))


def max_pool(z: Expression, windows: Indices, name: str = "max_pool") -> Affine:
    """The greatest element of each window, (N,).  windows (N, W): elements, -1 where absent.

    A tree of maxima of two for each window, all windows at once. A restriction to a linear region
    keeps who wins every pair of the tree, not only the window: it is a smaller region.
    """
    tree = Windows(np.asarray(windows), z.size)
    known = [shared(z, f"{name}.in")]
    for number, pairs in enumerate(tree.rounds):
        left, right = _gather(known, pairs[:, 0]), _gather(known, pairs[:, 1])
        known.append(_larger(left, right, f"{name}.{number}"))
    return _gather(known, tree.winners)


def _gather(parts: Sequence[Affine], index: Indices) -> Affine:
    """Elements of the parts put after each other."""
    total, start = Affine(len(index)), 0
    for part in parts:
        inside = (index >= start) & (index < start + part.size)
        if inside.any():
            total = total + part.through(Select(np.where(inside, index - start, -1), part.size))
        start += part.size
    return total


def sign_of(z: Operand | Sequence[Operand], name: str = "sign") -> Affine:
    """y = 1 where z > 0, 0 where z = 0, -1 where z < 0."""
    z = expression_of(z)
    return _functional(
        (z,),
        name,
        lambda y: [
            And((z > 0.0, y.equals(1.0))),
            And((z.equals(0.0), y.equals(0.0))),
            And((z < 0.0, y.equals(-1.0))),
        ],
        -1.0,
        1.0,
    )


def step(z: Operand | Sequence[Operand], name: str = "step") -> Affine:
    """y = 1 where z >= 0, 0 elsewhere."""
    z = expression_of(z)
    return _functional(
        (z,),
        name,
        lambda y: [And((z >= 0.0, y.equals(1.0))), And((z < 0.0, y.equals(0.0)))],
        0.0,
        1.0,
    )


def _each(numbers: npt.ArrayLike, size: int, what: str) -> Vector:
    """Numbers as a vector of `size`; NaN is left for the caller to find."""
    vector = numbers_of(numbers)
    if vector.ndim > 0 and vector.size != size:
        raise LanguageError(f"a {what} of {vector.size} elements meets an expression of {size}")
    return np.broadcast_to(vector.reshape(-1), (size,)).copy()

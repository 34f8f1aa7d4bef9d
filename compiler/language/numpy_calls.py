"""numpy's functions of expressions: those that are linear or activations, the rest refused."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..base.errors import LanguageError
from . import activations
from .concatenation import concatenated
from .expressions import Expression

Calls = Mapping[Callable[..., Any], Callable[..., object]]

FIRST: Calls = {
    np.abs: abs,
    np.add: operator.add,
    np.concatenate: concatenated,
    np.equal: operator.eq,
    np.greater: operator.gt,
    np.greater_equal: operator.ge,
    np.hstack: concatenated,
    np.less: operator.lt,
    np.less_equal: operator.le,
    np.matmul: operator.matmul,
    np.maximum: activations.maximum,
    np.mean: Expression.mean,
    np.minimum: activations.minimum,
    np.multiply: operator.mul,
    np.negative: operator.neg,
    np.not_equal: operator.ne,
    np.subtract: operator.sub,
    np.sum: Expression.sum,
    np.true_divide: operator.truediv,
}
"""What stands for a function of numpy whose first argument is an expression, or a list."""

SECOND: Calls = {
    np.add: Expression.__radd__,
    np.equal: operator.eq,
    np.greater: operator.lt,
    np.greater_equal: operator.le,
    np.less: operator.gt,
    np.less_equal: operator.ge,
    np.matmul: Expression.__rmatmul__,
    np.maximum: activations.maximum,
    np.minimum: activations.minimum,
    np.multiply: Expression.__rmul__,
    np.not_equal: operator.ne,
    np.subtract: Expression.__rsub__,
}
"""The same for an array and then an expression; called with the expression first."""


def called(
    function: Callable[..., object], inputs: Sequence[object], options: Mapping[str, object]
) -> object:
    """What a function of numpy gives for expressions.

    Raises LanguageError for one that has no relation in the language.
    """
    arguments, table = tuple(inputs), FIRST
    if len(arguments) == 2 and not isinstance(arguments[0], Expression | list | tuple):
        arguments, table = arguments[::-1], SECOND
    if options or function not in table:
        name = getattr(function, "__name__", str(function))
        what = " with options" if options and function in table else ""
        raise LanguageError(
            f"numpy's {name}{what} does not take expressions; write it with rb.maximum, "
            "rb.minimum, rb.absolute, rb.norm1, x.sum(), matrix @ x and arithmetic"
        )
    return table[function](*arguments)

"""Exact linear forms: what operators and expressions are over the rationals, number by number.

The sparse `rows` of an operator are rounded where it divides or is a product of several; these are
not. They are slow, and meant for writing a question down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import TypeAlias, TypeVar

import numpy as np

from ..base.arrays import exact
from ..operators import (
    Chain,
    Convolution,
    Dense,
    LinearOperator,
    Scale,
    Select,
    Transposed,
    identity,
)
from ..problem import offset_value
from .expressions import Affine, Variable

Key = TypeVar("Key")
Form: TypeAlias = dict[Key, Fraction]
"""Coefficients of named numbers, none of them 0."""


def entries(operator: LinearOperator) -> list[Form[int]]:
    """The rows of the operator's matrix, exactly: coefficients by input element."""
    match operator:
        case Dense() | Convolution() | Select():
            # their rows are the stored numbers themselves
            rows = operator.rows(np.arange(operator.out_size))
            data, columns = rows.data.tolist(), rows.indices.tolist()
            spans = zip(rows.indptr[:-1].tolist(), rows.indptr[1:].tolist(), strict=True)
            return [
                {j: Fraction(v) for j, v in zip(columns[a:b], data[a:b], strict=True) if v}
                for a, b in spans
            ]
        case Scale(multiplier, divisor):
            pairs = zip(multiplier.tolist(), divisor.tolist(), strict=True)
            return [{k: Fraction(m) / Fraction(d)} if m else {} for k, (m, d) in enumerate(pairs)]
        case Chain():
            start = entries(identity(operator.in_size))
            return applied(operator, start)
        case Transposed(inner):
            found: list[Form[int]] = [{} for _ in range(operator.out_size)]
            for row, form in enumerate(entries(inner)):
                for column, number in form.items():
                    found[column][row] = number
            return found
        case _:
            columns_of = operator.apply(exact(np.eye(operator.in_size)))
            return [{j: v for j, v in enumerate(row) if v} for row in columns_of.T.tolist()]


def applied(operator: LinearOperator, forms: Sequence[Form[Key]]) -> list[Form[Key]]:
    """The operator applied to a vector of forms."""
    if isinstance(operator, Chain):
        for part in operator.parts:
            forms = applied(part, forms)
        return list(forms)
    return [combined((number, forms[k]) for k, number in row.items()) for row in entries(operator)]


def combined(parts: Iterable[tuple[Fraction, Form[Key]]]) -> Form[Key]:
    """The sum of number * form."""
    total: Form[Key] = {}
    for number, form in parts:
        for key, coefficient in form.items():
            part = number * coefficient
            total[key] = total[key] + part if key in total else part
    return {key: coefficient for key, coefficient in total.items() if coefficient}


def values(
    affine: Affine, product: Callable[[LinearOperator, Variable], Sequence[Form[Key]]]
) -> list[tuple[Form[Key], Fraction]]:
    """Each element of an expression as a form and a constant.

    product: the forms of an operator applied to a variable.
    """
    parts = [(Fraction(t.factor), product(t.operator, t.variable)) for t in affine.terms]
    constants = offset_value(affine.offsets, affine.size).tolist()
    return [
        (combined((factor, forms[k]) for factor, forms in parts), Fraction(constants[k]))
        for k in range(affine.size)
    ]

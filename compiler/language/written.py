"""Expressions and formulas as they are read: like mathematics, and short whatever their size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..base.norms import L1, L2, LINF, NormKind
from ..operators import Chain, Convolution, Dense, LinearOperator, Scale, Select
from ..operators.sparse import Sparse
from ..shown.numbers import short
from ..shown.told import cut
from .expressions import Affine, Offset, Term, Variable
from .formulas import And, Ball, Formula, Or, Relation

LONGEST, INNER = 118, 28
"""Characters of a text, and of what a network is applied to."""
TERMS, PARTS, ELEMENTS = 4, 3, 3
"""Summands, parts of a formula and indices that are written before the rest is counted."""
NORMS: dict[NormKind, str] = {L1: "norm1", L2: "norm2", LINF: "norm_inf"}
TURNED = {"<=": ">=", "<": ">", "=": "="}
CONSTANT = "c"
"""A vector of several numbers."""


@dataclass(frozen=True, slots=True)
class Summand:
    """A number times a text; the text is "" for a constant, and free of variables where `bare`."""

    factor: float
    text: str
    bare: bool = False


def called(variable: Variable) -> str:
    """The name of a variable; outputs of networks are these of what they are applied to."""
    source = variable.source
    if source is not None:
        return f"{cut(source.name, INNER)}({cut(written(source.argument), INNER)})"
    return cut(variable.name, INNER) or f"v{variable.serial}"


def written(expression: Affine) -> str:
    """An expression; of vectors element by element, c being a vector of constants."""
    return cut(_sum(_summands(expression)), LONGEST)


def stated(formula: Formula) -> str:
    """A formula."""
    return cut(_stated(formula), LONGEST)


def _stated(formula: Formula) -> str:
    match formula:
        case Relation(affine, kind):
            return _related(_summands(affine), kind)
        case Ball(affine, norm, radius):
            return f"{NORMS[norm]}({_sum(_summands(affine))}) <= {short(radius)}"
        case And(parts):
            inside = _two_sided(parts)
            return inside or _joined(parts, " and ")
        case Or(parts, elementwise):
            joined = _joined(parts, " or ")
            return f"each element: {joined}" if elementwise else joined


def _joined(parts: Sequence[Formula], joint: str) -> str:
    texts = [
        f"({_stated(part)})" if isinstance(part, And | Or) and len(part.parts) > 1
        else _stated(part)
        for part in parts[:PARTS]
    ]  # fmt: skip
    left = len(parts) - len(texts)
    return joint.join([*texts, f"{left:,} more"] if left else texts) or "true"


def _two_sided(parts: Sequence[Formula]) -> str:
    """|expression| <= radius, where two relations say so; else ""."""
    match parts:
        case (Relation(first, kind), Relation(second, other)) if kind == other and kind != "=":
            pass
        case _:
            return ""
    sides = zip(first.terms, second.terms, strict=False)
    opposite = len(first.terms) == len(second.terms) and all(
        one.variable is two.variable and one.operator is two.operator and one.factor == -two.factor
        for one, two in sides
    )
    if not opposite or not first.offsets or len(first.offsets) != len(second.offsets):
        return ""
    radius, again = (_uniform(affine.offsets[-1]) for affine in (first, second))
    if radius is None or radius != again or not radius < 0.0:
        return ""
    middle = Affine(first.size, first.terms, first.offsets[:-1])
    return f"|{_sum(_summands(middle))}| {kind} {short(-radius)}"


def _related(summands: Sequence[Summand], kind: str) -> str:
    """What is added on the left, what is taken away on the right; variables first."""
    left = [one for one in summands if one.factor > 0.0 and one.text]
    right = [Summand(-one.factor, one.text, one.bare) for one in summands
             if one.factor < 0.0 and one.text]  # fmt: skip
    number = sum(one.factor for one in summands if not one.text)
    if all(one.bare for one in left):
        left = [*left, Summand(number, "")] if number else left
        return f"{_sum(right)} {TURNED[kind]} {_sum(left)}"
    right = [*right, Summand(-number, "")] if number else right
    return f"{_sum(left)} {kind} {_sum(right)}"


def _sum(summands: Sequence[Summand]) -> str:
    found = ""
    for one in summands[:TERMS]:
        sign, size = ("-" if one.factor < 0.0 else "+"), abs(one.factor)
        text = short(size) if not one.text else one.text
        if one.text and size != 1.0:
            text = f"{short(size)}*{_bracketed(one.text)}"
        found += f" {sign} {text}" if found else f"{'-' if sign == '-' else ''}{text}"
    left = len(summands) - TERMS
    return (found or "0") + (f" + ... ({left:,} more)" if left > 0 else "")


def _summands(affine: Affine) -> list[Summand]:
    parts = _elements if affine.size == 1 else _vectors
    found = [one for term in affine.terms for one in parts(term)]
    number = 0.0
    for offset in affine.offsets:
        uniform = _uniform(offset)
        if uniform is None:
            found.append(Summand(offset.factor, CONSTANT, bare=True))
        else:
            number += uniform
    return [*found, Summand(number, "")] if number else found


def _elements(term: Term) -> Iterable[Summand]:
    """Of one number: the elements of the variable with their coefficients."""
    row = term.operator.rows(np.zeros(1, dtype=np.int64))
    factors, name, size = term.factor * row.data, called(term.variable), term.variable.size
    if size == 1:
        return [Summand(float(factor), name) for factor in factors]
    if len(factors) == size > ELEMENTS and (factors == factors[0]).all():
        return [Summand(float(factors[0]), f"sum({name})")]
    # more than are written are counted alone
    pairs = zip(factors.tolist(), row.indices.tolist(), strict=True)
    return [Summand(factor, f"{name}[{place}]") for factor, place in pairs]


def _vectors(term: Term) -> Iterable[Summand]:
    return [Summand(term.factor, _applied(term.operator, called(term.variable)))]


def _applied(operator: LinearOperator, name: str) -> str:
    match operator:
        case Select():
            return name + _index(operator)
        case Scale():
            factors = operator.multiplier / operator.divisor
            same = bool((factors == factors[0]).all())
            return f"{short(float(factors[0])) if same else CONSTANT}*{_bracketed(name)}"
        case Dense() | Sparse():
            return f"A @ {_bracketed(name)}"
        case Convolution():
            return f"conv({name})"
        case Chain():
            for part in operator.parts:
                name = _applied(part, name)
            return name
    return f"{type(operator).__name__.lower()}({name})"


def _index(operator: Select) -> str:
    """In brackets, which elements are taken; "" for all in their order."""
    index, size = operator.index, operator.in_size
    count = len(index)
    if not count or index.min() < 0:
        return f"[{count:,} places]"
    steps = np.diff(index)
    if count == 1 or not steps.any():
        return f"[{index[0]}]" if size > 1 else ""
    if (steps == 1).all():
        return "" if count == size else f"[{index[0]}:{index[-1] + 1}]"
    first = ", ".join(map(str, index[:ELEMENTS].tolist()))
    return f"[{first}]" if count <= ELEMENTS else f"[{first}, ...]"


def _uniform(offset: Offset) -> float | None:
    """The one number that all elements of a constant are, None where they differ."""
    values = offset.factor * offset.operator.apply(offset.vector[None])[0]
    return float(values[0]) if len(values) and bool((values == values[0]).all()) else None


def _bracketed(text: str) -> str:
    return f"({text})" if " " in text or "*" in text else text

"""Step: formulas that make a variable a function of others become definitions.

An elementwise (e >= 0 and y = p) or (e <= 0 and y = q) is the function y = q + c * max(e, 0) when p
- q = c * e: so ReLU, leaky ReLU, the absolute value and the maximum of two are one rule. An
equality y = e with a variable y that nothing has defined yet is a definition too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ..evaluator import value
from ..language import Affine, And, Formula, Or, Relation, Term, Variable
from ..operators import Chain, LinearOperator, Select, is_identity
from .system import Definition, Lift, Solution, System, substitute


def recognise(system: System) -> tuple[System, Lift]:
    """The system with its functional formulas taken out as definitions, in their order."""
    known: dict[Variable, Affine] = {}
    defined: set[Variable] = {system.inputs}
    definitions: list[Definition] = []
    rest: list[Formula] = []
    for formula in system.formulas:
        rewritten = _rewrite(formula, known)
        found = _functional(rewritten, defined) or _equality(rewritten, defined)
        if found is None:
            rest.append(rewritten)
            continue
        variable, definition, replacement = found
        definitions.append(definition)
        defined |= {variable, definition.variable}
        if replacement is not None:
            known[variable] = replacement

    def lift(solution: Solution) -> Solution:
        full = dict(solution)
        for variable, replacement in known.items():
            full[variable] = value(replacement, full)
        return full

    return System(system.inputs, tuple(rest), tuple(definitions)), lift


Found = tuple[Variable, Definition, Affine | None]


def _functional(formula: Formula, defined: set[Variable]) -> Found | None:
    if not (isinstance(formula, Or) and formula.elementwise and len(formula.parts) == 2):
        return None
    sides = [_side(part) for part in formula.parts]
    if sides[0] is None or sides[1] is None:
        return None
    (first_sign, first), (second_sign, second) = sides[0], sides[1]
    # the first disjunct says -e <= 0, the second e <= 0
    edge = -first_sign.affine
    if _ratio(edge, second_sign.affine) != 1.0:
        return None
    for variable in _candidates(first.affine, defined):
        p = _solve(first.affine, variable, defined)
        q = _solve(second.affine, variable, defined)
        if p is None or q is None:
            continue
        slope = _ratio(p - q, edge)
        if slope is None:
            continue
        if slope == 1.0 and not _collected(q):
            return variable, Definition(variable, _bare(edge), True), None
        fresh = Variable.free(variable.size, f"{variable.name}+")
        replacement = _bare(q) + fresh.affine * slope
        return variable, Definition(fresh, _bare(edge), True), replacement
    return None


def _equality(formula: Formula, defined: set[Variable]) -> Found | None:
    if not (isinstance(formula, Relation) and formula.kind == "="):
        return None
    for variable in _candidates(formula.affine, defined):
        solved = _solve(formula.affine, variable, defined)
        if solved is not None:
            return variable, Definition(variable, _bare(solved), False), None
    return None


def _side(part: Formula) -> tuple[Relation, Relation] | None:
    """(sign relation, equality) of one disjunct."""
    if isinstance(part, And) and len(part.parts) == 2:
        sign, equality = part.parts
        if isinstance(sign, Relation) and isinstance(equality, Relation):
            if sign.kind == "<=" and equality.kind == "=":
                return sign, equality
    return None


def _candidates(affine: Affine, defined: set[Variable]) -> Iterator[Variable]:
    """Variables that nothing has defined yet, newest first."""
    fresh = {term.variable for term in affine.terms} - defined
    yield from sorted(fresh, key=lambda variable: -variable.serial)


def _solve(affine: Affine, variable: Variable, defined: set[Variable]) -> Affine | None:
    """What `variable` equals when affine = 0; None where it is not isolated as itself, or where
    the others are not all known: definitions stand in an order that can be evaluated.
    """
    own = [term for term in affine.terms if term.variable is variable]
    if len(own) != 1 or abs(own[0].factor) != 1.0 or not is_identity(own[0].operator):
        return None
    others = tuple(term for term in affine.terms if term.variable is not variable)
    if any(term.variable not in defined for term in others):
        return None
    return Affine(affine.size, others, affine.offsets) * -own[0].factor


def _form(operator: LinearOperator) -> tuple[object, ...]:
    """What tells operators apart: substitution composes the same parts anew each time."""
    if isinstance(operator, Chain):
        return tuple(key for part in operator.parts for key in _form(part))
    if isinstance(operator, Select):
        return () if is_identity(operator) else (operator.index.tobytes(), operator.in_size)
    return (id(operator),)


def _collected(affine: Affine) -> dict[tuple[object, ...], float]:
    """Coefficients by (operator, variable or vector), those that cancel left out."""
    total: dict[tuple[object, ...], float] = defaultdict(float)
    for term in affine.terms:
        total[(_form(term.operator), id(term.variable))] += term.factor
    for offset in affine.offsets:
        total[(_form(offset.operator), id(offset.vector))] += offset.factor
    return {key: factor for key, factor in total.items() if factor != 0.0}


def _ratio(affine: Affine, base: Affine) -> float | None:
    """c with affine = c * base, told from the form alone; None when the form does not show it."""
    left, right = _collected(affine), _collected(base)
    if not right or set(left) != set(right):
        return None
    ratios = {left[key] / right[key] for key in right}
    if len(ratios) != 1:
        return None
    ratio = ratios.pop()
    exact = all(ratio * right[key] == left[key] for key in right)
    return ratio if exact else None


def _bare(affine: Affine) -> Affine:
    """The expression without the formulas of its variables: those are definitions by now."""
    return Affine(
        affine.size,
        tuple(Term(t.factor, t.operator, t.variable) for t in affine.terms),
        affine.offsets,
    )


def _rewrite(formula: Formula, known: dict[Variable, Affine]) -> Formula:
    if not known:
        return formula
    match formula:
        case Relation(affine, kind):
            return Relation(substitute(affine, known), kind)
        case And(parts):
            return And(tuple(_rewrite(part, known) for part in parts))
        case Or(parts, elementwise):
            return Or(tuple(_rewrite(part, known) for part in parts), elementwise)

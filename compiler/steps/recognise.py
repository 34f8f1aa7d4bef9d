"""Step: formulas that make a variable a function of others become definitions.

An elementwise (e >= 0 and y = p) or (e <= 0 and y = q) is the function y = q + c * max(e, 0) when p
- q = c * e, c a number or a vector: so ReLU, leaky ReLU, the absolute value and the maximum of two
are one rule. An equality y = e with a variable y that nothing has defined yet is a definition too.
What no formula defines is an input.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ..base.late import go_on
from ..language.evaluator import value
from ..language.expressions import Affine, Term, Variable
from ..language.formulas import And, Ball, Formula, Or, Relation
from ..language.walk import flat, substitute, variables
from ..operators import is_identity
from .multiples import Factor, collected, multiple, ratio, times
from .norms import expanded, input_ball
from .system import Definition, InputBall, Lift, Solution, System


def recognise(system: System) -> tuple[System, Lift]:
    """The system with its functional formulas taken out as definitions, in order of evaluation."""
    work = _Work(set(system.inputs))
    balls = [formula for formula in flat(system.formulas) if isinstance(formula, Ball)]
    for formula in flat(system.formulas):
        if not isinstance(formula, Ball):
            work.take(formula)
    ball: InputBall | None = None
    for formula in balls:
        read = input_ball(formula, work.uses) if ball is None else None
        if read is None:
            work.take(formula)
        else:
            ball = read
    known = work.known()
    definitions = tuple(
        Definition(d.variable, _bare(substitute(d.value, known)), d.relu) for d in work.ordered()
    )
    rest = tuple(_rewrite(formula, known) for formula in work.rest)
    objective = system.objective
    if objective is not None:
        objective = _bare(substitute(objective, known))
    spoken: list[Affine] = [definition.value for definition in definitions]
    if objective is not None:
        spoken.append(objective)
    if ball is not None:
        spoken.append(ball.variable.affine)
    named = {term.variable: None for affine in spoken for term in affine.terms}
    named.update({name: None for formula in rest for name in variables(formula)})
    defined = {definition.variable for definition in definitions}
    inputs = dict.fromkeys(system.inputs) | {v: None for v in named if v not in defined}

    def lift(solution: Solution) -> Solution:
        full = dict(solution)
        for variable, replacement in known.items():
            full[variable] = value(replacement, full)
        return full

    return System(rest, objective, tuple(inputs), definitions, ball=ball), lift


class _Work:
    """Definitions found so far, what each variable is made of, and the formulas that are left.

    `fixed` are inputs by decree and never defined.
    """

    def __init__(self, fixed: set[Variable]) -> None:
        self.fixed = fixed
        self.definitions: list[Definition] = []
        self.replaced: dict[Variable, Affine] = {}
        self.uses: dict[Variable, set[Variable]] = {}
        self.rest: list[Formula] = []

    def take(self, formula: Formula) -> None:
        """Keeps the formula as a definition where it is one."""
        go_on()
        formula, needed = expanded(formula)
        for defining in needed:
            self.take(defining)
        if not (self._functional(formula) or self._equality(formula)):
            self.rest.append(formula)

    def _functional(self, formula: Formula) -> bool:
        if not (isinstance(formula, Or) and formula.elementwise and len(formula.parts) == 2):
            return False
        sides = [_side(part) for part in formula.parts]
        if sides[0] is None or sides[1] is None:
            return False
        (first_sign, first), (second_sign, second) = sides[0], sides[1]
        # the first disjunct says -e <= 0, the second e <= 0
        edge = -first_sign.affine
        # in max(e, e) both say 0 <= 0
        flat_edge = not collected(edge) and not collected(second_sign.affine)
        if not flat_edge and ratio(edge, second_sign.affine) != 1:
            return False
        for variable in self._candidates(first.affine):
            go_on()
            p = self._solve(first.affine, variable)
            q = self._solve(second.affine, variable)
            if p is None or q is None or self._circular(variable, edge):
                continue
            if not collected(p - q):  # whichever holds
                self._define(variable, q, False)
                return True
            slopes = None if flat_edge else multiple(p - q, edge)
            if slopes is None:
                continue
            if slopes == (Factor(1.0),) and not collected(q):
                self._define(variable, edge, True)
                return True
            fresh = Variable(variable.size, name=f"{variable.name}+")
            self._define(fresh, edge, True)
            replacement = _bare(q) + times(fresh.affine, slopes)
            self.replaced[variable] = replacement
            self.uses[variable] = {term.variable for term in replacement.terms}
            self._bound(variable)
            return True
        return False

    def _equality(self, formula: Formula) -> bool:
        if not (isinstance(formula, Relation) and formula.kind == "="):
            return False
        for variable in self._candidates(formula.affine):
            solved = self._solve(formula.affine, variable)
            # a bounded variable that equals a constant is a box
            if solved is None or not (solved.terms or np.isinf(variable.lower).any()):
                continue
            self._define(variable, solved, False)
            return True
        return False

    def _define(self, variable: Variable, value: Affine, relu: bool) -> None:
        self.definitions.append(Definition(variable, _bare(value), relu))
        self.uses[variable] = {term.variable for term in value.terms}
        self._bound(variable)

    def _bound(self, variable: Variable) -> None:
        """A defined variable's own bounds have to be kept as relations."""
        for bound, sign in ((variable.lower, -1.0), (variable.upper, 1.0)):
            finite = np.flatnonzero(np.isfinite(bound))
            if len(finite):
                self.rest.append(Relation((variable[finite] - bound[finite]) * sign, "<="))

    def _candidates(self, affine: Affine) -> Iterator[Variable]:
        """Variables that nothing has defined yet, newest first."""
        fresh = {term.variable for term in affine.terms} - self.uses.keys() - self.fixed
        yield from sorted(fresh, key=lambda variable: -variable.serial)

    def _solve(self, affine: Affine, variable: Variable) -> Affine | None:
        """What `variable` equals when affine = 0; None where it is not isolated as itself, or where
        the others depend on it.
        """
        own = [term for term in affine.terms if term.variable is variable]
        if len(own) != 1 or abs(own[0].factor) != 1.0 or not is_identity(own[0].operator):
            return None
        others = tuple(term for term in affine.terms if term.variable is not variable)
        rest = Affine(affine.size, others, affine.offsets)
        return None if self._circular(variable, rest) else rest * -own[0].factor

    def _circular(self, variable: Variable, affine: Affine) -> bool:
        """Whether an expression depends on a variable by the definitions so far."""
        if not any(variable in used for used in self.uses.values()):
            return any(term.variable is variable for term in affine.terms)
        open_, seen = [term.variable for term in affine.terms], set[Variable]()
        while open_:
            name = open_.pop()
            if name is variable:
                return True
            if name not in seen:
                seen.add(name)
                open_.extend(self.uses.get(name, ()))
        return False

    def known(self) -> dict[Variable, Affine]:
        """What each replaced variable equals, in variables that stay."""
        found: dict[Variable, Affine] = {}
        for variable in self._sorted(self.replaced):
            found[variable] = substitute(self.replaced[variable], found)
        return found

    def ordered(self) -> list[Definition]:
        """The definitions, each after those it uses."""
        by_variable = {definition.variable: definition for definition in self.definitions}
        return [by_variable[v] for v in self._sorted(self.uses) if v in by_variable]

    def _sorted(self, wanted: Mapping[Variable, object]) -> list[Variable]:
        done: dict[Variable, None] = {}
        for start in wanted:
            stack = [start]
            while stack:
                name = stack[-1]
                left = [v for v in self.uses.get(name, ()) if v not in done]
                if left:
                    stack.extend(left)
                else:
                    done[stack.pop()] = None
        return [name for name in done if name in wanted]


def _side(part: Formula) -> tuple[Relation, Relation] | None:
    """(sign relation, equality) of one disjunct."""
    if isinstance(part, And) and len(part.parts) == 2:
        sign, equality = part.parts
        if isinstance(sign, Relation) and isinstance(equality, Relation):
            if sign.kind == "<=" and equality.kind == "=":
                return sign, equality
    return None


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
        case Ball():
            raise AssertionError("balls are read or expanded before")

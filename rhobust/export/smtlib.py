"""Questions as SMT-LIB 2 text over QF_LRA: linear arithmetic on the reals, without any rounding.

Every variable has one Real for each of its elements. What an operator makes of a variable is named
by `define-fun` and written once, however often the formulas use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import assert_never

import numpy as np

from ..compiler.base.errors import LanguageError
from ..compiler.base.norms import L1
from ..compiler.language.elementwise import elements
from ..compiler.language.exact_rows import Form, applied, values
from ..compiler.language.expressions import Affine, Variable
from ..compiler.language.formulas import Ball, Formula, Relation, requirements
from ..compiler.network.graph import Network
from ..compiler.operators import Chain, LinearOperator
from ..compiler.question.and_or_tree import AllOf, AnyOf, Atom, Tree
from ..compiler.question.property import Property
from .names import Names
from .tensors import tensors

OBJECTIVE = "objective"


def write_smtlib(
    formulas: Sequence[Formula], objective: Affine | None = None, minimise: bool = False
) -> str:
    """Whether all formulas hold together, with those that define their variables.

    Promise: the text is satisfiable over the reals exactly when some values within the variables'
    bounds satisfy all formulas; weights, divisors and constants are the rationals that the floats
    are. objective: defined under that name; minimise: asks for its least value too, by a command
    that is not standard and that z3 and OptiMathSAT know. Raises LanguageError for an l2 norm.
    """
    if objective is not None and objective.size != 1:
        raise LanguageError(f"an objective is one number, not {objective.size}")
    if minimise and objective is None:
        raise LanguageError("there is no objective to minimise")
    needed = {id(f): f for formula in formulas for f in requirements(formula)}
    if objective is not None:
        needed.update((id(f), f) for f in objective.requires)
    script = _Script()
    for formula in (*needed.values(), *formulas):
        script.state(formula)
    if objective is not None:
        ((form, constant),) = script.read(objective)
        script.lines.append(f"(define-fun {OBJECTIVE} () Real {_shifted(form, constant)})")
    return script.text([f"(minimize {OBJECTIVE})"] if minimise else [])


def write_property_smtlib(networks: Sequence[Network], asked: Property) -> str:
    """Whether some input of the networks satisfies a property, over X_0, X_1, ..., Y_0, Y_1, ...

    Promise: as of `write_smtlib`; the property's constants are those of its file.
    """
    x, y = tensors(networks, asked)
    script = _Script()
    inputs = script.declared(x)
    for formula in y.requires:
        script.state(formula)
    outputs = [form for form, _ in script.read(y)]
    parts = asked.tree.parts if isinstance(asked.tree, AllOf) else (asked.tree,)
    script.lines += [f"(assert {_tree(part, inputs, outputs)})" for part in parts]
    return script.text([])


class _Script:
    """Lines in the order in which a solver reads them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._names = Names([OBJECTIVE])
        self._variables: dict[Variable, list[Form[str]]] = {}
        # with the operator, so that its id stays its own
        self._products: dict[tuple[int, ...], tuple[LinearOperator, list[Form[str]]]] = {}

    def text(self, commands: Sequence[str]) -> str:
        head = ["(set-option :produce-models true)", "(set-logic QF_LRA)"]
        tail = [*commands, "(check-sat)", "(get-model)", "(exit)"]
        return "\n".join([*head, *self.lines, *tail]) + "\n"

    def declared(self, variable: Variable) -> list[Form[str]]:
        """The variable's elements; declares them and states their bounds when it is new."""
        if variable not in self._variables:
            names = self._names.elements(variable.name, variable.size)
            self.lines += [f"(declare-const {name} Real)" for name in names]
            for sign, bound in (">=", variable.lower), ("<=", variable.upper):
                self.lines += [
                    f"(assert ({sign} {names[k]} {_number(Fraction(float(bound[k])))}))"
                    for k in np.flatnonzero(np.isfinite(bound)).tolist()
                ]
            self._variables[variable] = [{name: Fraction(1)} for name in names]
        return self._variables[variable]

    def product(self, operator: LinearOperator, variable: Variable) -> list[Form[str]]:
        """operator(variable), each element a multiple of one name."""
        forms = self.declared(variable)
        key: tuple[int, ...] = (id(variable),)
        for part in operator.parts if isinstance(operator, Chain) else (operator,):
            key = (*key, id(part))
            if key not in self._products:
                self._products[key] = part, self._named(applied(part, forms))
            forms = self._products[key][1]
        return forms

    def _named(self, forms: list[Form[str]]) -> list[Form[str]]:
        """The forms, those of several terms under a name of their own."""
        base, found = "", []
        for k, form in enumerate(forms):
            if len(form) > 1:
                base = base or self._names.fresh("sum")
                self.lines.append(f"(define-fun {base}_{k} () Real {_sum(form)})")
                form = {f"{base}_{k}": Fraction(1)}
            found.append(form)
        return found

    def read(self, affine: Affine) -> list[tuple[Form[str], Fraction]]:
        return values(affine, self.product)

    def state(self, formula: Formula) -> None:
        """Asserts a formula, element by element."""
        found = elements(formula, self._atoms, _every, _some)
        self.lines += [f"(assert {text})" for text in found]

    def _atoms(self, atom: Relation | Ball) -> list[str]:
        if isinstance(atom, Relation):
            return [_relation(atom.kind, *value) for value in self.read(atom.affine)]
        if atom.norm is not L1:
            spoken = ", ".join(repr(term.variable.name) for term in atom.affine.terms)
            raise LanguageError(
                f"the {atom.norm} norm of an expression over {spoken} is not linear, and QF_LRA "
                "cannot say it; use norm1 or norm_inf"
            )
        found = self.read(atom.affine)
        parts = []
        for name, value in zip(self._names.elements("away", len(found)), found, strict=True):
            self.lines.append(f"(define-fun {name} () Real {_shifted(*value)})")
            parts.append(f"(ite (>= {name} 0) {name} (- {name}))")
        total = parts[0] if len(parts) == 1 else f"(+ {' '.join(parts)})" if parts else "0"
        return [f"(<= {total} {_number(Fraction(atom.radius))})"]


def _every(parts: list[str]) -> str:
    return f"(and {' '.join(parts)})" if parts else "true"


def _some(parts: list[str]) -> str:
    return f"(or {' '.join(parts)})" if parts else "false"


def _relation(kind: str, form: Form[str], constant: Fraction) -> str:
    return f"({kind} {_sum(form)} {_number(-constant)})"


def _sum(form: Form[str]) -> str:
    parts = []
    for name, number in form.items():
        if number == 1:
            parts.append(name)
        else:
            parts.append(f"(- {name})" if number == -1 else f"(* {_number(number)} {name})")
    return f"(+ {' '.join(parts)})" if len(parts) > 1 else parts[0] if parts else "0"


def _shifted(form: Form[str], constant: Fraction) -> str:
    return f"(+ {_sum(form)} {_number(constant)})" if constant else _sum(form)


def _number(value: Fraction) -> str:
    """A rational as QF_LRA writes it."""
    size = str(abs(value.numerator))
    top = f"(- {size})" if value < 0 else size
    return top if value.denominator == 1 else f"(/ {top} {value.denominator})"


def _tree(tree: Tree, inputs: Sequence[Form[str]], outputs: Sequence[Form[str]]) -> str:
    match tree:
        case Atom(terms, constant, strict):
            form: Form[str] = {}
            for (output, element), k in terms:
                ((name, one),) = (outputs if output else inputs)[element].items()
                form[name] = k * one
            return _relation("<" if strict else "<=", form, constant)
        case AllOf(parts):
            return _every([_tree(part, inputs, outputs) for part in parts])
        case AnyOf(parts):
            return _some([_tree(part, inputs, outputs) for part in parts])
        case _:
            assert_never(tree)

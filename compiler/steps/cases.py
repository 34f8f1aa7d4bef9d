"""Step: what is left of the property becomes a disjunction of cases over one output vector."""

from __future__ import annotations

from itertools import product

import numpy as np

from ..errors import LanguageError
from ..language import And, Formula, Or, Relation, Variable
from ..operators import Select
from .system import Atom, Definition, Lift, System, unchanged

LARGEST = 10_000
"""Cases beyond this are a sign of a property that should be split by its writer."""


def cases(system: System) -> tuple[System, Lift]:
    """The system with its formulas in disjunctive normal form over definitions.

    Every atom ends up as rows over variables whose operators are selections or dense; an atom
    behind any other operator gets a definition of its own first.
    """
    found = _normal_form(And(system.formulas))
    definitions = list(system.definitions)
    known = {system.inputs, *(definition.variable for definition in definitions)}
    named: dict[int, Variable] = {}
    out: list[tuple[Atom, ...]] = []
    for case in found:
        atoms = []
        for atom in case:
            for variable in {term.variable for term in atom.affine.terms} - known:
                raise LanguageError(
                    f"variable {variable.name!r} is no function of the inputs by what stands "
                    "before; define it by an equality or an activation"
                )
            if all(isinstance(term.operator, Select) for term in atom.affine.terms):
                atoms.append(atom)
                continue
            key = id(atom.affine)
            if key not in named:
                named[key] = Variable.free(atom.affine.size, "property")
                definitions.append(Definition(named[key], atom.affine, False))
            atoms.append(Relation(named[key].affine, atom.kind))
        out.append(tuple(atoms))
    return System(
        system.inputs, (), tuple(definitions), system.lower, system.upper, tuple(out)
    ), unchanged


def _normal_form(formula: Formula) -> list[tuple[Atom, ...]]:
    match formula:
        case Relation(affine, kind):
            if kind == "=":
                return [(Relation(affine, "<="), Relation(-affine, "<="))]
            return [(formula,)]
        case And(parts):
            choices = [_normal_form(part) for part in parts]
            if np.prod([float(len(choice)) for choice in choices]) > LARGEST:
                raise LanguageError(f"the property has more than {LARGEST} cases")
            return [tuple(atom for part in pick for atom in part) for pick in product(*choices)]
        case Or(parts, elementwise):
            if elementwise and any(_size(part) > 1 for part in parts):
                raise LanguageError(
                    "an elementwise Or that defines no variable cannot be a property"
                )
            return [case for part in parts for case in _normal_form(part)]


def _size(formula: Formula) -> int:
    match formula:
        case Relation(affine):
            return affine.size
        case And(parts) | Or(parts):
            return max((_size(part) for part in parts), default=1)

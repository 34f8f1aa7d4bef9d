"""Step: what is left of the property becomes atoms over one output vector, and choices of them."""

from __future__ import annotations

from ..base.errors import LanguageError
from ..language.expressions import Affine, Variable
from ..language.formulas import And, Ball, Formula, Or, Relation
from ..operators import Select
from ..problem import Branch
from .system import Atom, Definition, Lift, System, unchanged

LARGEST = 200_000
"""Atoms beyond this are a sign of a property that should be split by its writer."""


def cases(system: System) -> tuple[System, Lift]:
    """The system with its formulas as a tree of branches and choices; see `Branch`.

    Every atom ends up as rows over variables whose operators are signed selections; an atom behind
    any other operator gets a definition of its own first. The objective is the first atom.
    """
    work = _Tree(system.definitions)
    if system.objective is not None:
        work.atom(Relation(system.objective, "<="))
    root = work.branch(And(system.formulas))
    return System(
        (), system.objective, system.inputs, tuple(work.definitions), system.boxes, system.ball,
        tuple(work.atoms), root, tuple(work.choices), system.rounded,
    ), unchanged  # fmt: skip


class _Tree:
    def __init__(self, definitions: tuple[Definition, ...]) -> None:
        self.definitions = list(definitions)
        self.atoms: list[Atom] = []
        self.choices: list[tuple[Branch, ...]] = []
        self.size = 0
        self.named: dict[int, tuple[Affine, Affine]] = {}
        self.places: dict[tuple[int, str], tuple[Formula, tuple[int, ...]]] = {}

    def atom(self, relation: Relation) -> tuple[int, ...]:
        """The numbers of a relation's elements; the same relation twice has the same ones."""
        key = (id(relation.affine), relation.kind)
        if key not in self.places:
            if relation.kind == "=":
                below = self.atom(Relation(relation.affine, "<="))
                numbers = below + self.atom(Relation(-relation.affine, "<="))
            else:
                self.atoms.append(Relation(self._direct(relation.affine), relation.kind))
                numbers = tuple(range(self.size, self.size + relation.affine.size))
                self.size += relation.affine.size
                if self.size > LARGEST:
                    raise LanguageError(
                        f"the problem has more than {LARGEST} relations that the search would "
                        "branch on; each unit of a layer that jumps, such as Sign, has 10 of them"
                    )
            # the relation is kept alive, or its id could come again
            self.places[key] = (relation, numbers)
        return self.places[key][1]

    def _direct(self, affine: Affine) -> Affine:
        """The expression over selections alone."""
        plain = all(isinstance(t.operator, Select) and abs(t.factor) == 1.0 for t in affine.terms)
        if plain:
            return affine
        key = id(affine)
        if key not in self.named:
            variable = Variable(affine.size, name="property")
            self.definitions.append(Definition(variable, affine, False))
            self.named[key] = (affine, variable.affine)
        return self.named[key][1]

    def branch(self, formula: Formula) -> Branch:
        """The formula as a conjunction of atoms and choices."""
        match formula:
            case Relation():
                return Branch(self.atom(formula), ())
            case And(parts):
                found = [self.branch(part) for part in parts]
                atoms = tuple(dict.fromkeys(k for part in found for k in part.atoms))
                return Branch(atoms, tuple(k for part in found for k in part.choices))
            case Or(parts, elementwise):
                if elementwise and any(_size(part) > 1 for part in parts):
                    return self._elementwise(parts)
                found = [self.branch(part) for part in parts]
                if len(found) == 1:
                    return found[0]
                if any(part == Branch((), ()) for part in found):
                    return Branch((), ())
                self.choices.append(tuple(found))
                return Branch((), (len(self.choices) - 1,))
            case Ball():
                raise AssertionError("balls are read or expanded before")

    def _elementwise(self, parts: tuple[Formula, ...]) -> Branch:
        """One choice for every element."""
        found = [self.branch(part) for part in parts]
        size = max(_size(part) for part in parts)
        if any(part.choices for part in found):
            raise LanguageError("an elementwise Or takes relations and conjunctions of them")
        columns = [_columns(part, self, size) for part in parts]
        first = len(self.choices)
        for element in range(size):
            self.choices.append(tuple(Branch(column[element], ()) for column in columns))
        return Branch((), tuple(range(first, first + size)))


def _columns(formula: Formula, tree: _Tree, size: int) -> list[tuple[int, ...]]:
    """For each element the atoms that say the formula there."""
    match formula:
        case Relation(affine):
            numbers = tree.atom(formula)
            sides = [numbers[k : k + affine.size] for k in range(0, len(numbers), affine.size)]
            if affine.size not in (1, size):
                raise LanguageError("the parts of an elementwise Or differ in size")
            return [tuple(side[k % affine.size] for side in sides) for k in range(size)]
        case And(parts):
            found = [_columns(part, tree, size) for part in parts]
            return [tuple(n for part in found for n in part[k]) for k in range(size)]
        case _:
            raise LanguageError("an elementwise Or takes relations and conjunctions of them")


def _size(formula: Formula) -> int:
    match formula:
        case Relation(affine):
            return affine.size
        case And(parts) | Or(parts):
            return max((_size(part) for part in parts), default=1)
        case Ball():
            return 1

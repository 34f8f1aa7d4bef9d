"""Small formulas with activations, conjunctions and disjunctions, and their exact answers.

A question has inputs in a box, units max(row, 0) and atoms row <= 0 (or < 0). A row is a constant,
then coefficients of the inputs and of the units before it. `Tree` says which atoms must hold.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import TypeAlias

import numpy as np

from rhobust.compiler.language.activations import relu
from rhobust.compiler.language.expressions import Affine, Variable, as_affine
from rhobust.compiler.language.formulas import And, Formula, Or, Relation, negated
from rhobust.compiler.language.norms import norm1
from rhobust.compiler.operators import Dense
from rhobust.selftest.polytopes import Cell, Form, box, divide, extend, part_below, ratio, replace

from ..reference.layers import eighths
from ..reference.oracles import Vector, vector


@dataclass(frozen=True)
class All:
    """All parts hold."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True)
class Any:
    """Some part holds."""

    parts: tuple[Tree, ...]


Tree: TypeAlias = int | All | Any
"""An atom by its number, or parts."""


@dataclass(frozen=True)
class Question:
    """Is there an input in the box with the tree true, and how small can the objective get?

    ball: a center and a radius, when inputs have to lie in a ball of the l1 norm too.
    """

    lower: Vector
    upper: Vector
    units: tuple[Vector, ...]
    atoms: tuple[Vector, ...]
    strict: tuple[bool, ...]
    tree: Tree
    objective: Vector
    ball: tuple[Vector, Fraction] | None = None

    def row(self, row: Vector, point: Sequence[Fraction]) -> Fraction:
        """Its value at an input."""
        known = [Fraction(1), *point]
        for unit in self.units:
            known.append(max(_sum(unit, known), Fraction(0)))
        return _sum(row, known)

    def holds(self, point: Sequence[Fraction]) -> bool:
        """Whether an input lies in the box and satisfies the tree, strictness included."""
        if not all(a <= x <= b for a, x, b in zip(self.lower, point, self.upper, strict=True)):
            return False
        if self.ball is not None:
            center, radius = self.ball
            if sum(abs(x - c) for x, c in zip(point, center, strict=True)) > radius:
                return False
        values = [self.row(row, point) for row in self.atoms]

        def true(tree: Tree) -> bool:
            match tree:
                case All(parts):
                    return all(map(true, parts))
                case Any(parts):
                    return any(map(true, parts))
                case number:
                    return values[number] < 0 or (values[number] == 0 and not self.strict[number])

        return true(self.tree)

    def branches(self) -> list[frozenset[int]]:
        """The disjunctive normal form."""

        def normal(tree: Tree) -> list[frozenset[int]]:
            match tree:
                case All(parts):
                    return [frozenset().union(*some) for some in product(*map(normal, parts))]
                case Any(parts):
                    return [some for part in parts for some in normal(part)]
                case number:
                    return [frozenset({number})]

        return list(dict.fromkeys(normal(self.tree)))

    def answered(self, cutoff: Fraction | None = None) -> bool:
        """Whether an input satisfies the tree, strictness included, its objective at most the
        cutoff.
        """
        first = len(self.lower) + 1
        for cell in self._cells(self.lower, self.upper):
            if cutoff is not None:
                form = self._form(self.objective, first)
                cell = part_below(cell, {**form, 0: form.get(0, Fraction(0)) - cutoff})
            for branch in self.branches():
                part = cell
                for number in branch:
                    if part:
                        part = part_below(part, self._form(self.atoms[number], first))
                # the mean of vertices satisfies each strict atom that some vertex does
                forms = [self._form(self.atoms[k], first) for k in branch if self.strict[k]]
                width = len(part[0].place) if part else 0
                ends = extend(part, forms) if part and forms else part
                if part and all(
                    any(place[width + k] < 0 for place, _ in ends) for k in range(len(forms))
                ):
                    return True
        return False

    def least_violation(self) -> Fraction | None:
        """The least that the largest atom of some branch can be; None where there is no branch."""
        far = Fraction(10**4)
        best: Fraction | None = None
        t = len(self.lower) + 1
        for cell in self._cells((*self.lower, -far), (*self.upper, far)):
            for branch in self.branches():
                part = cell
                for number in branch:
                    part = part_below(
                        part, {**self._form(self.atoms[number], t + 1), t: Fraction(-1)}
                    )
                    least = min(ratio(place[t], place) for place, _ in part)
                    if best is not None and least >= best:
                        break
                else:
                    least = min(ratio(place[t], place) for place, _ in part)
                    best = least if best is None else min(best, least)
        return best

    def least(self) -> Fraction | None:
        """The least objective where the tree holds, strictness apart; None where it never does."""
        found: list[Fraction] = []
        first = len(self.lower) + 1
        for cell in self._cells(self.lower, self.upper):
            for branch in self.branches():
                part = cell
                for number in branch:
                    if part:
                        part = part_below(part, self._form(self.atoms[number], first))
                if part:
                    form = self._form(self.objective, first)
                    ends = extend(part, [form])
                    found.append(min(ratio(place[-1], place) for place, _ in ends))
        return min(found, default=None)

    def _form(self, row: Vector, first: int) -> Form:
        """A row over the coordinates of a cell, where the units start at `first`."""
        inputs = len(self.lower)
        form = {k: value for k, value in enumerate(row[: inputs + 1])}
        return form | {first + k: value for k, value in enumerate(row[inputs + 1 :])}

    def _cells(self, lower: Vector, upper: Vector) -> list[Cell]:
        """Parts of a box on which every unit is affine; the box may have more coordinates."""
        cells, first = [box(lower, upper)], len(lower) + 1
        for k, unit in enumerate(self.units, start=first):
            parts: list[Cell] = []
            for cell in cells:
                cell = extend(cell, [self._form(unit, first)])
                signs = {(place[k] > 0) - (place[k] < 0) for place, _ in cell}
                if signs == {1, -1} or len(signs) == 3:
                    below, above = divide(cell, k)
                    parts += [replace(below, k, {}), above]
                else:
                    parts.append(cell if 1 in signs else replace(cell, k, {}))
            cells = parts
        for form in self._ball():
            cells = [part for cell in cells if (part := part_below(cell, form))]
        return cells

    def _ball(self) -> list[Form]:
        """The half-spaces that make up the ball."""
        if self.ball is None:
            return []
        center, radius = self.ball
        forms: list[Form] = []
        for signs in product([Fraction(1), Fraction(-1)], repeat=len(center)):
            level = -radius - sum(s * c for s, c in zip(signs, center, strict=True))
            forms.append({0: level, **dict(enumerate(signs, start=1))})
        return forms


def _sum(row: Vector, known: Sequence[Fraction]) -> Fraction:
    return sum((a * b for a, b in zip(row, known, strict=False)), Fraction(0))


# ---- in the language -------------------------------------------------------------------------


def stated(question: Question, turned: int = 0) -> tuple[list[Formula], Affine, Variable]:
    """The formulas, the objective and the input variable.

    turned: which parts of the tree are stated as what is not the case, by their bits.
    """
    low, high = ([float(v) for v in edge] for edge in (question.lower, question.upper))
    x = Variable(len(low), low, high, "x")
    known: list[Affine] = []

    def expression(row: Vector) -> Affine:
        numbers = np.array([float(value) for value in row])
        total = x.through(Dense(numbers[None, 1 : x.size + 1].copy()))
        for unit, factor in zip(known, numbers[x.size + 1 :].tolist(), strict=False):
            total = total + unit.through(Dense(np.array([[factor]])))
        return total + as_affine(float(numbers[0]), 1)

    for unit in question.units:
        known.append(relu(expression(unit)))
    rows = [expression(row) for row in question.atoms]

    def formula(tree: Tree, positive: bool) -> Formula:
        """The tree, or its opposite."""
        nonlocal turned
        turn, turned = turned % 2, turned // 2
        if turn:
            return negated(formula(tree, not positive))
        match tree:
            case All(parts) | Any(parts):
                inner = tuple(formula(part, positive) for part in parts)
                return And(inner) if isinstance(tree, All) == positive else Or(inner)
            case number:
                strict = question.strict[number] == positive
                return Relation(rows[number] * (1 if positive else -1), "<" if strict else "<=")

    formulas = [formula(question.tree, True)]
    if question.ball is not None:
        center, radius = question.ball
        away = x - np.array([float(value) for value in center])
        formulas.append(norm1(away) <= float(radius))
    return formulas, expression(question.objective), x


# ---- random ones -----------------------------------------------------------------------------


def random_question(rng: np.random.Generator, most: int = 3) -> Question:
    """Up to `most` inputs, 4 units and 6 atoms; about as often without an answer as with one.

    Balls are for up to 3 inputs: their vertices are too many otherwise.
    """
    inputs, units = int(rng.integers(1, most + 1)), int(rng.integers(0, 5))
    low = rng.integers(-8, 1, size=inputs) / 8.0
    high = low + rng.integers(1, 17, size=inputs) / 8.0
    if rng.random() < 0.1:
        high[0] = low[0]
    middle = vector((0.5 * (low + high)).tolist())
    made: list[Vector] = []
    values = [Fraction(1), *middle]
    for _ in range(units):
        row = eighths(rng, 1 + inputs + len(made))
        row[0] = float(-_sum(vector(row.tolist())[1:], values[1:])) + rng.integers(-2, 3) / 8.0
        made.append(vector(row.tolist()))
        values.append(max(_sum(made[-1], values), Fraction(0)))
    count = int(rng.integers(1, 7))
    atoms: list[Vector] = []
    for _ in range(count):
        row = eighths(rng, 1 + inputs + units)
        if atoms and rng.random() < 0.2:
            # the opposite of another one, but for a little
            other = atoms[int(rng.integers(len(atoms)))]
            row = -np.array([float(value) for value in other])
            row[0] += rng.choice([-1.0, 0.0, 1.0, 2.0]) / 16.0
        else:
            row[0] = float(-_sum(vector(row.tolist())[1:], values[1:]))
            row[0] += rng.integers(-4, 17) / 8.0
        atoms.append(vector(row.tolist()))
    strict = tuple(bool(v) for v in rng.random(count) < 0.3)
    left = 9

    def tree(depth: int) -> Tree:
        nonlocal left
        if depth == 0 or rng.random() < 0.25:
            return int(rng.integers(count))
        width = int(rng.choice([0, 1, 2, 3], p=[0.03, 0.07, 0.5, 0.4]))
        both = rng.random() < 0.55
        if not both:
            # few disjunctions, so that few branches are left to the enumeration
            width = min(width, left)
            left -= width
        return (All if both else Any)(tuple(tree(depth - 1) for _ in range(width)))

    whole = tree(int(rng.integers(1, 4)))
    objective = vector(eighths(rng, 1 + inputs + units).tolist())
    edges = vector(low.tolist()), vector(high.tolist())
    ball = None
    if rng.random() < 0.3 and inputs <= 3:
        center = low + (high - low) * rng.integers(-2, 11, size=inputs) / 8.0
        away = np.maximum(low - center, 0.0) + np.maximum(center - high, 0.0)
        radius = float(away.sum()) + int(rng.integers(0, 9)) / 8.0  # the ball meets the box
        ball = vector(center.tolist()), Fraction(radius)
    return Question(*edges, tuple(made), tuple(atoms), strict, whole, objective, ball)


def tied(question: Question) -> Question:
    """The same with small numbers, its atoms shifted so that the least violation is exactly 0.

    A shift that floats cannot state leaves another question, near one.
    """
    least = question.least_violation()
    if least is None or abs(least) > 100:
        return question
    shift = Fraction(float(least))
    atoms = tuple((row[0] - shift, *row[1:]) for row in question.atoms)
    if any(Fraction(float(row[0])) != row[0] for row in atoms):
        return question
    return dataclasses.replace(question, atoms=atoms)


def on_edge(question: Question, side: int) -> Question:
    """The same, its atoms shifted so that the least violation is about side / 1024."""
    least = question.least_violation()
    if least is None or abs(least) > 100:
        return question
    shift = Fraction(round(least * 2**16), 2**16) - Fraction(side, 1024)
    atoms = tuple((row[0] - shift, *row[1:]) for row in question.atoms)
    return dataclasses.replace(question, atoms=atoms)

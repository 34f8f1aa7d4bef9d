"""The disjunctions of a problem that are no activations: which atoms a node must satisfy, and which
choices it has not made yet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...compiler.base.arrays import Indices, Mask, Matrix, Vector
from ...compiler.problem import Branch, Problem

WIDEST_ROOT = 256
"""Nodes that the choices of the root branch may become before the search starts."""


def no_listener(row: int, number: int, count: int) -> None:
    """Where nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Branches over `atoms` atoms; see `Branch`."""

    root: Branch
    choices: tuple[tuple[Branch, ...], ...]
    atoms: int

    @staticmethod
    def of(problem: Problem) -> Tree:
        """That of a problem's root branch, whatever its objective."""
        return Tree(problem.root, problem.choices, len(problem.offset))

    def without(self, dead: Mask) -> Tree | None:
        """The tree once some atoms (A,) can hold nowhere; None when nothing is left of it."""
        known: dict[int, tuple[Branch, ...]] = {}

        def alive(branch: Branch) -> bool:
            if dead[list(branch.atoms)].any():
                return False
            return all(len(options(number)) > 0 for number in branch.choices)

        def options(number: int) -> tuple[Branch, ...]:
            if number not in known:
                known[number] = tuple(b for b in self.choices[number] if alive(b))
            return known[number]

        if not alive(self.root):
            return None
        return Tree(self.root, tuple(options(n) for n in range(len(self.choices))), self.atoms)

    def used(self) -> Indices:
        """The atoms that some branch speaks of, ascending."""
        found, open_, seen = set(self.root.atoms), list(self.root.choices), set[int]()
        while open_:
            number = open_.pop()
            if number in seen:
                continue
            seen.add(number)
            for branch in self.choices[number]:
                found |= set(branch.atoms)
                open_.extend(branch.choices)
        return np.array(sorted(found), dtype=np.int64)

    def renumbered(self, kept: Indices) -> Tree:
        """The same over the kept atoms alone, numbered again."""
        place = {old: new for new, old in enumerate(kept.tolist())}

        def moved(branch: Branch) -> Branch:
            return Branch(tuple(place[k] for k in branch.atoms if k in place), branch.choices)

        choices = tuple(
            tuple(moved(b) for b in options if all(k in place for k in b.atoms))
            for options in self.choices
        )
        return Tree(moved(self.root), choices, len(kept))

    def start(self, listener: Callable[[int, int, int], None] = no_listener) -> tuple[Mask, Mask]:
        """Root nodes: their atoms (B, A) and open choices (B, C), a few choices made already.

        listener: hears of every choice made: which row was taken out, the choice's number, and how
        many rows were put at the end instead.
        """
        atoms = np.zeros((1, self.atoms), dtype=bool)
        pending = np.zeros((1, len(self.choices)), dtype=bool)
        atoms[0, list(self.root.atoms)] = True
        pending[0, list(self.root.choices)] = True
        while pending.any():
            row = int(np.argmax(pending.any(axis=1)))
            number = self.next_choice(pending[row])
            if len(atoms) - 1 + len(self.choices[number]) > WIDEST_ROOT and len(atoms) > 1:
                break
            more = self.made(atoms[row], pending[row], number)
            listener(row, number, len(more[0]))
            atoms = np.concatenate([np.delete(atoms, row, axis=0), more[0]])
            pending = np.concatenate([np.delete(pending, row, axis=0), more[1]])
        return atoms, pending

    def violation(self, values: Matrix) -> Vector:
        """How far points are from satisfying the tree, by the values (B, A) of its atoms.

        At most 0 exactly where some conjunction of it holds; none of them is written out.
        """
        known: dict[int, Vector] = {}

        def of_branch(branch: Branch) -> Vector:
            worst: Vector = values[:, list(branch.atoms)].max(axis=1, initial=-np.inf)
            for number in branch.choices:
                worst = np.maximum(worst, of_choice(number))
            return worst

        def of_choice(number: int) -> Vector:
            if number not in known:
                least = np.full(len(values), np.inf)
                for branch in self.choices[number]:
                    least = np.minimum(least, of_branch(branch))
                known[number] = least
            return known[number]

        return of_branch(self.root)

    def next_choice(self, pending: Mask) -> int:
        """The open choice (C,) with the fewest branches."""
        return min(np.flatnonzero(pending).tolist(), key=lambda n: len(self.choices[n]))

    def made(self, atoms: Mask, pending: Mask, number: int) -> tuple[Mask, Mask]:
        """One choice made in all its ways: atoms (n, A) and open choices (n, C)."""
        options = self.choices[number]
        more_atoms = np.repeat(atoms[None], len(options), axis=0)
        more_pending = np.repeat(pending[None], len(options), axis=0)
        more_pending[:, number] = False
        for row, branch in enumerate(options):
            more_atoms[row, list(branch.atoms)] = True
            more_pending[row, list(branch.choices)] = True
        return more_atoms, more_pending

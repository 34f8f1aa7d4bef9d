"""From the notes of a search to the arrays of a part (docs/design/certificate.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ...compiler.base.arrays import Indices, Matrix, Vector, exact
from ...compiler.base.rounding import floor_float
from ...compiler.problem import Branch, Problem
from .recorder import DEAD, LEAF, NONE, Recorder, Rows

Arrays = dict[str, npt.NDArray[Any]]
Sparse = tuple[Indices, Indices, Vector]


class NotProvable(Exception):
    """The search proved it, but the file cannot say so."""


def part(recorder: Recorder, output: int | None, size: int) -> tuple[dict[str, Any], Arrays]:
    """The header's entry and the arrays of one part.

    output: the stage, from 1, whose value is the network's output; None where no atom speaks of
    it.  size: how many outputs the network has.
    """
    names = [name for name, _ in recorder.layers]
    if len(set(names)) < len(names):
        raise NotProvable("two layers have one name")
    problem = recorder.problem
    nodes = _Nodes(recorder)
    rows, row_of, also_of = _rows(recorder)
    kept = np.concatenate([np.empty(0, dtype=np.int64), *(recorder.own or [])])
    arrays: Arrays = {"low": problem.lower, "high": problem.upper, **_atoms(problem, output, size)}
    arrays |= {"units": recorder.units, "kept": kept, **_tight(recorder)}
    arrays |= {**nodes.arrays(row_of, also_of), **rows}
    arrays |= {"groups": recorder.groups, "share": recorder.share}
    header = {
        "root": _branch(problem.root),
        "choices": [[_branch(branch) for branch in options] for options in problem.choices],
        "layers": [{"name": name, "units": count} for name, count in recorder.layers],
        **recorder.flags,
    }
    if recorder.rational:
        header["rational"] = nodes.rational()
    return header, arrays


def _branch(branch: Branch) -> list[list[int]]:
    return [[int(k) for k in branch.atoms], [int(c) for c in branch.choices]]


def _atoms(problem: Problem, output: int | None, size: int) -> Arrays:
    """Every atom as a sparse row over the input and the network's output."""
    constant = [[o] for o in problem.offset.tolist()]
    found = np.zeros((len(problem.offset), problem.input_size + size))
    passed: list[int] = []

    def meet(number: int, lam: Matrix | None) -> Matrix | None:
        if lam is None or not lam.any():
            return None
        if number + 1 == output:
            found[:, problem.input_size :] += lam
            return None
        stage = problem.stages[number]
        if stage.relu:
            raise NotProvable("a relation speaks of an inner unit")
        for k, value in enumerate(stage.exact_bias().tolist()):
            if value:
                for atom in np.flatnonzero(lam[:, k]).tolist():
                    constant[atom].append(value * Fraction(float(lam[atom, k])))
        passed.insert(0, number + 1)
        return lam

    inputs = problem.pull_back(len(problem.stages) - 1, problem.rows, meet)
    found[:, : problem.input_size] += inputs
    if not _exact(problem, output, found, passed):
        raise NotProvable("a coefficient of a relation is no float64 number")
    row, place = np.nonzero(found)
    start = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(found)))])
    offset = np.array([_sum(values) for values in constant])
    return {
        "atom_start": start.astype(np.int64), "atom_index": place,
        "atom_value": found[row, place], "offset": offset,
    }  # fmt: skip


MOST = 2_000_000
"""Fractions that checking coefficients may make; beyond them it is left to the checker."""


def _exact(problem: Problem, output: int | None, found: Matrix, passed: Sequence[int]) -> bool:
    """Whether coefficients (A, D + K), pulled back through some stages, met no rounding."""
    if not passed:
        return True
    columns = np.flatnonzero(found.any(axis=0))
    widest = max(problem.stages[number - 1].size for number in passed)
    if len(columns) * max(widest, found.shape[1]) > MOST:
        return True
    unit = exact(np.eye(found.shape[1])[columns])
    values = {0: unit[:, : problem.input_size]}
    if output is not None:
        values[output] = unit[:, problem.input_size :]
    for number in passed:
        terms = problem.stages[number - 1].terms
        if any(source not in values for _, source in terms):
            return True
        parts = [operator.apply(values[source]) for operator, source in terms]
        values[number] = sum(parts[1:], parts[0])
    atom, place = np.nonzero(problem.rows)
    total = exact(np.zeros((len(found), len(columns))))
    factors = exact(problem.rows[atom, place])
    np.add.at(total, atom, (values[len(problem.stages)][:, place] * factors).T)
    return bool((total == exact(found[:, columns])).all())


def _sum(values: Sequence[Any]) -> float:
    return floor_float(sum((Fraction(value) for value in values), Fraction(0)))


def _tight(recorder: Recorder) -> Arrays:
    """Better bounds of units: the leaves of each, their slopes, and the units that they hold."""
    count, none = len(recorder.units), np.empty(0, dtype=np.int64)
    several = recorder.tight
    start, held = [np.zeros(1, dtype=np.int64)], [np.zeros(1, dtype=np.int64)]
    for tight in several:
        start.append(tight.leaves)
        held.append(np.bincount(tight.held[0], minlength=len(tight.alpha)))
    signs = [np.full(len(tight.units), tight.sign, dtype=np.int8) for tight in several]
    return {
        "tight_unit": np.concatenate([none, *(tight.units for tight in several)]),
        "tight_sign": np.concatenate([np.empty(0, dtype=np.int8), *signs]),
        "tight_start": np.cumsum(np.concatenate(start)),
        "tight_alpha": np.concatenate(
            [np.empty((0, count), dtype=np.float32), *(tight.alpha for tight in several)]
        ),
        "held_start": np.cumsum(np.concatenate(held)),
        "held_index": np.concatenate([none, *(tight.held[1] for tight in several)]),
        "held_phase": np.concatenate(
            [np.empty(0, dtype=np.int8), *(tight.held[2] for tight in several)]
        ),
        "held_value": np.concatenate([np.empty(0), *(tight.held[3] for tight in several)]),
    }


def _rows(recorder: Recorder) -> tuple[Arrays, Indices, Indices]:
    """The rows' arrays, which row every mark has, and which one besides.

    Where a node has a row that cut its box and one that an LP gave then, the cut comes first.
    """
    kept = sum(len(places) for places in recorder.own or [])
    row_of, also_of = np.full(recorder.count, NONE), np.full(recorder.count, NONE)
    first = 0
    for rows in (recorder.fast, recorder.exact):
        for marks in rows.marks:
            numbers = np.arange(first, first + len(marks))
            taken = row_of[marks] >= 0
            row_of[marks[~taken]] = numbers[~taken]
            also_of[marks[taken]] = numbers[taken]
            first += len(marks)
    arrays: Arrays = {}
    for name, rows, kind in (
        ("alpha32", recorder.fast, np.float32),
        ("alpha64", recorder.exact, np.float64),
    ):
        arrays[name] = np.concatenate([np.empty((0, kept), dtype=kind), *rows.alpha])
    for name in ("gamma", "beta"):
        start, index, value = _sparse((recorder.fast, recorder.exact), name)
        arrays |= {f"{name}_start": start, f"{name}_index": index, f"{name}_value": value}
    return arrays, row_of, also_of


def _sparse(several: Sequence[Rows], name: str) -> Sparse:
    counts: list[Indices] = [np.zeros(1, dtype=np.int64)]
    index: list[Indices] = [np.empty(0, dtype=np.int64)]
    value: list[Vector] = [np.empty(0)]
    for rows in several:
        for marks, (row, place, number) in zip(rows.marks, getattr(rows, name), strict=True):
            counts.append(np.bincount(row, minlength=len(marks)))
            index.append(place)
            value.append(number)
    return np.cumsum(np.concatenate(counts)), np.concatenate(index), np.concatenate(value)


@dataclass(slots=True)
class _Table:
    """The nodes in the file's order."""

    split: list[int] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    mark: list[int] = field(default_factory=list)

    def put(self, count: int) -> int:
        """Room for some nodes; returns the first one's number."""
        begin = len(self.split)
        self.split.extend([LEAF] * count)
        self.first.extend([0] * count)
        self.mark.extend([DEAD] * count)
        return begin


class _Nodes:
    """The tree in the file's order, with what the search left out as dead."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder, self.problem = recorder, recorder.problem
        self.live: dict[int, list[int]] = {}
        self.table = _Table()
        self.table.put(1)
        if recorder.count:
            self._grow()
        else:
            self._dead(0, self.problem.root)

    def arrays(self, row_of: Indices, also_of: Indices) -> Arrays:
        recorder = self.recorder
        born = recorder.born
        none = np.empty(0, dtype=np.int64)
        origin = np.concatenate([none, *(b.origin for b in born)])
        tighten = np.concatenate(
            [none, *(np.full(len(b.parent), b.tighten, dtype=np.int64) for b in born)]
        )
        marks = np.array(self.table.mark)
        own, split = marks >= 0, np.array(self.table.split)
        found: Arrays = {
            "split": split, "first": np.array(self.table.first),
            "row": np.where(split == LEAF, DEAD, NONE), "origin": np.full(len(marks), NONE),
            "tighten": np.zeros(len(marks), dtype=np.uint8), "also": np.full(len(marks), NONE),
        }  # fmt: skip
        found["row"][own] = row_of[marks[own]]
        found["also"][own] = also_of[marks[own]]
        found["origin"][own] = origin[marks[own]]
        found["tighten"][own] = tighten[marks[own]]
        return found

    def rational(self) -> list[Any]:
        """The leaves closed in rationals: node, and of each of its systems the lists of phases and
        of multipliers, as texts.
        """
        found = []
        for node, mark in enumerate(self.table.mark):
            cases = [
                [
                    [[k, phase] for k, phase in free.items()],
                    *([[k, str(w)] for k, w in rows.items()] for rows in (units, atoms)),
                ]
                for free, units, atoms in self.recorder.rational.get(mark, ())
            ]
            if cases:
                found.append([node, cases])
        return found

    def _grow(self) -> None:
        """The nodes of the search, parents first, siblings side by side."""
        recorder, table = self.recorder, self.table
        split = np.full(recorder.count, LEAF)
        for splitted, by in recorder.splits:
            split[splitted] = by
        parent = np.concatenate([b.parent for b in recorder.born])
        side = np.concatenate([b.side for b in recorder.born])
        order = np.lexsort((side, parent))
        begin = np.searchsorted(parent[order], np.arange(recorder.count), "left")
        end = np.searchsorted(parent[order], np.arange(recorder.count), "right")
        table.mark[0] = 0
        place = 0
        while place < len(table.split):
            mark = table.mark[place]
            if mark >= 0 and begin[mark] < end[mark]:
                children: list[int] = order[begin[mark] : end[mark]].tolist()
                number = int(split[mark])
                table.split[place] = number
                if number > -2:
                    table.first[place] = table.put(len(children))
                    table.mark[table.first[place] :] = children
                else:
                    self._chosen(place, -2 - number, children)
            place += 1

    def _chosen(self, place: int, number: int, children: Sequence[int]) -> None:
        """The branches of a choice: those the search looked at, and the dead ones."""
        options = self.problem.choices[number]
        begin = self.table.put(len(options))
        self.table.first[place] = begin
        live = self._live(number)
        for option, branch in enumerate(options):
            if option in live:
                self.table.mark[begin + option] = children[live.index(option)]
            else:
                self._dead(begin + option, branch)

    def _live(self, number: int) -> list[int]:
        """Which branches of a choice may hold, given the dead atoms."""
        if number not in self.live:
            options = enumerate(self.problem.choices[number])
            self.live[number] = [k for k, branch in options if self._may(branch)]
        return self.live[number]

    def _may(self, branch: Branch) -> bool:
        if self.recorder.dead[list(branch.atoms)].any():
            return False
        return all(self._live(number) for number in branch.choices)

    def _dead(self, place: int, branch: Branch) -> None:
        """A node whose branch cannot hold: by an atom, or by a choice without a live branch."""
        if self.recorder.dead[list(branch.atoms)].any():
            return
        number = next((c for c in branch.choices if not self._live(c)), None)
        if number is None:
            raise NotProvable("the search ended before it began")
        begin = self.table.put(len(self.problem.choices[number]))
        self.table.split[place], self.table.first[place] = -2 - number, begin
        # closed by none of its own atoms, but by its children
        for option, inner in enumerate(self.problem.choices[number]):
            self._dead(begin + option, inner)

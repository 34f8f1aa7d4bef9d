"""Sign rows made on demand: most violated first, in batches, each pulled back at once."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from ...compiler.base.arrays import Indices, Mask, Matrix, Vector
from ...compiler.base.later import sparse

FIRST, GROWTH, LARGEST = 64, 1.05, 512
"""Rows of a batch: the first, how it grows, and the most."""

SAMPLE, NEAR = 1, 4
"""Rows of a group of conditions that tell how long and how full its rows are, and how many where a
radius is asked for that is small: rows of later layers cut deep there, and are only slow elsewhere.
"""


class Rows(Protocol):
    """What takes rows: a solver, or a program that grows."""

    def add_rows(self, rows: Any, lower: Vector, upper: Vector) -> None: ...


class Nowhere:
    """Rows that are only kept."""

    def add_rows(self, rows: Any, lower: Vector, upper: Vector) -> None:
        pass


class Conditions(Protocol):
    """A linear region: conditions row @ x + constant >= 0, in groups.

    shortfall: how far each fails at a point; scales: what a violation is divided by to compare it.
    """

    @property
    def scales(self) -> list[Vector]: ...
    def shortfall(self, point: Vector) -> list[Vector]: ...
    def unit_rows(
        self, number: int, chosen: Indices
    ) -> tuple[Matrix | sparse.csr_array, Vector]: ...


class SignRows:
    """Which conditions of a region a solver has as rows, and the next ones it needs.

    parts, lower and places: the rows made, in the order given to the solver, and which conditions
    they are; the largest coefficient of each is 1, so that one tolerance fits all.
    """

    def __init__(
        self,
        region: Conditions,
        extra_columns: int,
        feasibility: float,
        first: int = FIRST,
        near: bool = False,
    ) -> None:
        self.region = region
        self.extra = extra_columns
        self.feasibility = feasibility
        self.batch = float(first)
        self.sample = NEAR if near else SAMPLE
        self.count = 0
        self.parts: list[sparse.csr_array] = []
        self.lower: list[Vector] = []
        self.places: list[Indices] = []
        self._made: Mask | None = None
        self._cost: dict[int, float] = {}

    def add_violated(self, solver: Rows, point: Vector, everything: bool = False) -> int:
        """Adds rows that fail at `point`, or all that are missing; returns how many."""
        groups = self.region.shortfall(point)
        starts = np.concatenate([[0], np.cumsum([len(group) for group in groups])])
        shortfall = np.concatenate(groups) if groups else np.zeros(0)
        if self._made is None:
            self._made = ~np.isfinite(shortfall)
        if everything:
            chosen = np.flatnonzero(~self._made)
        else:
            chosen = np.flatnonzero((shortfall > self.feasibility) & ~self._made)
            if len(chosen):
                chosen = self._most(chosen, shortfall, starts)
        for number in range(len(groups)):
            units = chosen[(chosen >= starts[number]) & (chosen < starts[number + 1])]
            if len(units):
                self._add(solver, number, units - starts[number])
        self._made[chosen] = True
        self.places.append(chosen)
        self.count += len(chosen)
        return len(chosen)

    def keep(self, mask: Mask) -> None:
        """Forgets the rows outside of a mask (count,); they may come again."""
        assert self._made is not None
        places = np.concatenate([np.empty(0, dtype=np.int64), *self.places])
        self._made[places[~mask]] = False
        self.places = [places[mask]]
        rows, lower = self.all()
        self.parts, self.lower = [sparse.csr_array(rows[np.flatnonzero(mask)])], [lower[mask]]
        self.count = int(mask.sum())

    def all(self) -> tuple[sparse.csr_array, Vector]:
        """The rows made, (count, D), and their lower ends."""
        return sparse.csr_array(sparse.vstack(self.parts)), np.concatenate(self.lower)

    def combined(self, duals: Vector) -> tuple[Vector, float]:
        """sum of duals * (row @ x - lower) as a row and a constant; duals (count,)."""
        total, constant, start = 0.0, 0.0, 0
        for part, lower in zip(self.parts, self.lower, strict=True):
            own = duals[start : start + len(lower)]
            total = total + own @ part
            constant -= float(own @ lower)
            start += len(lower)
        return np.asarray(total), constant

    def _most(self, chosen: Indices, shortfall: Vector, starts: Indices) -> Indices:
        """The most violated, in terms of how far the point would have to move; sparse rows first.

        Scales are bounds, too large in later layers: they are corrected by the rows made so far. A
        group that has none is tried first.
        """
        group = np.searchsorted(starts, chosen, side="right") - 1
        cost = np.array([self._cost.get(number, 1.0) for number in range(len(starts) - 1)])
        far = shortfall[chosen] / (np.concatenate(self.region.scales)[chosen] * cost[group])
        order = np.argsort(-far, kind="stable")
        sample = [
            order[group[order] == number][: self.sample]
            for number in np.unique(group).tolist()
            if number not in self._cost
        ]
        if sample:
            first = np.concatenate(sample)
            order = np.concatenate([first, order[~np.isin(order, first)]])
        picked = chosen[order[: int(self.batch)]]
        self.batch = min(GROWTH * self.batch, LARGEST)
        return np.sort(picked)

    def _add(self, solver: Rows, number: int, units: Indices) -> None:
        rows, constant = self.region.unit_rows(number, units)
        made = sparse.csr_array(rows)
        size = abs(made)
        scales = self.region.scales[number][units]
        share = float((np.asarray(size.sum(axis=1)).reshape(-1) / scales).mean())
        self._cost[number] = max(share, 1e-6) * max(1.0, made.nnz / len(units))
        largest = np.maximum(size.max(axis=1).toarray().reshape(-1), 1e-12)
        made = sparse.csr_array(sparse.diags_array(1.0 / largest) @ made)
        lower = -constant / largest
        self.parts.append(made)
        self.lower.append(lower)
        if self.extra:
            blank = sparse.csr_array((len(units), self.extra))
            made = sparse.csr_array(sparse.hstack([made, blank]))
        solver.add_rows(made, lower, np.full(len(units), np.inf))

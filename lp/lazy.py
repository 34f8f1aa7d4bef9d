"""Sign rows made on demand: most violated first, in growing batches, one backward pass each."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ..compiler.arrays import Mask, Matrix, Vector
from .region import Region


class Rows(Protocol):
    """What takes rows: a solver, or a program that grows."""

    def add_rows(self, rows: Matrix, lower: Vector, upper: Vector) -> None: ...


class SignRows:
    """Which sign rows of a region a solver has, and the next ones it needs."""

    def __init__(
        self, region: Region, extra_columns: int, feasibility: float, first: int = 16
    ) -> None:
        self.region = region
        self.extra = extra_columns
        self.feasibility = feasibility
        self.batch = first
        self.count = 0
        self._made: list[Mask] = [np.zeros(len(mask), dtype=bool) for mask in region.active]

    def add_violated(self, solver: Rows, point: Vector, everything: bool = False) -> int:
        """Adds rows that fail at `point`, or all that are missing; returns how many."""
        candidates: list[tuple[int, int, float]] = []
        for number, shortfall in enumerate(self.region.shortfall(point)):
            wanted = ~self._made[number] & (
                np.isfinite(shortfall) if everything else shortfall > self.feasibility
            )
            scale = 1.0 + float(np.abs(shortfall[np.isfinite(shortfall)]).max(initial=0.0))
            for unit in np.flatnonzero(wanted).tolist():
                candidates.append((number, unit, float(shortfall[unit]) / scale))
        if not everything:
            candidates.sort(key=lambda entry: -entry[2])
            candidates = candidates[: self.batch]
            self.batch = min(2 * self.batch, 512)
        for number in sorted({entry[0] for entry in candidates}):
            units = np.array([unit for stage, unit, _ in candidates if stage == number])
            rows, constant = self.region.unit_rows(number, units)
            if self.extra:
                rows = np.concatenate([rows, np.zeros((len(rows), self.extra))], axis=1)
            # the largest coefficient of every row becomes 1, so that one tolerance fits all
            scale_rows = np.maximum(np.abs(rows).max(axis=1, initial=0.0), 1e-12)
            solver.add_rows(
                rows / scale_rows[:, None], -constant / scale_rows, np.full(len(units), np.inf)
            )
            self._made[number][units] = True
        self.count += len(candidates)
        return len(candidates)

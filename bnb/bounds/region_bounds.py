"""Bounds of a whole region, stage by stage: interval first, backward where that leaves a unit
unstable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from ...compiler.base.arrays import Bounds, Indices, Matrix, Vector
from ...compiler.base.late import Late, Stop, never
from ...compiler.base.later import sparse
from ...compiler.problem import Problem
from .crown import Ascent, Multipliers, Nodes, ascend, crown, heuristic_slopes
from .interval import stage_interval
from .magnitudes import Magnitudes
from .sparse_crown import LocalRows, LocalStages, local_rows

LARGEST_BATCH = 4_000_000
"""Numbers in one array of a batched pass; beyond this the caches are no help."""

SMALL = 50_000
"""Numbers in rows of all units over the input, up to which whole arrays are as fast as sparse ones:
milliseconds.
"""

LARGEST_PRODUCT = 200_000_000
"""Multiplications of such a pass in one stage: tenths of a second between looks at the clock."""

Listener: TypeAlias = Callable[[int, Indices, int, Sequence[Matrix]], None]
"""Hears which slopes gave some units of a stage better bounds; see `Recorder.tightened`."""


def root_bounds(
    problem: Problem, box: Bounds, stop: Stop, steps: int = 0
) -> tuple[Nodes, Magnitudes] | None:
    """One node for the whole region, with rigorous bounds; None when `stop` said so on the way.

    box (1, D).  steps: multiplier ascent steps for each unstable unit's bounds.
    """
    magnitudes = Magnitudes.over(problem, box)
    nodes = Nodes(box, [], [])
    sources = [box]
    unstable: list[Indices] = []
    numbers = problem.input_size * sum(stage.size for stage in problem.stages)
    local = LocalStages(box) if numbers > SMALL and problem.ball is None else None
    for number, stage in enumerate(problem.stages):
        if stop():
            return None
        bounds = stage_interval(stage, sources)
        magnitudes.add_stage(problem)
        units = np.flatnonzero((bounds.lower[0] < 0.0) & (bounds.upper[0] > 0.0))
        rows: LocalRows | None = None
        if stage.relu and local is not None:
            try:
                rows = local_rows(problem, magnitudes, nodes, unstable, number, units, stop)
            except Late:
                return None
        deep = any(source != 0 for _, source in stage.terms)
        if stage.relu and (deep or problem.ball is not None):
            if rows is not None and local is not None:
                try:
                    found = local.bound(rows, stop)
                except Late:
                    return None
            else:
                dense = unit_bounds(problem, magnitudes, nodes, number, units, stop, steps)
                if dense is None:
                    return None
                found = dense
            lower, upper = bounds.lower.copy(), bounds.upper.copy()
            lower[0, units] = np.fmax(lower[0, units], found[0])
            upper[0, units] = np.fmin(upper[0, units], found[1])
            bounds = Bounds(lower, upper)
        left = (bounds.lower[0, units] < 0.0) & (bounds.upper[0, units] > 0.0)
        unstable.append(units[left] if stage.relu else np.empty(0, dtype=np.int64))
        if stage.relu and local is not None:
            if rows is None:
                local = None
            else:
                keep = units[left]
                local.append(
                    rows.take(np.flatnonzero(left)), bounds.lower[0, keep], bounds.upper[0, keep]
                )
        elif local is not None:
            # keeps one entry a stage, so that the units of all stages stand in order
            empty = sparse.csr_array((0, problem.input_size))
            none = [sparse.csr_array((0, len(u))) for u in unstable[:-1]]
            local.append(LocalRows(empty, none, np.empty(0), np.empty(0)), np.empty(0), np.empty(0))
        magnitudes.add_bounds(bounds, stage.relu)
        nodes.bounds.append(bounds)
        nodes.splits.append(np.zeros((1, stage.size), dtype=np.int8))
        sources.append(bounds.rectified() if stage.relu else bounds)
    return nodes, magnitudes


def tighten(
    problem: Problem,
    nodes: Nodes,
    magnitudes: Magnitudes,
    steps: int,
    stop: Stop,
    listener: Listener | None = None,
) -> None:
    """Backward bounds with `steps` ascent steps for all units of node 0, in place.

    listener: hears which slopes, (Q, N) of each stage below, gave some units their bounds.
    """
    for number, stage in enumerate(problem.stages[:-1]):
        if number == 0 or not stage.relu:
            continue
        bounds = nodes.bounds[number]
        units = np.flatnonzero((bounds.lower[0] < 0.0) & (bounds.upper[0] > 0.0))
        found = unit_bounds(problem, magnitudes, nodes, number, units, stop, steps, listener)
        if found is None:
            return
        lower, upper = bounds.lower.copy(), bounds.upper.copy()
        lower[0, units] = np.fmax(lower[0, units], found[0])
        upper[0, units] = np.fmin(upper[0, units], found[1])
        nodes.bounds[number] = Bounds(lower, upper)


def unit_bounds(
    problem: Problem,
    magnitudes: Magnitudes,
    nodes: Nodes,
    number: int,
    units: Indices,
    stop: Stop,
    steps: int = 0,
    listener: Listener | None = None,
) -> tuple[Vector, Vector] | None:
    """Backward bounds (lower, upper) of some pre-activations of stage `number` at node 0."""
    size = problem.stages[number].size
    count = len(units)
    lower, upper = np.full(count, -np.inf), np.full(count, np.inf)
    for signed, part in _chunks(problem, number, count):
        if stop():
            return None
        rows = np.zeros((len(part), size))
        rows[np.arange(len(part)), units[part]] = signed
        owner = np.zeros(len(part), dtype=np.int64)
        multipliers = heuristic_slopes(problem, nodes, owner, number)
        # the ascent changes them in place, and only a listener wants to know which were best
        slopes = None if listener is None else [alpha.copy() for alpha in multipliers.alpha]
        try:
            value = best_pass(
                problem, magnitudes, nodes, owner, number, rows, multipliers, steps, stop, slopes
            )
        except Late:
            return None
        if listener is not None and slopes is not None:
            known, k = nodes.bounds[number], units[part]
            before = known.lower[0, k] if signed > 0 else -known.upper[0, k]
            better = np.flatnonzero(value > before)
            listener(number, k[better], int(signed), [alpha[better] for alpha in slopes])
        if signed > 0:
            lower[part] = value
        else:
            upper[part] = -value
    return lower, upper


def best_pass(
    problem: Problem,
    magnitudes: Magnitudes,
    nodes: Nodes,
    owner: Indices,
    number: int,
    rows: np.ndarray,
    multipliers: Multipliers,
    steps: int,
    stop: Stop,
    slopes: list[Matrix] | None = None,
) -> Vector:
    """The best bound seen over `steps` ascent steps, (Q,).

    slopes: begin as those of `multipliers`, (Q, N) of each stage, and end as those of the bounds.
    """
    offset = np.zeros(len(owner))
    ascent = Ascent()
    best = np.full(len(owner), -np.inf)
    for step in range(steps + 1):
        last = step == steps
        found = crown(
            problem, magnitudes, nodes, owner, number, rows, offset, multipliers, keep=not last,
            stop=never if step else stop,
        )  # fmt: skip
        better = np.flatnonzero(found.value > best)
        best[better] = found.value[better]
        for kept, alpha in zip(slopes or (), multipliers.alpha, strict=slopes is not None):
            kept[better] = alpha[better]
        if last or stop():
            break
        ascend(problem, nodes, owner, number, found, multipliers, ascent)
    return best


def _chunks(problem: Problem, number: int, count: int) -> Sequence[tuple[float, Indices]]:
    widest = max([problem.input_size, *(s.size for s in problem.stages[: number + 1])])
    operators = [o for stage in problem.stages[: number + 1] for o, _ in stage.terms]
    products = max([1, *(o.terms * o.out_size for o in operators)])
    chunk = max(1, min(LARGEST_BATCH // widest, LARGEST_PRODUCT // products))
    parts = [np.arange(a, min(a + chunk, count)) for a in range(0, count, chunk)]
    return [(sign, part) for part in parts for sign in (1.0, -1.0)]

"""Bounds on what two inputs make of one network: on differences, not on two values apart.

Let a and b be what the copies compute, d = b - a. A layer's constant cancels, so d goes through a
linear layer as through its matrix alone. For a unit, max(b, 0) - max(a, 0) = s (b - a) with some s
in [0, 1] (ReluDiff: Paulsen, Wang and Wang 2020), s = 1 where both are active and 0 where both are
inactive. So the relaxation's error is at most |b - a|, however wide a and b are on their own, and
a backward pass takes rows over a difference back to one over the inputs' difference. The same holds
of derivatives along a segment, where s is 0 or 1 at almost every point. Rounding is charged as in
`magnitudes`, with the largest |d| in the place of the largest value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...compiler.base.arrays import Bounds, Indices, Matrix, Vector
from ...compiler.base.late import Stop, in_time
from ...compiler.base.rounding import TINY
from ...compiler.problem import Problem
from .crown import Nodes, crown, heuristic_slopes
from .interval import stage_interval
from .magnitudes import Magnitudes

GENEROUS = 4.0
"""Times as large as what a pass with as many operations is charged with: slopes and intercepts are
rounded to nearest here, where `kernels.crown.relax` rounds each the safe way.
"""


@dataclass(slots=True)
class Lines:
    """Of each unit of a stage at B nodes, lines below and above its difference, (B, N) each.

    below_slope * d + below <= max(b, 0) - max(a, 0) <= above_slope * d + above.

    With l <= d <= u and s in [0, 1], s d lies between min(d, 0) and max(d, 0), whose hulls for
    l < 0 < u are (Paulsen, Wang and Wang 2020)

        -l (d - u) / (u - l)  <=  s d  <=  u (d - l) / (u - l)
    """

    below_slope: Matrix
    below: Matrix
    above_slope: Matrix
    above: Matrix
    reach: Matrix

    @classmethod
    def of(cls, values: Bounds, difference: Bounds) -> Lines:
        """values: of both copies; difference: before the units.  All (B, N)."""
        low, high = difference.lower, difference.upper
        active, inactive = values.lower >= 0.0, values.upper <= 0.0
        open_ = ~active & ~inactive
        width = np.maximum(high - low, 1e-300)
        # s d with 0 <= s <= 1 lies between min(d, 0) and max(d, 0), of which these are the hulls
        falling = np.where(low >= 0.0, 0.0, np.where(high <= 0.0, 1.0, -low / width))
        rising = np.where(low >= 0.0, 1.0, np.where(high <= 0.0, 0.0, high / width))
        mixed = open_ & (low < 0.0) & (high > 0.0)
        falling, rising = np.clip(falling, 0.0, 1.0), np.clip(rising, 0.0, 1.0)
        return cls(
            np.where(active, 1.0, np.where(inactive, 0.0, falling)),
            np.where(mixed, -falling * high, 0.0),
            np.where(active, 1.0, np.where(inactive, 0.0, rising)),
            np.where(mixed, -rising * low, 0.0),
            np.where(open_, np.maximum(np.abs(low), np.abs(high)), 0.0),
        )


@dataclass(slots=True)
class DifferencePass:
    """Lower bounds of rows over a difference (Q,), their rows over the inputs' difference (Q, D),
    and how much the units' relaxation can have cost, (Q, N) a stage."""

    value: Vector
    input_rows: Matrix
    losses: list[Matrix]


@dataclass(slots=True)
class Copies:
    """B nodes: a cell, differences of inputs, and what follows, stage by stage.

    hull: (B, D), the cell, whose derivatives the factors s are of; it may hold both inputs, or a
    part of the segment between them.  apart: (B, D), the second input less the first.  scales:
    (B, N), |A| times the largest |differences| of a stage's sources.  rows: of each open unit its
    node, its number and a linear row over the input, for whoever chooses what to halve.
    """

    hull: Bounds
    apart: Bounds
    nodes: Nodes
    lines: list[Lines | None]
    differences: list[Bounds]
    scales: list[Matrix]
    rows: list[tuple[Indices, Indices, Matrix]]

    @property
    def count(self) -> int:
        return len(self.hull.lower)


def copies(
    problem: Problem, magnitudes: Magnitudes, hull: Bounds, apart: Bounds, last: int, stop: Stop
) -> Copies:
    """All bounds of the nodes up to stage `last`; raises Late once `stop` says so.

    hull, apart: (B, D), see `Copies`.
    """
    found = Copies(hull, apart, Nodes(hull, [], []), [], [], [], [])
    sources, moved = [hull], [apart]
    for number, stage in enumerate(problem.stages[: last + 1]):
        in_time(stop)
        bounds = stage_interval(stage, sources)
        none = np.zeros(stage.size)
        bare = replace(stage, bias=none, bias_radius=none, offsets=())
        difference = stage_interval(bare, moved)
        scale = np.zeros(difference.lower.shape)
        for operator, source in stage.terms:
            scale = scale + operator.absolute().apply(moved[source].magnitude)
        # a sum of contributions from several readers rounds once more for each
        found.scales.append(2.0 * scale * (1.0 + magnitudes.consumers[number + 1]))
        if stage.relu and number:
            bounds = _tighter(problem, magnitudes, found, number, bounds, stop)
        found.nodes.bounds.append(bounds)
        found.nodes.splits.append(np.zeros(bounds.lower.shape, dtype=np.int8))
        if not stage.relu:
            found.lines.append(None)
            found.differences.append(difference)
            sources.append(bounds)
            moved.append(difference)
            continue
        open_ = (bounds.lower < 0.0) & (bounds.upper > 0.0)
        owner, unit = np.nonzero(open_)
        rows = np.zeros((len(owner), stage.size))
        rows[np.arange(len(owner)), unit] = 1.0
        if number and len(owner):
            less = backward(problem, magnitudes, found, owner, number, rows).value
            more = -backward(problem, magnitudes, found, owner, number, -rows).value
            difference.lower[owner, unit] = np.fmax(difference.lower[owner, unit], less)
            difference.upper[owner, unit] = np.fmin(difference.upper[owner, unit], more)
        slopes = heuristic_slopes(problem, found.nodes, owner, number)
        over = crown(
            problem, magnitudes, found.nodes, owner, number, rows, np.zeros(len(owner)), slopes
        ).input_rows if len(owner) else np.zeros((0, problem.input_size))  # fmt: skip
        found.rows.append((owner, unit, over))
        found.differences.append(difference)
        found.lines.append(Lines.of(bounds, difference))
        sources.append(bounds.rectified())
        moved.append(_after(bounds, difference))
    return found


def _after(values: Bounds, difference: Bounds) -> Bounds:
    """Of the units' differences."""
    active, inactive = values.lower >= 0.0, values.upper <= 0.0
    low = np.where(active, difference.lower, np.minimum(difference.lower, 0.0))
    high = np.where(active, difference.upper, np.maximum(difference.upper, 0.0))
    return Bounds(np.where(inactive, 0.0, low), np.where(inactive, 0.0, high))


def _tighter(
    problem: Problem, magnitudes: Magnitudes, known: Copies, number: int, bounds: Bounds, stop: Stop
) -> Bounds:
    """A stage's own bounds, by two passes for each unit that is open."""
    owner, unit = np.nonzero((bounds.lower < 0.0) & (bounds.upper > 0.0))
    lower, upper = bounds.lower.copy(), bounds.upper.copy()
    if not len(owner):
        return bounds
    rows = np.zeros((len(owner), problem.stages[number].size))
    none = np.zeros(len(owner))
    for sign in (1.0, -1.0):
        rows[np.arange(len(owner)), unit] = sign
        slopes = heuristic_slopes(problem, known.nodes, owner, number)
        value = crown(
            problem, magnitudes, known.nodes, owner, number, rows, none, slopes, stop=stop
        ).value
        if sign > 0:
            lower[owner, unit] = np.fmax(lower[owner, unit], value)
        else:
            upper[owner, unit] = np.fmin(upper[owner, unit], -value)
    return Bounds(lower, upper)


def backward(
    problem: Problem,
    magnitudes: Magnitudes,
    known: Copies,
    owner: Indices,
    start: int,
    rows: Matrix,
) -> DifferencePass:
    """Lower bounds of rows @ (difference of stage `start` before its units), over each query's
    node.

    rows (Q, N), owner (Q,).  Promise: `value` is at most the true least; a NaN gives NaN.
    """
    constant, size = np.zeros(len(owner)), np.zeros(len(owner))
    losses: list[Matrix] = [np.zeros((0, 0))] * start

    def meet(number: int, lam: Matrix | None) -> Matrix | None:
        nonlocal constant, size
        if lam is None:
            return None
        lines = known.lines[number] if number < start else None
        if lines is None:
            mu = lam
        else:
            up, down = np.maximum(lam, 0.0), np.minimum(lam, 0.0)
            mu = up * lines.below_slope[owner] + down * lines.above_slope[owner]
            constant = constant + (up * lines.below[owner] + down * lines.above[owner]).sum(axis=1)
            reach = np.abs(lam) * lines.reach[owner]
            size = size + reach.sum(axis=1)
            losses[number] = reach
        size = size + (np.abs(mu) * known.scales[number][owner]).sum(axis=1)
        return mu

    lam = problem.pull_back(start, rows, meet)
    low, high = known.apart.lower[owner], known.apart.upper[owner]
    reads = 1.0 + magnitudes.consumers[0]
    size = size + reads * (np.abs(lam) * np.maximum(np.abs(low), np.abs(high))).sum(axis=1)
    least = constant + (np.where(lam >= 0.0, lam * low, lam * high)).sum(axis=1)
    slack = GENEROUS * magnitudes.factor * (size + np.abs(constant)) * (1.0 + 1e-9) + TINY
    return DifferencePass(least - slack, lam, losses)


def influence(known: Copies, found: DifferencePass) -> Matrix:
    """How much halving each input of a cell may gain, (B, D); found: a pass for each, in order.

    What a unit's relaxation can cost is shared among the inputs by how much of its width each
    makes.
    """
    width = known.hull.upper - known.hull.lower
    gain = np.zeros_like(width)
    stages = [number for number, lines in enumerate(known.lines) if lines is not None]
    for (owner, unit, rows), number in zip(known.rows, stages, strict=True):
        loss = found.losses[number]
        if len(owner) and loss.size:
            share = np.abs(rows) * width[owner]
            share = share / np.maximum(share.sum(axis=1, keepdims=True), 1e-300)
            np.add.at(gain, owner, share * loss[owner, unit][:, None])
    return gain

"""Bounds of single units by small trees of their own: splits of units before them.

The phases of a tree's leaves cover the node, so for each unit

    z  >=  min over the leaves of (lower bound of z where the leaf's phases hold)

with the leaves bounded by a pass with alpha and beta (Wang et al. 2021). In deep networks what a
unit's bound loses is lost again in every later layer. A unit reads few
unstable ones that matter, so that a few splits bring it near its exact range. All trees of a stage
grow side by side, by their worst leaf each (best-first branch and bound on every unit; the idea of
refining units one by one before the whole question: Singh et al. 2019, Boosting robustness
certification of neural networks).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...compiler.base.arrays import Bounds, Indices, Mask, Phases, Vector
from ...compiler.base.late import Stop
from ...compiler.problem import Problem
from ..bounds.crown import (
    Ascent,
    Multipliers,
    Nodes,
    ascend,
    crown,
    heuristic_slopes,
    triangle_loss,
    with_beta,
)
from ..bounds.magnitudes import Magnitudes
from ..bounds.region_bounds import LARGEST_BATCH

FIRST_STEPS, STEPS = 8, 3
"""Ascent steps of a tree's root, and of every later leaf."""
RATE, DECAY = 0.2, 0.8
"""The first ascent step and what is left of it with each further one: there are few, so it is large
and falls fast.
"""


@dataclass(slots=True)
class Leaves:
    """M leaves of several trees: whose (M,), the bound there, phases and multipliers (M, N) of
    every stage before the unit's, and what to split next and how much that unit loses.
    """

    owner: Indices
    value: Vector
    phases: list[Phases]
    multipliers: Multipliers
    split_on: Indices
    loss: Vector

    def take(self, index: Indices) -> Leaves:
        return Leaves(
            self.owner[index],
            self.value[index],
            [part[index] for part in self.phases],
            self.multipliers.take(index),
            self.split_on[index],
            self.loss[index],
        )

    @staticmethod
    def join(several: Sequence[Leaves]) -> Leaves:
        def stages(parts: Iterable[Sequence[Any]]) -> list[Any]:
            return [np.concatenate(stage) for stage in zip(*parts, strict=True)]

        return Leaves(
            np.concatenate([leaves.owner for leaves in several]),
            np.concatenate([leaves.value for leaves in several]),
            stages(leaves.phases for leaves in several),
            Multipliers(
                stages(leaves.multipliers.alpha for leaves in several),
                stages(leaves.multipliers.beta for leaves in several),
            ),
            np.concatenate([leaves.split_on for leaves in several]),
            np.concatenate([leaves.loss for leaves in several]),
        )


class Trees:
    """Lower bounds of sign * z for units (Q,) of stage `number`, over the only node of `nodes`.

    found (Q,): the best bounds; grown (Q,): whether a tree's leaves give it, or its root; leaves:
    those of all trees, each of which cover the node.
    """

    def __init__(
        self,
        problem: Problem,
        magnitudes: Magnitudes,
        nodes: Nodes,
        number: int,
        units: Indices,
        sign: float,
    ) -> None:
        self.problem, self.magnitudes, self.nodes, self.number = problem, magnitudes, nodes, number
        self.units = units
        self.rows = np.zeros((len(units), problem.stages[number].size))
        self.rows[np.arange(len(units)), units] = sign
        sizes = [problem.stages[stage].size for stage in range(number)]
        self.first = np.cumsum([0, *sizes])
        owner = np.zeros(len(units), dtype=np.int64)
        slopes = with_beta(heuristic_slopes(problem, nodes, owner, number))
        phases = [np.zeros((len(units), size), dtype=np.int8) for size in sizes]
        self.roots = self._bounded(np.arange(len(units)), phases, slopes, FIRST_STEPS)
        self.leaves, self.found = self.roots, self.roots.value.copy()
        self.grown: Mask = np.zeros(len(units), dtype=bool)

    def grow(self, rounds: int, stop: Stop) -> None:
        """Splits every tree's worst leaf, once a round, while that can raise its bound.

        A tree whose bound is positive already is done: its unit is stable.
        """
        for _ in range(rounds):
            leaves = self.leaves
            order = np.lexsort((leaves.value, leaves.owner))
            worst = order[np.searchsorted(leaves.owner[order], np.arange(len(self.units)))]
            worst = worst[(leaves.loss[worst] > 0.0) & (leaves.value[worst] < 0.0)]
            if stop() or not len(worst):
                break
            parents = leaves.take(worst)
            parts = []
            for phase in (1, -1):
                child = parents.take(np.arange(len(worst)))
                stage = np.searchsorted(self.first, child.split_on, side="right") - 1
                for number in range(self.number):
                    mine = np.flatnonzero(stage == number)
                    child.phases[number][mine, child.split_on[mine] - self.first[number]] = phase
                parts.append(self._bounded(child.owner, child.phases, child.multipliers, STEPS))
            kept = np.ones(len(leaves.owner), dtype=bool)
            kept[worst] = False
            self.leaves = Leaves.join([leaves.take(np.flatnonzero(kept)), *parts])
        least = np.full(len(self.units), np.inf)
        np.minimum.at(least, self.leaves.owner, self.leaves.value)
        self.grown = least > self.roots.value
        self.found = np.where(self.grown, least, self.roots.value)

    def proof(self, wanted: Mask) -> Leaves:
        """The leaves that show what was found for the wanted units (Q,)."""
        grown, roots = wanted & self.grown, wanted & ~self.grown
        shown = self.roots, np.flatnonzero(roots[self.roots.owner])
        split = self.leaves, np.flatnonzero(grown[self.leaves.owner])
        return Leaves.join([leaves.take(rows) for leaves, rows in (shown, split)])

    def _bounded(
        self, owner: Indices, phases: list[Phases], slopes: Multipliers, steps: int
    ) -> Leaves:
        widest = max([self.problem.input_size, *(p.shape[1] for p in phases)])
        chunk = max(1, LARGEST_BATCH // widest)
        found = []
        for begin in range(0, len(owner), chunk):
            part = np.arange(begin, min(begin + chunk, len(owner)))
            some = owner[part], [p[part] for p in phases], slopes.take(part)
            found.append(self._chunk(*some, steps))
        return Leaves.join(found)

    def _chunk(
        self, owner: Indices, phases: list[Phases], slopes: Multipliers, steps: int
    ) -> Leaves:
        """The leaves with the best multipliers of some ascent steps."""
        problem, number, count = self.problem, self.number, len(owner)
        bounds = []
        for stage, phase in enumerate(phases):
            low, high = self.nodes.bounds[stage].lower, self.nodes.bounds[stage].upper
            low = np.where(phase > 0, np.maximum(low, 0.0), low)
            bounds.append(Bounds(low, np.where(phase < 0, np.minimum(high, 0.0), high)))
        box = self.nodes.box
        region = Bounds(np.repeat(box.lower, count, axis=0), np.repeat(box.upper, count, axis=0))
        nodes, who = Nodes(region, bounds, phases), np.arange(count)
        best = np.full(count, -np.inf)
        kept = slopes.take(who)
        ascent, offset = Ascent(RATE, DECAY), np.zeros(count)
        for step in range(steps + 1):
            found = crown(
                problem,
                self.magnitudes,
                nodes,
                who,
                number,
                self.rows[owner],
                offset,
                slopes,
                keep=True,
            )
            better = np.flatnonzero(found.value > best)
            best[better] = found.value[better]
            for several, mine in ((kept.alpha, slopes.alpha), (kept.beta, slopes.beta)):
                for target, source in zip(several, mine, strict=True):
                    target[better] = source[better]
            if step < steps:
                ascend(problem, nodes, who, number, found, slopes, ascent)
        losses = []
        for known, phase, lam in zip(bounds, phases, found.rows, strict=False):
            lam = lam if lam.size else np.zeros(phase.shape)
            losses.append(triangle_loss(known.lower, known.upper, phase, lam))
        loss = np.concatenate(losses, axis=1)
        return Leaves(owner, best, phases, kept, np.argmax(loss, axis=1), loss.max(axis=1))

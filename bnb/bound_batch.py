"""Bounds of nodes, in batches: tightened, then raised by a few steps of their multipliers."""

from __future__ import annotations

import numpy as np

from ..compiler.base.arrays import Bounds, Indices, Mask, Matrix
from .bounds.crown import Ascent, Multipliers, Nodes, Pass, ascend, crown
from .bounds.kernels import least_radius
from .branching.relu import largest_loss
from .nodes.batch import Block, collect, multipliers, spread
from .state import Shared
from .tighten.below_split import propagate, refine
from .tighten.input_boxes import few_left, rebound, shrink, shrink_by_atoms, shrink_by_splits
from .tighten.objective_cut import tighten_inside

LEAST = 0.4
"""The least weight of an atom, as a share of the mean weight."""
MOST_INSIDE = 256
"""Free units up to which all of a node's are bounded over what can still matter."""
SHORT = 1e-9
"""What a node is short of closing at least, relative to the cutoff: a scale of weights."""


class Bounding(Shared):
    """A node closes when a weighted sum of its atoms is proven positive, or its objective above the
    cutoff.
    """

    def _bound(self, block: Block, steps: int) -> tuple[Block, bool]:
        """The nodes still open after `steps` ascent steps, with new values, multipliers and
        choices.
        """
        with self.lock:
            self.statistics.nodes += len(block)
        deep = block.depth.max(initial=0) > 0
        if deep:
            self._tighten_nodes(block)
        # an empty node (crossed bounds of a unit) holds no input
        empty = (block.lower > block.upper).any(axis=1) | (block.low > block.high).any(axis=1)
        self._empty("crossed bounds", block.take(np.flatnonzero(empty)))
        alive = np.flatnonzero(~empty)
        block = block.take(alive)
        if deep and self.problem.objective is not None and len(block):
            block = self._tighten_inside(block)
        if not len(block):
            return block, False
        rate, decay = (0.1, 0.9) if deep else (0.2, 0.95)
        block, accepted = self._ascend(block, steps, Ascent(rate, decay))
        if accepted or not deep or not len(block) or self.boxes:
            return block, accepted
        # a few steps settle most nodes; more pay where the bound is about to close or nothing is
        # left to split
        short = self.hooks.cutoff() - block.value
        hopeful = (short < self.scale * self.settings.hope) | (block.choice < 0)
        if not hopeful.any():
            return block, False
        rest = block.take(np.flatnonzero(~hopeful))
        again, accepted = self._ascend(
            block.take(np.flatnonzero(hopeful)), self.settings.extra_steps, Ascent(rate, decay)
        )
        return Block.join([rest, again]), accepted

    def _tighten_nodes(self, block: Block) -> None:
        """Bounds of the units that depend on the last split, and the joint groups they stand in."""
        held = self._held(block)
        if self.boxes:
            above = self._above(len(self.problem.offset))
            shrink_by_splits(self.problem, self.reach, self.units, block)
            self._kept("cutting boxes by splits", held, block)
            shrink_by_atoms(self.problem, self.reach, self.units, block, above)
            self._kept("cutting boxes by rows of the output", held, block)
            if self.propagates:
                propagate(self.sparse, self.reach, block, above)
                self._kept("propagating rows", held, block)
        if self.boxes or self.problem.ball is not None:
            rebound(self.problem, self.reach, self.units, block, self.hooks.box(), self.hooks.stop)
            self._kept("bounding a node's units again", held, block)
            return
        low, high = block.lower.copy(), block.upper.copy()
        if self.refines:
            refine(self.sparse, self.reach, self.hooks.box(), block, block.choice)
            self._kept("bounding units below a split", held, block)
        changed = (low != block.lower) | (high != block.upper)
        split = np.flatnonzero(block.choice >= 0)
        changed[split, block.choice[split]] = True
        self._join_again(block, changed)

    def _join_again(self, block: Block, changed: Mask) -> None:
        """What groups gain, where units (B, U) changed: it is what triangles lose with one pair of
        bounds, and too much beside the triangles of tighter ones.
        """
        if self.joint is not None:
            touched = self.joint.touched(block, changed)
            self.joint.update(block, self.hooks.box(), touched, self.hooks.stop)

    def _tighten_inside(self, block: Block) -> Block:
        """The nodes that unit bounds over what can still matter leave open, with these bounds.

        Their effort is that of many nodes: it is spent while it closes a good part of them.
        """
        cutoff = self.hooks.cutoff()
        few = (self._free(block).sum(axis=1) <= MOST_INSIDE) & np.isfinite(block.value)
        if not (self.inside.worthwhile and np.isfinite(cutoff) and few.any()):
            return block
        rest, block = block.take(np.flatnonzero(~few)), block.take(np.flatnonzero(few))
        held, low, high = self._held(block), block.lower.copy(), block.upper.copy()
        nodes = spread(block, self.units, self.hooks.box())
        alpha = multipliers(block, self.units).alpha
        above = self._above(len(self.problem.offset))
        short = np.maximum(cutoff - block.value, SHORT * (1.0 + abs(cutoff)))
        for number in range(self.units.stages):
            tighten_inside(
                self.problem, self.reach, nodes, number, alpha, block.atoms, above, short,
                self.settings.inside_steps, self.hooks.stop,
            )  # fmt: skip
            part, bounds = self.units.part(number), nodes.bounds[number]
            block.lower[:, part], block.upper[:, part] = bounds.lower, bounds.upper
        self._kept("bounding units over what betters the objective", held, block)
        left = np.flatnonzero(~(block.lower > block.upper).any(axis=1))
        with self.lock:
            self.inside.tried += len(block)
            self.inside.closed += len(block) - len(left)
        changed = (low != block.lower) | (high != block.upper)
        block = block.take(left)
        self._join_again(block, changed[left])
        return Block.join([rest, block])

    @staticmethod
    def _free(block: Block) -> Mask:
        """(B, U): the units that are unstable and not split."""
        free: Mask = (block.lower < 0.0) & (block.upper > 0.0) & (block.phase == 0)
        return free

    def _ascend(self, block: Block, steps: int, ascent: Ascent) -> tuple[Block, bool]:
        """What is open after some steps, and whether a candidate settled the question."""
        nodes = spread(block, self.units, self.hooks.box())
        slopes = multipliers(block, self.units)
        owner = np.arange(len(block))
        told = np.zeros(len(block), dtype=bool)
        for step in range(steps + 1):
            if self.ties is not None:
                self.ties.hold(block, slopes)
            found = self._pass(block, nodes, owner, slopes)
            block.value = np.fmax(block.value, found.value)
            self._measure(block, found)
            closed = block.value > self.hooks.cutoff()
            if self.tracker is not None:
                self.tracker.valued("a pass from the output", block, self._relevant())
                self._empty("closing by a bound", block.take(np.flatnonzero(closed)))
            still = np.flatnonzero(~closed)
            last = step == steps or self.hooks.stop()
            told = self._told_rows(closed, told, block, slopes, last)
            if len(still) == 0:
                return block.take(still), False
            if last or len(still) < 0.75 * len(block):
                block, nodes, owner, slopes, ascent, found = self._keep(
                    still, block, nodes, slopes, ascent, found
                )
                told = told[still]
            if last:
                break
            output = ascend(self.problem, nodes, owner, self.last, found, slopes, ascent)
            self._reweigh(block, output, step)
        block.alpha = collect(slopes.alpha, self.units, len(block))
        block.beta = collect(slopes.beta, self.units, len(block))
        lam = collect(found.rows[:-1], self.units, len(block))
        block.choice = largest_loss(block, lam, self.inputs)
        if self.boxes:
            self._halve(block, found)
        return block, self._accept(found.vertex)

    def _told_rows(
        self, closed: Mask, told: Mask, block: Block, slopes: Multipliers, last: bool
    ) -> Mask:
        """Notes the multipliers of nodes that closed just now, and of all whose boxes they cut."""
        recorder = self.hooks.recorder
        if recorder is None:
            return told
        fresh = ~told & (closed | (last and self.boxes))
        rows = np.flatnonzero(fresh)
        if len(rows):
            some = slopes.take(rows)
            alpha, beta = (collect(s, self.units, len(rows)) for s in (some.alpha, some.beta))
            recorder.rows(block.take(rows), alpha, beta)
        return told | fresh

    def _halve(self, block: Block, found: Pass) -> None:
        """Cuts the nodes' boxes by their bounds, and chooses inputs while many units are free."""
        held = self._held(block)
        shrink(block.low, block.high, found, np.full(len(block), self.hooks.cutoff()))
        self._kept("cutting boxes by the nodes' bounds", held, block)
        if not self.halving:
            return
        width = np.abs(found.input_rows) * (block.high - block.low)
        middle = 0.5 * (block.low + block.high)
        width = np.where((block.low < middle) & (middle < block.high), width, 0.0)
        axis, promise = self.axes.choose(width)
        block.promise = promise
        free = self._free(block).sum(axis=1)
        halve = (
            (block.choice >= 0) & (width.max(axis=1) > 0.0) & (free > few_left(self.units.count))
        )
        block.choice = np.where(halve, self.units.count + axis, block.choice)

    def _reweigh(self, block: Block, output: Matrix, step: int) -> None:
        """Multiplicative weights: atoms above 0 at the relaxation's minimiser (B, A) gain."""
        objective = self.problem.objective
        if not (block.atoms.sum(axis=1) > 1).any():
            return
        value = np.where(block.atoms, output, 0.0)
        if objective is not None:
            value[:, objective] = 0.0
        largest = np.maximum(np.abs(value).max(axis=1, keepdims=True), 1e-300)
        block.gamma = block.gamma * np.exp(0.9**step * value / largest)
        if objective is not None:
            block.gamma[:, objective] = 1.0
        else:
            # a weight near 0 would need many steps to come back where its atom matters
            block.gamma /= np.maximum(block.gamma.sum(axis=1, keepdims=True), 1e-300)
            least = LEAST / np.maximum(block.atoms.sum(axis=1, keepdims=True), 1)
            block.gamma = np.where(block.atoms, np.maximum(block.gamma, least), 0.0)
            block.gamma /= np.maximum(block.gamma.sum(axis=1, keepdims=True), 1e-300)

    def _pass(self, block: Block, nodes: Nodes, owner: Indices, slopes: Multipliers) -> Pass:
        found = crown(
            self.problem, self.reach, nodes, owner, self.last,
            block.gamma, np.zeros(len(block)), slopes, keep=True,
        )  # fmt: skip
        # nothing is asked of some nodes yet, and so nothing is proven of them
        found.value[~block.atoms.any(axis=1)] = -np.inf
        if self.joint is not None:
            before = found.value.copy()
            lam = collect(found.rows[:-1], self.units, len(block))
            self.joint.add(block, lam, found.value)
            found.base += (found.value - before) * (1.0 - 1e-15)
        return found

    def _measure(self, block: Block, found: Pass) -> None:
        """Raises the proven least distances of violations to what the pass shows."""
        if self.hooks.radius is None:
            return
        center, low, high = self.hooks.radius
        box = self.hooks.box()
        limit = float(np.maximum(box.upper - center, center - box.lower).max())
        radius = np.empty(len(block))
        least_radius(
            found.input_rows,
            found.base,
            found.slack,
            center,
            center - low,
            high - center,
            limit,
            radius,
        )
        block.radius = np.fmax(block.radius, radius * (1.0 - 1e-12))

    def _keep(
        self,
        still: Indices,
        block: Block,
        nodes: Nodes,
        slopes: Multipliers,
        ascent: Ascent,
        found: Pass,
    ) -> tuple[Block, Nodes, Indices, Multipliers, Ascent, Pass]:
        """Everything cut down to the queries that are still open."""
        nodes = Nodes(
            Bounds(nodes.box.lower[still], nodes.box.upper[still]),
            [Bounds(b.lower[still], b.upper[still]) for b in nodes.bounds],
            [s[still] for s in nodes.splits],
        )
        ascent.moments = [tuple(m[still] for m in four) for four in ascent.moments]  # type: ignore[misc]
        found = found.take(still)
        taken = slopes.take(still)
        return block.take(still), nodes, np.arange(len(still)), taken, ascent, found

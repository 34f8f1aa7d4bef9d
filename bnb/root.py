"""From a question to its root nodes: plain bounds, an attack, the reduced problem, better ones."""

from __future__ import annotations

import numpy as np

from ..compiler.base.arrays import Indices, Mask, Matrix, Vector
from ..compiler.base.errors import Contradiction
from ..compiler.base.late import Late
from ..compiler.base.untrusted import attempt
from .bounds.crown import Ascent, Pass, heuristic_slopes
from .bounds.region_bounds import root_bounds, tighten
from .leaves.close import Leaves
from .nodes.batch import Block, collect, empty_block, multipliers, root_block, spread
from .presolve.plain_proof import plain_pass
from .presolve.sparse_rows import SparseRows
from .settings import Outcome
from .tighten.below_split import DENSE, worth_refining
from .tighten.multi_neuron import JointGroups
from .tighten.ties import Ties
from .tighten.unit_tree_effort import grow


class Rooting(Leaves):
    """Each rung is climbed only if the one below left the question open."""

    def _root(self) -> tuple[Block, Outcome | None]:
        """The root nodes, or what is known without them."""
        try:
            return self._climbed()
        except Late:
            return empty_block(), self._outcome("open", "timeout", -np.inf, 0.0)

    def _climbed(self) -> tuple[Block, Outcome | None]:
        """Bounds of the region, rung by rung: plain, attack, reduced, tightened, optimised."""
        nothing = empty_block()
        found = root_bounds(self.problem, self.hooks.box(), self.hooks.stop)
        if found is None:
            return nothing, self._outcome("open", "timeout", -np.inf, 0.0)
        self.root, self.reach = found
        self._region("bounds of the region")
        self.statistics.nodes += 1
        first = self._plain()
        if self.tracker is not None:
            self.tracker.atoms("bounds of the region", first.value)
        if self.hooks.recorder is not None:
            self.hooks.recorder.plain(first.value, self._above(len(first.value)))
        atoms = self._open_atoms(first.value)
        if atoms is None:
            return nothing, self._outcome(
                "closed", "", float(first.value.min(initial=np.inf)), np.inf
            )
        center = self._middle()
        candidates = np.concatenate([center, first.vertex[atoms]])
        if self.hooks.accept(candidates) or attempt(lambda: self.hooks.attack(atoms), False):
            return nothing, self._outcome("accepted", "", -np.inf, 0.0)
        self._reduce(atoms)
        if self.settings.tighten_steps:
            before = self.units.count
            recorder = self.hooks.recorder
            tighten(
                self.problem, self.root, self.reach, self.settings.tighten_steps, self.hooks.stop,
                None if recorder is None else recorder.tightened,
            )  # fmt: skip
            self._region("tightening the region's bounds")
            unstable = sum(int((b.lower * b.upper < 0.0).sum()) for b in self.root.bounds[:-1])
            if unstable < 0.95 * before:
                self._reduce(np.arange(len(atoms)))
        value = first.value[atoms]
        block, early = self._ascended(value)
        if early is None and self._grown():
            block, early = self._ascended(value)
        if early is not None:
            return nothing, early
        ball = self.problem.ball is not None
        self.scale = float(self.hooks.cutoff() - block.value.min())
        if self.settings.joint and self.units.count > 1 and not self.boxes and not ball:
            block, accepted = self._join_units(block)
            if accepted:
                return nothing, self._outcome("accepted", "", -np.inf, 0.0)
            if not len(block):
                return nothing, self._outcome("closed", "", self.hooks.cutoff(), np.inf)
        return block, None

    def _ascended(self, value: Vector) -> tuple[Block, Outcome | None]:
        """The root nodes that some steps of their multipliers leave open; value (A,): of atoms."""
        self._look_at_rows()
        masks, pending = self.tree.start()
        gamma = self._weights(masks, value)
        block = root_block(self.units, self.root, masks, pending, gamma)
        self.roots = len(block)
        self._told_root(block)
        if self.boxes:
            box = self.hooks.box()
            block.low = np.repeat(box.lower, len(block), axis=0)
            block.high = np.repeat(box.upper, len(block), axis=0)
        owner = np.zeros(len(block), dtype=np.int64)
        slopes = heuristic_slopes(self.problem, self.root, owner, self.last)
        block.alpha = collect(slopes.alpha, self.units, len(block))
        if self.tracker is not None:
            self._covered("the root nodes", self.tracker.solves[None], block)
        block, accepted = self._bound(block, self.settings.root_steps)
        if accepted:
            return block, self._outcome("accepted", "", -np.inf, 0.0)
        if not len(block):
            return block, self._outcome("closed", "", self.hooks.cutoff(), np.inf)
        return block, None

    def _grown(self) -> bool:
        """Whether trees of single units gave better bounds, and all of the root is to be again."""
        if not self.settings.trees or self.boxes or self.problem.ball is not None:
            return False
        recorder = self.hooks.recorder
        work = self.sparse.work(self.units, self.problem.input_size)
        listener = None if recorder is None else recorder.grown
        if not grow(self.problem, self.reach, self.root, work, self.hooks.stop, listener):
            return False
        self._region("trees of single units")
        if recorder is not None:
            recorder.restart()
        self._reduce(np.arange(len(self.problem.offset)))
        return True

    def _region(self, step: str) -> None:
        """Bounds of the region cross nowhere, and hold what is tracked.

        Raises Contradiction; a region of a box and a ball may be empty.
        """
        if self.tracker is not None:
            self.tracker.region(step, self.root)
        if self.problem.ball is not None:
            return
        for number, bounds in enumerate(self.root.bounds):
            crossed = np.flatnonzero((bounds.lower > bounds.upper)[0])
            if len(crossed):
                unit = int(crossed[0])
                raise Contradiction(
                    f"{step}: unit {unit} of stage {number + 1} has no value in a region that is "
                    "not empty",
                    {"lower": float(bounds.lower[0, unit]), "upper": float(bounds.upper[0, unit])},
                )

    def _look_at_rows(self) -> None:
        """The reduced problem's rows, and what they make worth doing in the tree."""
        rows = SparseRows.of(self.problem, self.reach, self.units, self.hooks.stop)
        inputs, self.sparse = self.problem.input_size, rows
        self.ties = None if self.problem.objective is not None else Ties.of(rows, self.units)
        self.refines = (
            self.settings.refine
            and not self.boxes
            and self.problem.ball is None
            and self.units.stages > 1
            and worth_refining(rows, self.units, inputs)
        )
        if self.boxes:
            self.inputs = rows.inputs(self.units.count, inputs)
            self.propagates = rows.density(inputs) < DENSE

    def _middle(self) -> Matrix:
        """A point (1, D) well inside the region."""
        low, high, ball = self.root.box.lower, self.root.box.upper, self.problem.ball
        middle: Matrix = 0.5 * (low + high)
        if ball is not None:
            middle[0, ball.index] = np.clip(ball.center, low[0, ball.index], high[0, ball.index])
        return middle

    def _open_atoms(self, value: Vector) -> Indices | None:
        """The atoms of the tree that bounds (A,) leave possible; None when none of it is."""
        tree = self.tree.without(value > self._above(len(value)))
        if tree is None:
            return None
        atoms = tree.used()
        self.tree = tree.renumbered(atoms)
        return atoms

    def _weights(self, atoms: Mask, value: Vector) -> Matrix:
        """First weights of nodes' atoms (B, A): most on the one whose own bound is best."""
        objective = self.problem.objective
        asked = atoms.copy()
        if objective is not None:
            asked[:, objective] = False
        count = np.maximum(asked.sum(axis=1, keepdims=True), 1)
        if not atoms.shape[1]:
            return np.zeros(atoms.shape)
        best = np.argmax(np.where(asked, value, -np.inf), axis=1)
        gamma = np.where(asked, 0.3 / count, 0.0)
        several = np.flatnonzero(asked.any(axis=1))
        gamma[several, best[several]] += 0.7
        gamma[(count == 1)[:, 0]] = asked[(count == 1)[:, 0]]
        if objective is not None:
            gamma *= 0.1
            gamma[:, objective] = 1.0
        return gamma

    def _join_units(self, block: Block) -> tuple[Block, bool]:
        """The root nodes still open once groups of units are bounded together, see `_ascend`."""
        nodes = spread(block, self.units, self.hooks.box())
        owner = np.arange(len(block))
        found = self._pass(block, nodes, owner, multipliers(block, self.units))
        lam = collect(found.rows[:-1], self.units, len(block))
        self.joint = JointGroups.of(self.sparse, self.reach, self.units, self.roots, block, lam)
        block.gain = np.zeros((len(block), self.joint.groups.shape[1]))
        block.share = np.maximum(-lam, 0.0)
        self.joint.update(
            block, self.hooks.box(), np.ones(block.gain.shape, dtype=bool), self.hooks.stop
        )
        if self.hooks.recorder is not None:
            self.hooks.recorder.joined(self.joint.groups, block.origin, block.share)
        return self._ascend(block, self.settings.node_steps, Ascent(0.1, 0.9))

    def _plain(self) -> Pass:
        """Every atom's bound with the heuristic slopes."""
        return plain_pass(self.problem, self.reach, self.root)

    def _told_root(self, block: Block) -> None:
        recorder = self.hooks.recorder
        if recorder is None:
            return
        block.mark = recorder.start(self.tree)
        recorder.flags = {
            "boxes": self.boxes,
            "propagate": self.boxes and self.propagates,
            "refine": self.refines,
        }

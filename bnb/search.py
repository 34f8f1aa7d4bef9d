"""Branch and bound: is there an input in the region that satisfies the root branch, and how small
can the objective get?

Batched, worst bound first. A node closes when a weighted sum of its atoms is proven positive, or
the objective to be above the cutoff. An open choice is made first; then the unit is split whose
relaxation loses most; where no split is known to help, an LP decides the node or names one.
All that can go wrong (deadline, memory, a NaN, a solver that gives no answer) leaves nodes open,
never closed.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import RLock

import numpy as np

from ..compiler.arrays import Bounds, Indices, Mask, Matrix, Numbers, Vector
from ..compiler.problem import Branch, Problem
from ..compiler.untrusted import attempt
from ..lp.oracle import Oracle, highs
from .bounds.backward import Ascent, Multipliers, Nodes, Pass, backward, climb, plain
from .bounds.kernels import least_radius
from .bounds.reach import Reach
from .bounds.reduce import reduce
from .bounds.root import root_bounds, tighten, untold
from .boxes import (
    Axes,
    few_left,
    own_boxes,
    rebound,
    shrink,
    shrink_by_atoms,
    shrink_by_splits,
    worth_halving,
)
from .branching import largest_loss
from .choices import Tree
from .exact_leaf import ExactLeaves
from .frontier import Frontier
from .joint import JointGroups
from .leaf import solve_leaf
from .node import Block, Units, children, collect, empty_block, multipliers, root_block, spread
from .recording import Recorder
from .refine import DENSE, SparseRows, propagate, refine
from .saving import Saver, question, restored, state


@dataclass(frozen=True, slots=True)
class Settings:
    """What the search may spend; none of it changes what a verdict means."""

    batch: int = 64
    root_steps: int = 40
    tighten_steps: int = 8
    refine: bool = True
    joint: bool = True
    boxes: bool = True
    node_steps: int = 3
    extra_steps: int = 12
    hope: float = 0.01
    nodes: int = 10_000_000
    memory: float = 4e8
    threads: int = 1
    oracle: Oracle = highs


@dataclass(slots=True)
class Hooks:
    """What the caller hands down.

    remaining: seconds left. accept: looks at candidate points (B, D) and returns True when one
    settles the question. box: the current region (1, D); it may only shrink. attack: given the open
    atoms once the plain bounds left some; returns True when what it found settles the question.
    cutoff: objectives above it do not matter. radius: (center, domain lower, domain upper) when
    least distances are wanted. progress: called with (closed, open, least bound). recorder: notes
    the proof, of questions whose cutoff and region do not change. saver: keeps the open nodes.
    accept_exact: as accept, for one point (D,) of Fractions; without it accept sees the nearest
    floats.
    """

    remaining: Callable[[], float]
    accept: Callable[[Matrix], bool]
    box: Callable[[], Bounds]
    attack: Callable[[Indices], bool] = lambda atoms: False
    cutoff: Callable[[], float] = lambda: 0.0
    radius: tuple[Vector, Vector, Vector] | None = None
    progress: Callable[[int, int, float], None] = lambda closed, still_open, least: None
    recorder: Recorder | None = None
    saver: Saver | None = None
    accept_exact: Callable[[Numbers], bool] | None = None

    def offer(self, point: Numbers) -> bool:
        """Whether an exact point settles the question."""
        if self.accept_exact is not None:
            return self.accept_exact(point)
        return self.accept(point.astype(np.float64)[None])

    def stop(self) -> bool:
        return not self.remaining() > 0.0


@dataclass(slots=True)
class Statistics:
    """Counts of one search.  numerical: leaves that nothing could decide; exact: those that only
    rational arithmetic closed.
    """

    nodes: int = 0
    lps: int = 0
    numerical: int = 0
    exact: int = 0


@dataclass(slots=True)
class Outcome:
    """status: `closed` (the root branch cannot be satisfied, or not below the cutoff), `accepted`
    (a candidate settled the question) or `open`.

    bound: least proven value over what is still open, of the atoms' sums or of the objective;
    radius: proven least distance of a violation.
    """

    status: str
    reason: str
    bound: float
    radius: float
    statistics: Statistics = field(default_factory=Statistics)


class Search:
    """One question over one region; `run` answers it."""

    def __init__(self, problem: Problem, hooks: Hooks, settings: Settings) -> None:
        self.problem, self.hooks, self.settings = problem, hooks, settings
        root = problem.root
        if problem.objective is not None:
            root = Branch((problem.objective, *root.atoms), root.choices)
        self.tree = Tree(root, problem.choices, len(problem.offset))
        self.statistics = Statistics()
        self.exact = ExactLeaves(problem, hooks)
        self.doubtful = (np.inf, np.inf)  # least value and radius of the nodes given up
        self.joint: JointGroups | None = None
        self.inputs: Matrix | None = None
        self.propagates = False
        self.axes = Axes(problem.input_size)
        self.lock = RLock()  # over all that threads share: counts, records and the caller's hooks
        self.boxes = settings.boxes and own_boxes(problem)
        self.halving = self.boxes and worth_halving(problem)
        self.root: Nodes
        self.reach: Reach
        self.units: Units

    @property
    def last(self) -> int:
        return len(self.problem.stages) - 1

    def run(self) -> Outcome:
        with np.errstate(all="ignore"):
            return self._run()

    def _run(self) -> Outcome:
        block, early = self._root()
        if early is not None:
            return early
        frontier = Frontier(block, self.settings.memory)
        frontier.push(self._resumed(block))
        batches: list[Block] = []
        try:
            with ThreadPoolExecutor(self.settings.threads) as pool:
                several = pool.map if self.settings.threads > 1 else map
                while len(frontier):
                    reason = self._exhausted()
                    self._save(frontier, batches, block, bool(reason))
                    if reason:
                        return self._open(reason, frontier)
                    batches = self._batches(frontier)
                    for parts in list(several(self._work, batches)):
                        if parts is None:
                            return self._outcome("accepted", "", -np.inf, 0.0)
                        for part in parts:
                            frontier.push(part)
                    batches = []
                    self.hooks.progress(self.statistics.nodes, len(frontier), frontier.least()[0])
        except BaseException:
            # what was being worked on is open still
            self._save(frontier, batches, block, True)
            raise
        if self.statistics.numerical:
            return self._open("numerical", frontier)
        return self._outcome("closed", "", 0.0, np.inf)

    def _resumed(self, block: Block) -> Block:
        """The nodes to begin with: the roots, or those that an earlier run left open."""
        saver = self.hooks.saver
        kept = None if saver is None else saver.load(question(self.problem, self.root, block))
        if kept is None:
            return block
        counts = kept["counts"].tolist()
        self.statistics = Statistics(*(int(count) for count in counts[:3]))
        self.doubtful = (counts[3], counts[4])
        self.axes.kept = kept["learnt"]
        return restored(kept, block)

    def _save(self, frontier: Frontier, batches: list[Block], block: Block, now: bool) -> None:
        saver = self.hooks.saver
        if saver is None or not (now or saver.due()):
            return
        counts = self.statistics.nodes, self.statistics.lps, self.statistics.numerical
        kept = state([frontier.all(), *batches], (*counts, *self.doubtful), self.axes.kept)
        saver.save(question(self.problem, self.root, block), kept)

    def _batches(self, frontier: Frontier) -> list[Block]:
        """The next nodes, a batch for each thread."""
        threads = self.settings.threads
        size = min(self.settings.batch, -(-len(frontier) // threads))
        return [frontier.pop(size) for _ in range(threads) if len(frontier)]

    def _work(self, batch: Block) -> list[Block] | None:
        """What stays open of a batch, or None when a candidate settled the question."""
        left = []
        # how errors are told is up to each thread
        with np.errstate(all="ignore"):
            for work in (self._split, self._leaves):
                part = work(batch)
                if part is None:
                    return None
                if len(part):
                    left.append(part)
        return left

    def _accept(self, points: Matrix) -> bool:
        with self.lock:
            return self.hooks.accept(points)

    def _open(self, reason: str, frontier: Frontier) -> Outcome:
        """What is proven of the open nodes and of those that nothing could decide."""
        value, radius = frontier.least()
        return self._outcome(
            "open", reason, min(value, self.doubtful[0]), min(radius, self.doubtful[1])
        )

    def _root(self) -> tuple[Block, Outcome | None]:
        """Bounds of the region, rung by rung: plain, attack, reduced, tightened, optimised."""
        nothing = empty_block()
        found = root_bounds(self.problem, self.hooks.box(), self.hooks.stop)
        if found is None:
            return nothing, self._outcome("open", "timeout", -np.inf, 0.0)
        self.root, self.reach = found
        self.statistics.nodes += 1
        first = self._plain()
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
                untold if recorder is None else recorder.tightened,
            )  # fmt: skip
            unstable = sum(int((b.lower * b.upper < 0.0).sum()) for b in self.root.bounds[:-1])
            if unstable < 0.95 * before:
                self._reduce(np.arange(len(atoms)))
        self.sparse = SparseRows.of(self.problem, self.reach, self.units)
        if self.boxes:
            self.inputs = self.sparse.inputs(self.units.count, self.problem.input_size)
            self.propagates = self.sparse.density(self.problem.input_size) < DENSE
        masks, pending = self.tree.start()
        gamma = self._weights(masks, first.value[atoms])
        block = root_block(self.units, self.root, masks, pending, gamma)
        self.roots = len(block)
        self._told_root(block)
        if self.boxes:
            box = self.hooks.box()
            block.low = np.repeat(box.lower, len(block), axis=0)
            block.high = np.repeat(box.upper, len(block), axis=0)
        owner = np.zeros(len(block), dtype=np.int64)
        slopes = plain(self.problem, self.root, owner, self.last)
        block.alpha = collect(slopes.alpha, self.units, len(block))
        block, accepted = self._bound(block, self.settings.root_steps)
        if accepted:
            return nothing, self._outcome("accepted", "", -np.inf, 0.0)
        if not len(block):
            return nothing, self._outcome("closed", "", self.hooks.cutoff(), np.inf)
        ball = self.problem.ball is not None
        self.scale = float(self.hooks.cutoff() - block.value.min())
        if self.settings.joint and self.units.count > 1 and not self.boxes and not ball:
            block, accepted = self._join_units(block)
            if accepted:
                return nothing, self._outcome("accepted", "", -np.inf, 0.0)
            if not len(block):
                return nothing, self._outcome("closed", "", self.hooks.cutoff(), np.inf)
        return block, None

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

    def _above(self, atoms: int) -> Vector:
        """What each atom must not exceed to be of interest, (A,)."""
        above = np.zeros(atoms)
        if self.problem.objective is not None:
            above[self.problem.objective] = self.hooks.cutoff()
        return above

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
        self.joint.update(block, self.hooks.box(), np.ones(block.gain.shape, dtype=bool))
        if self.hooks.recorder is not None:
            self.hooks.recorder.joined(self.joint.groups, block.origin, block.share)
        return self._ascend(block, self.settings.node_steps, Ascent(0.1, 0.9))

    def _plain(self) -> Pass:
        """Every atom's bound with the heuristic slopes."""
        owner = np.zeros(len(self.problem.offset), dtype=np.int64)
        slopes = plain(self.problem, self.root, owner, self.last)
        return backward(
            self.problem, self.reach, self.root, owner, self.last, self.problem.rows,
            self.problem.offset, slopes,
        )  # fmt: skip

    def _told_root(self, block: Block) -> None:
        recorder = self.hooks.recorder
        if recorder is None:
            return
        block.mark = recorder.start(self.tree)
        refines = self.settings.refine and self.problem.ball is None and not self.boxes
        recorder.flags = {
            "boxes": self.boxes,
            "propagate": self.boxes and self.propagates,
            "refine": refines and self.units.stages > 1,
        }

    def _reduce(self, atoms: Indices) -> None:
        self.exact.reduced(self.problem, self.root, atoms)
        if self.hooks.recorder is not None:
            self.hooks.recorder.reduced(self.problem, self.root, atoms)
        self.problem, self.root, self.reach = reduce(
            self.problem, self.reach, self.root, self.tree, atoms
        )
        self.units = Units.of(self.problem)

    def _exhausted(self) -> str:
        if self.hooks.stop():
            return "timeout"
        return "node_limit" if self.statistics.nodes >= self.settings.nodes else ""

    def _outcome(self, status: str, reason: str, bound: float, radius: float) -> Outcome:
        return Outcome(status, reason, bound, radius, self.statistics)

    def _split(self, batch: Block) -> Block | None:
        """The open children of all nodes that have a choice to make or a unit to split; None when a
        candidate settled it.
        """
        undecided = batch.pending.any(axis=1)
        parts = [self._choose(batch.take(np.array([r]))) for r in np.flatnonzero(undecided)]
        ready = np.flatnonzero(~undecided & (batch.choice >= 0))
        chosen = batch.take(ready)
        chosen.parent = np.arange(len(ready))
        recorder = self.hooks.recorder
        if len(ready):
            parts.append(children(chosen))
            if recorder is not None:
                recorder.split(chosen.mark, chosen.choice)
        if not parts:
            return chosen
        block = Block.join(parts)
        if recorder is not None:
            block.mark = recorder.add(block.mark, block.side, block.origin, True)
        block, accepted = self._bound(block, self.settings.node_steps)
        if self.halving and not accepted:
            self._learn(chosen, block)
        return None if accepted else block

    def _learn(self, parents: Block, block: Block) -> None:
        """What halving gained: the mean rise of the children's bounds, a closed one's to the
        cutoff.
        """
        cutoff = self.hooks.cutoff()
        gain = np.maximum(cutoff - parents.value, 0.0)
        mine = np.flatnonzero(block.parent >= 0)
        np.subtract.at(gain, block.parent[mine], 0.5 * (cutoff - block.value[mine]))
        halved = np.flatnonzero(parents.choice >= self.units.count)
        axis = parents.choice[halved] - self.units.count
        with self.lock:
            self.axes.learn(axis, parents.promise[halved], gain[halved])

    def _choose(self, node: Block) -> Block:
        """One open choice of a node, made in all its ways."""
        number = self.tree.next_choice(node.pending[0])
        atoms, pending = self.tree.made(node.atoms[0], node.pending[0], number)
        block = node.take(np.zeros(len(atoms), dtype=np.int64))
        fresh = atoms & ~block.atoms
        count = fresh.sum(axis=1, keepdims=True)
        block.gamma = block.gamma * np.where(count > 0, 0.5, 1.0) + np.where(
            fresh, 0.5 / np.maximum(count, 1), 0.0
        )
        if self.problem.objective is not None:
            block.gamma[:, self.problem.objective] = 1.0
        else:
            block.gamma /= np.maximum(block.gamma.sum(axis=1, keepdims=True), 1e-300)
        block.atoms, block.pending = atoms, pending
        block.parent[:] = -1
        block.choice[:] = -1
        block.side = np.arange(len(block))
        block.depth += 1
        if self.hooks.recorder is not None:
            self.hooks.recorder.split(node.mark, np.array([-2 - number]))
        return block

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
        alive = np.flatnonzero(~empty)
        block = block.take(alive)
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
        if self.boxes:
            above = self._above(len(self.problem.offset))
            shrink_by_splits(self.problem, self.reach, self.units, block)
            shrink_by_atoms(self.problem, self.reach, self.units, block, above)
            if self.propagates:
                propagate(self.sparse, self.reach, block, above)
        if self.boxes or self.problem.ball is not None:
            rebound(self.problem, self.reach, self.units, block, self.hooks.box(), self.hooks.stop)
            return
        low, high = block.lower.copy(), block.upper.copy()
        if self.units.stages > 1 and self.settings.refine:
            refine(self.sparse, self.reach, self.hooks.box(), block, block.choice)
        if self.joint is not None:
            changed = (low != block.lower) | (high != block.upper)
            split = np.flatnonzero(block.choice >= 0)
            changed[split, block.choice[split]] = True
            self.joint.update(block, self.hooks.box(), self.joint.touched(block, changed))

    def _ascend(self, block: Block, steps: int, ascent: Ascent) -> tuple[Block, bool]:
        """What is open after some steps, and whether a candidate settled the question."""
        nodes = spread(block, self.units, self.hooks.box())
        slopes = multipliers(block, self.units)
        owner = np.arange(len(block))
        told = np.zeros(len(block), dtype=bool)
        for step in range(steps + 1):
            found = self._pass(block, nodes, owner, slopes)
            block.value = np.fmax(block.value, found.value)
            self._measure(block, found)
            closed = block.value > self.hooks.cutoff()
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
            output = climb(self.problem, nodes, owner, self.last, found, slopes, ascent)
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
        shrink(block.low, block.high, found, np.full(len(block), self.hooks.cutoff()))
        if not self.halving:
            return
        width = np.abs(found.input_rows) * (block.high - block.low)
        middle = 0.5 * (block.low + block.high)
        width = np.where((block.low < middle) & (middle < block.high), width, 0.0)
        axis, promise = self.axes.choose(width)
        block.promise = promise
        free = ((block.lower < 0.0) & (block.upper > 0.0) & (block.phase == 0)).sum(axis=1)
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
            block.gamma /= block.gamma.sum(axis=1, keepdims=True)

    def _pass(self, block: Block, nodes: Nodes, owner: Indices, slopes: Multipliers) -> Pass:
        found = backward(
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

    def _broken(self, batch: Block, row: int, point: Vector | None) -> int:
        """The unit whose bounds a point (D,) breaks most, -1 without any.

        Bounds that propagation found hold for solutions only, and no row of the LP says so; held in
        its phase the unit has one.
        """
        if point is None:
            return -1
        values = self.problem.values(point[None])
        stages = self.problem.stages[:-1]
        pre = np.concatenate([np.empty(0), *(stage.pre(values)[0] for stage in stages)])
        low, high = batch.lower[row], batch.upper[row]
        over = np.where(low >= 0.0, -pre, np.where(high <= 0.0, pre, 0.0))
        over[batch.phase[row] != 0] = 0.0
        worst = int(np.argmax(over)) if len(over) else -1
        return worst if worst >= 0 and over[worst] > 1e-9 else -1

    def _leaves(self, batch: Block) -> Block | None:
        """LPs for the nodes without a known split; those it cannot close get the unit it names."""
        kept: list[int] = []
        for row in np.flatnonzero((batch.choice < 0) & ~batch.pending.any(axis=1)).tolist():
            if self.hooks.stop():
                kept.append(row)
                continue
            box = self.hooks.box()
            nodes = spread(batch.take(np.array([row])), self.units, box)
            with self.lock:
                self.statistics.lps += 1
            result = solve_leaf(
                self.problem, self.reach, self.units, nodes, np.flatnonzero(batch.atoms[row]),
                self.settings.oracle, self.hooks.remaining,
            )  # fmt: skip
            if result.value > self.hooks.cutoff():
                if self.hooks.recorder is not None and result.multipliers is not None:
                    assert result.gamma is not None
                    leaf = batch.take(np.array([row]))
                    self.hooks.recorder.leaf(leaf, result.gamma, result.multipliers)
                continue
            batch.value[row] = max(batch.value[row], result.value)
            if result.gamma is not None:
                batch.gamma[row] = np.where(batch.atoms[row], result.gamma, 0.0)
            if result.found is not None:
                alone = batch.take(np.array([row]))
                self._measure(alone, result.found)
                batch.radius[row] = alone.radius[0]
            if result.point is not None and self._accept(result.point[None]):
                return None
            free = np.flatnonzero(batch.phase[row] == 0)
            free = free[(batch.lower[row, free] < 0.0) & (batch.upper[row, free] > 0.0)]
            broken = self._broken(batch, row, result.point)
            if result.violated >= 0 or broken >= 0:
                batch.choice[row] = result.violated if result.violated >= 0 else broken
            elif len(free) and result.status != "stopped":
                # no unit stands out, but splitting any of them ends in exact leaves
                batch.choice[row] = free[0]
            elif not self.hooks.stop() and _same(box, self.hooks.box()):
                with self.lock:
                    answer = self.exact.settle(batch, row, result.point)
                    if answer == "accepted":
                        return None
                    if answer == "empty":
                        self.statistics.exact += 1
                        if self.hooks.recorder is not None:
                            self.hooks.recorder.rational = True
                        continue
                    self.statistics.numerical += 1
                    self.doubtful = (
                        min(self.doubtful[0], float(batch.value[row])),
                        min(self.doubtful[1], float(batch.radius[row])),
                    )
                continue
            # out of time, or looked at again in the region that shrank
            kept.append(row)
        return batch.take(np.array(kept, dtype=np.int64))


def _same(one: Bounds, other: Bounds) -> bool:
    return np.array_equal(one.lower, other.lower) and np.array_equal(one.upper, other.upper)


def search(problem: Problem, hooks: Hooks, settings: Settings) -> Outcome:
    """The answer to `problem`; see `Outcome`."""
    try:
        return Search(problem, hooks, settings).run()
    except MemoryError:
        return Outcome("open", "memory", -np.inf, 0.0)

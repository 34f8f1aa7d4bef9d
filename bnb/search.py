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
from dataclasses import replace

import numpy as np

from ..compiler.base.errors import Contradiction, InputError
from ..compiler.base.evidence import withdrawn
from ..compiler.base.late import Late
from ..compiler.base.untrusted import tell
from ..compiler.problem import Problem
from .nodes.batch import Block, children
from .nodes.frontier import Frontier
from .nodes.saved import Saver, restored, root_digest, state
from .root import Rooting
from .settings import Hooks, Outcome, Settings, Statistics

__all__ = ["Hooks", "Outcome", "Search", "Settings", "Statistics", "search"]


WIDER = 3
"""How much larger batches are with threads: less of the time holds the interpreter's lock."""


class Search(Rooting):
    """One question over one region; `run` answers it."""

    def __init__(self, problem: Problem, hooks: Hooks, settings: Settings) -> None:
        self.size = 0  # bytes of the open nodes
        if hooks.saver is not None:
            hooks = replace(hooks, remaining=self._without_saving(hooks.remaining, hooks.saver))
        super().__init__(problem, hooks, settings)

    def _without_saving(self, remaining: Callable[[], float], saver: Saver) -> Callable[[], float]:
        """Seconds left until the open nodes have to be saved; half of all are for the search."""
        most = 0.5 * remaining()
        return lambda: remaining() - min(most, saver.seconds(self.size))

    def run(self) -> Outcome:
        with np.errstate(all="ignore"):
            outcome = self._run()
            if self.tracker is not None and outcome.status == "closed":
                self.tracker.closed("the search", self._relevant())
            return outcome

    def _run(self) -> Outcome:
        block, early = self._root()
        if early is not None:
            return early
        frontier = Frontier(block, self.settings.memory)
        frontier.push(self._resumed(block))
        try:
            with ThreadPoolExecutor(self.settings.threads) as pool:
                several = pool.map if self.settings.threads > 1 else map
                while len(frontier):
                    self.size = frontier.bytes
                    reason = self._exhausted()
                    self._save(frontier, bool(reason))
                    if reason:
                        return self._open(reason, frontier)
                    for parts in list(several(self._work, self._batches(frontier))):
                        if parts is None:
                            return self._outcome("accepted", "", -np.inf, 0.0)
                        for part in parts:
                            frontier.push(part)
                    frontier.settled()
                    least = min(frontier.worst, self.doubtful[0])
                    self.hooks.progress(self.statistics.nodes, len(frontier), least)
        except Contradiction:
            raise  # nodes that exclude a solution are not to be gone on with
        except Late:
            self._save(frontier, True)
            return self._open("timeout", frontier)
        except BaseException:
            # what was being worked on is open still
            self._save(frontier, True)
            raise
        if self.statistics.numerical:
            return self._open("numerical", frontier)
        return self._outcome("closed", "", 0.0, np.inf)

    def _resumed(self, block: Block) -> Block:
        """The nodes to begin with: the roots, or those that an earlier run left open."""
        saver = self.hooks.saver
        if saver is None:
            return block
        self.begun = root_digest(self.problem, self.root, block)
        kept = saver.load(self.begun)
        if kept is None:
            return block
        try:
            numbers = kept["counts"].tolist()
            self.statistics = Statistics(*(int(count) for count in numbers[:3]))
            self.doubtful = (numbers[3], numbers[4])
            self.axes.kept = kept["learnt"]
            return restored(kept, block)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise InputError(
                f"{saver.name}: is a damaged checkpoint ({error}); remove it"
            ) from error

    def _save(self, frontier: Frontier, now: bool) -> None:
        saver = self.hooks.saver
        if saver is None or not (now or saver.due()):
            return
        counts = self.statistics.nodes, self.statistics.lps, self.statistics.numerical
        kept = state(*frontier.all(), (*counts, *self.doubtful), self.axes.kept)
        saver.save(self.begun, kept)

    def _batches(self, frontier: Frontier) -> list[Block]:
        """The next nodes, a batch for each thread."""
        threads = self.settings.threads
        most = self.settings.batch * (WIDER if threads > 1 else 1)
        size = min(most, -(-len(frontier) // threads))
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

    def _open(self, reason: str, frontier: Frontier) -> Outcome:
        """What is proven of the open nodes and of those that nothing could decide."""
        value, radius = frontier.least()
        return self._outcome(
            "open", reason, min(value, self.doubtful[0]), min(radius, self.doubtful[1])
        )

    def _exhausted(self) -> str:
        if self.hooks.stop():
            return "timeout"
        return "node_limit" if self.statistics.nodes >= self.settings.nodes else ""

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
            self._covered("a split", self._held(chosen), parts[-1])
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
        self._covered("a disjunction's branches", self._held(node), block)
        if self.hooks.recorder is not None:
            self.hooks.recorder.split(node.mark, np.array([-2 - number]))
        return block


def search(problem: Problem, hooks: Hooks, settings: Settings) -> Outcome:
    """The answer to `problem`; see `Outcome`.  Numbers that break a library leave it open."""
    try:
        return Search(problem, hooks, settings).run()
    except Late:
        return Outcome("open", "timeout", -np.inf, 0.0)
    except MemoryError:
        return Outcome("open", "memory", -np.inf, 0.0)
    except (ArithmeticError, ValueError) as error:  # those of scipy and numpy, too
        tell(error)
        return Outcome("open", "numerical", -np.inf, 0.0)
    except Contradiction as found:
        facts = {
            "stages": [[stage.name, stage.size, stage.relu] for stage in problem.stages],
            "lower": problem.lower.tolist(), "upper": problem.upper.tolist(),
            "settings": str(replace(settings, tracked=())),
        }  # fmt: skip
        return Outcome("open", withdrawn(found, **facts), -np.inf, 0.0)

"""Branch and bound: is there an input in the region that satisfies the root branch, and how small
can the objective get?

Batched, worst bound first. A node closes when a weighted sum of its atoms is proven positive, or
the objective to be above the cutoff. A choice that is open is made first; then branching rules say
what a node is split on; where none does, an LP decides the node or names a unit.
All that can go wrong (deadline, memory, a NaN, a solver that gives no answer) leaves nodes open,
never closed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from ..compiler.base.errors import Contradiction
from ..compiler.base.evidence import withdrawn
from ..compiler.base.late import Late
from ..compiler.base.untrusted import tell
from ..compiler.problem import Problem
from .caller import Caller
from .leaves.close import close_leaves
from .leaves.rational import ExactLeaves
from .nodes.batch import Block
from .nodes.frontier import Frontier
from .resume import Checkpoints
from .root import root_nodes
from .settings import Outcome, Settings, Statistics, Unfinished
from .split_batch import split
from .state import State

__all__ = ["Outcome", "Search", "Settings", "Statistics", "search"]


WIDER = 3
"""How much larger batches are with threads: less of the time holds the interpreter's lock. RSL18a
image 114, two threads: 4,082 nodes a second as for one thread, 5,092 to 5,266 so.
"""


class Search:
    """One question over one region; `run` answers it."""

    def __init__(self, problem: Problem, caller: Caller, settings: Settings) -> None:
        self.checkpoints = Checkpoints(caller.listeners.saver)
        clock = self.checkpoints.clock(caller.clock)
        self.state = State.of(problem, replace(caller, clock=clock), settings)
        self.exact = ExactLeaves(problem, self.state.remaining, clock, caller.candidates)

    def run(self) -> Outcome:
        with np.errstate(all="ignore"):
            block, outcome = root_nodes(self.state)
            if outcome is None:
                outcome = self._from(block)
            if outcome.status == "closed":
                self.state.tracker.closed("the search")
            return outcome

    def _from(self, block: Block) -> Outcome:
        """The answer, from the root nodes on."""
        state, checkpoints = self.state, self.checkpoints
        frontier = Frontier(block, state.settings.memory)
        frontier.push(checkpoints.resumed(state, block))
        try:
            with ThreadPoolExecutor(state.settings.threads) as pool:
                several = pool.map if state.settings.threads > 1 else map
                while len(frontier):
                    checkpoints.size = frontier.bytes
                    reason = self._exhausted()
                    checkpoints.save(state, frontier, bool(reason))
                    if reason:
                        return self._open(reason, frontier)
                    for parts in list(several(self.advance, self._batches(frontier))):
                        if parts is None:
                            return state.outcome("accepted", "", -np.inf, 0.0)
                        for part in parts:
                            frontier.push(part)
                    frontier.settled()
                    least = min(frontier.worst, state.doubtful[0])
                    state.listeners.progress(state.statistics.nodes, len(frontier), least)
        except Contradiction:
            raise  # nodes that exclude a solution are not to be gone on with
        except Late:
            checkpoints.save(state, frontier, True)
            return self._open("timeout", frontier)
        except BaseException:
            # what was being worked on is open still
            checkpoints.save(state, frontier, True)
            raise
        if state.statistics.numerical:
            return self._open("numerical", frontier)
        return state.outcome("closed", "", 0.0, np.inf)

    def advance(self, batch: Block) -> list[Block] | None:
        """What stays open of a batch, or None when a candidate settled the question."""
        # how errors are told is up to each thread
        with np.errstate(all="ignore"):
            children = split(self.state, batch)
            if children is None:
                return None
            leaves = close_leaves(self.state, self.exact, batch)
            if leaves is None:
                return None
        return [part for part in (children, leaves) if len(part)]

    def _batches(self, frontier: Frontier) -> list[Block]:
        """The next nodes, a batch for each thread."""
        settings = self.state.settings
        most = settings.batch * (WIDER if settings.threads > 1 else 1)
        size = min(most, -(-len(frontier) // settings.threads))
        return [frontier.pop(size) for _ in range(settings.threads) if len(frontier)]

    def _open(self, reason: str, frontier: Frontier) -> Outcome:
        """What is proven of the open nodes and of those that nothing could decide."""
        value, distance = np.minimum(frontier.least(), self.state.doubtful).tolist()
        if self.state.listeners.unfinished is not None:
            unfinished = Unfinished(self.advance, self.state.statistics, *frontier.all())
            self.state.listeners.unfinished(unfinished)
        return self.state.outcome("open", reason, value, distance)

    def _exhausted(self) -> str:
        if self.state.clock.stop():
            return "timeout"
        nodes = self.state.statistics.nodes
        return "node_limit" if nodes >= self.state.settings.nodes else ""


def search(problem: Problem, caller: Caller, settings: Settings) -> Outcome:
    """The answer to `problem`; see `Outcome`.  Numbers that break a library leave it open."""
    try:
        return Search(problem, caller, settings).run()
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

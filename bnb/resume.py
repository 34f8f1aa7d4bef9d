"""A search that is kept while it runs, and goes on where it stopped."""

from __future__ import annotations

from ..compiler.base.errors import InputError
from .caller import Clock
from .nodes.batch import Block
from .nodes.frontier import Frontier
from .nodes.saved import Saver, restored, root_digest, saved
from .settings import Statistics
from .state import State


class Checkpoints:
    """Those of one search; there are none where nobody keeps them.

    size: bytes of the open nodes, which say how long keeping them takes.
    """

    def __init__(self, saver: Saver | None) -> None:
        self.saver, self.size, self.begun = saver, 0, ""

    def clock(self, clock: Clock) -> Clock:
        """One whose seconds end when the open nodes have to be saved; half of all are left."""
        saver, remaining = self.saver, clock.remaining
        if saver is None:
            return clock
        most = 0.5 * remaining()
        return Clock(lambda: remaining() - min(most, saver.seconds(self.size)))

    def resumed(self, state: State, block: Block) -> Block:
        """The nodes to begin with: the roots, or those that an earlier run left open."""
        if self.saver is None:
            return block
        self.begun = root_digest(state.problem, state.root, block)
        kept = self.saver.load(self.begun)
        if kept is None:
            return block
        try:
            numbers = kept["counts"].tolist()
            state.statistics = Statistics(*(int(count) for count in numbers[:3]))
            state.doubtful = (numbers[3], numbers[4])
            state.learnt = kept["learnt"]
            return restored(kept, block)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise InputError(
                f"{self.saver.name}: is a damaged checkpoint ({error}); remove it"
            ) from error

    def save(self, state: State, frontier: Frontier, now: bool) -> None:
        """Keeps the open nodes, now or where it is time."""
        if self.saver is None or not (now or self.saver.due()):
            return
        counts = state.statistics.nodes, state.statistics.lps, state.statistics.numerical
        kept = saved(*frontier.all(), (*counts, *state.doubtful), state.learnt)
        self.saver.save(self.begun, kept)

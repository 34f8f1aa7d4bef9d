"""Leaves in rational arithmetic: what no bound in floats can decide, such as ties, on small
problems.

The systems are those of the compiled problem as it was before anything was substituted. Both
answers carry a proof that has been checked: a point, or multipliers that add up to a contradiction.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np

from ...compiler.base.arrays import Numbers, Vector
from ...compiler.base.untrusted import attempt
from ...compiler.problem import Problem
from ...lp.oracle.rational import Certificate, decide
from ..caller import Candidates, Clock
from ..certificate.recorder import Refutation
from ..nodes.batch import Block
from ..presolve.remaining import Remaining
from .rational_system import Leaf, Stated, Systems

LARGEST_FORMS = 400_000
"""Rational products of one pass of all affine forms through the network: about 2 s."""
LARGEST_SYSTEM = 20_000
"""Numbers in the rows of a system: an exchange of the simplex then takes about 10 ms."""
MOST_EXCHANGES = 1_000
"""Exchanges of a simplex; a few times its columns are the rule."""
MOST_FREE = 5
"""Units without a phase, each of which doubles the systems."""
MOST_ROUNDS = 20
"""Candidates of one leaf, each of which lowered the cutoff."""
MOST_FAILURES = 5
"""Leaves that stayed open before the rest is not looked at: one of them leaves the question open,
unless there is a solution.
"""

Answer: TypeAlias = Literal["empty", "accepted", "open"]


@dataclass(frozen=True, slots=True)
class Decision:
    """empty: no input satisfies the leaf, which refutations of all its systems proved; point (D,):
    an exact one that does. Neither where the leaf is too large, or time ran out.
    """

    empty: bool
    point: Numbers | None = None
    proof: tuple[Refutation, ...] = ()


UNDECIDED = Decision(False)


class ExactLeaves:
    """Decides leaves of one search.

    A unit that is stable by a proven bound of the whole region has its phase at every input of it.
    A phase that only the node gives, by a split or a bound of its own, is a row of the system too:
    all solutions of the node satisfy it, and a point that does is one of the network.
    """

    def __init__(
        self, problem: Problem, remaining: Remaining, clock: Clock, candidates: Candidates
    ) -> None:
        """problem: as it was compiled; remaining: what reductions left of it."""
        self.problem, self.remaining = problem, remaining
        self.clock, self.candidates = clock, candidates
        self.failures = 0

    def settle(
        self, batch: Block, row: int, start: Vector | None
    ) -> tuple[Answer, tuple[Refutation, ...]]:
        """Whether a leaf is proven empty, and how, or a solution of it settled the question.

        start (D,): where to look first. Looks again where what was found lowered the cutoff.
        """
        bounded = np.where(batch.lower[row] >= 0.0, 1, np.where(batch.upper[row] <= 0.0, -1, 0))
        known = np.where(batch.phase[row] != 0, batch.phase[row], bounded).astype(np.int8)
        free = int((known == 0).sum())
        stable, first = self.remaining.stable, 0
        phase = [own.copy() for own in stable]
        for number, units in self.remaining.units:
            phase[number][units] = known[first : first + len(units)]
            first += len(units)
        atoms = self.remaining.atoms[batch.atoms[row]]
        cutoff = np.inf
        for _ in range(MOST_ROUNDS):
            box, now = self.candidates.box(), self.candidates.cutoff()
            if self.failures >= MOST_FAILURES or free > MOST_FREE or not -np.inf < now < cutoff:
                break
            cutoff = now
            if start is None or not np.isfinite(start).all():
                start = 0.5 * (box.lower[0] + box.upper[0])
            leaf = Leaf(phase, stable, atoms, box, cutoff, start)
            decision = self._attempted(leaf)
            if decision.empty:
                return "empty", decision.proof
            if decision.point is None:
                break
            if self.candidates.offer(decision.point):
                return "accepted", ()
        self.failures += 1
        return "open", ()

    def _attempted(self, leaf: Leaf) -> Decision:
        """A decision; none where numbers are too large to be told as rationals."""
        return attempt(lambda: self.decide(leaf), UNDECIDED)

    def decide(self, leaf: Leaf) -> Decision:
        """Whether some input of the leaf satisfies its atoms, strictness included.

        An l2 ball is left to those who look at the point.
        """
        if self._products > LARGEST_FORMS:
            return UNDECIDED
        several = Systems(self.problem, self._constants, leaf)
        if self._products * (1 + len(several.wide)) > LARGEST_FORMS:
            return UNDECIDED
        proof: list[Refutation] = []
        for stated in several.systems():
            system = stated.system
            if len(system.rows) * len(system.lower) > LARGEST_SYSTEM:
                return UNDECIDED
            found = decide(system, several.start, MOST_EXCHANGES, self.clock.stop)
            if found is None:
                return UNDECIDED
            if not isinstance(found, Certificate):
                return Decision(False, several.input(found))
            proof.append(refutation(stated, found))
        return Decision(True, None, tuple(proof))

    @cached_property
    def _products(self) -> int:
        operators = [o for stage in self.problem.stages for o, _ in stage.terms]
        return sum(max(1, o.terms) * o.out_size for o in operators)

    @cached_property
    def _constants(self) -> list[Numbers]:
        """The stages' biases, exactly."""
        return [stage.exact_bias() for stage in self.problem.stages]


def refutation(stated: Stated, found: Certificate) -> Refutation:
    """What a certificate of a system says of units and atoms.

    Rows of an l1 ball, which stand last, and bounds of inputs are left to the reader.
    """
    units = dict(zip(stated.units, found.rows, strict=False))
    atoms = dict(zip(stated.atoms, found.rows[len(units) :], strict=False))
    return Refutation(
        stated.free,
        {unit: weight for unit, weight in units.items() if weight},
        {atom: weight for atom, weight in atoms.items() if weight},
    )

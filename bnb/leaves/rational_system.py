"""The linear systems of a leaf, exactly: with a phase for every unit all is affine in the input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...compiler.base.arrays import Bounds, Indices, Numbers, Phases, Vector, exact
from ...compiler.base.norms import L1
from ...compiler.problem import Problem
from ...lp.oracle.rational import System
from ..certificate.recorder import Unit


@dataclass(frozen=True, slots=True)
class Leaf:
    """A node of the search, in the units and atoms of the whole problem.

    phase: of every stage's units, (N,), 0 where unknown; stable: those that hold on the whole
    region; atoms: which have to hold; box (1, D): the region; cutoff: the most that the objective
    may be; start (D,): where a solution is looked for first.
    """

    phase: Sequence[Phases]
    stable: Sequence[Phases]
    atoms: Indices
    box: Bounds
    cutoff: float
    start: Vector


@dataclass(frozen=True, slots=True)
class Stated:
    """A system, and what its first rows say: of units (stage, element), in the phases that the leaf
    gives or that `free` chose for the others, and of atoms.
    """

    system: System
    units: tuple[Unit, ...]
    atoms: tuple[int, ...]
    free: Mapping[Unit, int]


class Systems:
    """The linear systems of a leaf: one for each way to split the units without a phase.

    Columns are the inputs of some width, then the distances from the center of an l1 ball. A form
    (1 + W,) is a constant and the coefficients of those inputs.
    """

    def __init__(self, problem: Problem, constants: Sequence[Numbers], leaf: Leaf) -> None:
        self.problem, self.constants, self.leaf = problem, constants, leaf
        self.fixed, upper = exact(leaf.box.lower[0]), exact(leaf.box.upper[0])
        ends = problem.unrounded()
        for j, low in ends.lower.items():
            self.fixed[j] = max(self.fixed[j], low)
        for j, high in ends.upper.items():
            upper[j] = min(upper[j], high)
        self.offset = ends.offset
        self.wide = wide = np.flatnonzero(self.fixed != upper)
        self.low, self.high = self.fixed[wide], upper[wide]
        self.start: list[Fraction] = exact(leaf.start)[wide].tolist()
        self.extra: list[tuple[Fraction, Fraction]] = []
        self.sides: list[tuple[dict[int, Fraction], Fraction]] = []
        if problem.ball is not None and problem.ball.norm is L1:
            self._ball()

    def input(self, found: tuple[Fraction, ...]) -> Numbers:
        """The input (D,) of a solution."""
        point = self.fixed.copy()
        point[self.wide] = found[: len(self.wide)]
        return point

    def systems(self) -> Iterator[Stated]:
        forms = exact(np.zeros((1 + len(self.wide), self.problem.input_size)))
        forms[0] = self.fixed
        forms[0, self.wide] = Fraction(0)
        forms[1 + np.arange(len(self.wide)), self.wide] = Fraction(1)
        yield from self._stage(0, [forms], {}, {})

    def _stage(
        self,
        number: int,
        known: list[Numbers],
        rows: dict[Unit, Numbers],
        chosen: dict[Unit, int],
    ) -> Iterator[Stated]:
        """From the forms (1 + W, N) of all earlier sources on; rows are forms at most 0, of units
        (stage, element); chosen: phases of those that the leaf does not know.
        """
        if number == len(self.problem.stages):
            yield self._system(known[-1], rows, chosen)
            return
        stage = self.problem.stages[number]
        pre = exact(np.zeros((1 + len(self.wide), stage.size)))
        for operator, source in stage.terms:
            pre = pre + operator.apply(known[source])
        pre[0] = pre[0] + self.constants[number]
        if not stage.relu:
            yield from self._stage(number + 1, [*known, pre], rows, chosen)
            return
        doubtful = np.flatnonzero(self.leaf.stable[number] == 0)
        phase, signed = self.leaf.phase[number].copy(), rows.copy()
        free: list[int] = []
        for unit in doubtful.tolist():
            form = pre[:, unit]
            least, most = self._range(form)
            if least >= 0 and phase[unit] >= 0 or most <= 0 and phase[unit] <= 0:
                # so at every input of the box, of which no row need speak
                phase[unit] = 1 if least >= 0 and phase[unit] >= 0 else -1
                continue
            if phase[unit] == 0:
                free.append(unit)
            else:
                signed[number, unit] = form * Fraction(-int(phase[unit]))
        for signs in np.ndindex(*[2] * len(free)):
            split = {(number, unit): 1 - 2 * s for unit, s in zip(free, signs, strict=True)}
            phase[free] = list(split.values())
            more = {at: pre[:, at[1]] * Fraction(-sign) for at, sign in split.items()}
            post = pre.copy()
            post[:, phase < 0] = Fraction(0)
            after = {**signed, **more}, {**chosen, **split}
            yield from self._stage(number + 1, [*known, post], *after)

    def _range(self, form: Numbers) -> tuple[Fraction, Fraction]:
        """Least and greatest value of a form over the box."""
        ends = form[1:] * self.low, form[1:] * self.high
        least = sum(np.minimum(*ends), form[0])
        return least, sum(np.maximum(*ends), form[0])

    def _system(
        self,
        output: Numbers,
        rows: dict[Unit, Numbers],
        chosen: dict[Unit, int],
    ) -> Stated:
        problem = self.problem
        strict = [False] * len(rows)
        every, atoms = list(rows.values()), []
        for atom in self.leaf.atoms.tolist():
            form = exact(np.zeros(1 + len(self.wide)))
            for k in np.flatnonzero(problem.rows[atom]).tolist():
                form = form + output[:, k] * Fraction(problem.rows[atom, k])
            form[0] += self.offset.get(atom, Fraction(problem.offset[atom]))
            if atom == problem.objective:
                if self.leaf.cutoff == np.inf:
                    continue
                form[0] -= Fraction(self.leaf.cutoff)
            every.append(form)
            atoms.append(atom)
            strict.append(atom != problem.objective and bool(problem.strict[atom]))
        none = [Fraction(0)] * len(self.extra)
        lines = [[*form[1:], *none] for form in every]
        bound = [-form[0] for form in every]
        width = len(self.wide) + len(self.extra)
        for side, level in self.sides:
            lines.append([side.get(k, Fraction(0)) for k in range(width)])
            bound.append(level)
            strict.append(False)
        low = [*self.low, *(a for a, _ in self.extra)]
        high = [*self.high, *(b for _, b in self.extra)]
        return Stated(System(lines, bound, strict, low, high), tuple(rows), tuple(atoms), chosen)

    def _ball(self) -> None:
        """Rows of the l1 ball; a column more for each input that can be on both sides of its
        center.
        """
        ball = self.problem.ball
        assert ball is not None
        places = {j: k for k, j in enumerate(self.wide.tolist())}
        total: dict[int, Fraction] = {}
        left = Fraction(ball.radius)
        for j, center in zip(ball.index.tolist(), exact(ball.center), strict=True):
            if j not in places:
                left -= abs(self.fixed[j] - center)
                continue
            k = places[j]
            low, high = self.low[k], self.high[k]
            if low >= center or high <= center:
                sign = Fraction(1 if low >= center else -1)
                total[k] = sign
                left += sign * center
                continue
            away = len(self.wide) + len(self.extra)
            self.extra.append((Fraction(0), max(center - low, high - center)))
            self.start.append(abs(self.start[k] - center))
            one = Fraction(1)
            self.sides += [({k: one, away: -one}, center), ({k: -one, away: -one}, -center)]
            total[away] = one
        self.sides.append((total, left))

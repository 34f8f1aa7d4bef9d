"""Joint intercepts: groups of first-stage units bounded together, beyond their triangles.

For units with coefficients -c_k < 0 the triangle puts -c_k max(z_k, 0) >= -c_k s_k z_k + c_k s_k
l_k, as if every z_k could stand at an end of its interval at once. Over a group the exact constant
is min over the box of sum c_k (s_k z_k - max(z_k, 0)), and -max(z, 0) = min(0, -z) makes that the
least of 2^m linear minima over the box: a Lagrangian decomposition by groups, tighter than any
relaxation of single units and cheap for groups of about eight. The slopes stay the triangle's, so a
group only adds a number to the bound. It stands to single triangles as the k-unit relaxations of
Singh et al. 2019 do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..compiler.arrays import Bounds, Indices, Matrix, Vector
from ..compiler.operators import Dense
from ..compiler.problem import Problem
from .bounds.backward import Nodes
from .bounds.kernels import add_gains, joint_gains
from .bounds.reach import Reach
from .node import Block, Units

SIZE = 8
"""Units of a group: twice the patterns for one more, and most of the gain is there."""


@dataclass(frozen=True, slots=True)
class JointGroups:
    """groups (C, G, SIZE) of first-stage units by case, -1 where fewer; share (C, N): the c_k."""

    groups: Indices
    share: Matrix
    weight: Matrix
    bias: Vector
    radius: Vector
    reach: Vector
    lower: Vector
    upper: Vector

    @classmethod
    def of(
        cls, problem: Problem, root: Nodes, reach: Reach, block: Block, lam: Matrix
    ) -> JointGroups:
        """Groups for the cases of root nodes, units of like loss together; lam (B, N) first stage."""
        stage = problem.stages[0]
        (operator, _), *_ = stage.terms
        assert isinstance(operator, Dense)
        lower, upper = root.bounds[0].lower[0], root.bounds[0].upper[0]
        cases = len(problem.cases)
        share = np.zeros((cases, stage.size))
        groups = np.full((cases, -(-stage.size // SIZE), SIZE), -1, dtype=np.int64)
        for row, case in enumerate(block.case.tolist()):
            share[case] = np.maximum(-lam[row], 0.0)
            loss = share[case] * lower * upper / (lower - upper)
            order = np.argsort(-loss, kind="stable")
            order = order[loss[order] > 0.0]
            groups[case].reshape(-1)[: len(order)] = order
        return cls(
            groups,
            share,
            operator.weight,
            stage.bias,
            stage.bias_radius,
            reach.stages[0],
            lower,
            upper,
        )

    def update(self, block: Block, units: Units, box: Bounds, wanted: Indices) -> None:
        """Recomputes the gains of one group of each node (-1 none, -2 all), in place."""
        joint_gains(
            self.groups, wanted, block.case, self._phase(block, units), self.lower, self.upper,
            self.share, self.weight, self.bias, self.radius, self.reach,
            np.ascontiguousarray(box.lower[0]), np.ascontiguousarray(box.upper[0]), block.gain,
        )  # fmt: skip

    def group_of(self, block: Block, unit: Indices) -> Indices:
        """The group in which each node's unit stands, -1 for none; unit (B,)."""
        hit = self.groups[block.case] == unit[:, None, None]
        found = hit.any(axis=2)
        return np.where(found.any(axis=1), found.argmax(axis=1), -1)

    def add(self, block: Block, units: Units, lam: Matrix, value: Vector) -> None:
        """Adds what the groups gain to bounds (B,) of one row a node; lam (B, N) of the first
        stage.
        """
        phase = self._phase(block, units)
        add_gains(lam, block.case, phase, self.groups, self.share, block.gain, value)

    def _phase(self, block: Block, units: Units) -> np.ndarray[tuple[int, int], np.dtype[np.int8]]:
        return np.ascontiguousarray(block.phase[:, units.part(0)])

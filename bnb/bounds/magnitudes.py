"""How large every quantity can get on the whole region: the scale of rounding errors.

Let a backward pass hold computed coefficients mu on the pre-activations of a stage, pre = A r + b.
The next coefficients are fl(A' mu) = A' mu + d with |d| <= gamma_n |A|' |mu|, so replacing the
exact ones by the computed ones changes the bound by at most |d| |r| <= gamma_n |mu| (|A| M), M =
max |r|. The vector |A| M is the same for all rows and all nodes of a search, so that a rigorous
error bound costs one dot product per row and stage (in the spirit of Neumaier and Shcherbina 2004).
Intercepts mu * l are covered too, since |l| <= |A| M + |b|.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ...compiler.base.arrays import Bounds, Vector
from ...compiler.base.rounding import gamma
from ...compiler.problem import Problem


@dataclass(slots=True)
class Magnitudes:
    """Grown stage by stage, all on the whole region.

    input (D,), stages (N,): |x| and 2 (|A| M + |b|), what the errors of a pass are proportional to;
    factor: how much they are; consumers: how many stages read each source; sources: |values| of the
    input and of each stage after its activation.
    """

    input: Vector
    factor: float
    consumers: list[int]
    stages: list[Vector] = field(default_factory=list)
    sources: list[Vector] = field(default_factory=list)

    @classmethod
    def over(cls, problem: Problem, box: Bounds) -> Magnitudes:
        """Those of the input alone; box (1, D)."""
        consumers = [0] * (len(problem.stages) + 1)
        terms = problem.input_size
        for stage in problem.stages:
            for operator, source in stage.terms:
                consumers[source] += 1
                terms = max(terms, stage.size, operator.terms, operator.adjoint_terms)
        factor = gamma(2 * terms + 8 * len(problem.stages) + 32)
        magnitude = box.magnitude[0]
        return cls(magnitude * (1.0 + consumers[0]), factor, consumers, [], [magnitude])

    def times(self, slack: float) -> Magnitudes:
        """With rounding errors so many times as large, slack >= 1."""
        return replace(self, factor=self.factor * slack)

    def add_stage(self, problem: Problem) -> None:
        """The scale of the next stage's own numbers; its sources' bounds are in already."""
        number = len(self.stages)
        stage = problem.stages[number]
        magnitude = np.abs(stage.bias) + stage.bias_radius
        for operator, source in stage.terms:
            magnitude = magnitude + operator.absolute().apply(self.sources[source][None])[0]
        # a sum of contributions from several consumers rounds once more for each
        self.stages.append(2.0 * magnitude * (1.0 + self.consumers[number + 1]))

    def add_bounds(self, bounds: Bounds, relu: bool) -> None:
        """The bounds (1, N) of the stage just added."""
        self.sources.append((bounds.rectified() if relu else bounds).magnitude[0])

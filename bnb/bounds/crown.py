"""CROWN, batched over queries: linear lower bounds of rows of any stage, each at any node.

One pass takes coefficients on the pre-activations of one stage back to the input and closes with
the least value over the box (Wong and Kolter 2018; Zhang et al. 2018, CROWN):

    row @ pre_start + offset  >=  lam @ x + base  >=  min over the node of lam @ x + base

with the slopes alpha of unstable units (alpha-CROWN, Xu et al. 2021) and multipliers beta of splits
(beta-CROWN, Wang et al. 2021); a unit's rule is in `kernels.relax`. The bound is rigorous whatever
the multipliers: see `magnitudes` for the rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ...compiler.base.arrays import Bounds, Indices, Matrix, Phases, Vector
from ...compiler.base.late import Stop, in_time, never
from ...compiler.base.norms import L1, L2, NormKind
from ...compiler.base.rounding import TINY
from ...compiler.problem import Problem
from ...lp.relaxation.node_lp import NodeView
from .kernels.balls import least_over_box, least_over_l1_ball, least_over_l2_ball
from .kernels.crown import adam_step, passthrough, plain_slopes, relax, relaxed_forward
from .magnitudes import Magnitudes

NO_BETA = np.zeros((1, 0))
"""Split multipliers where there are none, in the form that the kernels take."""

LEAST_OVER: dict[NormKind, Callable[..., None]] = {L1: least_over_l1_ball, L2: least_over_l2_ball}
"""The least of a row over box and ball; an l-infinity ball is a box."""


@dataclass(slots=True)
class Nodes:
    """What B nodes know: an input box (B, D), pre-activation bounds (B, N) and splits (B, N) a
    stage.
    """

    box: Bounds
    bounds: list[Bounds]
    splits: list[Phases]

    @property
    def count(self) -> int:
        return int(self.box.lower.shape[0])

    def view(self) -> NodeView:
        """The first node, for the LP."""
        bounds = self.bounds
        return NodeView(
            self.box.lower[0], self.box.upper[0],
            [b.lower[0] for b in bounds], [b.upper[0] for b in bounds], [s[0] for s in self.splits],
        )  # fmt: skip

    def take(self, index: Indices) -> Nodes:
        """Some of the nodes."""
        return Nodes(
            self.box.take(index),
            [b.take(index) for b in self.bounds],
            [s[index] for s in self.splits],
        )


@dataclass(slots=True)
class Multipliers:
    """alpha and beta of Q queries, (Q, N) for every stage below the rows' own."""

    alpha: list[Matrix]
    beta: list[Matrix]

    def take(self, index: Indices) -> Multipliers:
        return Multipliers([a[index] for a in self.alpha], [b[index] for b in self.beta])


@dataclass(slots=True)
class Pass:
    """A finished backward pass: rigorous lower bounds (Q,), and what led to them."""

    value: Vector
    input_rows: Matrix
    vertex: Matrix
    base: Vector
    slack: Vector
    rows: list[Matrix] = field(default_factory=list)

    def take(self, index: Indices) -> Pass:
        """Some of the queries."""
        return Pass(
            self.value[index],
            self.input_rows[index],
            self.vertex[index],
            self.base[index],
            self.slack[index],
            [r[index] if r.shape[0] else r for r in self.rows],
        )


def heuristic_slopes(problem: Problem, nodes: Nodes, owner: Indices, start: int) -> Multipliers:
    """The heuristic slopes and no split multipliers, for rows on stage `start`."""
    alpha: list[Matrix] = []
    for number in range(start):
        stage = problem.stages[number]
        values = np.empty((len(owner), stage.size if stage.relu else 0))
        bounds = nodes.bounds[number]
        plain_slopes(bounds.lower, bounds.upper, owner, values)
        alpha.append(values)
    return Multipliers(alpha, [NO_BETA] * start)


def triangle_loss(lower: Matrix, upper: Matrix, phase: Phases, lam: Matrix) -> Matrix:
    """How much the triangle of each unit can cost the bound, (Q, N).

    A unit with lam >= 0 stands on the convex side, where max(z, 0) itself is the LP's bound: it
    needs no split. One with lam < 0 loses at most |lam| u |l| / (u - l), at z = 0.
    """
    free = (phase == 0) & (lower < 0.0) & (upper > 0.0) & (lam < 0.0)
    gap = np.divide(lower * upper, upper - lower, out=np.zeros_like(lower), where=free)
    return np.where(free, lam * gap, 0.0)


def with_beta(multipliers: Multipliers) -> Multipliers:
    """The same slopes with split multipliers of 0 where there were none."""
    beta = [
        np.zeros_like(alpha) if beta.shape[1] == 0 else beta
        for alpha, beta in zip(multipliers.alpha, multipliers.beta, strict=True)
    ]
    return Multipliers(multipliers.alpha, beta)


def crown(
    problem: Problem,
    magnitudes: Magnitudes,
    nodes: Nodes,
    owner: Indices,
    start: int,
    rows: Matrix,
    offset: Vector,
    multipliers: Multipliers,
    keep: bool = False,
    also: tuple[int, Matrix] | None = None,
    stop: Stop = never,
) -> Pass:
    """Lower bounds of rows @ pre_start + offset, (Q,), over each query's node.

    start: index of the stage in problem.stages; rows (Q, N_start); offset (Q,), taken as exact.
    Promise: `value` is at most the true minimum over the node, for every alpha in [0, 1], beta >=
    0; a NaN anywhere gives NaN. keep: also the coefficients of all stages, which `ascend` needs.
    also: a stage no later than `start`, and coefficients (Q, N) on its pre-activations that are
    added to the rows, whether anything else reads that stage or not.  Raises Late once `stop` says
    so, which is asked at every stage.
    """
    count = len(owner)
    constant, size, extra = offset.copy(), np.abs(offset), np.zeros(count)
    kept: list[Matrix] = [np.empty((0, 0))] * (start + 1)

    def meet(number: int, lam: Matrix | None) -> Matrix | None:
        in_time(stop)
        stage = problem.stages[number]
        scale = magnitudes.stages[number]
        if number == start:
            mu = rows
        else:
            if lam is None:
                joins = also is not None and number == also[0]
                if not joins and not (stage.relu and multipliers.beta[number].any()):
                    return None
                # nothing reads these units, but rows of their own or their splits go on from here
                lam = np.zeros((count, stage.size))
            if stage.relu:
                mu = np.empty_like(lam)
                bounds = nodes.bounds[number]
                relax(
                    lam, bounds.lower, bounds.upper, nodes.splits[number], owner,
                    multipliers.alpha[number], multipliers.beta[number],
                    stage.bias, scale, stage.bias_radius, mu, constant, size, extra,
                )  # fmt: skip
            else:
                mu = lam
            if keep:
                kept[number] = lam
        if number == start or not stage.relu:
            passthrough(mu, stage.bias, scale, stage.bias_radius, constant, size, extra)
        if also is not None and number == also[0]:
            passthrough(also[1], stage.bias, scale, stage.bias_radius, constant, size, extra)
            mu = mu + also[1]
        return mu

    lam = np.ascontiguousarray(problem.pull_back(start, rows, meet))
    base = constant.copy()
    vertex = np.empty_like(lam)
    _least(problem, nodes, owner, magnitudes, lam, constant, size, vertex)
    slack = (magnitudes.factor * size + extra) * (1.0 + 1e-9) + TINY
    return Pass(constant - slack, lam, vertex, base, slack, kept)


def _least(
    problem: Problem,
    nodes: Nodes,
    owner: Indices,
    magnitudes: Magnitudes,
    lam: Matrix,
    constant: Vector,
    size: Vector,
    vertex: Matrix,
) -> None:
    """Adds the least of lam @ x over each query's region to `constant`."""
    low, high, ball = nodes.box.lower, nodes.box.upper, problem.ball
    if ball is None:
        least_over_box(lam, low, high, owner, magnitudes.input, constant, size, vertex)
        return
    inside, center = ball.spread(problem.input_size)
    LEAST_OVER[ball.norm](
        lam, low, high, owner, inside, center, ball.radius, magnitudes.input, constant, size, vertex
    )


@dataclass(slots=True)
class Ascent:
    """State of a multiplier ascent; the multipliers are changed in place.

    rate: the first step of slopes in [0, 1], and of split multipliers as a share of the largest
    coefficient; of all queries or of each, (Q,). decay: what is left of it with each further step.
    Bounds are valid at every step, so that both only trade steps against what they gain.
    """

    rate: float | Vector = 0.25
    decay: float = 0.94
    step: int = 0
    moments: list[tuple[Matrix, Matrix, Matrix, Matrix]] = field(default_factory=list)

    def take(self, index: Indices) -> Ascent:
        """The ascent of some of the queries."""
        moments = [(a[index], b[index], c[index], d[index]) for a, b, c, d in self.moments]
        rate = self.rate if isinstance(self.rate, float) else self.rate[index]
        return Ascent(rate, self.decay, self.step, moments)


def ascend(
    problem: Problem,
    nodes: Nodes,
    owner: Indices,
    start: int,
    found: Pass,
    multipliers: Multipliers,
    ascent: Ascent,
) -> Matrix:
    """One step upwards from a kept pass: a forward pass of the relaxation gives the gradient.

    Returns the pre-activations of stage `start` at the relaxation's minimiser, (Q, N).
    """
    if not ascent.moments:
        ascent.moments = [
            (np.zeros_like(a), np.zeros_like(a), np.zeros_like(b), np.zeros_like(b))
            for a, b in zip(multipliers.alpha, multipliers.beta, strict=True)
        ]
    ascent.step += 1
    rate = np.full(len(owner), ascent.rate)
    values: list[Matrix] = [found.vertex]
    for number in range(start):
        stage = problem.stages[number]
        pre = np.ascontiguousarray(stage.pre(values))
        if not stage.relu:
            values.append(pre)
            continue
        lam = found.rows[number]
        if lam.shape[0] == 0:
            values.append(np.maximum(pre, 0.0))
            continue
        alpha, beta = multipliers.alpha[number], multipliers.beta[number]
        alpha_grad, beta_grad = np.empty_like(pre), np.empty_like(pre)
        post = np.empty_like(pre)
        bounds = nodes.bounds[number]
        relaxed_forward(
            pre, lam, bounds.lower, bounds.upper, nodes.splits[number], owner,
            alpha, beta, alpha_grad, beta_grad, post,
        )  # fmt: skip
        first, second, third, fourth = ascent.moments[number]
        adam_step(alpha, alpha_grad, first, second, rate, ascent.step, 1.0)
        if beta.shape[1]:
            largest = float(np.abs(lam).max(initial=1e-9))
            adam_step(beta, beta_grad, third, fourth, rate * largest, ascent.step, np.inf)
        values.append(post)
    ascent.rate = ascent.rate * ascent.decay
    return problem.stages[start].pre(values)

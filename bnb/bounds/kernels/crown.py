"""CROWN: what a stage makes of rows, the relaxation at a minimiser, and a step of ascent."""

from __future__ import annotations

import numpy as np

from ....compiler.base.arrays import Indices, Matrix, Phases, Vector
from ....compiler.base.kernel import kernel

MOST_FLOAT32 = float(np.finfo(np.float32).max)
"""The largest float32 number."""


@kernel
def plain_slopes(lower: Matrix, upper: Matrix, owner: Indices, alpha: Matrix) -> None:
    """The usual slope heuristic (Zhang et al. 2018): alpha (Q, N) is 1 where u > -l, else 0."""
    for q in range(owner.shape[0]):
        b = owner[q]
        for k in range(alpha.shape[1]):
            alpha[q, k] = 1.0 if upper[b, k] > -lower[b, k] else 0.0


@kernel
def relax(
    lam: Matrix,
    lower: Matrix,
    upper: Matrix,
    split: Phases,
    owner: Indices,
    alpha: Matrix,
    beta: Matrix,
    bias: Vector,
    magnitude: Vector,
    bias_radius: Vector,
    mu: Matrix,
    constant: Vector,
    size: Vector,
    extra: Vector,
) -> None:
    """From coefficients on post-activations to coefficients `mu` on pre-activations, both (Q, N).

    Each unit's rule is an inequality in its pre-activation z, of which l <= z <= u is known:

        lam max(z, 0) >= lam alpha z               lam >= 0, alpha in [0, 1]     Xu et al. 2021
        lam max(z, 0) >= lam u (z - l) / (u - l)   lam < 0, the chord            Zhang et al. 2018
        lam max(z, 0) >= (lam - beta) z            split to z >= 0, beta >= 0    Wang et al. 2021
        lam max(z, 0) >= beta z                    split to z <= 0, beta >= 0    the same

    Adds the intercepts and mu * bias to `constant`, |mu| * magnitude to `size` (what rounding
    errors are proportional to) and |mu| * bias_radius to `extra`. beta with one row of zero columns
    means none.

    Rounding keeps every inequality: fl(lam * alpha) lies in [0, lam]; the upper slope is rounded
    up, which is valid for the chord since lam < 0; fl(lam - beta) <= lam.
    """
    has_beta = beta.shape[1] > 0
    up = 1.0 + 4.0 * 2.0**-53
    for q in range(lam.shape[0]):
        b = owner[q]
        total = 0.0
        weight = 0.0
        doubt = 0.0
        for k in range(lam.shape[1]):
            value = lam[q, k]
            low = lower[b, k]
            high = upper[b, k]
            if split[b, k] != 0 and has_beta:
                if split[b, k] > 0:
                    m = value - beta[q, k]
                else:
                    m = beta[q, k]
            elif low >= 0.0:
                m = value
            elif high <= 0.0:
                m = 0.0
            elif value >= 0.0:
                m = value * alpha[q, k]
            else:
                m = value * min(high / (high - low) * up, 1.0)
                total -= m * low
            mu[q, k] = m
            if m != 0.0:
                total += m * bias[k]
                weight += abs(m) * magnitude[k]
                doubt += abs(m) * bias_radius[k]
        constant[q] += total
        size[q] += weight
        extra[q] += doubt


@kernel
def passthrough(
    mu: Matrix,
    bias: Vector,
    magnitude: Vector,
    bias_radius: Vector,
    constant: Vector,
    size: Vector,
    extra: Vector,
) -> None:
    """The accounting of `relax` for a stage without ReLU, where mu = lam: adds mu @ bias, |mu| @
    magnitude and |mu| @ bias_radius.
    """
    for q in range(mu.shape[0]):
        for k in range(mu.shape[1]):
            m = mu[q, k]
            if m != 0.0:
                constant[q] += m * bias[k]
                size[q] += abs(m) * magnitude[k]
                extra[q] += abs(m) * bias_radius[k]


@kernel
def relaxed_forward(
    pre: Matrix,
    lam: Matrix,
    lower: Matrix,
    upper: Matrix,
    split: Phases,
    owner: Indices,
    alpha: Matrix,
    beta: Matrix,
    alpha_grad: Matrix,
    beta_grad: Matrix,
    post: Matrix,
) -> None:
    """Post-activations r of the relaxation at its minimiser z, and the gradients of the bound.

        r = z (active), 0 (inactive), alpha z (lam >= 0), u (z - l) / (u - l) (lam < 0)

    which are the lines that `relax` took. A bound that is the least of linear functions has the
    gradient of the one that is least (Danskin 1966): d bound / d alpha = lam z where lam >= 0;
    d bound / d beta = -z (split to be active) or +z (split to be inactive).
    """
    for q in range(pre.shape[0]):
        b = owner[q]
        for k in range(pre.shape[1]):
            z = pre[q, k]
            low = lower[b, k]
            high = upper[b, k]
            ga = 0.0
            gb = 0.0
            if split[b, k] > 0:
                r = z
                gb = -z
            elif split[b, k] < 0:
                r = 0.0
                gb = z
            elif low >= 0.0:
                r = z
            elif high <= 0.0:
                r = 0.0
            elif lam[q, k] >= 0.0:
                r = alpha[q, k] * z
                ga = lam[q, k] * z
            else:
                r = high / (high - low) * (z - low)
            alpha_grad[q, k] = ga
            beta_grad[q, k] = gb
            post[q, k] = r


@kernel
def adam_step(
    value: Matrix,
    grad: Matrix,
    first: Matrix,
    second: Matrix,
    rate: Vector,
    step: int,
    ceiling: float,
) -> None:
    """One Adam step upwards on multipliers (Q, N) kept in [0, ceiling] (Kingma and Ba 2015):

        m = 0.9 m + 0.1 g      v = 0.999 v + 0.001 g^2
        value += rate * m / (1 - 0.9^step) / (sqrt(v / (1 - 0.999^step)) + 1e-12)

    rate (Q,): how far each query's multipliers move at first.

    They stay float32 numbers, so that they can be stored as such without another bound; where the
    step would leave those, as with gradients of weights near the end of float32, there is none.
    """
    # products, for a power is not rounded alike by all
    one = 1.0
    two = 1.0
    for _ in range(step):
        one *= 0.9
        two *= 0.999
    one = 1.0 - one
    two = 1.0 - two
    for q in range(value.shape[0]):
        for k in range(value.shape[1]):
            g = grad[q, k]
            m = 0.9 * first[q, k] + 0.1 * g
            v = 0.999 * second[q, k] + 0.001 * g * g
            first[q, k] = m
            second[q, k] = v
            if m != 0.0:
                moved = value[q, k] + rate[q] * (m / one) / (np.sqrt(v / two) + 1e-12)
                if moved <= MOST_FLOAT32:  # false for NaN
                    value[q, k] = np.float32(min(max(moved, 0.0), ceiling))

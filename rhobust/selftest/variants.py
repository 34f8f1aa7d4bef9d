"""Other networks with the same answer: what a verdict must not depend on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from .problem import Floats, Layers, Problem, Rng

Variant = Callable[[Rng, Problem], Problem]


def permuted_units(rng: Rng, problem: Problem) -> Problem:
    """The units of every hidden layer in another order."""
    layers = _copy(problem.layers)
    for number in range(len(layers) - 1):
        order = rng.permutation(len(layers[number][1]))
        _reorder(layers, number, order)
    return replace(problem, layers=tuple(layers))


def split_units(rng: Rng, problem: Problem) -> Problem:
    """Some units twice, their outgoing weights shared among the copies; or cancelling each other.

    The shares are powers of two of the weight, so that their sum is exact.
    """
    layers = _copy(problem.layers)
    for number in range(len(layers) - 1):
        weight, bias = layers[number]
        after, constant = layers[number + 1]
        chosen = np.flatnonzero(rng.random(len(bias)) < 0.3)
        share = float(rng.choice([0.5, 0.25, 0.0]))
        extra = np.where(rng.random(len(after)) < 0.5, 0.0, share)[:, None] * after[:, chosen]
        after = np.concatenate([after, extra], axis=1)
        after[:, chosen] -= extra
        layers[number] = np.concatenate([weight, weight[chosen]]), np.append(bias, bias[chosen])
        layers[number + 1] = after, constant
    return replace(problem, layers=tuple(layers))


def cancelled_units(rng: Rng, problem: Problem) -> Problem:
    """New units in pairs whose contributions cancel."""
    layers = _copy(problem.layers)
    for number in range(len(layers) - 1):
        weight, bias = layers[number]
        after, constant = layers[number + 1]
        row = rng.integers(-8, 9, size=(1, weight.shape[1])) / 8.0
        level = rng.integers(-8, 9, size=1) / 8.0
        part = rng.integers(-8, 9, size=(len(after), 1)) / 8.0
        layers[number] = np.concatenate([weight, row, row]), np.concatenate([bias, level, level])
        layers[number + 1] = np.concatenate([after, part, -part], axis=1), constant
    return replace(problem, layers=tuple(layers))


def scaled_layers(rng: Rng, problem: Problem) -> Problem:
    """Units times powers of two, undone by the layer behind them; all logits times another."""
    layers = _copy(problem.layers)
    for number in range(len(layers) - 1):
        weight, bias = layers[number]
        after, constant = layers[number + 1]
        factor = 2.0 ** rng.integers(-6, 7, size=len(bias))
        layers[number] = weight * factor[:, None], bias * factor
        layers[number + 1] = after / factor, constant
    weight, bias = layers[-1]
    whole = 2.0 ** int(rng.integers(-6, 7))
    layers[-1] = weight * whole, bias * whole
    return replace(problem, layers=tuple(layers))


def swapped_labels(rng: Rng, problem: Problem) -> Problem:
    """The outputs in another order."""
    layers = _copy(problem.layers)
    order = rng.permutation(problem.classes)
    weight, bias = layers[-1]
    layers[-1] = weight[order], bias[order]
    return replace(
        problem, layers=tuple(layers), label=int(np.flatnonzero(order == problem.label)[0])
    )


def moved_inputs(rng: Rng, problem: Problem) -> Problem:
    """The inputs in another order, some of them mirrored."""
    layers = _copy(problem.layers)
    order = rng.permutation(len(problem.image))
    sign = rng.choice([-1.0, 1.0], size=len(order))
    weight, bias = layers[0]
    layers[0] = weight[:, order] * sign, bias
    image, low, high = (sign * a[order] for a in (problem.image, problem.lower, problem.upper))
    return replace(
        problem, layers=tuple(layers), image=image,
        lower=np.minimum(low, high), upper=np.maximum(low, high),
    )  # fmt: skip


def added_input(rng: Rng, problem: Problem) -> Problem:
    """One more input, which nothing reads, and another that is a constant."""
    layers = _copy(problem.layers)
    weight, bias = layers[0]
    more = np.zeros((len(weight), 2))
    level = float(rng.integers(-8, 9)) / 8.0
    more[:, 1] = rng.integers(-8, 9, size=len(weight)) / 8.0
    # the constant's contribution is taken back by the bias where that is exact
    bias, rest = bias - level * more[:, 1], bias.copy()
    if not np.array_equal(bias + level * more[:, 1], rest):
        more[:, 1], bias = 0.0, rest
    layers[0] = np.concatenate([weight, more], axis=1), bias
    image = np.append(problem.image, [0.5, level])
    lower, upper = np.append(problem.lower, [0.5, level]), np.append(problem.upper, [0.5, level])
    lower[-2], upper[-2] = 0.0, 1.0
    return replace(problem, layers=tuple(layers), image=image, lower=lower, upper=upper)


VARIANTS: tuple[Variant, ...] = (
    permuted_units,
    split_units,
    cancelled_units,
    scaled_layers,
    swapped_labels,
    moved_inputs,
    added_input,
)


def _copy(layers: Layers) -> list[tuple[Floats, Floats]]:
    return [(weight.copy(), bias.copy()) for weight, bias in layers]


def _reorder(
    layers: list[tuple[Floats, Floats]], number: int, order: np.typing.NDArray[np.int64]
) -> None:
    weight, bias = layers[number]
    after, constant = layers[number + 1]
    layers[number] = weight[order], bias[order]
    layers[number + 1] = after[:, order], constant

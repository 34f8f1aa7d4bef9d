"""Problems whose least distance is known by design, larger than what can be enumerated.

With S = diag(s) of signs, the network's hidden layers have weights P S, Q, ... with P, Q >= 0, and
the label's lead falls in every unit of the last one: so it falls, or stays, whenever an input moves
along its sign, and is least over a ball at its corner in the direction s. What is left is a
function of the radius alone, one input, whose enumeration is exact and easy.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from .oracle import ExactNetwork, ExactStage, least_distance, matrix, vector
from .problem import Floats, Layers, Problem, Rng, exact_network, logits

FAR = 8.0
"""Half the width of the box: no corner reaches it."""


def planted_problem(rng: Rng) -> Problem:
    """A problem whose radius is any rational number."""
    return _planted(rng, coarse=False)


def tied_problem(rng: Rng) -> Problem:
    """A problem whose radius is a float, and so is the corner: there the label ties."""
    return _planted(rng, coarse=True)


def _planted(rng: Rng, coarse: bool) -> Problem:
    while True:
        problem = _attempt(rng, coarse)
        if problem is not None:
            return problem


def _attempt(rng: Rng, coarse: bool) -> Problem | None:
    inputs = int(rng.integers(2, 9))
    sign = rng.choice([-1.0, 1.0], size=inputs)
    image = rng.integers(16, 49, size=inputs) / 64.0
    reach = float(rng.integers(1, 129)) / 256.0
    layers: list[tuple[Floats, Floats]] = []
    point = vector([c + reach * s for c, s in zip(image.tolist(), sign.tolist(), strict=True)])
    values, base = point, vector(image.tolist())
    for number, width in enumerate([int(w) for w in rng.integers(3, 13, size=rng.integers(1, 4))]):
        weight = _growing(rng, width, len(values), coarse)
        if number == 0:
            weight = weight * sign
        # kinks somewhere between the image's value and a little beyond the corner's
        zero = np.zeros(width)
        start = np.array([float(v) for v in logits(((weight, zero),), base)])
        end = np.array([float(v) for v in logits(((weight, zero),), values)])
        share = rng.integers(-2, 10, size=width) / 8.0
        bias = np.round(-(start + share * (end - start)) * 64.0) / 64.0
        layers.append((weight, bias))
        base, values = (
            tuple(max(v, Fraction(0)) for v in logits((layers[-1],), w)) for w in (base, values)
        )
    classes = int(rng.integers(2, 5))
    weight = np.zeros((classes, len(values)))
    weight[1:] = _growing(rng, classes - 1, len(values), coarse)
    weight[0] = -_growing(rng, 1, len(values), coarse)[0] * float(rng.integers(0, 2))
    raw = logits(((weight, np.zeros(classes)),), values)
    bias = np.array([float(-v) for v in raw])
    bias[2:] -= rng.integers(1, 65, size=classes - 2) / 64.0
    layers.append((weight, bias))
    whole: Layers = tuple(layers)
    found = along(whole, image, sign)
    if found is None or not 0 < found < Fraction(FAR):
        return None
    if coarse and found != Fraction(reach):
        return None
    box = np.full(inputs, FAR)
    return Problem(whole, image, image - box, image + box, 0, found)


def along(layers: Layers, image: Floats, sign: Floats) -> Fraction | None:
    """The least radius at which the corner image + radius * sign loses label 0."""
    weight, bias = layers[0]
    rows, along_sign = matrix(weight.tolist()), vector(sign.tolist())
    slope = [sum((a * b for a, b in zip(r, along_sign, strict=True)), Fraction(0)) for r in rows]
    level = logits(((weight, bias),), vector(image.tolist()))
    first = ExactStage(((tuple((value,) for value in slope), 0),), level, len(layers) > 1)
    network = ExactNetwork((first, *exact_network(layers).stages[1:]))
    zero, far = Fraction(0), Fraction(FAR)
    found = least_distance(network, (zero,), 0, (zero,), (far,))
    return None if found is None else found[0]


def _growing(rng: Rng, rows: int, columns: int, coarse: bool) -> Floats:
    """Weights of at least 0, about half of them 0; multiples of 1/8, or float32 numbers."""
    if coarse:
        found: Floats = rng.integers(0, 9, size=(rows, columns)) / 8.0
    else:
        found = rng.random((rows, columns)).astype(np.float32).astype(np.float64)
    found[rng.random((rows, columns)) < 0.4] = 0.0
    return found

"""Problems of the self-test: a dense network, an image, and what is known of it exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .oracle import ExactNetwork, ExactStage, Vector, evaluate, least_distance, matrix, vector

Floats = npt.NDArray[np.float64]
Layers = tuple[tuple[Floats, Floats], ...]
Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class Problem:
    """A claim about dense layers, weight (out, in) and bias (out,), with ReLUs between them.

    image, lower, upper (D,): the image lies in the box.  planted: the least distance at which the
    label is lost (ties count), where it is known by design.
    """

    layers: Layers
    image: Floats
    lower: Floats
    upper: Floats
    label: int
    planted: Fraction | None = None

    @property
    def classes(self) -> int:
        return len(self.layers[-1][1])

    @property
    def units(self) -> int:
        return sum(len(bias) for _, bias in self.layers[:-1])

    @cached_property
    def exact(self) -> ExactNetwork:
        return exact_network(self.layers)

    @cached_property
    def rho(self) -> Fraction | None:
        """The least distance at which the label is lost; None where the box holds no such input."""
        if self.planted is not None:
            return self.planted
        return None if self._nearest is None else self._nearest[0]

    @cached_property
    def _nearest(self) -> tuple[Fraction, Vector] | None:
        return least_distance(
            self.exact, vector(self.image.tolist()), self.label,
            vector(self.lower.tolist()), vector(self.upper.tolist()),
        )  # fmt: skip

    @property
    def solutions(self) -> tuple[npt.NDArray[np.object_], ...]:
        """The nearest input that loses the label, (D,) Fractions, for searches to track; none where
        the box holds none, or where the distance is known by design.
        """
        if self.planted is not None or self._nearest is None:
            return ()
        return (np.array(self._nearest[1], dtype=object),)

    def lost_within(self, eps: float) -> bool:
        """Whether some input within eps (and in the box) loses the label."""
        return self.rho is not None and self.rho <= Fraction(eps)

    def breaks(self, point: Sequence[float | Fraction], eps: float | None) -> bool:
        """Whether a point of the box, and within eps, loses the label; all of it exactly."""
        x = vector(point)
        image, low, high = (vector(a.tolist()) for a in (self.image, self.lower, self.upper))
        if not all(a <= v <= b for a, v, b in zip(low, x, high, strict=True)):
            return False
        distance = max(abs(v - c) for v, c in zip(x, image, strict=True))
        if eps is not None and distance > Fraction(eps):
            return False
        y = evaluate(self.exact, x)
        return any(y[k] >= y[self.label] for k in range(len(y)) if k != self.label)


Family = Callable[[Rng], Problem]


def exact_network(layers: Layers) -> ExactNetwork:
    """The layers for the enumeration."""
    last = len(layers)
    return ExactNetwork(
        tuple(
            ExactStage(
                ((matrix(weight.tolist()), number - 1),), vector(bias.tolist()), number < last
            )
            for number, (weight, bias) in enumerate(layers, start=1)
        )
    )


def logits(layers: Layers, point: Vector) -> Vector:
    """The exact outputs at a point."""
    return evaluate(exact_network(layers), point)


def random_problem(rng: Rng) -> Problem:
    """Up to 4 inputs and 10 units, small enough to be enumerated."""
    inputs, classes = int(rng.integers(1, 5)), int(rng.integers(2, 5))
    widths = [[3], [6], [10], [3, 3], [5, 5], [4, 3, 3], [2, 2, 2]][int(rng.integers(7))]
    coarse = bool(rng.random() < 0.6)
    image = rng.integers(0, 9, size=inputs) / 8.0 if coarse else _single(rng.random(inputs))
    layers: list[tuple[Floats, Floats]] = []
    values = vector(image.tolist())
    for width in [*widths, classes]:
        weight = _weights(rng, width, len(values), coarse)
        bias = _weights(rng, width, 1, coarse)[:, 0]
        if rng.random() < 0.3:
            # some units are at their kinks, or near them, at the image
            rows = [
                sum((a * v for a, v in zip(row, values, strict=True)), Fraction(0))
                for row in matrix(weight.tolist())
            ]
            some = rng.random(width) < 0.5
            bias[some] = [-float(row) for row, chosen in zip(rows, some, strict=True) if chosen]
        layers.append((weight, bias))
        before = values
        values = logits(((weight, bias),), before)
        if len(layers) <= len(widths):
            values = tuple(max(v, Fraction(0)) for v in values)
    label = max(range(classes), key=lambda k: values[k])
    weight, bias = layers[-1]
    if rng.random() < 0.75:
        # the label leads by little, so that most problems have an example
        for k in range(classes):
            if k != label:
                bias[k] += float(values[label] - values[k]) - float(rng.integers(1, 9)) / 32.0
    lower, upper = np.zeros(inputs), np.ones(inputs)
    if rng.random() < 0.3:
        lower, upper = (
            image - rng.integers(0, 5, size=inputs),
            image + rng.integers(0, 5, size=inputs),
        )
    return Problem(tuple(layers), image, lower, upper, label)


def _weights(rng: Rng, rows: int, columns: int, coarse: bool) -> Floats:
    if coarse:
        found: Floats = rng.integers(-12, 13, size=(rows, columns)) / 8.0
    else:
        found = _single(rng.normal(size=(rows, columns)))
    if rng.random() < 0.15:
        found[rng.integers(rows)] = 0.0
    if rows > 1 and rng.random() < 0.15:
        found[0] = found[1] * float(rng.choice([1.0, -1.0]))
    return found


def _single(values: Floats) -> Floats:
    """Float32 numbers, as model files hold them."""
    return values.astype(np.float32).astype(np.float64)

"""Small random networks with an exact twin: what every property test of the engine draws.

Weights are multiples of 1/8 and images multiples of 1/8 or float32 numbers, so that degenerate
positions are exact ones: units at their kink, equal and constant units, ties of logits,
coordinates that cannot move.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from rhobust.compiler.network.graph import GraphBuilder, Network
from rhobust.compiler.network.layers import (
    Absolute,
    Clip,
    Layer,
    Leaky,
    Linear,
    Maximum,
    MaxPool,
    Rectifier,
    Sum,
)
from rhobust.compiler.operators import (
    Convolution,
    Dense,
    LinearOperator,
    Scale,
    Select,
)

from . import oracles
from .exact_twin import exact_twin, float32_runtime
from .layers import DRAWN, Floats, eighths
from .oracles import ExactNetwork

LARGEST = 10
"""ReLUs of a case: what enumeration answers in milliseconds."""
BENDS: list[type[Layer]] = (
    [Leaky] * 5 + [Absolute] * 3 + [Clip] * 5 + [MaxPool] * 5 + [Rectifier] * 2
)
"""What stands behind linear layers, as often as it is drawn; of two layers there are maxima too."""


@dataclass(frozen=True)
class Case:
    """A network, its exact twin, and an image inside a domain box whose label may be any."""

    network: Network
    exact: ExactNetwork
    image: Floats
    label: int
    lower: Floats
    upper: Floats

    @property
    def domain(self) -> tuple[object, object]:
        return self.lower, self.upper

    @property
    def center(self) -> oracles.Vector:
        return oracles.vector(self.image.tolist())

    @property
    def bounds(self) -> tuple[oracles.Vector, oracles.Vector]:
        return oracles.vector(self.lower.tolist()), oracles.vector(self.upper.tolist())

    def box(self, eps: float | Fraction) -> tuple[oracles.Vector, oracles.Vector]:
        """The inputs of the domain within eps of the image, exactly."""
        radius, (low, high) = Fraction(eps), self.bounds
        return (
            tuple(max(a, c - radius) for a, c in zip(low, self.center, strict=True)),
            tuple(min(b, c + radius) for b, c in zip(high, self.center, strict=True)),
        )


# ---- networks --------------------------------------------------------------------------------


class _Grower:
    """Adds layers of random weights; knows the exact value of every node at the image."""

    def __init__(self, rng: np.random.Generator, image: Floats, shape: tuple[int, ...]) -> None:
        self.rng, self.image = rng, image
        self.builder = GraphBuilder(shape)
        self.left = LARGEST

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def at_image(self, node: str) -> oracles.Vector:
        if node == Network.INPUT:
            return oracles.vector(self.image.tolist())
        twin = exact_twin(self.builder.finish(node))
        return oracles.evaluate(twin, oracles.vector(self.image.tolist()))

    def linear(self, source: str, operator: LinearOperator, bias: Floats | None) -> str:
        return self.builder.add("", Linear(operator, bias), operator.out_size, source)

    def dense(self, source: str, size: int) -> str:
        """A dense layer, its rows perhaps zero, equal or opposite, its units perhaps at a kink."""
        weight = eighths(self.rng, size, self.builder.size(source))
        bias = eighths(self.rng, size, size=8)
        if self.chance(0.2):
            weight[self.rng.integers(size)] = 0.0
        if size > 1 and self.chance(0.25):
            one, other = self.rng.choice(size, 2, replace=False)
            sign = self.rng.choice([1.0, 1.0, -1.0])
            weight[one], bias[one] = sign * weight[other], sign * bias[other]
        if self.chance(0.3):
            # exact as long as the values there are floats: so it is for dyadic images
            values = self.at_image(source)
            for unit in self.rng.choice(size, self.rng.integers(1, size + 1), replace=False):
                row = weight[unit].tolist()
                level = -sum(Fraction(w) * v for w, v in zip(row, values, strict=True))
                bias[unit] = float(level)
        return self.linear(source, Dense(weight), None if self.chance(0.1) else bias)

    def rectify(self, source: str) -> str:
        size = self.builder.size(source)
        self.left -= size
        assert self.left >= 0
        return self.builder.add("", Rectifier(), size, source)

    def bend(self, source: str) -> str:
        """Any activation on `source`, as long as there are units left for it."""
        size, rng = self.builder.size(source), self.rng
        layer = DRAWN[BENDS[int(rng.random() * len(BENDS))]](rng, size)
        if isinstance(layer, MaxPool):
            size = len(layer.windows.index)
        units = layer.units(size)
        if units > self.left:
            return source
        self.left -= units
        return self.builder.add("", layer, size, source)

    def hidden(self, source: str, largest: int = 5) -> str:
        size = int(self.rng.integers(min(2, self.left), min(largest, self.left) + 1))
        return self.rectify(self.dense(source, size))


def _dense(grower: _Grower, node: str) -> str:
    if grower.chance(0.15):
        node = grower.dense(node, int(grower.rng.integers(1, 4)))  # two linear layers in a row
    for _ in range(int(grower.rng.choice(4, p=[0.05, 0.3, 0.4, 0.25]))):
        if grower.left:
            node = grower.hidden(node)
    return node


def _convolution(grower: _Grower) -> str:
    rng = grower.rng
    channels, height, width = grower.builder.input_shape
    kernel = (int(rng.integers(1, height + 1)), int(rng.integers(1, width + 1)))
    groups = channels if grower.chance(0.3) else 1
    out = groups * int(rng.integers(1, 3))
    operator = Convolution(
        eighths(rng, out, channels // groups, *kernel),
        (channels, height, width),
        (1, int(rng.integers(1, 3))),
        (0, int(rng.integers(0, 2)), 0, int(rng.integers(0, 2))),
        (1, 1),
        groups,
    )
    node = grower.linear(Network.INPUT, operator, eighths(rng, operator.out_size, size=8))
    if operator.out_size > 6:
        index = rng.choice(operator.out_size, 6, replace=False).astype(np.int64)
        if grower.chance(0.3):
            index[0] = -1  # a unit that is always 0
        node = grower.linear(node, Select(index, operator.out_size), None)
    node = grower.rectify(node)
    return grower.hidden(node, 4) if grower.chance(0.5) else node


def _residual(grower: _Grower) -> str:
    """A block around ReLUs, its skip taken from the input or from a hidden layer."""
    rng = grower.rng
    node = Network.INPUT
    if grower.chance(0.5):
        node = grower.hidden(node, 3)
    inner = grower.hidden(node, 4)
    size = grower.builder.size(node)
    back = grower.dense(inner, size)
    signs = (float(rng.choice([1.0, -1.0])), 1.0)
    total = grower.builder.add("", Sum(signs), size, node, back)
    if grower.chance(0.2):
        total = grower.builder.add("", Sum((1.0, -0.5)), size, total, total)
    return grower.rectify(total) if size <= grower.left and grower.chance(0.7) else total


def _bends(grower: _Grower) -> str:
    """Dense layers and convolutions with any activation behind them, and maxima of two layers."""
    rng, node = grower.rng, Network.INPUT
    if len(grower.builder.input_shape) == 3:
        shape = grower.builder.input_shape
        operator = Convolution(eighths(rng, 2, shape[0], 1, 1), (shape[0], shape[1], shape[2]))
        node = grower.linear(node, operator, eighths(rng, operator.out_size, size=8))
        node = grower.bend(node)
    for _ in range(int(rng.integers(1, 4))):
        if grower.builder.size(node) > 6 or grower.left < 2:
            break
        width = int(rng.integers(2, 5))
        one = grower.dense(node, width)
        if grower.chance(0.25) and grower.left >= 2 * width:
            others = [grower.dense(node, width) for _ in range(int(rng.integers(1, 3)))]
            layer = Maximum(1 + len(others))
            grower.left -= layer.units(width)
            node = grower.builder.add("", layer, width, one, *others)
        else:
            node = grower.bend(one)
    return node


def random_case(rng: np.random.Generator) -> Case:
    """A case with up to 4 free inputs and up to 10 ReLUs; see the module."""
    return _case(rng, _any)


def bent_case(rng: np.random.Generator) -> Case:
    """A case with leaky ReLUs, clips, absolute values and maxima, of up to 10 rectified units."""
    return _case(rng, _bends)


def _any(grower: _Grower) -> str:
    """A convolution, a residual block or dense layers, with ReLUs."""
    rng, shape = grower.rng, grower.builder.input_shape
    kind = rng.random()
    if len(shape) == 3:
        return _convolution(grower)
    if kind < 0.35:
        return _residual(grower)
    node = Network.INPUT
    if kind < 0.45:  # a normalisation by numbers that are no dyadics
        size = grower.builder.size(node)
        divisor = rng.integers(1, 8, size=size).astype(np.float64)
        node = grower.linear(node, Scale(np.ones(size), divisor), None)
    return _dense(grower, node)


def _case(rng: np.random.Generator, grow: Callable[[_Grower], str]) -> Case:
    shape = _shape(rng)
    image, lower, upper = _image(rng, int(np.prod(shape)))
    grower = _Grower(rng, image, shape)
    output = _logits(grower, grow(grower))
    network = grower.builder.finish(output, name="random")
    exact = exact_twin(network)
    runtime = float32_runtime(exact) if rng.random() < 0.7 else None
    network = grower.builder.finish(output, name="random", runtime=runtime)
    logits = oracles.evaluate(exact, oracles.vector(image.tolist()))
    label = max(range(len(logits)), key=lambda k: logits[k])
    if rng.random() < 0.04:
        label = int(rng.integers(len(logits)))
    return Case(network, exact, image, label, lower, upper)


def _shape(rng: np.random.Generator) -> tuple[int, ...]:
    if rng.random() < 0.25:
        shapes = [(1, 2, 2), (1, 1, 4), (2, 1, 2), (1, 1, 3), (1, 2, 1)]
        return shapes[int(rng.integers(len(shapes)))]
    return (int(rng.integers(1, 5)),)


def _image(rng: np.random.Generator, size: int) -> tuple[Floats, Floats, Floats]:
    """An image, and a domain around it."""
    image: Floats = rng.integers(0, 9, size=size) / 8.0
    if rng.random() < 0.3:
        image = rng.random(size, dtype=np.float32).astype(np.float64)
    elif rng.random() < 0.1:
        image = rng.integers(0, 256, size=size) / 255.0  # no float32 numbers
    lower, upper = np.zeros(size), np.ones(size)
    if rng.random() < 0.2:
        lower, upper = image - rng.integers(0, 9, size=size), image + rng.integers(0, 9, size=size)
    if rng.random() < 0.2:
        frozen = rng.random(size) < 0.4
        lower, upper = np.where(frozen, image, lower), np.where(frozen, image, upper)
    return image, lower, upper


def _logits(grower: _Grower, node: str) -> str:
    rng = grower.rng
    if grower.left >= 4 and grower.chance(0.05):
        return grower.rectify(grower.dense(node, int(rng.integers(2, 5))))
    classes = int(rng.integers(2, 5))
    weight = eighths(rng, classes, grower.builder.size(node))
    bias = eighths(rng, classes, size=8)
    if grower.chance(0.1):
        weight[rng.integers(classes)] = 0.0  # a constant logit
    if grower.chance(0.1):
        one, other = rng.choice(classes, 2, replace=False)
        weight[one], bias[one] = weight[other], bias[other]  # equal logits
    if grower.chance(0.75):
        # the first label leads by little at the image, so that most distances are finite
        values = grower.at_image(node)
        lead = rng.integers(1, 9, size=classes) / 32.0
        if grower.chance(0.05):
            lead[-1] = 0.0
        # a float is rounded where the image is no dyadic: the lead is then nearly so much
        levels = [
            sum((Fraction(w) * v for w, v in zip(row, values, strict=True)), Fraction(0))
            for row in weight.tolist()
        ]
        for k in range(1, classes):
            bias[k] = float(levels[0] + Fraction(bias[0]) - levels[k] - Fraction(lead[k]))
    return grower.linear(node, Dense(weight), bias)


def tangled_case(rng: np.random.Generator) -> Case:
    """Ten ReLUs, nearly all unstable on the domain: a search has to split."""
    widths = [[5, 5], [4, 3, 3], [3, 4, 3], [6, 4]][int(rng.integers(4))]
    size = int(rng.integers(2, 4))
    image = rng.integers(2, 7, size=size) / 8.0
    builder = GraphBuilder((size,))
    node, values, classes = Network.INPUT, [Fraction(v) for v in image.tolist()], 2
    for width in [*widths, classes]:
        weight = eighths(rng, width, len(values), size=16)
        rows = weight.tolist()
        at_image = [sum(Fraction(w) * v for w, v in zip(r, values, strict=True)) for r in rows]
        # near its kink at the image, or one logit a little above the other
        shift = rng.integers(-2, 3, size=width) / 8.0
        if width == classes:
            shift = np.array([0.0, -rng.integers(1, 13) / 8.0])
        bias = np.array(
            [float(Fraction(s) - z) for s, z in zip(shift.tolist(), at_image, strict=True)]
        )
        node = builder.add("", Linear(Dense(weight), bias), width, node)
        values = [Fraction(v) for v in shift.tolist()]
        if width != classes:
            node = builder.add("", Rectifier(), width, node)
            values = [max(v, Fraction(0)) for v in values]
    network = builder.finish(node, name="tangled")
    low, high = np.full(size, -1.0), np.full(size, 2.0)
    return Case(network, exact_twin(network), image, 0, low, high)


def cases() -> st.SearchStrategy[Case]:
    """Random cases for hypothesis, told apart by their seed."""
    return st.integers(0, 2**32 - 1).map(lambda seed: random_case(np.random.default_rng(seed)))


def bent_cases() -> st.SearchStrategy[Case]:
    return st.integers(0, 2**32 - 1).map(lambda seed: bent_case(np.random.default_rng(seed)))


def tangled_cases() -> st.SearchStrategy[Case]:
    return st.integers(0, 2**32 - 1).map(lambda seed: tangled_case(np.random.default_rng(seed)))

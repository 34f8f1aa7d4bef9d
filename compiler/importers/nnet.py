"""Networks from the text files of the aircraft collision avoidance work, `.nnet`.

The format: https://github.com/sisl/NNet. Comment lines, sizes, bounds and scales of the inputs,
then for each layer the rows of its weight and its biases; a ReLU between any two layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..base.arrays import Matrix, Vector
from ..base.errors import ModelError
from ..network.graph import Network
from .assembly import Assembly
from .onnx.model import LIMIT

CHECK = "fetch or write it again"


@dataclass(frozen=True, eq=False)
class Scaling:
    """(x - mean) / range of each input; y * output_range + output_mean of each output."""

    mean: Vector
    range: Vector
    output_mean: float
    output_range: float


@dataclass(frozen=True, eq=False)
class NnetRuntime:
    """The evaluation that the format defines, without its clipping of inputs, in float64."""

    layers: tuple[tuple[Matrix, Vector], ...]
    scaling: Scaling | None

    def __call__(self, inputs: Matrix) -> Matrix:
        values: Matrix = np.asarray(inputs, dtype=np.float64)
        if self.scaling is not None:
            values = (values - self.scaling.mean) / self.scaling.range
        for position, (weight, bias) in enumerate(self.layers):
            values = np.einsum("bi,oi->bo", np.maximum(values, 0.0) if position else values, weight)
            values = values + bias
        if self.scaling is not None:
            values = values * self.scaling.output_range + self.scaling.output_mean
        return values


def from_nnet(path: str | Path, normalize: bool = True) -> Network:
    """The network in a `.nnet` file, of inputs and outputs in their own units.

    normalize: whether the scaling of inputs and outputs is part of the network.
    Each number of the file is taken as the double nearest to it.  The bounds of the inputs, to
    which other programs clip them, are no part of the network: a note tells them.
    """
    source = str(path)
    lines = _Lines(source, _text(source))
    sizes, low, high, scaling = _header(lines)
    layers = []
    for taken, made in zip(sizes[:-1], sizes[1:], strict=True):
        weight = np.array([lines.numbers(taken) for _ in range(made)])
        layers.append((weight, np.array([lines.numbers(1)[0] for _ in range(made)])))
    lines.end()
    assembly = Assembly(source, (sizes[0],), (), np.float64)
    value = assembly.input
    if normalize:
        value = assembly.call("centred", "scaling").apply("Sub", value, scaling.mean)
        value = assembly.call("scaled", "scaling").apply("Div", value, scaling.range)
    for position, (weight, bias) in enumerate(layers, start=1):
        dense = assembly.call(f"linear{position}", "dense layer")
        value = dense.apply("Gemm", value, weight, bias, transB=1)
        if position < len(layers):
            value = assembly.call(f"relu{position}", "ReLU").apply("Relu", value)
    if normalize:
        back = assembly.call("output", "scaling")
        value = back.apply("Mul", value, np.full(1, scaling.output_range))
        value = back.apply("Add", value, np.full(1, scaling.output_mean))
    notes = [
        f"the file bounds its inputs by {_listed(low)} and {_listed(high)}, to which other "
        "programs clip them; here they are taken as they are"
    ]
    if not normalize:
        notes.append("inputs and outputs are scaled: normalize=False")
    runtime = NnetRuntime(tuple(layers), scaling if normalize else None)
    return assembly.finish(value, Path(source).stem, runtime, notes)


def _text(source: str) -> str:
    try:
        return Path(source).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ModelError(source, "no such file") from error
    except (OSError, ValueError) as error:
        raise ModelError(source, f"cannot be read as text: {error}") from error


class _Lines:
    """The lines of a file that are no comments, one after the other."""

    def __init__(self, source: str, text: str) -> None:
        self.source = source
        self._number = 0
        self._lines: Iterator[tuple[int, str]] = (
            (number, line)
            for number, line in enumerate(text.splitlines(), start=1)
            if line.strip() and not line.lstrip().startswith("//")
        )

    def fail(self, message: str) -> ModelError:
        return ModelError(self.source, f"line {self._number}: {message}; {CHECK}")

    def numbers(self, count: int | None = None) -> list[float]:
        """The numbers of the next line, each finite; `count` of them."""
        try:
            self._number, line = next(self._lines)
        except StopIteration:
            raise ModelError(self.source, f"ends too early; {CHECK}") from None
        try:
            found = [float(part) for part in line.strip().removesuffix(",").split(",")]
        except ValueError as error:
            raise self.fail(f"is not made of numbers: {error}") from error
        if not np.isfinite(found).all():
            raise self.fail("holds NaN or infinity")
        if count is not None and len(found) != count:
            raise self.fail(f"holds {len(found)} numbers, not {count}")
        return found

    def whole(self, count: int) -> list[int]:
        found = self.numbers(count)
        if any(number != int(number) or not 0 < number <= LIMIT for number in found):
            raise self.fail(f"{found} are no sizes of layers")
        return [int(number) for number in found]

    def end(self) -> None:
        for number, _ in self._lines:
            raise ModelError(self.source, f"line {number} is beyond the last bias; {CHECK}")


def _header(lines: _Lines) -> tuple[list[int], Vector, Vector, Scaling]:
    """Layer sizes, bounds of the inputs, and the scaling."""
    count, inputs, outputs, _ = lines.whole(4)
    sizes = lines.whole(count + 1)
    if (sizes[0], sizes[-1]) != (inputs, outputs):
        raise lines.fail(f"layers of {sizes} do not lead from {inputs} inputs to {outputs} outputs")
    lines.numbers()  # a flag that nothing uses
    low, high = lines.numbers(inputs), lines.numbers(inputs)
    mean, span = lines.numbers(inputs + 1), lines.numbers(inputs + 1)
    if 0.0 in span:
        raise lines.fail("a range is zero")
    scaling = Scaling(np.array(mean[:-1]), np.array(span[:-1]), mean[-1], span[-1])
    return sizes, np.array(low), np.array(high), scaling


def _listed(values: Vector) -> str:
    few = [f"{value:g}" for value in values[:8]]
    return f"[{', '.join(few)}{', ...' if len(values) > 8 else ''}]"

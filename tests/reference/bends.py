"""Small ONNX files with every bend that is read, drawn at random."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Drawing:
    """A graph from `input` [1, 4] that grows; float32 weights that round, or eighths."""

    def __init__(self, rng: np.random.Generator, eighths: bool) -> None:
        self.rng, self.eighths = rng, eighths
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, Any] = {}

    def numbers(self, *shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        if self.eighths:
            return np.asarray(self.rng.integers(-12, 13, shape) / 8.0, dtype=np.float32)
        return np.asarray(self.rng.normal(size=shape), dtype=np.float32)

    def stored(self, array: Any) -> str:
        name = f"w{len(self.weights)}"
        self.weights[name] = np.asarray(array)
        return name

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Every second node has no name but its output's."""
        made = f"{kind.lower()}{len(self.nodes)}"
        name = f"node_{made}" if len(self.nodes) % 2 else ""
        self.nodes.append(helper.make_node(kind, [*inputs], [made], name=name, **attributes))
        return made

    def dense(self, source: str, inputs: int, outputs: int) -> str:
        weight, bias = (
            self.stored(self.numbers(outputs, inputs)),
            self.stored(self.numbers(outputs)),
        )
        return self.node("Gemm", source, weight, bias, transB=1)

    def shaped(self, source: str, *shape: int) -> str:
        return self.node("Reshape", source, self.stored(np.array(shape, dtype=np.int64)))

    def image(self, source: str) -> str:
        """[1, 2, 3, 3] of [1, 6]."""
        weight = self.stored(self.numbers(2, 1, 2, 2))
        return self.node("Conv", self.shaped(source, 1, 1, 2, 3), weight, pads=[1, 1, 1, 0])

    def save(self, path: Path, output: str) -> Path:
        ends = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in (("input", [1, 4]), (output, None))
        ]
        tensors = [numpy_helper.from_array(array, name) for name, array in self.weights.items()]
        graph = helper.make_graph(self.nodes, "bent", ends[:1], ends[1:], tensors)
        opsets = [helper.make_opsetid("", 13)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
        return path


def _clip(g: Drawing, z: str) -> str:
    low, high = sorted(g.numbers(2).tolist())
    ends = [g.stored(np.float32(end)) for end in (low, high)]
    missing = int(g.rng.integers(0, 4))
    ends = ["" if missing == k else end for k, end in enumerate(ends)]
    return g.node("Clip", z, *ends[: 1 if missing == 1 else 2])


def _extreme(kind: str) -> Callable[[Drawing, str], str]:
    def bend(g: Drawing, z: str) -> str:
        others = [g.dense(z, 6, 6) for _ in range(int(g.rng.integers(0, 4)))]
        several = int(g.rng.integers(not others, 3))
        constants = [g.stored(g.numbers(*([6] if k else [1, 1]))) for k in range(several)]
        return g.node(kind, z, *others, *constants)

    return bend


def _max_pool(g: Drawing, z: str) -> str:
    image = g.image(z)
    rng = g.rng
    kernel, strides, dilations = (rng.integers(1, 3, 2).tolist() for _ in range(3))
    kernel = rng.integers(1, 4, 2).tolist() if dilations == [1, 1] else kernel
    pads = [int(rng.integers(0, side)) for side in kernel * 2]
    if min(dilations) < max(dilations) or dilations == [2, 2]:
        pads = [0, 0, 0, 0]
    given = {"kernel_shape": kernel, "strides": strides, "pads": pads, "dilations": dilations}
    return g.node("Flatten", g.node("MaxPool", image, **given))


def _reduced(kind: str) -> Callable[[Drawing, str], str]:
    def bend(g: Drawing, z: str) -> str:
        axes = [[2], [1], [-1, 1], [0, 2]][int(g.rng.integers(0, 4))]
        keep = int(g.rng.integers(0, 2))
        found = g.node(kind, g.shaped(z, 1, 2, 3), axes=axes, keepdims=keep)
        return g.shaped(found, 1, -1)

    return bend


def _prelu(g: Drawing, z: str) -> str:
    shape = [(1,), (6,), (1, 6)][int(g.rng.integers(0, 3))]
    return g.node("PRelu", z, g.stored(g.numbers(*shape)))


BENDS: dict[str, Callable[[Drawing, str], str]] = {
    "LeakyRelu": lambda g, z: g.node("LeakyRelu", z, alpha=float(g.numbers(1)[0])),
    "PRelu": _prelu,
    "Abs": lambda g, z: g.node("Abs", z),
    "Clip": _clip,
    "Clip_relu": lambda g, z: g.node("Clip", z, g.stored(np.float32(0.0))),
    "HardSigmoid": lambda g, z: g.node("HardSigmoid", z, alpha=0.7, beta=0.3),
    "Max": _extreme("Max"),
    "Min": _extreme("Min"),
    "MaxPool": _max_pool,
    "GlobalMaxPool": lambda g, z: g.node("Flatten", g.node("GlobalMaxPool", g.image(z))),
    "ReduceMax": _reduced("ReduceMax"),
    "ReduceMin": _reduced("ReduceMin"),
}
WIDTH = {"MaxPool": 0, "GlobalMaxPool": 2, "ReduceMax": 0, "ReduceMin": 0}
"""How many numbers a bend leaves of six, where not all; 0: it depends."""


def draw(path: Path, rng: np.random.Generator, kind: str, eighths: bool = False) -> Path:
    """4 inputs and 3 outputs; one bend between layers, before it perhaps an Abs of the input."""
    g = Drawing(rng, eighths)
    first = g.node("Abs", "input") if rng.random() < 0.3 else "input"
    z = g.dense(first, 4, 6)
    if rng.random() < 0.3:
        z = g.node("Relu", z)
    bent = BENDS[kind](g, z)
    width = WIDTH.get(kind, 6)
    if not width:
        proto = onnx.load(g.save(path, bent))
        (found,) = onnx.shape_inference.infer_shapes(proto, data_prop=True).graph.output
        width = math.prod(dim.dim_value for dim in found.type.tensor_type.shape.dim)
    return g.save(path, g.dense(bent, width, 3))

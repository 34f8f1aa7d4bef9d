"""What exporters compute of shapes: importer, checker and onnxruntime read the same tensors."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from rhobust.bnb.checker.onnx.reader import read_model
from rhobust.bnb.checker.rounded.root import Root
from rhobust.compiler.importers.onnx.load import load_onnx

from .onnx_models import model

NODE = helper.make_node
INT = TensorProto.INT64


class Chain:
    """Whole numbers that a graph computes of its input's shape, with the values they have."""

    def __init__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> None:
        self.rng, self.shape = rng, shape
        self.nodes: list[onnx.NodeProto] = [NODE("Shape", ["x"], ["shape"])]
        self.values: dict[str, object] = {}
        self.known = {"shape": np.array(shape)}

    def stored(self, value: object) -> str:
        name = f"w{len(self.values)}"
        self.values[name] = np.asarray(value)
        self.known[name] = np.asarray(value)
        return name

    def node(self, kind: str, inputs: list[str], about: object, /, **attributes: Any) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(NODE(kind, inputs, [name], **attributes))
        self.known[name] = np.asarray(about)
        return name

    def product(self) -> str:
        """How many numbers there are, in one of the ways that exporters have; (1,)."""
        total = int(np.prod(self.shape))
        way = int(self.rng.integers(4))
        if way == 0:
            size = self.node("Size", ["x"], total)
            return self.node("Reshape", [size, self.stored(np.array([1]))], [total])
        if way == 1:
            return self.node("ReduceProd", ["shape"], [total], keepdims=1)
        if way == 2:
            found = self.side(0)
            for axis in range(1, len(self.shape)):
                other = self.side(axis)
                found = self.node("Mul", [found, other], self.known[found] * self.known[other])
            return found
        floats = self.node("Cast", [self.product()], [float(total)], to=TensorProto.FLOAT)
        return self.node("Cast", [floats], [total], to=INT)

    def side(self, axis: int) -> str:
        """One size, (1,)."""
        value = [self.shape[axis]]
        if self.rng.random() < 0.5:
            taken = self.node("Gather", ["shape", self.stored(np.array(axis))], value[0], axis=0)
            return self.node("Unsqueeze", [taken, self.stored(np.array([0]))], value)
        ends = [self.stored(np.array([k])) for k in (axis, axis + 1, 0)]
        return self.node("Slice", ["shape", *ends], value)

    def concat(self, parts: list[str]) -> str:
        values = np.concatenate([self.known[part] for part in parts])
        return self.node("Concat", parts, values, axis=0)


def chain(rng: np.random.Generator) -> onnx.ModelProto:
    """x flattened, gathered at a computed range, expanded as torch writes it, and summed."""
    shape = (1, *(int(n) for n in rng.integers(1, 4, size=2)))
    c = Chain(rng, shape)
    total = int(np.prod(shape))
    flat = c.node("Reshape", ["x", c.concat([c.side(0), c.product()])], np.zeros((1, total)))
    # the last numbers first, by an index that a Range gives
    start, one = c.stored(np.array(0)), c.stored(np.array(1))
    count = c.node("Squeeze", [c.product(), c.stored(np.array([0]))], total)
    index = c.node("Range", [start, count, one], np.arange(total))
    last = c.node("Sub", [count, one], total - 1)
    back = c.node("Sub", [last, index], np.arange(total)[::-1])
    swapped = c.node("Gather", [flat, back], np.zeros((1, total)), axis=1)
    # expand(rows, -1): where a size is -1 the tensor's own stands
    rows = int(rng.integers(1, 4))
    asked = c.concat([c.stored(np.array([rows])), c.stored(np.array([-1]))])
    minus = c.node(
        "ConstantOfShape", [c.stored(np.array([2]))], [-1, -1],
        value=helper.make_tensor("minus", INT, [1], [-1]),
    )  # fmt: skip
    open_ = c.node(str(rng.choice(["Equal", "LessOrEqual"])), [asked, minus], [False, True])
    sizes = c.node("Shape", [swapped], [1, total])
    target = c.node("Where", [open_, sizes, asked], [rows, total])
    wide = c.node("Expand", [swapped, target], np.zeros((rows, total)))
    c.nodes.append(NODE("Gemm", [wide, c.stored(weights(rng, total, 2))], ["y"]))
    return model(c.nodes, list(shape), c.values, 18)


def weights(
    rng: np.random.Generator, *shape: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return (rng.integers(-16, 17, shape) / 8).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_shape_chains_are_read_alike(seed: int) -> None:
    rng = np.random.default_rng(seed)
    proto = chain(rng)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.onnx"
        onnx.save(proto, path)
        network, checked = load_onnx(path), read_model(path)
        points = rng.integers(-16, 17, (3, network.input_size)) / 4
        theirs = network.run(points)
        assert network.forward(points).tolist() == theirs.tolist()
        for point, out in zip(points, theirs, strict=True):
            root = Root(checked, point, point)
            root.propagate()
            low, high = root.low[checked.output], root.high[checked.output]
            assert (low <= out).all() and (out <= high).all()
            assert np.allclose(low, high, rtol=0, atol=1e-9)

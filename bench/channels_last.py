"""Graphs in the style of tf2onnx: channels last, a Transpose around every operation on images.

    python -m bench.channels_last [NAME...]

Each is loaded and compared with onnxruntime on 50 inputs; `bench.architectures` has those of
PyTorch's exporter.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import rhobust as rb

SIDE = 16


class Graph:
    """A graph while it is written; every call leaves the tensor that the next one begins with.

    shape: of that tensor, without the batch, channels last.
    """

    def __init__(self, seed: int, shape: tuple[int, ...] = (SIDE, SIDE, 1)) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []
        self.last, self.given, self.shape = "x", shape, shape

    def stored(self, value: Any) -> str:
        name = f"w{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def drawn(self, *shape: int, width: float = 1.0) -> str:
        return self.stored((self.rng.normal(size=shape) * width).astype(np.float32))

    def add(self, kind: str, *others: str, source: str | None = None, **attributes: Any) -> str:
        name = f"t{len(self.nodes)}"
        inputs = [source or self.last, *others]
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        self.last = name
        return name

    def first(self) -> None:
        """Channels first, as operations on images have them."""
        self.add("Transpose", perm=[0, 3, 1, 2])

    def behind(self) -> None:
        """Channels last again."""
        self.add("Transpose", perm=[0, 2, 3, 1])

    def conv(self, channels: int, stride: int = 1, groups: int = 1, **padding: Any) -> None:
        """A convolution and its BiasAdd; stride: along both axes."""
        high, wide, before = self.shape
        kernel = self.drawn(channels, before // groups, 3, 3, width=0.3)
        self.first()
        padding = padding or {"auto_pad": "SAME_UPPER"}
        self.add("Conv", kernel, strides=[stride, stride], group=groups, **padding)
        self.behind()
        self.add("Add", self.drawn(1, 1, 1, channels))
        self.shape = -(-high // stride), -(-wide // stride), channels

    def dense(self, size: int, outputs: int) -> None:
        """Reshape, MatMul and BiasAdd."""
        self.add("Reshape", self.stored(np.array([-1, size])))
        self.add("MatMul", self.drawn(size, outputs, width=0.3))
        self.add("Add", self.drawn(outputs))

    def written(self, path: Path, opset: int = 13) -> None:
        kind, batch = TensorProto.FLOAT, ["batch"]
        graph = helper.make_graph(
            self.nodes,
            "channels_last",
            [helper.make_tensor_value_info("x", kind, [*batch, *self.given])],
            [helper.make_tensor_value_info(self.last, kind, None)],
            self.tensors,
        )
        domain = helper.make_opsetid("", opset)
        onnx.save(helper.make_model(graph, opset_imports=[domain], ir_version=8), path)


def convolutions(seed: int) -> Graph:
    """Transpose, Conv, Transpose, twice, and a dense layer."""
    g = Graph(seed)
    for channels in (4, 6):
        g.conv(channels, 2)
        g.add("Relu")
    g.dense(96, 5)
    return g


def padded(seed: int) -> Graph:
    """A Pad node of its own before a depthwise convolution, a folded BatchNorm, ReLU6 as Clip."""
    g = Graph(seed)
    g.conv(4)
    g.add("Clip", g.stored(np.float32(0)), g.stored(np.float32(6)))
    g.add("Pad", g.stored(np.array([0, 0, 0, 0, 0, 1, 1, 0])))
    g.conv(4, 2, groups=4, auto_pad="VALID")
    g.add("Mul", g.drawn(1, 1, 1, 4))
    g.add("Add", g.drawn(1, 1, 1, 4))
    g.add("Clip", g.stored(np.float32(0)), g.stored(np.float32(6)))
    g.dense(256, 5)
    return g


def averaged(seed: int, keep: int) -> Graph:
    """GlobalAveragePooling2D as a ReduceMean, with or without its axes kept and squeezed."""
    g = convolutions(seed)
    del g.nodes[-3:]
    g.last = g.nodes[-1].output[0]
    g.add("ReduceMean", axes=[1, 2], keepdims=keep)
    if keep:
        g.add("Squeeze", g.stored(np.array([1, 2])))
    g.add("Gemm", g.drawn(6, 5), g.drawn(5))
    return g


def pooled(seed: int) -> Graph:
    """MaxPool and AveragePool between transposes, and the flat size from Shape chains."""
    g = Graph(seed)
    g.conv(4)
    g.add("Relu")
    for kind in ("MaxPool", "AveragePool"):
        g.first()
        g.add(kind, kernel_shape=[2, 2], strides=[2, 2])
        g.behind()
    image = g.last
    g.add("Shape", source=image)
    g.add("Slice", g.stored(np.array([0])), g.stored(np.array([1])), g.stored(np.array([0])))
    batch = g.last
    g.add("Concat", g.stored(np.array([-1])), source=batch, axis=0)
    shape = g.last
    g.add("Reshape", shape, source=image)
    g.add("MatMul", g.drawn(64, 5))
    return g


def enlarged(seed: int) -> Graph:
    """UpSampling2D: a Resize as ResizeNearestNeighbor becomes one."""
    g = Graph(seed)
    g.conv(2, 2)
    g.add("Relu")
    g.first()
    g.add(
        "Resize", "", g.stored(np.array([1, 1, 2, 2], dtype=np.float32)), mode="nearest",
        coordinate_transformation_mode="half_pixel", nearest_mode="round_prefer_ceil",
    )  # fmt: skip
    g.behind()
    g.shape = SIDE, SIDE, 2
    g.conv(2, 4)
    g.dense(32, 5)
    return g


def signals(seed: int) -> Graph:
    """Conv1D: an axis put in, a Conv with a height of 1, and the axis squeezed out."""
    g = Graph(seed, (SIDE, 2))
    g.add("Unsqueeze", g.stored(np.array([1])))
    g.first()
    g.add("Conv", g.drawn(3, 2, 1, 3), auto_pad="SAME_LOWER")
    g.behind()
    g.add("Squeeze", g.stored(np.array([1])))
    g.add("Add", g.drawn(1, 1, 3))
    g.add("Relu")
    g.add("MatMul", g.drawn(3, 2))
    g.add("Add", g.drawn(2))
    g.dense(32, 5)
    return g


def residual(seed: int) -> Graph:
    """Two branches of transposes that are added, channels first and channels last, and joined."""
    g = Graph(seed)
    g.conv(4)
    g.add("Relu")
    kept = g.last
    g.conv(4)
    g.add("Add", kept)
    g.add("Relu")
    g.add("Concat", kept, axis=3)
    g.shape = SIDE, SIDE, 8
    g.conv(2, 4)
    g.dense(32, 5)
    return g


GRAPHS: dict[str, Callable[[int], Graph]] = {
    "convolutions": convolutions,
    "padding, depthwise, ReLU6": padded,
    "means, axes kept": lambda seed: averaged(seed, 1),
    "means, axes left out": lambda seed: averaged(seed, 0),
    "pools, shape chains": pooled,
    "upsampling": enlarged,
    "signals": signals,
    "residual, concatenation": residual,
}


def compared(path: Path) -> float:
    """The largest difference to onnxruntime on 50 inputs, over the largest output."""
    network = rb.load(path)
    rows = np.random.default_rng(1).uniform(-1, 1, (50, network.input_size))
    rows = rows.astype(np.float32).astype(np.float64)
    theirs = network.run(rows)
    return float(np.abs(network.forward(rows) - theirs).max() / np.abs(theirs).max())


def main() -> None:
    wanted = sys.argv[1:] or list(GRAPHS)
    with tempfile.TemporaryDirectory() as folder:
        for name in wanted:
            path = Path(folder) / "model.onnx"
            GRAPHS[name](0).written(path)
            print(f"{name}: read, differs by {compared(path):.1e}", flush=True)


if __name__ == "__main__":
    main()

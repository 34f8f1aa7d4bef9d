"""Small model and data files whose answers can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

IMAGES = np.array([[0.8, 0.2], [0.3, 0.7], [0.9, 0.5], [0.6, 0.5]])
LABELS = np.array([0, 1, 0, 1])
RADII = [0.3, 0.2, 0.2, 0.0]
"""Of IMAGES under `model`: half of the difference of the two values; the last is misclassified."""


def model(path: Path, shape: tuple[int, ...] = (2,)) -> Path:
    """The identity through a ReLU, for inputs of the shape; as many outputs as inputs."""
    size = int(np.prod(shape))
    weights = [
        numpy_helper.from_array(np.eye(size, dtype=np.float32), "weight"),
        numpy_helper.from_array(np.array([0, size], dtype=np.int64), "flat"),
    ]
    nodes = [
        helper.make_node("Reshape", ["input", "flat"], ["row"], name="flatten"),
        helper.make_node("Gemm", ["row", "weight"], ["hidden"], name="first"),
        helper.make_node("Relu", ["hidden"], ["active"], name="relu"),
        helper.make_node("Gemm", ["active", "weight"], ["output"], name="second"),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *sides])
        for name, sides in (("input", shape), ("output", (size,)))
    ]
    graph = helper.make_graph(nodes, "identity", ends[:1], ends[1:], weights)
    opsets = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def images(path: Path) -> Path:
    """IMAGES and LABELS as .npz."""
    np.savez(path, images=IMAGES, labels=LABELS)
    return path

"""Torch networks as ONNX models, written node by node: the weights stay float32."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import nn  # type: ignore[import-not-found, unused-ignore]


def to_onnx(net: nn.Sequential, name: str, shape: Sequence[int]) -> onnx.ModelProto:
    """The network as a model from images of `shape` to 10 logits; dropout is left out."""
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []
    value = "input"
    layers = [layer for layer in net if not isinstance(layer, nn.Dropout)]
    for i, layer in enumerate(layers):
        inputs, result = [value], "logits" if i == len(layers) - 1 else f"value{i}"
        if isinstance(layer, nn.Linear | nn.Conv2d):
            for part, tensor in (("weight", layer.weight), ("bias", layer.bias)):
                assert tensor is not None
                weights.append(numpy_helper.from_array(tensor.detach().numpy(), f"{part}{i}"))
                inputs.append(f"{part}{i}")
        op, options = _operator(layer)
        nodes.append(helper.make_node(op, inputs, [result], name=f"{op.lower()}{i}", **options))
        value = result
    ends = [
        helper.make_tensor_value_info(end, TensorProto.FLOAT, ["batch", *sizes])
        for end, sizes in (("input", shape), ("logits", [10]))
    ]
    graph = helper.make_graph(nodes, name, ends[:1], ends[1:], weights)
    opsets = [helper.make_opsetid("", 13)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="rhobust")
    onnx.checker.check_model(model, full_check=True)
    return model


def _operator(layer: nn.Module) -> tuple[str, dict[str, Any]]:
    """The ONNX operator of a layer, and its attributes."""
    match layer:
        case nn.Linear():
            return "Gemm", {"transB": 1}
        case nn.Conv2d():
            return "Conv", _windows(layer.kernel_size, layer.stride, layer.padding)
        case nn.MaxPool2d():
            return "MaxPool", _windows(layer.kernel_size, layer.stride, layer.padding)
        case nn.AvgPool2d():
            return "AveragePool", _windows(layer.kernel_size, layer.stride, layer.padding)
        case nn.ReLU():
            return "Relu", {}
        case nn.Flatten():
            return "Flatten", {}
    raise TypeError(f"no ONNX operator for {type(layer).__name__}")


def _windows(kernel: object, stride: object, padding: object) -> dict[str, list[int]]:
    return {"kernel_shape": _two(kernel), "strides": _two(stride), "pads": _two(padding) * 2}


def _two(size: Any) -> list[int]:
    """Of height and width, whether torch holds one number or two."""
    return [size, size] if isinstance(size, int) else [int(part) for part in size]

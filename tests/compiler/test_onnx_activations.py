"""ONNX operations that bend or pool, and transposed convolutions, against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from rhobust.compiler.base.errors import ModelError, UnsupportedAttribute, UnsupportedLayer
from rhobust.compiler.network.layers import Clip, Maximum, MaxPool, Rectifier

from .onnx_models import any_runtime, array, check_network, model, read, single

RNG = np.random.default_rng(5)
NODE = helper.make_node
LOWEST = float(np.finfo(np.float32).min)


def weights(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return array(RNG, *shape)


def of_two(kind: str, *constants: Any) -> onnx.ModelProto:
    """An operation on x, on its negative spread from a column, and on constants."""
    nodes = [
        NODE("ReduceSum", ["x", "last"], ["r"]),
        NODE("Neg", ["r"], ["n"]),
        NODE(kind, ["x", "n", "x", *(f"c{k}" for k in range(len(constants)))], ["y"]),
    ]
    values = {f"c{k}": constant for k, constant in enumerate(constants)}
    return model(nodes, [1, 2, 3], {"last": [2], **values})


def folded(kind: str, *operands: Any, **attributes: Any) -> onnx.ModelProto:
    """x times an operation on constants."""
    values = {f"c{k}": operand for k, operand in enumerate(operands)}
    nodes = [NODE(kind, [*values], ["c"], **attributes), NODE("Mul", ["x", "c"], ["y"])]
    return model(nodes, [1, 2], values)


def where(first: str, second: str) -> onnx.ModelProto:
    mask = np.array([[True], [False]])
    nodes = [NODE("Relu", ["x"], ["r"]), NODE("Where", ["mask", first, second], ["y"])]
    return model(nodes, [1, 2, 3], {"mask": mask, "c": weights(1, 1, 3)})


def hard_tanh_network() -> onnx.ModelProto:
    """What exporters write for a small network with a pool, a PReLU and a ReLU6."""
    nodes = [
        NODE("Conv", ["x", "k", "b"], ["c"], pads=[1, 1, 1, 1]),
        NODE("PRelu", ["c", "slope"], ["p"]),
        NODE("MaxPool", ["p"], ["m"], kernel_shape=[2, 2], strides=[2, 2]),
        NODE("Flatten", ["m"], ["f"]),
        NODE("Gemm", ["f", "w"], ["g"], transB=1),
        NODE("Clip", ["g", "low", "high"], ["h"]),
        NODE("Gemm", ["h", "v"], ["z"], transB=1),
        NODE("Softmax", ["z"], ["y"]),
    ]
    values = {
        **{"k": weights(2, 1, 3, 3), "b": weights(2), "slope": weights(2, 1, 1)},
        **{"low": np.float32(0), "high": np.float32(6), "w": weights(4, 8), "v": weights(3, 4)},
    }
    return model(nodes, ["n", 1, 4, 4], values)


CASES: dict[str, onnx.ModelProto] = {
    "leaky_relu": single("LeakyRelu", ["n", 3], alpha=0.3),
    "leaky_relu_16": single("LeakyRelu", [1, 3], opset=16),
    "leaky_relu_steep": single("LeakyRelu", [1, 3], alpha=-1.7),
    "prelu": single("PRelu", ["n", 2, 3], {"s": weights(2, 1)}),
    "prelu_scalar": single("PRelu", [1, 2, 3], {"s": weights(1)}, 9),
    "abs": single("Abs", ["n", 3]),
    "sign": single("Sign", ["n", 3]),
    "clip_6": single("Clip", [1, 3], opset=6 + 1, min=-0.5, max=1.25),
    "clip_upper_6": single("Clip", [1, 3], opset=10, max=0.25),
    "clip_lowest": single("Clip", [1, 3], {"a": np.float32(LOWEST), "b": np.float32(1)}),
    "clip": single("Clip", ["n", 3], {"a": np.float32(-0.5), "b": np.float32(1.5)}),
    "clip_lower": single("Clip", [1, 3], {"a": np.float32(0.5)}),
    "clip_relu": single("Clip", [1, 3], {"a": np.float32(0.0)}),
    "clip_upper": single("Clip", [1, 3], {"b": np.float32(0.5)}, inputs=["x", "", "b"]),
    "clip_none": single("Clip", [1, 3]),
    "clip_crossed": single("Clip", [1, 3], {"a": np.float32(2), "b": np.float32(-1)}),
    "hard_sigmoid": single("HardSigmoid", ["n", 3]),
    "hard_sigmoid_own": single("HardSigmoid", [1, 3], alpha=-0.7, beta=0.1),
    "max": of_two("Max"),
    "max_limited": of_two("Max", weights(1, 3), np.float32(0.25)),
    "max_constant": single("Max", [1, 3], {"c": weights(2, 1)}),
    "max_alone": single("Max", [1, 3]),
    "max_itself": single("Max", [1, 3], inputs=["x", "x"]),
    "min": of_two("Min"),
    "min_limited": of_two("Min", weights(3), weights(2, 1)),
    "min_constant": single("Min", ["n", 3], {"c": weights(3)}),
    "max_pool": single("MaxPool", ["n", 2, 4, 6], kernel_shape=[2, 3], strides=[2, 3]),
    "max_pool_overlapping": single("MaxPool", [1, 1, 5, 5], kernel_shape=[3, 3], strides=[2, 2]),
    "max_pool_3d": single("MaxPool", [1, 1, 2, 3, 4], kernel_shape=[2, 2, 2], pads=[0, 1, 0] * 2),
    "max_pool_whole": single("MaxPool", [1, 2, 3, 1], kernel_shape=[3, 1]),
    "max_pool_single": single("MaxPool", [1, 1, 5], kernel_shape=[1], strides=[2]),
    "max_pool_7": single("MaxPool", [1, 1, 5], opset=7, kernel_shape=[2], pads=[1, 0]),
    "global_max_pool": single("GlobalMaxPool", ["n", 3, 2, 5]),
    "reduce_max": single("ReduceMax", ["n", 2, 3, 4], axes=[1, -1]),
    "reduce_max_18": single("ReduceMax", [1, 2, 3], {"a": [2]}, 18, keepdims=0),
    "reduce_max_none": single("ReduceMax", [1, 2, 3], opset=18, noop_with_empty_axes=1),
    "reduce_min": single("ReduceMin", [1, 2, 3], axes=[1], keepdims=0),
    "tile": single("Tile", [1, 2, 3], {"r": [2, 1, 2]}),
    "where": where("x", "r"),
    "where_constant": where("c", "r"),
    "where_other_constant": where("x", "c"),
    "conv_transpose": single(
        "ConvTranspose", ["n", 2, 3, 4], {"k": weights(2, 3, 2, 3), "b": weights(3)}
    ),
    "conv_transpose_1d": single(
        "ConvTranspose", [1, 4, 3], {"k": weights(4, 2, 3)}, strides=[2], pads=[1, 0], group=2
    ),
    "conv_transpose_shape": single(
        "ConvTranspose", [1, 1, 3], {"k": weights(1, 1, 2)}, strides=[3], output_shape=[7]
    ),
    "folded_abs": folded("Abs", weights(2)),
    "folded_sign": folded("Sign", weights(2)),
    "folded_max": folded("Max", weights(2), weights(1, 2)),
    "folded_min": folded("Min", weights(2), weights(2)),
    "folded_clip": folded("Clip", weights(2), np.float32(-1), np.float32(1)),
    "folded_leaky": folded("LeakyRelu", weights(2), alpha=0.5),
    "folded_reduce_max": folded("ReduceMax", weights(1, 3, 2), axes=[1], keepdims=0),
    "folded_reduce_min": folded("ReduceMin", weights(1, 3, 2), axes=[1], keepdims=0),
    "folded_where": folded("Where", np.array([True, False]), weights(2), weights(2)),
    "network": hard_tanh_network(),
}


@pytest.mark.parametrize("name", CASES)
def test_operation_agrees_with_runtime_and_exact_arithmetic(name: str) -> None:
    with any_runtime(name):
        check_network(read(CASES[name]))


def test_what_a_bend_becomes() -> None:
    def last(name: str) -> object:
        network = read(CASES[name])
        return network.layer(network.output)

    assert isinstance(last("clip_relu"), Rectifier)
    lowest, crossed = last("clip_lowest"), last("clip_crossed")
    assert isinstance(lowest, Clip) and lowest.lower.tolist() == [-np.inf] * 3
    assert (
        isinstance(crossed, Clip) and crossed.lower.tolist() == crossed.upper.tolist() == [-1] * 3
    )
    assert isinstance(last("max"), Maximum) and isinstance(last("max_limited"), Clip)
    pooled = last("max_pool_overlapping")
    assert isinstance(pooled, MaxPool) and pooled.windows.index.shape == (4, 9)


def test_rectified_units_are_counted() -> None:
    counts = {
        **{"leaky_relu": 3, "prelu": 6, "abs": 3, "sign": 0, "clip": 6, "clip_lower": 3},
        # of x and its negative two numbers; two constants are one limit
        **{"clip_none": 0, "max": 6, "max_limited": 12, "max_pool": 2 * 4 * 5},
        **{"max_pool_single": 0, "global_max_pool": 27, "reduce_max": 3 * 7},
        # 4 windows of 9 numbers; each of the two upper ones has a pair in common with the lower one
        "max_pool_overlapping": 4 * 8 - 2,
    }
    assert {name: read(CASES[name]).relus for name in counts} == counts


REFUSED: dict[str, tuple[onnx.ModelProto, str]] = {
    "hard_swish": (single("HardSwish", [1, 3], opset=14), "HardSwish"),
    "thresholded": (single("ThresholdedRelu", [1, 3]), "ThresholdedRelu"),
    "elu": (single("Elu", [1, 3]), "Elu"),
    "tanh": (single("Tanh", [1, 3]), "Tanh"),
    "floor": (single("Floor", [1, 3]), "Floor"),
    "power": (single("Pow", [1, 3], {"c": 2.0}), "Pow"),
    "slope": (single("PRelu", [1, 3], inputs=["x", "x"]), "PRelu whose slope depends"),
    "order": (single("MaxPool", [1, 1, 4], kernel_shape=[2], storage_order=1), "with indices"),
    "indices": (
        model([NODE("MaxPool", ["x"], ["y", "index"], kernel_shape=[2])], [1, 1, 4]),
        "with indices",
    ),
    "limit": (
        model(
            [NODE("ReduceMax", ["x"], ["m"], keepdims=0), NODE("Clip", ["x", "m"], ["y"])], [1, 3]
        ),
        "Clip whose limit depends",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_piecewise_linear_is_refused_by_name(name: str) -> None:
    proto, words = REFUSED[name]
    with pytest.raises(UnsupportedLayer, match=words):
        read(proto)


DEFECTS: dict[str, tuple[onnx.ModelProto, str]] = {
    "two_limits": (single("Clip", [1, 3], {"a": weights(3)}), "single number"),
    "slopes": (single("PRelu", [1, 3], {"s": weights(2)}), "cannot be read"),
    "condition": (
        single("Where", [1, 3], {"c": [1, 0, 1]}, inputs=["c", "x", "x"]),
        "condition is int64",
    ),
    "tile": (single("Tile", [1, 3], {"r": [2]}), "by \\(2,\\)"),
    "enlarged_by_sums": (
        single("Resize", [1, 1, 2], {"s": np.array([1, 1, 2], np.float32)}, 10, mode="linear"),
        "'linear'; 'nearest' with whole factors.*transposed convolution",
    ),
    "enlarged_by_halves": (
        single("Resize", [1, 1, 2], {"s": np.array([1, 1, 1.5], np.float32)}, 10, mode="nearest"),
        r"scales \[1.0, 1.0, 1.5\].*not all whole",
    ),
    "enlarged_unevenly": (
        single(
            "Resize",
            [1, 1, 2],
            {"s": np.array([1, 1, 2], np.float32)},
            13,
            ["x", "", "s"],
            mode="nearest",
            nearest_mode="floor",
        ),  # fmt: skip
        "'half_pixel' and rounds them by 'floor'",
    ),
    "whole_limit": (single("Max", [1, 3], {"c": [1]}), "not floating"),
    "padding_alone": (
        single("MaxPool", [1, 1, 2], kernel_shape=[1], strides=[3], pads=[3, 0]),
        "wholly on the padding",
    ),
    "channels": (single("ConvTranspose", [1, 2, 3], {"k": weights(1, 1, 2)}), "meets 2 channels"),
    "bias": (
        single("ConvTranspose", [1, 1, 3], {"k": weights(1, 2, 2), "b": weights(1)}),
        "bias of shape",
    ),
    "odd_padding": (
        single("ConvTranspose", [1, 1, 3], {"k": weights(1, 1, 2)}, output_padding=[1]),
        "does not lead to 5",
    ),
    "no_result": (
        single("ConvTranspose", [1, 1, 1], {"k": weights(1, 1, 2)}, pads=[2, 2]),
        "does not lead to -2",
    ),
    "axes": (
        single("ConvTranspose", [1, 1, 3], {"k": weights(1, 1, 2)}, output_padding=[0, 0]),
        "does not fit its axes",
    ),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_defects_are_explained(name: str) -> None:
    proto, words = DEFECTS[name]
    with pytest.raises(ModelError, match=words):
        read(proto)


def test_windows_that_lie_apart_are_not_padded_by_a_rule() -> None:
    proto = single("MaxPool", [1, 1, 4], kernel_shape=[1], strides=[4], auto_pad="SAME_LOWER")
    with pytest.raises(UnsupportedAttribute, match="lie apart"):
        read(proto)


@st.composite
def max_pools(draw: st.DrawFn) -> onnx.ModelProto:
    """Every attribute; paddings less than the kernel, and sizes that one window fits."""
    rank, numbers = draw(st.integers(1, 2)), st.integers(1, 3)
    kernel = [draw(numbers) for _ in range(rank)]
    dilations = [draw(numbers) for _ in range(rank)]
    sizes = [
        d * (k - 1) + 1 + draw(st.integers(0, 5)) for k, d in zip(kernel, dilations, strict=True)
    ]
    strides = [draw(numbers) for _ in range(rank)]
    mode = draw(st.sampled_from(["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]))
    attributes: dict[str, Any] = {"auto_pad": mode, "ceil_mode": draw(st.integers(0, 1))}
    if mode == "NOTSET":
        attributes["pads"] = [draw(st.integers(0, k - 1)) for k in 2 * kernel]
    if mode.startswith("SAME"):
        strides = [min(pair) for pair in zip(strides, kernel, strict=True)]
    return single(
        "MaxPool",
        [1, draw(st.integers(1, 2)), *sizes],
        kernel_shape=kernel,
        strides=strides,
        dilations=dilations,
        **attributes,
    )


@st.composite
def transposed(draw: st.DrawFn) -> onnx.ModelProto:
    """Every attribute of a transposed convolution, a padding by rule or none too large."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rank, numbers = draw(st.integers(1, 2)), st.integers(1, 3)
    kernel, strides, dilations, sizes = ([draw(numbers) for _ in range(rank)] for _ in range(4))
    extra = [draw(st.integers(0, s - 1)) for s in strides]
    full = [
        s * (n - 1) + d * (k - 1) + 1 + e
        for s, n, d, k, e in zip(strides, sizes, dilations, kernel, extra, strict=True)
    ]
    groups = draw(st.integers(1, 2))
    inputs = groups * draw(st.integers(1, 2))
    values = {"k": array(rng, inputs, draw(st.integers(1, 2)), *kernel)}
    if draw(st.booleans()):
        values["b"] = array(rng, groups * values["k"].shape[1])
    attributes: dict[str, Any] = {
        "strides": strides, "dilations": dilations, "output_padding": extra, "group": groups
    }  # fmt: skip
    kind = draw(st.sampled_from(["pads", "VALID", "SAME_UPPER", "SAME_LOWER", "shape"]))
    if kind == "pads":
        pads = [(draw(st.integers(0, (f - 1) // 2)), draw(st.integers(0, f // 2))) for f in full]
        attributes["pads"] = [before for before, _ in pads] + [
            min(after, f - before - 1) for (before, after), f in zip(pads, full, strict=True)
        ]
    elif kind == "shape":
        # a shape that the windows do not lead to is refused, by onnxruntime too
        attributes["output_shape"] = [
            max(1, f - draw(st.integers(0, 3)) + draw(st.integers(0, max(0, s - 1 - e))))
            for f, s, e in zip(full, strides, extra, strict=True)
        ]
        attributes["auto_pad"] = draw(st.sampled_from(["NOTSET", "SAME_UPPER", "SAME_LOWER"]))
    else:
        attributes["auto_pad"] = kind
    return single("ConvTranspose", ["n", inputs, *sizes], values, **attributes)


@settings(max_examples=75, deadline=None)
@given(st.one_of(max_pools(), transposed()))
def test_random_pools_and_transposed_convolutions_agree(proto: onnx.ModelProto) -> None:
    check_network(read(proto), rows=2)

"""Every ONNX operation that is read, against onnxruntime and exact arithmetic."""

from __future__ import annotations

import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from rhobust.compiler.importers.onnx.operators.arithmetic import nearest_root
from rhobust.compiler.importers.onnx.ops import OPERATIONS
from rhobust.compiler.operators import Scale

from . import test_onnx_activations, test_onnx_masks, test_shape_chains
from .onnx_models import any_runtime, array, check_network, model, read, single

RNG = np.random.default_rng(0)
NODE = helper.make_node


def weights(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return array(RNG, *shape)


def positive(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.asarray(np.abs(array(RNG, *shape)) + np.float32(0.5))


def norm(channels: int) -> dict[str, Any]:
    return {
        "s": weights(channels),
        "b": weights(channels),
        "m": weights(channels),
        "v": positive(channels),
    }


def constant(**attributes: Any) -> onnx.ModelProto:
    """x + c, with c a Constant node."""
    return model(
        [NODE("Constant", [], ["c"], **attributes), NODE("Add", ["x", "c"], ["y"])], [1, 2]
    )


def dropout_with_mask() -> onnx.ModelProto:
    return model([NODE("Dropout", ["x"], ["y", "mask"], ratio=0.3)], ["n", 3], opset=10)


def split(opset: int, sizes: list[int] | None, outputs: int, **attributes: Any) -> onnx.ModelProto:
    """Two parts of a split, one taken from the other."""
    if sizes is not None and opset < 13:
        attributes["split"] = sizes
    values: dict[str, Any] = {"sizes": sizes} if sizes is not None and opset >= 13 else {}
    names = [f"part{k}" for k in range(outputs)]
    nodes = [
        NODE("Split", ["x", *values], names, axis=1, **attributes),
        NODE("Gather", [names[0], "last"], ["a"], axis=1),
        NODE("Sub", [names[-1], "a"], ["y"]),
    ]
    return model(nodes, [1, 7 if opset == 18 else 6, 2], {**values, "last": [-1]}, opset)


def dynamic_flatten() -> onnx.ModelProto:
    """The chain of shape operations that exporters write for x.view(x.size(0), -1)."""
    nodes = [
        NODE("Shape", ["x"], ["shape"]),
        NODE("Gather", ["shape", "zero"], ["n"], axis=0),
        NODE("Unsqueeze", ["n", "axes"], ["n1"]),
        NODE("Concat", ["n1", "rest"], ["target"], axis=0),
        NODE("Reshape", ["x", "target"], ["y"]),
    ]
    values = {"zero": np.array(0), "axes": [0], "rest": [-1]}
    return model(nodes, ["batch", 2, 3], values)


def concat() -> onnx.ModelProto:
    """Two activations, one of them twice, and a constant."""
    nodes = [
        NODE("Relu", ["x"], ["r"]),
        NODE("Concat", ["x", "c", "r", "x"], ["y"], axis=-1),
    ]
    return model(nodes, [1, 2, 3], {"c": weights(1, 2, 2)})


def residual() -> onnx.ModelProto:
    nodes = [
        NODE("Conv", ["x", "k", "b"], ["c"], pads=[1, 1, 1, 1]),
        NODE("Relu", ["c"], ["r"]),
        NODE("Add", ["r", "x"], ["a"]),
        NODE("Add", ["a", "a"], ["d"]),
        NODE("Flatten", ["d"], ["f"]),
        NODE("Gemm", ["f", "w", "o"], ["y"], transB=1),
    ]
    values = {"k": weights(2, 2, 3, 3), "b": weights(2), "w": weights(3, 18), "o": weights(3)}
    return model(nodes, [None, 2, 3, 3], values)


def cast(dtype: int, to: int) -> onnx.ModelProto:
    proto = model([NODE("Cast", ["x"], ["y"], to=to)], [1, 2], dtype=dtype)
    proto.graph.output[0].type.tensor_type.elem_type = to
    return proto


def folded(kind: str, *operands: Any) -> onnx.ModelProto:
    """x times an operation on constants."""
    values = {f"c{k}": operand for k, operand in enumerate(operands)}
    return model([NODE(kind, [*values], ["c"]), NODE("Mul", ["x", "c"], ["y"])], [1, 2], values)


def floats(*values: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.array(values, dtype=np.float32)


def resized(
    shape: list[int], values: dict[str, Any], opset: int, placing: str, rounding: str, **rest: Any
) -> onnx.ModelProto:
    """A Resize to the nearest number, by scales or, where they are whole numbers, to sizes."""
    named = ["", "s"] if isinstance(values["s"], np.ndarray) else ["", "", "s"]
    if opset < 13:  # the region of another mode was no optional input
        values["region"] = floats()
        named[0] = "region"
    return single(
        "Resize", shape, values, opset, ["x", *named], mode="nearest", cubic_coeff_a=-0.75,
        coordinate_transformation_mode=placing, nearest_mode=rounding, **rest,
    )  # fmt: skip


def normalised(shape: list[int], inputs: list[str]) -> onnx.ModelProto:
    """An exporter's own normalisation: (x - mean) / deviation, or with the sides exchanged."""
    nodes = [NODE("Sub", [inputs[0], inputs[1]], ["d"]), NODE("Div", ["d", "s"], ["y"])]
    return model(nodes, shape, {"m": weights(2, 1, 1), "s": positive(2, 1, 1)})


CASES: dict[str, onnx.ModelProto] = {
    "gemm": single("Gemm", ["n", 4], {"w": weights(4, 3), "b": weights(3)}),
    "gemm_transposed": single("Gemm", ["n", 4], {"w": weights(3, 4), "b": weights(1, 3)}, transB=1),
    "gemm_scaled": single(
        "Gemm", [1, 4], {"w": weights(3, 4), "b": weights(3)}, transB=1, alpha=0.3, beta=-1.7
    ),
    "gemm_without_bias": single("Gemm", [1, 4], {"w": weights(4, 3)}),
    "gemm_scalar_bias": single("Gemm", [1, 4], {"w": weights(4, 3), "b": weights()}),
    "matmul": single("MatMul", ["n", 4], {"w": weights(4, 3)}),
    "matmul_vector": single("MatMul", [1, 4], {"w": weights(4)}),
    "matmul_rows": single("MatMul", [1, 2, 3, 4], {"w": weights(4, 5)}),
    "matmul_ones": single("MatMul", [1, 4], {"w": weights(1, 1, 4, 3)}),
    "matmul_left": single("MatMul", [1, 4, 3], {"w": weights(2, 4)}, inputs=["w", "x"]),
    "matmul_left_deep": single("MatMul", [1, 2, 4, 3], {"w": weights(2, 4)}, inputs=["w", "x"]),
    "matmul_left_vector": single("MatMul", [1, 4, 3], {"w": weights(4)}, inputs=["w", "x"]),
    "matmul_plain_vector": single("MatMul", [4], {"w": weights(4, 3)}),
    "add": single("Add", ["n", 3], {"c": weights(3)}),
    "sub": single("Sub", [1, 2, 3], {"c": weights(2, 1)}),
    "sub_from": single("Sub", [1, 2, 3], {"c": weights(3)}, inputs=["c", "x"]),
    "mul": single("Mul", [1, 3], {"c": weights(3)}),
    "div": single("Div", [1, 3], {"c": positive(1, 3)}),
    "spread_by_constant": single("Mul", [1, 3, 1], {"c": weights(2, 1, 4)}),
    "sub_from_spread": single("Sub", [1, 3, 1], {"c": weights(4)}, inputs=["c", "x"]),
    "normalised": normalised([1, 2, 2, 3], ["x", "m"]),
    "normalised_from": normalised([1, 2, 2, 3], ["m", "x"]),
    "add_activations_spread": model(
        [NODE("ReduceMean", ["x"], ["r"], axes=[2]), NODE("Sub", ["x", "r"], ["y"])], [1, 2, 3]
    ),
    "sub_itself": single("Sub", [1, 3], inputs=["x", "x"]),
    "neg": single("Neg", [1, 3]),
    "relu": single("Relu", ["n", 3]),
    "residual": residual(),
    "batch_normalization": single("BatchNormalization", ["n", 2, 3, 2], norm(2), epsilon=1e-3),
    "batch_normalization_flat": single("BatchNormalization", [1, 4], norm(4), 15),
    "batch_normalization_7": single("BatchNormalization", [1, 4], norm(4), 8, spatial=1),
    "batch_normalization_small": single(
        "BatchNormalization", [1, 2], {**norm(2), "v": np.array([0, 2e-5], np.float32)}
    ),
    "flatten": single("Flatten", ["n", 2, 3]),
    "flatten_axis_0": single("Flatten", [1, 2, 3], axis=0),
    "flatten_axis_-1": single("Flatten", [1, 2, 3], axis=-1),
    "reshape": single("Reshape", [1, 4, 3], {"s": [0, 2, -1]}),
    "reshape_batch": single("Reshape", ["n", 4], {"s": [1, 2, 2]}),
    "transpose": single("Transpose", [1, 2, 3], perm=[0, 2, 1]),
    "transpose_all": single("Transpose", [1, 2, 3]),
    "constant": constant(value=helper.make_tensor("t", TensorProto.FLOAT, [2], [0.5, 2.0])),
    "constant_float": constant(value_float=0.1),
    "constant_floats": constant(value_floats=[0.1, 0.2]),
    "identity": single("Identity", [1, 3]),
    "dropout": dropout_with_mask(),
    "dropout_13": single("Dropout", [1, 3], {"r": np.float32(0.5)}),
    "cast": cast(TensorProto.FLOAT, TensorProto.FLOAT),
    "cast_to_double": cast(TensorProto.FLOAT, TensorProto.DOUBLE),
    "double": model(
        [NODE("MatMul", ["x", "w"], ["y"])],
        [1, 3],
        {"w": np.arange(6.0).reshape(3, 2)},
        dtype=TensorProto.DOUBLE,
    ),
    "squeeze": single("Squeeze", [1, 2, 1, 3], {"a": [2]}),
    "squeeze_all": single("Squeeze", ["n", 2, 1, 3]),
    "squeeze_11": single("Squeeze", [1, 2, 1, 3], opset=11, axes=[-2]),
    "unsqueeze": single("Unsqueeze", [1, 2], {"a": [-1, 1]}),
    "unsqueeze_11": single("Unsqueeze", [1, 2], opset=11, axes=[0, 2]),
    "concat": concat(),
    "slice_9": single("Slice", [1, 5, 4], opset=9, starts=[1, -3], ends=[4, 99], axes=[1, 2]),
    "slice": single("Slice", [1, 5, 4], {"s": [-1], "e": [-99], "a": [1], "t": [-2]}),
    "slice_plain": single("Slice", [1, 5], {"s": [0, 1], "e": [1, 2**62]}),
    "split": split(13, [1, 3, 2], 3),
    "split_equal": split(13, None, 3),
    "split_18": split(18, None, 4, num_outputs=4),
    "split_11": split(11, [4, 2], 2),
    "gather": single("Gather", [1, 4, 2], {"i": [[0, -1], [2, 2]]}, axis=1),
    "gather_one": single("Gather", [1, 4, 2], {"i": np.array(-1)}, axis=2),
    "pad_10": single("Pad", [1, 2, 3], opset=10, pads=[0, 1, 0, 0, 0, 2], value=1.5),
    "pad": single("Pad", [1, 2, 3], {"p": [0, 0, -1, 0, 2, 1]}),
    "pad_value": single("Pad", [1, 2, 3], {"p": [0, 1, 1, 0, 0, 1], "v": np.float32(-2.5)}),
    "pad_18": single("Pad", [1, 2, 3], {"p": [1, 2], "v": np.float32(0), "a": [-1]}, 18),
    "reduce_sum": single("ReduceSum", ["n", 2, 3, 4], {"a": [1, -1]}),
    "reduce_sum_all": single("ReduceSum", [1, 2, 3], keepdims=0),
    "reduce_sum_none": single("ReduceSum", [1, 2], noop_with_empty_axes=1),
    "reduce_sum_none_kept": single("ReduceSum", [1, 2], noop_with_empty_axes=1, keepdims=0),
    "reduce_mean": single("ReduceMean", ["n", 2, 3], axes=[2], keepdims=0),
    "reduce_mean_18": single("ReduceMean", [1, 2, 3], {"a": [1]}, 18),
    "expand": single("Expand", [1, 3, 1], {"s": [2, 1, 2]}),
    "conv_1d": single(
        "Conv",
        [1, 2, 9],
        {"k": weights(4, 1, 3), "b": weights(4)},
        group=2,
        strides=[2],
        pads=[1, 0],
    ),
    "conv_depthwise": single("Conv", ["n", 3, 5, 4], {"k": weights(6, 1, 2, 3)}, group=3),
    "conv_same_upper": single("Conv", [1, 1, 4], {"k": weights(1, 1, 2)}, auto_pad="SAME_UPPER"),
    "conv_same_lower": single("Conv", [1, 1, 4], {"k": weights(1, 1, 2)}, auto_pad="SAME_LOWER"),
    "global_average_pool": single("GlobalAveragePool", ["n", 3, 2, 4]),
    "global_average_pool_3d": single("GlobalAveragePool", [1, 2, 2, 2, 3]),
    "average_pool_1d": single("AveragePool", [1, 2, 7], kernel_shape=[3], strides=[2], pads=[1, 1]),
    "average_pool_dilated": single(
        "AveragePool", [1, 2, 7, 7], opset=19, kernel_shape=[2, 3], dilations=[2, 1], ceil_mode=1
    ),
    "dynamic_flatten": dynamic_flatten(),
    "shape_15": model(
        [NODE("Shape", ["x"], ["s"], start=1, end=-1), NODE("Expand", ["x", "s"], ["y"])],
        [1, 2, 1],
        opset=15,
    ),
    "constant_of_shape": model(
        [NODE("ConstantOfShape", ["s"], ["z"]), NODE("Concat", ["x", "z"], ["y"], axis=1)],
        [1, 2],
        {"s": [1, 3]},
    ),
    "folded_sqrt": folded("Sqrt", positive(2)),
    "folded_div": folded("Div", positive(2), positive(2)),
    "folded_relu": folded("Relu", weights(2)),
    "folded_matmul": folded("MatMul", weights(2, 2), weights(2)),
    "folded_reduce_sum": model(
        [
            NODE("Shape", ["x"], ["s"]),
            NODE("ReduceSum", ["s"], ["n"], keepdims=1),
            NODE("Reshape", ["x", "n"], ["y"]),
        ],
        [2],
    ),
    "resize": resized([1, 1, 3, 2], {"s": floats(1, 1, 2, 3)}, 13, "asymmetric", "floor"),
    "resize_11": resized([1, 2, 3], {"s": floats(1, 1, 7)}, 11, "half_pixel", "round_prefer_floor"),
    "resize_to_sizes": resized(
        [1, 3, 2, 1], {"s": [1, 9, 10, 1]}, 13, "half_pixel", "round_prefer_ceil"
    ),
    "resize_of_tensorflow": resized(
        [1, 1, 3, 4], {"s": floats(1, 1, 5, 2)}, 11, "tf_half_pixel_for_nn", "floor"
    ),
    "resize_axes": resized(
        [1, 1, 3, 2],
        {"s": floats(3, 2)},
        18,
        "pytorch_half_pixel",
        "round_prefer_floor",
        axes=[3, 2],
    ),
    "resize_10": single("Resize", ["n", 1, 2, 3], {"s": floats(1, 1, 3, 2)}, 10, mode="nearest"),
    "upsample": single("Upsample", [1, 2, 2, 3], {"s": floats(1, 1, 2, 2)}, 9),
    "upsample_7": single("Upsample", [1, 1, 2, 3], opset=8, scales=[1.0, 1.0, 3.0, 2.0]),
    "scalar_input": model([NODE("Mul", ["x", "c"], ["y"])], [], {"c": weights(2)}),
}


@pytest.mark.parametrize("name", CASES)
def test_operation_agrees_with_runtime_and_exact_arithmetic(name: str) -> None:
    with any_runtime(name):
        check_network(read(CASES[name]))


def test_every_operation_has_a_case() -> None:
    protos = [*CASES.values(), *test_onnx_activations.CASES.values()]
    protos += [*test_onnx_masks.CASES.values(), test_shape_chains.chain(np.random.default_rng(0))]
    seen = {node.op_type for proto in protos for node in proto.graph.node}
    assert seen | {"AveragePool", "Conv"} >= set(OPERATIONS)


def test_a_batch_of_any_size_is_run_at_once_unless_rows_would_mix() -> None:
    rows = np.array([[1.0, -2.0, 3.0, 4.0], [0.0, 1.0, 0.0, 1.0]])
    for name in ("gemm", "reshape_batch"):
        network = read(CASES[name])
        assert network.runtime is not None
        together, apart = network.runtime(rows), [network.runtime(row[None])[0] for row in rows]
        assert np.allclose(together, apart)
        assert network.runtime.batched == (name == "gemm")  # type: ignore[attr-defined]


def test_a_network_survives_a_pickle() -> None:
    network = read(CASES["residual"])
    copied = pickle.loads(pickle.dumps(network))
    check_network(copied)


def test_a_first_axis_of_several_is_no_batch() -> None:
    rows = np.array([[0.5, -1.0, 2.0, 1.5, -0.25, 3.0], [1.0, 0.0, -1.0, 2.0, 0.5, -3.0]])
    network = read(single("MatMul", [2, 3], {"w": weights(3, 2)}))
    assert (network.input_shape, network.input_size, network.output_size) == ((2, 3), 6, 4)
    check_network(network)
    assert network.run(rows).shape == (2, 4)
    check_network(read(single("Relu", [2, 3])))
    check_network(read(single("BatchNormalization", [2, 4], norm(4), 15)))


def test_a_softmax_alone_is_the_identity() -> None:
    network = read(model([NODE("Softmax", ["x"], ["y"], name="last")], ["n", 3]))
    check_network(network)
    assert network.ordered and network.forward(np.eye(3)).tolist() == np.eye(3).tolist()


def test_names_shapes_and_notes() -> None:
    network = read(CASES["residual"], ".onnx.gz")
    assert (network.name, network.input_shape) == ("model", (2, 3, 3))
    assert len(network.digest) == 64 and network.digest == read(CASES["residual"]).digest
    assert network.order[1:] == ["c", "r", "a", "d", "f", "y"]
    kinds = [network.layer(node).kind for node in network.order[1:]]
    assert kinds == ["conv", "relu", "add", "add", "flatten", "gemm"]
    assert read(CASES["matmul_plain_vector"]).input_shape == (4,)
    assert network.relus == 18 and network.notes == ()


def test_weights_are_exact() -> None:
    weight = np.float32(0.1)
    network = read(single("Mul", [1, 1], {"c": weight.reshape(1)}))
    operator = network.layer(network.output).operator  # type: ignore[attr-defined]
    assert isinstance(operator, Scale) and operator.multiplier[0] == float(weight) != 0.1


@pytest.mark.parametrize("kind", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("opset", [11, 13])
def test_a_last_softmax_is_left_out_with_a_note(kind: str, opset: int) -> None:
    nodes = [NODE("Gemm", ["x", "w"], ["z"]), NODE(kind, ["z"], ["y"], name="last")]
    network = read(model(nodes, ["n", 4], {"w": weights(4, 3)}, opset))
    check_network(network)  # the runtime ends before the softmax too
    assert network.output == "z" and "last" in network.notes[0]


def test_what_the_output_does_not_need_is_not_read() -> None:
    nodes = [NODE("Sigmoid", ["x"], ["unused"]), NODE("Relu", ["x"], ["y"])]
    assert read(model(nodes, [1, 2])).order == ["input", "y"]


def test_initializers_may_also_be_listed_as_inputs() -> None:
    proto = single("MatMul", [1, 4], {"w": weights(4, 3)})
    proto.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [4, 3]))
    proto.ir_version = 3
    check_network(read(proto))


@given(st.fractions(min_value=Fraction(1, 10**12), max_value=10**12))
def test_nearest_root(square: Fraction) -> None:
    root = nearest_root(square)
    above = (Fraction(root) + Fraction(np.nextafter(root, np.inf))) / 2
    below = (Fraction(root) + Fraction(np.nextafter(root, 0.0))) / 2
    assert below**2 <= square <= above**2


def windows(draw: st.DrawFn, rank: int, dilated: bool) -> tuple[list[int], dict[str, Any]]:
    """Sizes, and attributes under which at least one window fits."""
    numbers = st.integers(1, 3)
    kernel = [draw(numbers) for _ in range(rank)]
    attributes: dict[str, Any] = {
        "kernel_shape": kernel,
        "strides": [draw(numbers) for _ in range(rank)],
    }
    dilations = [draw(numbers) if dilated else 1 for _ in range(rank)]
    sizes = [
        d * (k - 1) + 1 + draw(st.integers(0, 4)) for k, d in zip(kernel, dilations, strict=True)
    ]
    modes = ["NOTSET", "VALID"] + (["SAME_UPPER", "SAME_LOWER"] if max(dilations) == 1 else [])
    mode = draw(st.sampled_from(modes))
    if mode == "NOTSET":
        attributes["pads"] = [draw(st.integers(0, k - 1)) for k in 2 * kernel]
    else:
        attributes["auto_pad"] = mode
        # onnxruntime fails where windows lie apart
        pairs = zip(attributes["strides"], kernel, strict=True)
        attributes["strides"] = [min(pair) for pair in pairs]
    if dilated:
        attributes["dilations"] = dilations
    return sizes, attributes


@st.composite
def convolutions(draw: st.DrawFn) -> onnx.ModelProto:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    sizes, attributes = windows(draw, draw(st.integers(1, 2)), dilated=True)
    groups = draw(st.integers(1, 2))
    inputs, outputs = (groups * draw(st.integers(1, 2)) for _ in range(2))
    values = {"k": array(rng, outputs, inputs // groups, *attributes["kernel_shape"])}
    if draw(st.booleans()):
        values["b"] = array(rng, outputs)
    shape: list[int | str | None] = ["n" if draw(st.booleans()) else 1, inputs, *sizes]
    return single("Conv", shape, values, group=groups, **attributes)


@st.composite
def pools(draw: st.DrawFn) -> onnx.ModelProto:
    sizes, attributes = windows(draw, draw(st.integers(1, 2)), dilated=False)
    counted = draw(st.integers(0, 1))
    shape = [1, draw(st.integers(1, 2)), *sizes]
    return single("AveragePool", shape, count_include_pad=counted, **attributes)


@st.composite
def broadcasts(draw: st.DrawFn) -> onnx.ModelProto:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    full = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    one = [draw(st.sampled_from([1, size])) for size in full]
    other = [draw(st.sampled_from([1, size])) for size in full][draw(st.integers(0, len(full))) :]
    kind = draw(st.sampled_from(["Add", "Sub", "Mul", "Div"]))
    c = array(rng, *other)
    c = np.where(c == 0, np.float32(1), c)
    names = ["x", "c"] if kind == "Div" or draw(st.booleans()) else ["c", "x"]
    return single(kind, [1, *one], {"c": c}, inputs=names)


@st.composite
def slices(draw: st.DrawFn) -> onnx.ModelProto:
    size = draw(st.integers(1, 5))
    step = draw(st.sampled_from([-2, -1, 1, 2]))
    first = draw(st.integers(0, size - 1))
    start = first - draw(st.sampled_from([0, size]))
    end = draw(st.sampled_from([2**62, size])) if step > 0 else -(2**62)
    return single("Slice", [1, size, 2], {"s": [start], "e": [end], "a": [1], "t": [step]})


@st.composite
def matrices(draw: st.DrawFn) -> onnx.ModelProto:
    """Gemm, MatMul from both sides, and sums or means over some axes."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    kind = draw(st.sampled_from(["right", "left", "sum", "mean"]))
    if kind == "right":
        return single("MatMul", [1, *sizes], {"w": array(rng, sizes[-1], 2)})
    if kind == "left":
        rows = [1, *sizes][-2]
        return single("MatMul", [1, *sizes], {"w": array(rng, 3, rows)}, inputs=["w", "x"])
    axes = draw(st.sets(st.integers(0, len(sizes)), min_size=1))
    keep = draw(st.integers(0, 1))
    name = "ReduceSum" if kind == "sum" else "ReduceMean"
    return single(name, [1, *sizes], {"a": sorted(axes)}, 18, keepdims=keep)


@st.composite
def paddings(draw: st.DrawFn) -> onnx.ModelProto:
    sizes = draw(st.lists(st.integers(2, 3), min_size=1, max_size=2))
    rank = len(sizes)
    before = [draw(st.integers(-1, 2)) for _ in sizes]
    after = [draw(st.integers(0, 2)) for _ in sizes]
    fill = np.float32(draw(st.sampled_from([0.0, 1.5])))
    axes = list(range(1, rank + 1))
    return single("Pad", [1, *sizes], {"p": before + after, "v": fill, "a": axes}, 18)


@settings(max_examples=50, deadline=None)
@given(st.one_of(convolutions(), pools(), broadcasts(), slices(), matrices(), paddings()))
def test_random_operations_agree(proto: onnx.ModelProto) -> None:
    check_network(read(proto), rows=2)

"""The network of an ONNX file: tensors in order of evaluation, read with onnx for the protobuf.

A tensor is the input, an affine map of earlier tensors, or max(earlier, 0). All are flat and
row-major, so that reshaping costs nothing. float32 weights are taken as the numbers they are.
"""

from __future__ import annotations

import gzip
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from .arithmetic import LIMIT, UNIT, Array, require
from .operators import Convolution, Dense, Operator, Scale, Select

MOST_BYTES = 2**31
MOST_ELEMENTS = 2**27
WINDOW = {"kernel_shape", "strides", "pads", "dilations", "auto_pad"}
ATTRIBUTES: dict[str, set[str]] = {  # those that are understood; others are refused
    "Constant": {"value", "value_float", "value_int"},
    "Identity": set(),
    "Dropout": {"ratio", "seed"},
    "Relu": set(),
    "Add": set(),
    "Sub": set(),
    "Mul": set(),
    "Div": set(),
    "MatMul": set(),
    "Gemm": {"alpha", "beta", "transA", "transB"},
    "Conv": WINDOW | {"group"},
    "AveragePool": WINDOW | {"ceil_mode", "count_include_pad"},
    "BatchNormalization": {"epsilon", "momentum", "training_mode"},
    "Flatten": {"axis"},
    "Reshape": {"shape", "allowzero"},
    "Transpose": {"perm"},
    "Squeeze": {"axes"},
    "Unsqueeze": {"axes"},
    "Gather": {"axis"},
    "Slice": {"starts", "ends", "axes"},
    "Pad": {"mode", "pads", "value"},
    "Concat": {"axis"},
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """`relu`: the tensor it is max(., 0) of. Else a sum of operators of tensors, and a bias.

    `error`: by how much a bias may differ from the true one. The input has neither.
    """

    size: int
    relu: int | None = None
    name: str = ""
    terms: tuple[tuple[int, Operator], ...] = ()
    bias: Array | None = None
    error: Array | None = None


@dataclass(slots=True)
class Model:
    """Tensors, of which the first is the input, and where the output is."""

    name: str
    digest: str
    tensors: list[Tensor] = field(default_factory=list)
    output: int = 0

    @property
    def inputs(self) -> int:
        return self.tensors[0].size

    @property
    def outputs(self) -> int:
        return self.tensors[self.output].size


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the graph: a tensor seen in a shape, or a constant."""

    shape: tuple[int, ...]
    tensor: int = -1
    constant: Array | None = None


def read_model(path: Path) -> Model:
    """The model of an .onnx or .onnx.gz file; its digest is that of the unpacked bytes."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        data = stream.read(MOST_BYTES + 1)
    require(len(data) <= MOST_BYTES, "the model file is too large")
    name = path.name.removesuffix(".gz").removesuffix(".onnx")
    model = Model(name, hashlib.sha256(data).hexdigest())
    _Reader(model).read(onnx.load_model_from_string(data).graph)
    return model


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}


def _array(tensor: onnx.TensorProto) -> Array:
    require(tensor.data_location != onnx.TensorProto.EXTERNAL, "weights in other files")
    array = np.asarray(onnx.numpy_helper.to_array(tensor))
    kind = np.dtype(array.dtype)
    require(kind.kind in "iub" or kind in (np.float16, np.float32, np.float64), f"type {kind}")
    if kind.kind == "f":
        array = array.astype(np.float64)
        require(np.all(np.abs(array) <= LIMIT), f"{tensor.name}: weights that are not finite")
    return array


class _Reader:
    def __init__(self, model: Model) -> None:
        self.model, self.tensors = model, model.tensors
        self.values: dict[str, Value] = {}

    def read(self, graph: onnx.GraphProto) -> None:
        for item in graph.initializer:
            array = _array(item)
            self.values[item.name] = Value(array.shape, constant=array)
        require(len(graph.sparse_initializer) == 0, "sparse weights")
        inputs = [item for item in graph.input if item.name not in self.values]
        require(len(inputs) == 1 and len(graph.output) == 1, "one input and one output needed")
        shape = [dim.dim_value for dim in inputs[0].type.tensor_type.shape.dim]
        shape[:1] = [size if size > 0 else 1 for size in shape[:1]]  # the batch
        require(all(size > 0 for size in shape), "the input's shape is not known")
        require(math.prod(shape) <= MOST_ELEMENTS, "the input is too large")
        self.tensors.append(Tensor(math.prod(shape)))
        self.values[inputs[0].name] = Value(tuple(shape), 0)
        for node in graph.node:
            known = node.op_type in ATTRIBUTES and node.domain in ("", "ai.onnx")
            require(known, f"operator {node.op_type} of node {node.name!r}")
            given = _attributes(node)
            strange = ", ".join(sorted(set(given) - ATTRIBUTES[node.op_type]))
            require(not strange, f"attribute {strange} of node {node.name!r}")
            wanted = [self.values[name] if name else None for name in node.input]
            named = [name for name in node.output if name]
            require(
                len(named) == 1 or node.op_type in ("Dropout", "BatchNormalization"),
                f"several outputs of node {node.name!r}",
            )
            value = getattr(self, f"_{node.op_type.lower()}")(node, wanted, given)
            require(node.output[0] not in self.values, f"{node.output[0]!r} is set twice")
            self.values[node.output[0]] = value
        last = self.values[graph.output[0].name]
        require(last.constant is None and last.tensor > 0, "the output is constant or the input")
        self.model.output = last.tensor
        self._prune()

    def _prune(self) -> None:
        """Leaves out what the output does not depend on."""
        needed, stack = {0}, [self.model.output]
        while stack:
            number = stack.pop()
            if number not in needed:
                needed.add(number)
                tensor = self.tensors[number]
                stack += [source for source, _ in tensor.terms]
                stack += [] if tensor.relu is None else [tensor.relu]
        place = {old: new for new, old in enumerate(sorted(needed))}
        kept = []
        for old in sorted(needed):
            t = self.tensors[old]
            relu = None if t.relu is None else place[t.relu]
            terms = tuple((place[source], operator) for source, operator in t.terms)
            kept.append(Tensor(t.size, relu, t.name, terms, t.bias, t.error))
        self.model.tensors[:] = kept
        self.model.output = place[self.model.output]

    # what the nodes are built of

    def _add_tensor(self, tensor: Tensor, shape: tuple[int, ...]) -> Value:
        require(0 < tensor.size <= MOST_ELEMENTS, "a tensor is empty or too large")
        require(tensor.size == math.prod(shape), "shapes do not fit")
        self.tensors.append(tensor)
        return Value(shape, len(self.tensors) - 1)

    def _affine(
        self,
        shape: tuple[int, ...],
        *terms: tuple[Value, Operator],
        bias: Array | None = None,
        error: Array | None = None,
    ) -> Value:
        pairs = tuple((value.tensor, operator) for value, operator in terms)
        flat = None if bias is None else np.broadcast_to(bias, shape).reshape(-1).copy()
        return self._add_tensor(Tensor(math.prod(shape), None, "", pairs, flat, error), shape)

    def _view(self, value: Value, look: Callable[[Array], Array]) -> Value:
        """What a numpy function that only moves elements makes of a value; -1 is a zero."""
        if value.constant is not None:
            moved = look(value.constant)
            return Value(moved.shape, constant=moved)
        size = math.prod(value.shape)
        index = look(np.arange(size).reshape(value.shape))
        flat = index.reshape(-1)
        if len(flat) == size and np.array_equal(flat, np.arange(size)):
            return Value(index.shape, value.tensor)
        return self._affine(index.shape, (value, Select(flat, size)))

    def _shifted(self, value: Value, constant: Array, factor: float = 1.0) -> Value:
        """factor * value + constant; the two biases are added only where that is exact."""
        require(np.broadcast_shapes(value.shape, constant.shape) == value.shape, "broadcasting")
        tensor = self.tensors[value.tensor]
        if factor == 1.0 and tensor.terms and tensor.bias is None:
            return self._affine_from(tensor, value, constant)
        operator = Operator() if factor == 1.0 else Scale(np.full(tensor.size, factor))
        return self._affine(value.shape, (value, operator), bias=constant)

    def _affine_from(self, tensor: Tensor, value: Value, constant: Array) -> Value:
        bias = np.broadcast_to(constant, value.shape).reshape(-1).copy()
        made = Tensor(tensor.size, None, "", tensor.terms, bias, None)
        return self._add_tensor(made, value.shape)

    # the operators of ONNX

    def _constant(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        require(len(given) == 1, "a constant of this form")
        (kind, item), *_ = given.items()
        array = _array(item) if kind == "value" else np.asarray(item)
        return Value(array.shape, constant=array)

    def _identity(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        value: Value = inputs[0]
        return value

    def _dropout(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        require(len(inputs) < 3 or inputs[2] is None, "Dropout with a mode")
        require(len(node.output) == 1 or not node.output[1], "Dropout with a mask")
        return self._identity(node, inputs, given)

    def _relu(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        value = _variable(inputs[0], node)
        name = node.name or node.output[0]
        relu = Tensor(math.prod(value.shape), value.tensor, name)
        return self._add_tensor(relu, value.shape)

    def _add(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        return self._sum(node, inputs[0], inputs[1], 1.0)

    def _sub(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        return self._sum(node, inputs[0], inputs[1], -1.0)

    def _sum(self, node: Any, left: Value, right: Value, sign: float) -> Value:
        if right.constant is not None:
            return self._shifted(_variable(left, node), sign * _numbers(right.constant))
        if left.constant is not None:
            return self._shifted(right, _numbers(left.constant), sign)
        require(left.shape == right.shape, f"broadcasting at node {node.name!r}")
        size = math.prod(right.shape)
        second = Operator() if sign > 0.0 else Scale(np.full(size, -1.0))
        return self._affine(left.shape, (left, Operator()), (right, second))

    def _mul(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        left, right = inputs
        if left.constant is not None:
            left, right = right, left
        return self._scaled(_variable(left, node), _fixed(right, node), 0)

    def _div(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        divisor = _fixed(inputs[1], node)
        require(np.all(np.abs(divisor) > 1.0 / LIMIT), "a division by zero")
        return self._scaled(_variable(inputs[0], node), 1.0 / divisor, 2)

    def _scaled(self, value: Value, factor: Array, slack: int) -> Value:
        require(np.broadcast_shapes(value.shape, factor.shape) == value.shape, "broadcasting")
        flat = np.broadcast_to(factor, value.shape).reshape(-1).copy()
        return self._affine(value.shape, (value, Scale(flat, slack)))

    def _matmul(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        """x W over the last axis, or W x where x is a vector or a column."""
        left, right = inputs
        if left.constant is not None:
            matrix, value = _numbers(left.constant), _variable(right, node)
            column = len(value.shape) == 1 or (len(value.shape) == 2 and value.shape[1] == 1)
            require(matrix.ndim == 2 and column, f"the form of node {node.name!r}")
            shape: tuple[int, ...] = (len(matrix), *value.shape[1:])
        else:
            matrix, value = _fixed(right, node).T, _variable(left, node)
            rows = math.prod(value.shape[:-1])
            require(matrix.ndim == 2 and rows == 1, f"the form of node {node.name!r}")
            shape = (*value.shape[:-1], len(matrix))
        require(matrix.shape[1] == math.prod(value.shape), f"the shapes of node {node.name!r}")
        return self._affine(shape, (value, Dense(matrix)))

    def _gemm(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        value, matrix = _variable(inputs[0], node), _fixed(inputs[1], node)
        require(not given.get("transA", 0), "Gemm with transA")
        matrix = matrix if given.get("transB", 0) else matrix.T
        require(value.shape == (1, matrix.shape[1]), f"the shapes of node {node.name!r}")
        alpha, bias = float(given.get("alpha", 1.0)), None
        if len(inputs) > 2 and inputs[2] is not None:
            require(given.get("beta", 1.0) == 1.0, "Gemm with beta")
            bias = _fixed(inputs[2], node)
        operator = Dense(alpha * matrix, 0 if alpha == 1.0 else 2)
        return self._affine((1, len(matrix)), (value, operator), bias=bias)

    def _conv(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        value, weight = _variable(inputs[0], node), _fixed(inputs[1], node)
        groups = int(given.get("group", 1))
        require(weight.ndim == 4 and groups > 0, "a convolution that is not over two axes")
        operator = _convolution(value, weight, given, groups)
        bias = None
        if len(inputs) > 2 and inputs[2] is not None:
            bias = _fixed(inputs[2], node).reshape(-1, 1, 1)
        return self._affine((1, *operator.out), (value, operator), bias=bias)

    def _averagepool(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        """Sums over windows, divided by how many elements they hold."""
        value = _variable(inputs[0], node)
        require(not given.get("ceil_mode", 0), "AveragePool with ceil_mode")
        require(len(value.shape) == 4, "a pooling that is not over two axes")
        channels = value.shape[1]
        weight = np.ones((channels, 1, *given["kernel_shape"]))
        operator = _convolution(value, weight, given, channels)
        summed = self._affine((1, *operator.out), (value, operator))
        count = np.full(math.prod(operator.out), float(math.prod(given["kernel_shape"])))
        if not given.get("count_include_pad", 0):
            count = operator.forward(np.ones((1, math.prod(value.shape))), weight)[0]
        require(np.all(count > 0.0), "a pooling of nothing")
        return self._affine(summed.shape, (summed, Scale(1.0 / count, 2)))

    def _batchnormalization(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        """factor = scale / sqrt(variance + eps): four roundings, so eight units are enough."""
        value = _variable(inputs[0], node)
        require(not given.get("training_mode", 0), "BatchNormalization in training")
        require(len(value.shape) > 1, "the form of BatchNormalization")
        scale, shift, mean, variance = (_fixed(item, node) for item in inputs[1:])
        eps = float(given.get("epsilon", 1e-5))
        require(np.all(variance >= 0.0) and eps > 0.0, "a negative variance")
        factor = scale / np.sqrt(variance + eps)
        bias = shift - mean * factor
        error = 16 * UNIT * (np.abs(mean * factor) + np.abs(shift)) + 1e-300
        shape = (-1, *(1 for _ in value.shape[2:]))
        wide = [
            np.broadcast_to(item.reshape(shape), value.shape).reshape(-1).copy()
            for item in (factor, bias, error)
        ]
        operator = Scale(wide[0], 8)
        return self._affine(
            value.shape, (value, operator), bias=wide[1].reshape(value.shape), error=wide[2]
        )

    def _flatten(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        axis = int(given.get("axis", 1))
        return self._view(
            inputs[0], lambda x: x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))
        )

    def _reshape(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        require(not given.get("allowzero", 0), "Reshape with allowzero")
        asked = given["shape"] if "shape" in given else _whole(inputs[1], node)
        old = inputs[0].shape
        shape = [old[i] if size == 0 else int(size) for i, size in enumerate(asked)]
        return self._view(inputs[0], lambda x: x.reshape(shape))

    def _transpose(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        order = given.get("perm")
        return self._view(inputs[0], lambda x: x.transpose(order))

    def _squeeze(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        axes = _listed(node, inputs, given, 1, "axes")
        return self._view(inputs[0], lambda x: x.squeeze(None if axes is None else tuple(axes)))

    def _unsqueeze(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        axes = _listed(node, inputs, given, 1, "axes")
        require(axes is not None, "Unsqueeze without axes")
        return self._view(inputs[0], lambda x: np.expand_dims(x, tuple(axes or ())))

    def _gather(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        index, axis = _whole(inputs[1], node), int(given.get("axis", 0))
        return self._view(inputs[0], lambda x: np.take(x, index, axis))

    def _slice(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        starts = _listed(node, inputs, given, 1, "starts") or []
        ends = _listed(node, inputs, given, 2, "ends") or []
        axes = _listed(node, inputs, given, 3, "axes") or list(range(len(starts)))
        steps = _listed(node, inputs, given, 4, "steps") or [1] * len(starts)
        cut = [slice(None)] * len(inputs[0].shape)
        for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
            require(step > 0, "Slice with a negative step")
            cut[axis] = slice(start, end, step)
        return self._view(inputs[0], lambda x: x[tuple(cut)])

    def _pad(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        require(given.get("mode", b"constant") == b"constant", "Pad with a mode")
        require(len(inputs) < 4 or inputs[3] is None, "Pad with axes")
        value = given.get("value", 0.0)
        if len(inputs) > 2 and inputs[2] is not None:
            value = _fixed(inputs[2], node).item()
        pads = _listed(node, inputs, given, 1, "pads") or []
        half = len(pads) // 2
        require(value == 0.0 and min(pads, default=0) >= 0, "Pad with other numbers than 0")
        require(inputs[0].constant is None, "Pad of a constant")
        width = list(zip(pads[:half], pads[half:], strict=True))
        return self._view(inputs[0], lambda x: np.pad(x, width, constant_values=-1))

    def _concat(self, node: Any, inputs: list[Any], given: dict[str, Any]) -> Value:
        axis, numbers, start = int(given["axis"]), [], 0
        for item in inputs:
            size = math.prod(item.shape)
            numbers.append(np.arange(start, start + size).reshape(item.shape))
            start += size
        joined = np.concatenate(numbers, axis)
        flat, terms, bias, start = joined.reshape(-1), [], np.zeros(joined.size), 0
        for item in inputs:
            size = math.prod(item.shape)
            mine = (flat >= start) & (flat < start + size)
            if item.constant is not None:
                bias[mine] = _numbers(item.constant).reshape(-1)[flat[mine] - start]
            else:
                terms.append((item, Select(np.where(mine, flat - start, -1), size)))
            start += size
        require(terms, "Concat of constants")
        return self._affine(joined.shape, *terms, bias=bias.reshape(joined.shape))


def _convolution(value: Value, weight: Array, given: dict[str, Any], groups: int) -> Convolution:
    """The operator of a convolution's or a pooling's attributes."""
    require(given.get("auto_pad", b"NOTSET") in (b"NOTSET", b"VALID"), "auto_pad")
    require(len(value.shape) == 4 and value.shape[0] == 1, "the input of a convolution")
    _, channels, height, width = value.shape
    require(weight.shape[1] * groups == channels and len(weight) % groups == 0, "groups")
    kernel = tuple(given.get("kernel_shape", weight.shape[2:]))
    require(kernel == weight.shape[2:], "the kernel's shape")
    strides, dilations = given.get("strides", [1, 1]), given.get("dilations", [1, 1])
    pads = given.get("pads", [0, 0, 0, 0])
    require(min(*strides, *dilations) > 0 <= min(pads), "attributes of a convolution")
    require(len(strides) == len(dilations) == 2 and len(pads) == 4, "axes of a convolution")
    shape = (channels, height, width)
    operator = Convolution(weight, shape, tuple(strides), tuple(pads), tuple(dilations), groups)
    require(min(operator.out) > 0, "a convolution without output")
    return operator


def _variable(value: Value, node: Any) -> Value:
    require(value is not None and value.constant is None, f"constant input of {node.name!r}")
    return value


def _numbers(array: Array) -> Array:
    require(array.dtype == np.float64, "whole numbers among weights")
    return array


def _fixed(value: Value, node: Any) -> Array:
    require(value is not None, f"missing input of {node.name!r}")
    require(value.constant is not None, f"node {node.name!r} ({node.op_type}) of two variables")
    assert value.constant is not None
    return _numbers(value.constant)


def _whole(value: Value, node: Any) -> Array:
    require(
        value is not None and value.constant is not None and value.constant.dtype.kind in "iu",
        f"node {node.name!r} ({node.op_type}) without constant whole numbers",
    )
    assert value.constant is not None
    return value.constant


def _listed(
    node: Any, inputs: list[Any], given: dict[str, Any], place: int, name: str
) -> list[int] | None:
    """A list that newer operator sets hold as an input, older ones as an attribute."""
    if name in given:
        return [int(item) for item in given[name]]
    if place < len(inputs) and inputs[place] is not None:
        return [int(item) for item in _whole(inputs[place], node).reshape(-1)]
    return None

"""Small ONNX models, and what must hold for every network that is read from one."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from rhobust.compiler.base.arrays import exact
from rhobust.compiler.base.errors import ModelError
from rhobust.compiler.importers import load
from rhobust.compiler.importers.fidelity import compare
from rhobust.compiler.network.graph import Network
from rhobust.compiler.network.layers import Linear
from rhobust.compiler.operators import LinearOperator

Constants = Mapping[str, Any]

YOUNG = ("reduce_max_none", "reduce_sum_none", "reduce_sum_none_kept")
"""Cases that older versions of onnxruntime fail to evaluate."""


@contextmanager
def any_runtime(name: str) -> Iterator[None]:
    """Skips a case of `YOUNG` where this version of onnxruntime does not evaluate it."""
    try:
        yield
    except ModelError as error:
        if name in YOUNG and "onnxruntime does not evaluate it" in str(error):
            pytest.skip("this version of onnxruntime fails to evaluate it")
        raise


def constants(values: Constants) -> list[onnx.TensorProto]:
    """Initializers; floats become float32, whole numbers int64, arrays keep their type."""
    tensors = []
    for name, value in values.items():
        array = np.asarray(value)
        if not isinstance(value, np.ndarray):
            array = array.astype(np.int64 if array.dtype.kind == "i" else np.float32)
        tensors.append(numpy_helper.from_array(array, name))
    return tensors


def model(
    nodes: Sequence[onnx.NodeProto],
    shape: Sequence[int | str | None],
    values: Constants | None = None,
    opset: int = 13,
    dtype: int = TensorProto.FLOAT,
    output: str = "y",
) -> onnx.ModelProto:
    """A model from the input `x` to `output`."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info(output, dtype, None)],
        constants(values or {}),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def single(
    kind: str,
    shape: Sequence[int | str | None],
    values: Constants | None = None,
    opset: int = 13,
    inputs: Sequence[str] | None = None,
    **attributes: Any,
) -> onnx.ModelProto:
    """A model of one operation on `x` and then the constants, in their order."""
    names = list(inputs or ["x", *(values or {})])
    return model(
        [helper.make_node(kind, names, ["y"], name="op", **attributes)], shape, values, opset
    )


def read(proto: onnx.ModelProto | bytes, suffix: str = ".onnx") -> Network:
    """The network of a model, by way of a file."""
    data = proto if isinstance(proto, bytes) else proto.SerializeToString()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{suffix}"
        path.write_bytes(gzip.compress(data) if suffix.endswith(".gz") else data)
        return load(path)


def array(rng: np.random.Generator, *shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Random float32 numbers with few digits, so that Fractions of them stay short."""
    return np.asarray(rng.integers(-64, 65, shape) / 16, dtype=np.float32)


def check_network(network: Network, rows: int = 3) -> None:
    """The runtime, the exact pass and the enclosure agree; every operator has its adjoint."""
    rng = np.random.default_rng(1)
    inputs = array(rng, rows, network.input_size).astype(np.float64)
    assert compare(network, inputs) < 1e-5
    values, exactly = network.values(inputs), network.values(exact(inputs))
    for node in network.order:
        near = np.array(exactly[node], dtype=np.float64)
        assert np.abs(values[node] - near).max() <= 1e-9 * max(1.0, np.abs(near).max())
        if node != network.INPUT:
            layer = network.layer(node)
            if isinstance(layer, Linear):
                check_operator(layer.operator)
    enclosed = network.enclose(inputs[0])
    error = np.abs(exact(enclosed.middle) - exactly[network.output][:1])
    assert (error <= exact(enclosed.radius)).all()


def check_operator(operator: LinearOperator) -> None:
    """<A x, y> = <x, A^T y> exactly, also for the absolute operator, which dominates."""
    rng = np.random.default_rng(2)
    x = array(rng, 1, operator.in_size).astype(np.float64)
    y = array(rng, 1, operator.out_size).astype(np.float64)
    for linear in (operator, operator.absolute()):
        forward, backward = linear.apply(exact(x)), linear.adjoint(exact(y))
        assert (forward * exact(y)).sum() == (exact(x) * backward).sum()
        near = np.array(backward, dtype=np.float64)
        assert np.allclose(linear.adjoint(y), near, rtol=1e-12, atol=1e-9)
    bound = operator.absolute().apply(exact(np.abs(x)))
    assert (np.abs(operator.apply(exact(x))) <= bound).all()

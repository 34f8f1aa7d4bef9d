"""The checker reads every operator that the importer reads, as it computes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from rhobust.bnb.checker.arithmetic import Refused
from rhobust.bnb.checker.exact.root import ExactRoot
from rhobust.bnb.checker.model import Model
from rhobust.bnb.checker.onnx.operations import OPERATIONS
from rhobust.bnb.checker.onnx.reader import read_model
from rhobust.bnb.checker.operators import Operator
from rhobust.bnb.checker.rounded.root import Root
from rhobust.compiler.base.arrays import exact
from rhobust.compiler.importers import load
from rhobust.compiler.importers.onnx.folding import FOLDED
from rhobust.compiler.importers.onnx.load import LAST_ONLY
from rhobust.compiler.importers.onnx.ops import OPERATIONS as IMPORTED

from ..compiler import test_onnx, test_onnx_activations
from ..compiler.onnx_models import any_runtime, array
from .test_check_bends import inside

NODE = helper.make_node
CASES = {**test_onnx.CASES, **test_onnx_activations.CASES}
UNREAD = {
    "sign": "a variable",  # a jump, of which there are no certificates
    "folded_matmul": "constant input",  # a product of constants that no exporter leaves
    "folded_leaky": "constant input",  # a bend of constants that no exporter leaves
}


def written(proto: onnx.ModelProto) -> Model:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(proto.SerializeToString())
        return read_model(path)


def check_operator(operator: Operator, inputs: int, outputs: int) -> None:
    """Forward, backward, absolute and single rows are those of one matrix, which `terms` counts."""
    twin, power = ExactRoot.twin(operator)
    ones = (np.rint(np.eye(size)).astype(int).astype(object) for size in (inputs, outputs))
    first, second = ones
    matrix = twin.forward(first, twin.weight).T
    assert matrix.shape == (outputs, inputs) and np.array_equal(twin.adjoint(second), matrix)
    absolute = twin.forward(first, None if twin.weight is None else np.abs(twin.weight)).T
    assert np.array_equal(absolute, np.abs(matrix))
    near = np.ldexp(matrix.astype(np.float64), -power)
    assert np.allclose(operator.forward(np.eye(inputs), operator.weight).T, near, rtol=1e-12)
    assert np.allclose(operator.adjoint(np.eye(outputs)), near, rtol=1e-12)
    there = matrix != 0
    assert there.sum(axis=1).max() <= operator.terms[0]
    assert there.sum(axis=0).max() <= operator.terms[1]
    found = operator.source(np.arange(outputs))
    if found is not None:
        index, factor = found
        rows = np.zeros((outputs, inputs + 1))
        rows[np.arange(outputs), index] = 1.0 if factor is None else factor
        assert np.array_equal(rows[:, :-1], near)


def check_values(proto: onnx.ModelProto) -> None:
    """Against rational arithmetic at points, over a box; the importer asks onnxruntime."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(proto.SerializeToString())
        network, read = load(path), read_model(path)
    rng = np.random.default_rng(0)
    low = array(rng, network.input_size).astype(np.float64)
    high = low + np.abs(array(rng, network.input_size))
    points = np.array([low, high, *(low + (high - low) * rng.integers(0, 9, (3, len(low))) / 8)])
    values = network.forward(exact(points))
    for kind in (Root, ExactRoot):
        root = kind(read, low, high)
        root.propagate()
        assert read.outputs == network.output_size
        for value in values:
            assert inside(root.low[read.output], value, root.high[read.output])
        at = kind(read, points[-1], points[-1])
        at.propagate()
        assert inside(at.low[read.output], values[-1], at.high[read.output])
        assert np.all(at.high[read.output] - at.low[read.output] < 1e-9)
    for tensor in read.tensors:
        for source, operator in tensor.terms:
            check_operator(operator, read.tensors[source].size, tensor.size)


def test_no_operator_of_the_importer_is_unknown() -> None:
    assert {*OPERATIONS} == {*IMPORTED, *FOLDED}
    assert set(LAST_ONLY) == {"Softmax", "LogSoftmax"}


@pytest.mark.parametrize("name", sorted({*CASES} - {*UNREAD}))
def test_every_case_of_the_importer_is_read(name: str) -> None:
    with any_runtime(name):
        check_values(CASES[name])


@pytest.mark.parametrize("name", UNREAD)
def test_what_is_not_read_is_named(name: str) -> None:
    with pytest.raises(Refused, match=UNREAD[name]):
        written(CASES[name])


RANDOM = [
    test_onnx.convolutions(), test_onnx.pools(), test_onnx.broadcasts(), test_onnx.slices(),
    test_onnx.matrices(), test_onnx.paddings(), test_onnx_activations.max_pools(),
    test_onnx_activations.transposed(),
]  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(st.one_of(RANDOM))
def test_random_operations(proto: onnx.ModelProto) -> None:
    check_values(proto)

"""Certificates of networks with every affine operator between their layers."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import rhobust as rb
from rhobust.bnb.check import Checker
from rhobust.compiler.base.errors import ModelError
from rhobust.compiler.importers.onnx.model import Array

from ..compiler import test_onnx, test_onnx_activations
from ..compiler.onnx_models import array
from .test_bent_certificates import claiming
from .test_certificates import EFFORT

pytestmark = pytest.mark.slow

NODE = helper.make_node
FLOAT = TensorProto.FLOAT
seeds = st.integers(0, 2**32 - 1)
fresh = [HealthCheck.function_scoped_fixture]


KINDS = """Add Sub Mul Div Neg Gemm MatMul BatchNormalization Conv ConvTranspose AveragePool
GlobalAveragePool Cast ReduceSum ReduceMean Split Tile Expand Where Pad Concat Slice Sqrt
Shape""".split()
LEFT = {
    *("folded_matmul", "folded_leaky", "sign", "network"),  # see tests/bnb/test_check_operators.py
    "sub_itself",  # what is always 0 before a ReLU has no bounds
}
MOST = 40  # elements


def shape_of(proto: onnx.ModelProto) -> list[int]:
    return [dim.dim_value or 1 for dim in proto.graph.input[0].type.tensor_type.shape.dim]


def fits(proto: onnx.ModelProto) -> bool:
    """Whether a small network of float32 can be put around it."""
    kinds = [item.type.tensor_type.elem_type for item in (*proto.graph.input, *proto.graph.output)]
    named = any(node.op_type in KINDS for node in proto.graph.node)
    return named and kinds == [FLOAT, FLOAT] and math.prod(shape_of(proto)) <= MOST


CASES = {
    name: proto
    for name, proto in {**test_onnx.CASES, **test_onnx_activations.CASES}.items()
    if name not in LEFT and fits(proto)
}


def around(path: Path, proto: onnx.ModelProto, rng: np.random.Generator) -> Path:
    """3 inputs, a dense layer that bends, the model, another dense layer, and 4 outputs."""
    whole = onnx.ModelProto()
    whole.CopyFrom(proto)
    shape = shape_of(proto)
    size = math.prod(shape)
    path.write_bytes(proto.SerializeToString())
    count = rb.load(path).output_size
    weights: dict[str, Array] = {
        "around_a": array(rng, 3, size), "around_b": array(rng, size),
        "around_shape": np.array(shape, dtype=np.int64),
        "around_flat": np.array([1, -1], dtype=np.int64),
        "around_c": array(rng, count, 4), "around_d": array(rng, 4),
    }  # fmt: skip
    before = [
        NODE("Gemm", ["input", "around_a", "around_b"], ["around_1"]),
        NODE("Relu", ["around_1"], ["around_2"]),
        NODE("Reshape", ["around_2", "around_shape"], ["x"]),
    ]
    after = [
        NODE("Reshape", ["y", "around_flat"], ["around_3"]),
        NODE("Relu", ["around_3"], ["around_4"]),
        NODE("Gemm", ["around_4", "around_c", "around_d"], ["output"]),
    ]
    middle = list(proto.graph.node)
    graph = helper.make_graph(
        [*before, *middle, *after],
        "around",
        [helper.make_tensor_value_info("input", FLOAT, [1, 3])],
        [helper.make_tensor_value_info("output", FLOAT, None)],
        [*proto.graph.initializer, *(numpy_helper.from_array(v, k) for k, v in weights.items())],
    )
    whole.graph.CopyFrom(graph)
    onnx.save(whole, path)
    return path


def check_proofs(folder: Path, proto: onnx.ModelProto, seed: int, share: float) -> None:
    """Accepted in both arithmetics, and refused where more is claimed than holds."""
    path, proof = folder / "model.onnx", folder / "proof.npz"
    if math.prod(shape_of(proto)) > MOST:
        return
    rng = np.random.default_rng(seed)
    for _ in range(8):  # until something lies between the image and robustness everywhere
        try:
            network, image = rb.load(around(path, proto, rng)), rng.random(3)
        except ModelError:  # onnxruntime infers shapes that some operators do not have
            return
        rho = rb.rho(network, image, timeout=600)
        if 0.0 < rho.upper < np.inf:
            break
    eps = min(share * rho.lower, 1.0)
    if eps <= 0.0:
        return
    effort = replace(EFFORT["boxes" if network.relus > 40 else "lazy"], threads=1)
    found = rb.verify(network, image, eps, timeout=600, settings=effort, certificate=proof)
    assert (found.verdict, found.uncertified) == ("ROBUST", "")
    checker = Checker(path)
    for exact in (False, True):
        report = checker.check(proof, exact=exact)
        assert report.accepted, report.reason
    if np.isfinite(rho.upper):
        wider = claiming(proof, folder / "wider.npz", 1.001 * rho.upper / eps)
        for exact in (False, True):
            assert not checker.check(wider, exact=exact).accepted


@pytest.mark.parametrize("name", CASES)
def test_proofs_of_every_case(tmp_path: Path, name: str) -> None:
    check_proofs(tmp_path, CASES[name], 0, 0.7)


RANDOM = [
    test_onnx.convolutions(), test_onnx.pools(), test_onnx.broadcasts(), test_onnx.matrices(),
    test_onnx.paddings(), test_onnx_activations.max_pools(), test_onnx_activations.transposed(),
]  # fmt: skip


@pytest.mark.long
@settings(max_examples=30, deadline=None, suppress_health_check=fresh)
@given(st.one_of(RANDOM), seeds, st.sampled_from([0.5, 0.99]))
def test_proofs_of_random_operations(
    tmp_path: Path, proto: onnx.ModelProto, seed: int, share: float
) -> None:
    check_proofs(tmp_path, proto, seed, share)

"""Certificates of networks with other bends than ReLUs."""

from __future__ import annotations

import json
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

from ..reference.bends import BENDS, draw
from .test_certificates import EFFORT, norms, status_of, text

pytestmark = pytest.mark.slow

seeds = st.integers(0, 2**32 - 1)
fresh = [HealthCheck.function_scoped_fixture]


def claiming(source: Path, target: Path, factor: float) -> Path:
    """The same proof, of a larger region."""
    with np.load(source) as stored:
        arrays = dict(stored)
    header = json.loads(arrays.pop("header").tobytes())
    header["claim"]["eps"] = (float.fromhex(header["claim"]["eps"]) * factor).hex()
    data = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez(target, header=data, **arrays)
    return target


@pytest.mark.parametrize("kind", BENDS)
@settings(max_examples=6, deadline=None, suppress_health_check=fresh)
@given(
    seed=seeds,
    share=st.sampled_from([0.5, 0.9, 0.99]),
    effort=st.sampled_from(["lazy", "all", "joint", "tight", "boxes"]),
    norm=norms,
)
def test_proofs_of_robustness(
    tmp_path: Path, kind: str, seed: int, share: float, effort: str, norm: str
) -> None:
    rng = np.random.default_rng(seed)
    model, proof = draw(tmp_path / "model.onnx", rng, kind), tmp_path / "proof.npz"
    network, image = rb.load(model), rng.random(4)
    rho = rb.rho(network, image, norm=norm, timeout=600)
    eps = share * rho.lower
    if not 0.0 < eps < np.inf:
        return
    spent = replace(EFFORT[effort], threads=1)
    found = rb.verify(
        network, image, eps, timeout=600, settings=spent, norm=norm, certificate=proof
    )  # fmt: skip
    assert (found.verdict, found.uncertified) == ("ROBUST", "")
    checker = Checker(model)
    report = checker.check(proof)
    assert report.accepted, report.reason
    if effort in ("lazy", "tight"):  # without groups, whose gains exact arithmetic leaves out
        report = checker.check(proof, exact=True)
        assert report.accepted, report.reason
    if np.isfinite(rho.upper):
        wider = claiming(proof, tmp_path / "wider.npz", 1.001 * rho.upper / eps)
        for exact in (False, True):
            assert not checker.check(wider, exact=exact).accepted


@pytest.mark.parametrize("kind", BENDS)
@settings(max_examples=4, deadline=None, suppress_health_check=fresh)
@given(seed=seeds, low=st.sampled_from([-40.0, -8.0, -4.0]))
def test_proofs_of_properties(tmp_path: Path, kind: str, seed: int, low: float) -> None:
    rng = np.random.default_rng(seed)
    status_of(draw(tmp_path / "model.onnx", rng, kind), text(rng, low))


def test_a_jump_has_no_certificate(tmp_path: Path) -> None:
    """The verdict stands, and is said to be uncertified."""
    nodes = [
        helper.make_node("Sign", ["input"], ["sign"]),
        helper.make_node("Gemm", ["sign", "w"], ["output"], transB=1),
    ]
    weights = numpy_helper.from_array(np.array([[1.0], [-1.0]], dtype=np.float32), "w")
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])
        for name, size in (("input", 1), ("output", 2))
    ]
    graph = helper.make_graph(nodes, "jump", ends[:1], ends[1:], [weights])
    path, file = tmp_path / "jump.onnx", tmp_path / "proof.npz"
    opsets = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    question = tmp_path / "question.vnnlib"
    names = "".join(f"(declare-const {name} Real)" for name in ("X_0", "Y_0", "Y_1"))
    question.write_text(f"{names}(assert (and (>= X_0 -1) (<= X_0 1) (>= Y_0 2)))")
    found = rb.solve(path, question, certificate=file)
    assert found.status == "unsat"
    assert "sign" in found.uncertified
    assert not file.exists()

"""What the search writes, the checker accepts: whatever was split, cut and bounded on the way."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import rhobust as rb
from rhobust.bnb.check import Checker
from rhobust.bnb.search import Settings
from rhobust.compiler.base.errors import InputError
from rhobust.compiler.importers.plain import dense_network
from rhobust.embedded import embedded_images

pytestmark = pytest.mark.slow

LAZY = Settings(
    batch=4, root_steps=1, tighten_steps=0, node_steps=1, extra_steps=1, joint=False, boxes=False
)  # fmt: skip
EFFORT = {
    "lazy": LAZY,
    "all": replace(Settings(), boxes=False),
    "joint": replace(LAZY, joint=True),
    "tight": replace(LAZY, tighten_steps=4),
    "coarse": replace(LAZY, refine=False),
    "boxes": replace(LAZY, boxes=True),
    "threads": replace(LAZY, threads=2),
}


def save(path: Path, rng: np.random.Generator, kind: str) -> Path:
    """A network of 4 inputs and 3 outputs: dense, with a convolution, or with a residual sum."""
    weights: dict[str, np.ndarray] = {}
    nodes = []

    def gemm(source: str, name: str, rows: int, columns: int) -> str:
        weights[f"{name}_w"] = rng.normal(size=(rows, columns)).astype(np.float32)
        weights[f"{name}_b"] = rng.normal(size=rows).astype(np.float32)
        entries = [source, f"{name}_w", f"{name}_b"]
        nodes.append(helper.make_node("Gemm", entries, [name], name=name, transB=1))
        return name

    def relu(source: str) -> str:
        nodes.append(helper.make_node("Relu", [source], [f"{source}_r"], name=f"{source}_relu"))
        return f"{source}_r"

    if kind == "conv":
        weights["shape"] = np.array([1, 1, 2, 2], dtype=np.int64)
        weights["c_w"] = rng.normal(size=(3, 1, 2, 2)).astype(np.float32)
        weights["c_b"] = rng.normal(size=3).astype(np.float32)
        nodes += [
            helper.make_node("Reshape", ["input", "shape"], ["image"], name="image"),
            helper.make_node("Conv", ["image", "c_w", "c_b"], ["c"], name="c", pads=[1, 0, 0, 1]),
            helper.make_node("Flatten", ["c"], ["flat"], name="flat"),
        ]
        last, width = relu("flat"), 12
    else:
        last, width = relu(gemm("input", "first", 6, 4)), 6
    middle = relu(gemm(last, "second", 5, width))
    if kind == "residual":
        nodes.append(
            helper.make_node("Add", [gemm(last, "skip", 5, width), middle], ["sum"], name="sum")
        )
        middle = "sum"
    gemm(middle, "output", 3, 5)
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])
        for name, size in (("input", 4), ("output", 3))
    ]
    stored = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "small", ends[:1], ends[1:], stored)
    opsets = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


kinds = st.sampled_from(["dense", "conv", "residual"])
seeds = st.integers(0, 2**32 - 1)
norms = st.sampled_from(["linf", "l1", "l2"])
shared = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("effort", EFFORT)
@shared
@given(seed=seeds, kind=kinds, share=st.sampled_from([0.5, 0.9, 0.99]), norm=norms)
def test_proofs_of_robustness(
    tmp_path: Path, effort: str, seed: int, kind: str, share: float, norm: str
) -> None:
    rng = np.random.default_rng(seed)
    model, proof = save(tmp_path / "model.onnx", rng, kind), tmp_path / "proof.npz"
    network, image = rb.load(model), rng.random(4)
    eps = share * rb.rho(network, image, norm=norm, timeout=600).lower
    if not 0.0 < eps < np.inf:
        return
    spent = EFFORT[effort]
    plain = rb.verify(network, image, eps, timeout=600, settings=spent, norm=norm)
    found = rb.verify(
        network, image, eps, timeout=600, settings=spent, norm=norm, certificate=proof
    )  # fmt: skip
    if spent.threads == 1:
        told = asdict(found) | {"seconds": plain.seconds}
        assert told == asdict(plain), "a proof changes nothing"
    assert (found.verdict, found.uncertified) == ("ROBUST", "")
    report = Checker(model).check(proof)
    assert report.accepted, report.reason
    assert network.digest in report.statement


def text(rng: np.random.Generator, low: float) -> str:
    """A disjunction over two boxes of what outputs would have to be."""
    lines = [f"(declare-const X_{k} Real)" for k in range(4)]
    lines += [f"(declare-const Y_{k} Real)" for k in range(3)]
    lines += [f"(assert (and (>= X_{k} 0) (<= X_{k} 1)))" for k in range(1, 4)]
    sides = ["(and (>= X_0 0) (<= X_0 0.5))", "(and (>= X_0 0.5) (<= X_0 1))"]
    first, second = rng.permutation(3)[:2].tolist()
    sides[0] = (
        f"(and {sides[0]} (or (<= Y_{first} {low}) (and (<= Y_{second} {low}) (>= Y_0 Y_1))))"
    )
    sides[1] = f"(and {sides[1]} (<= (+ Y_{first} (* 2 Y_{second})) {3 * low}))"
    return "\n".join([*lines, f"(assert (or {sides[0]} {sides[1]}))"])


def status_of(model: Path, claim: str) -> str:
    """A property's status; a proof of unsat is there and accepted, and else there is none."""
    question, proof = model.with_suffix(".vnnlib"), model.with_suffix(".npz")
    question.write_text(claim)
    found = rb.solve(model, question, timeout=600, certificate=proof)
    assert proof.exists() == (found.status == "unsat")
    if found.status == "unsat":
        assert found.uncertified == ""
        report = Checker(model).check(proof, question)
        assert report.accepted, report.reason
    proof.unlink(missing_ok=True)
    return found.status


@shared
@given(seed=seeds, kind=kinds, low=st.sampled_from([-40.0, -8.0, -4.0]))
def test_proofs_of_properties(tmp_path: Path, seed: int, kind: str, low: float) -> None:
    rng = np.random.default_rng(seed)
    model = save(tmp_path / "model.onnx", rng, kind)
    assert status_of(model, text(rng, low)) in ("sat", "unsat")


@pytest.mark.parametrize(
    "asked",
    [
        "(assert (>= X_0 2))",
        "(assert (or (>= X_0 2) (and (<= X_1 0.25) (>= X_1 0.5))))",
        "(assert (>= (+ X_0 (* 2 X_1)) 3.5))",
    ],
)
def test_proofs_about_inputs_alone(tmp_path: Path, asked: str) -> None:
    """No output is named, and so the network is no part of what the search was asked."""
    model = save(tmp_path / "model.onnx", np.random.default_rng(1), "dense")
    names = [f"(declare-const X_{k} Real)" for k in range(4)]
    names += [f"(declare-const Y_{k} Real)" for k in range(3)]
    boxes = [f"(assert (and (>= X_{k} 0) (<= X_{k} 1)))" for k in range(4)]
    assert status_of(model, "\n".join([*names, *boxes, asked])) == "unsat"


@pytest.mark.parametrize("norm", ["linf", "l1", "l2"])
def test_the_embedded_network(tmp_path: Path, norm: str) -> None:
    network, images = rb.load("digits"), embedded_images()[0]
    for index in range(3 if norm == "linf" else 1):
        proof = tmp_path / f"{index}.npz"
        image = images[index].ravel() / 255.0
        found = rb.rho(network, image, norm=norm, timeout=600, certificate=proof)
        assert found.certified == found.lower and found.uncertified == ""
        report = Checker(Path(rb.embedded.__file__).parent / "data" / "digits.onnx").check(proof)
        assert report.accepted, report.reason


def test_what_has_no_file(tmp_path: Path) -> None:
    network = dense_network([([[1.0], [0.0]], [0.0, 0.5])])
    with pytest.raises(InputError, match="not read from an ONNX file"):
        rb.verify(network, np.zeros(1), 0.1, certificate=tmp_path / "proof.npz")
    with pytest.raises(InputError, match="no folder"):
        rb.verify(rb.load("digits"), np.zeros(64), 0.1, certificate=tmp_path / "no" / "proof.npz")

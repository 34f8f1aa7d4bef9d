"""Two copies of one network compared by bounds of differences, against points and the search."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import rhobust as rb
from rhobust.bnb.bounds.differences import Lines, backward, copies
from rhobust.bnb.bounds.region_bounds import root_bounds
from rhobust.bnb.copies import exceeds
from rhobust.compiler.base.arrays import Bounds
from rhobust.compiler.language.expressions import Variable
from rhobust.compiler.network.graph import Network
from rhobust.compiler.steps.compile import compile_formulas
from rhobust.queries.copies import TwoCopies

Floats = npt.NDArray[np.float64]


def saved(path: Path, seed: int, inputs: int = 2) -> Path:
    """A network of three layers, with a sum around the second, whose weights are eighths."""
    rng = np.random.default_rng(seed)
    shapes = [(inputs, 4), (4, 4), (4, 2)]
    tensors, nodes, name = [], [], "x"
    for k, shape in enumerate(shapes):
        for letter, sides in (("w", shape), ("b", shape[1:])):
            drawn = (rng.integers(-12, 13, sides) / 8).astype(np.float32)
            tensors.append(numpy_helper.from_array(drawn, f"{letter}{k}"))
        end = "y" if k == 2 else f"z{k}"
        nodes.append(helper.make_node("Gemm", [name, f"w{k}", f"b{k}"], [end]))
        name = end
        if k == 1:
            nodes.append(helper.make_node("Add", [end, "r0"], ["s"]))
            name = "s"
        if k < 2:
            nodes.append(helper.make_node("Relu", [name], [f"r{k}"]))
            name = f"r{k}"
    ends = [
        helper.make_tensor_value_info(end, TensorProto.FLOAT, [1, size])
        for end, size in (("x", inputs), ("y", 2))
    ]
    graph = helper.make_graph(nodes, "copies", ends[:1], ends[1:], tensors)
    opset = helper.make_opsetid("", 13)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    return path


def drawn_network(seed: int, folder: Path) -> Network:
    return rb.load(saved(folder / "m.onnx", seed))


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1))
def test_lines_hold_what_a_unit_makes_of_a_difference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    low, high = np.sort(rng.normal(size=(2, 1, 5)), axis=0)
    values = Bounds(low, high)
    a, b = (low + (high - low) * rng.random(low.shape) for _ in range(2))
    width = np.abs(rng.normal(size=low.shape)) * rng.choice([0.0, 0.1, 1.0], low.shape)
    lines = Lines.of(values, Bounds(b - a - width * rng.random(), b - a + width * rng.random()))
    made, eps = np.maximum(b, 0) - np.maximum(a, 0), 1e-12
    assert (lines.below_slope * (b - a) + lines.below <= made + eps).all()
    assert (made <= lines.above_slope * (b - a) + lines.above + eps).all()
    assert ((0 <= lines.below_slope) & (lines.below_slope <= 1)).all()
    assert ((0 <= lines.above_slope) & (lines.above_slope <= 1)).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_passes_bound_differences_and_derivatives(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    network = drawn_network(seed, tmp_path_factory.mktemp("m"))
    rng = np.random.default_rng(seed)
    low = rng.integers(-8, 8, 2) / 8
    high = low + rng.integers(1, 9, 2) / 8
    x = Variable(2, low, high, "x")
    y = network(x)
    compiled = compile_formulas([y >= 0.0], inputs=[x])
    problem, output = compiled.problem, compiled.stage(y)
    assert output is not None
    apart = Bounds(np.array([[0.0, -0.25]]), np.array([[0.5, 0.25]]))
    root = root_bounds(problem, Bounds(low[None], high[None]), lambda: False)
    assert root is not None
    known = copies(
        problem, root[1], Bounds(low[None], high[None]), apart, output - 1, lambda: False
    )
    row = rng.integers(-4, 5, (1, 2)) / 2
    found = backward(problem, root[1], known, np.zeros(1, dtype=np.int64), output - 1, row)
    first = low + (high - low) * rng.random((400, 2))
    d = apart.lower + (apart.upper - apart.lower) * rng.random((400, 2))
    second = first + d
    both = ((low <= second) & (second <= high)).all(axis=1)
    differ = (network.forward(second) - network.forward(first)) @ row[0]
    assert (differ[both] >= found.value[0] - 1e-12).all()
    # derivatives in a direction that leads out of the cell: small steps, so that few bend
    step = 1e-6
    slope = (network.forward(first + step * d) - network.forward(first)) @ row[0] / step
    assert (slope >= found.value[0] - 1e-5 * (1 + np.abs(slope))).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.sampled_from([0.5, 0.9, 0.99, 1.0, 1.01]))
def test_what_exceeds_does_at_all_points(
    seed: int, share: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The least difference is found on a fine grid; a constant a little larger than that is beyond
    doubt, one that is smaller is never proven."""
    network = drawn_network(seed, tmp_path_factory.mktemp("m"))
    x = Variable(2, 0, 1, "x")
    y = network(x)
    compiled = compile_formulas([y >= 0.0], inputs=[x])
    output = compiled.stage(y)
    assert output is not None
    axis = np.linspace(0, 1, 17)
    grid = np.array(list(itertools.product(axis, axis)))
    values = network.forward(grid).reshape(17, 17, 2)
    row = np.array([1.0, -0.5])
    table = values @ row
    # z_0 >= x_0, equal elsewhere
    least = min(float((table[k:] - table[: 17 - k]).min()) for k in range(17))
    slopes = np.diff(table, axis=0).min() * 16  # the steepest fall, over a whole unit
    apart = Bounds(np.zeros((1, 2)), np.array([[1.0, 0.0]]))
    offset = -least * share + (1e-9 if share > 1 else 0.0)
    proven, cells = exceeds(
        compiled.problem, output, apart, row, offset, lambda cells, ends: False, 3000, lambda: False
    )
    if least + offset <= 0:
        assert not proven
    if slopes + offset > 0.3:
        assert proven or cells > 3000


TEXT = """(declare-network f (declare-input X float32 [1,2]) (declare-output Y float32 [1,2]))
(declare-network g (equal-to f) (declare-input Z float32 [1,2]) (declare-output W float32 [1,2]))
(assert (<= 0 X[0,0] 1))(assert (<= 0 X[0,1] 1))(assert (<= 0 Z[0,0] 1))(assert (<= 0 Z[0,1] 1))
"""
QUESTIONS = {
    "monotone": "(assert (>= Z[0,0] X[0,0]))(assert (= Z[0,1] X[0,1]))"
    "(assert (>= (- Y[0,0] W[0,0]) {level}))",
    "near": "(assert (<= -0.125 (- Z[0,0] X[0,0]) 0.125))"
    "(assert (<= -0.125 (- Z[0,1] X[0,1]) 0.125))"
    "(assert (or (>= (- Y[0,1] W[0,1]) {level}) (>= (- W[0,1] Y[0,1]) {level})"
    " (>= (- W[0,0] Y[0,0]) {level})))",
}


@pytest.mark.parametrize("kind", QUESTIONS)
@pytest.mark.parametrize("seed", range(3))
def test_answers_are_those_of_two_separate_relaxations(
    kind: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, question = saved(tmp_path / "m.onnx", seed), tmp_path / "q.vnnlib"
    for level in (0.0625, 0.5, 2.0):
        question.write_text(TEXT + QUESTIONS[kind].format(level=level))
        answers = []
        for apart in (False, True):
            with monkeypatch.context() as patch:
                if apart:
                    patch.setattr(TwoCopies, "of", lambda *given: None)
                answers.append(rb.solve(model, question, timeout=120).status)
        assert answers[0] in ("sat", "unsat")
        assert answers[1] in (answers[0], "unknown")


def test_what_is_no_comparison_of_copies(tmp_path: Path) -> None:
    """Other relations are left to the search."""
    from rhobust.compiler.vnnlib.parse import parse_vnnlib

    one = rb.load(saved(tmp_path / "m.onnx", 1))
    other = rb.load(saved(tmp_path / "n.onnx", 2))
    pair = "(assert (>= (- Y[0,0] W[0,0]) 1))"
    for networks, text, there in (
        ([one, one], pair, True),
        ([one, one], "(assert (>= (+ Y[0,0] W[0,0]) 1))", False),
        ([one, one], "(assert (>= (- Y[0,0] W[0,1]) 1))", False),
        ([one, one], "(assert (>= Y[0,0] 1))", False),
        ([one, one], "(assert (or (>= (- Y[0,0] W[0,0]) 1) (>= Y[0,0] 1)))", False),
        ([one, other], pair, False),
    ):
        asked = parse_vnnlib(TEXT + text)
        assert (TwoCopies.of(networks, asked, asked.parts[0]) is not None) == there, text

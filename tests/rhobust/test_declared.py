"""Properties in VNN-LIB 2.0 that speak of several tensors and networks, by name or by order."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

import rhobust as rb
from rhobust.cli.app import app
from rhobust.compiler.base.errors import InputError, LanguageError, ModelError
from rhobust.compiler.importers.onnx.load import load_onnx
from rhobust.compiler.importers.onnx.model import OPSETS, Tensors
from rhobust.compiler.importers.onnx.ops import OPERATIONS

NODE, INFO = helper.make_node, helper.make_tensor_value_info
FLOAT = TensorProto.FLOAT
HEAD = "(vnnlib-version <2.0>)\n"


def saved(path: Path, seed: int = 0) -> Path:
    """A model of the inputs a (1, 2) and b (1, 3) with the outputs c = relu(h) and d = h - a."""
    rng = np.random.default_rng(seed)

    def stored(name: str, *shape: int) -> onnx.TensorProto:
        return numpy_helper.from_array((rng.integers(-8, 9, shape) / 4).astype(np.float32), name)

    nodes = [
        NODE("Gemm", ["a", "v"], ["p"]), NODE("Gemm", ["b", "w", "o"], ["q"]),
        NODE("Add", ["p", "q"], ["h"]), NODE("Relu", ["h"], ["c"]), NODE("Sub", ["h", "a"], ["d"]),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes, "two", [INFO("a", FLOAT, [1, 2]), INFO("b", FLOAT, [1, 3])],
        [INFO("c", FLOAT, [1, 2]), INFO("d", FLOAT, [1, 2])],
        [stored("v", 2, 2), stored("w", 3, 2), stored("o", 2)],
    )  # fmt: skip
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path
    )
    return path


SIZES = {"a": 2, "b": 3, "c": 2, "d": 2, "h": 2}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), order=st.permutations(["a", "b"]), data=st.data())
def test_tensors_stand_in_the_order_that_is_asked_for(
    seed: int, order: list[str], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outputs = data.draw(st.lists(st.sampled_from(["c", "d"]), min_size=1, unique=True))
    hidden = data.draw(st.lists(st.sampled_from(["h", "p"]), unique=True))
    path = saved(tmp_path_factory.mktemp("two") / "m.onnx", seed)
    network = load_onnx(path, Tensors((*order,), (*outputs,), (*hidden,)))
    rows = np.random.default_rng(seed).integers(-8, 9, (4, 5)) / 4
    parts = dict(zip(order, np.split(rows, [SIZES[order[0]]], axis=1), strict=True))
    known = {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    p = parts["a"] @ known["v"]
    h = p + parts["b"] @ known["w"] + known["o"]
    values = {"c": np.maximum(h, 0), "d": h - parts["a"], "h": h, "p": p}
    right = np.concatenate([values[name] for name in (*outputs, *hidden)], axis=1)
    assert network.forward(rows).tolist() == right.tolist() == network.run(rows).tolist()


def declared(*lines: str, networks: str = "") -> str:
    own = """(declare-network N
    (declare-input B float32 [1,3] "b") (declare-input A float32 [1,2] "a")
    (declare-hidden H float32 [1,2] "h")
    (declare-output D float32 [1,2] "d") (declare-output C float32 [1,2] "c"))
"""
    box = [f"(assert (<= -1 {t}[0,{k}] 1))" for t, n in (("A", 2), ("B", 3)) for k in range(n)]
    return HEAD + (networks or own) + "\n".join((*box, *lines))


@pytest.mark.parametrize("seed", range(8))
def test_a_property_speaks_of_tensors_by_their_names(seed: int, tmp_path: Path) -> None:
    path, question = saved(tmp_path / "m.onnx", seed), tmp_path / "q.vnnlib"
    known = {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    corners = np.array(list(itertools.product([-1.0, 1.0], repeat=5)))
    h = corners[:, :2] @ known["v"] + corners[:, 2:] @ known["w"] + known["o"]
    most = float(h[:, 0].max())
    question.write_text(declared(f"(assert (>= H[0,0] {most + 0.125}))"))
    assert rb.solve(path, question).status == "unsat"
    question.write_text(
        declared(f"(assert (>= H[0,0] {most}))", "(assert (<= D[0,0] (- H[0,0] A[0,0])))")
    )
    found = rb.solve({"N": path}, question)
    assert found.status == "sat" and found.witness is not None
    b, a = np.split(np.array([float(v) for v in found.witness.inputs]), [3])
    assert (a @ known["v"] + b @ known["w"] + known["o"])[0] == most


def test_order_alone_names_tensors_too_and_sizes_must_fit(tmp_path: Path) -> None:
    path, question = saved(tmp_path / "m.onnx"), tmp_path / "q.vnnlib"

    def asked(first: int, second: int, outputs: int = 2) -> str:
        ports = f"(declare-input A float32 [1,{first}]) (declare-input B float32 [1,{second}])"
        ports += "".join(f"(declare-output C{k} float32 [1,2])" for k in range(outputs))
        box = "".join(
            f"(assert (<= 0 {t}[0,{k}] 0))"
            for t, n in (("A", first), ("B", second))
            for k in range(n)
        )
        return HEAD + f"(declare-network N {ports})" + box + "(assert (>= C0[0,0] 0))"

    question.write_text(asked(2, 3))
    assert rb.solve(path, question).status == "sat"
    for text, told in (
        (asked(3, 2), "declares 3 numbers of the input 'a', which has 2"),
        (asked(2, 3, 1), "has 2 outputs .*, but the property declares 1"),
    ):
        question.write_text(text)
        with pytest.raises(ModelError, match=told):
            rb.solve(path, question)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"a"', '"z"', "has no input 'z'"),
        ('"c"', '"z"', "has no output 'z'"),
        ('"h"', '"z"', "no node that sets the hidden tensor 'z'"),
        ('(declare-input B float32 [1,3] "b")', "", "has the inputs .'b'., too"),
        ('H float32 [1,2]', "H float32 [1,4]", "4 numbers of the output 'h'"),
    ],
)  # fmt: skip
def test_tensors_that_a_model_has_not_are_named(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    path, question = saved(tmp_path / "m.onnx"), tmp_path / "q.vnnlib"
    text = declared().replace(old, new)
    question.write_text("\n".join(line for line in text.split("\n") if new or " B[" not in line))
    with pytest.raises(ModelError, match=message):
        rb.solve(path, question)


def test_a_model_of_several_inputs_needs_a_property_that_names_them(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.onnx")
    with pytest.raises(ModelError, match="2 inputs .* by a property in VNN-LIB 2.0"):
        rb.load(path)


PAIR = """(declare-network F (declare-input X float32 [1,1]) (declare-output Y float32 [1,1]))
(declare-network G ({} F) (declare-input Z {} [1,1]) (declare-output W float32 [1,1]))
(assert (<= 0 X[0,0] 1))(assert (<= 2 Z[0,0] 3))"""


def relu(path: Path, factor: float = 1.0) -> Path:
    nodes = [NODE("Relu", ["x"], ["r"]), NODE("Mul", ["r", "f"], ["y"])]
    ends = [INFO("x", FLOAT, [1, 1])], [INFO("y", FLOAT, [1, 1])]
    factors = [numpy_helper.from_array(np.array([factor], dtype=np.float32), "f")]
    graph = helper.make_graph(nodes, "relu", *ends, factors)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path
    )
    return path


def test_an_equal_network_needs_no_model_of_its_own(tmp_path: Path) -> None:
    one, other = relu(tmp_path / "one.onnx"), relu(tmp_path / "other.onnx", 0.25)
    question = tmp_path / "q.vnnlib"
    question.write_text(HEAD + PAIR.format("equal-to", "float32") + "(assert (<= W[0,0] Y[0,0]))")
    assert rb.solve(one, question).status == "unsat"
    assert rb.solve({"F": one}, question).status == "unsat"
    assert rb.solve([one, one], question).status == "unsat"
    with pytest.raises(InputError, match="equal to F, but other and one are two models"):
        rb.solve([one, other], question)
    with pytest.raises(InputError, match=r"2 networks \(1 without .*\); 3 were given"):
        rb.solve([one, one, one], question)
    for models, told in (
        ({"G": one}, "declares F, of which no"),
        ({"F": one, "Q": one}, "not F, Q"),
    ):
        with pytest.raises(InputError, match=told):
            rb.solve(models, question)


def test_an_isomorphic_network_is_another_model(tmp_path: Path) -> None:
    one, other = relu(tmp_path / "one.onnx"), relu(tmp_path / "other.onnx", 0.25)
    question = tmp_path / "q.vnnlib"
    question.write_text(
        HEAD + PAIR.format("isomorphic-to", "float16") + "(assert (<= W[0,0] Y[0,0]))"
    )
    assert rb.solve([one, one], question).status == "unsat"
    found = rb.solve([one, other], question)
    assert found.status == "sat" and found.witness is not None
    assert np.float16(float(found.witness.inputs[1])) == float(found.witness.inputs[1])


def test_half_precision_inputs_are_numbers_of_their_type(tmp_path: Path) -> None:
    """Between 1 and the next float16 there is none, and so no witness."""
    path, question = relu(tmp_path / "m.onnx"), tmp_path / "q.vnnlib"
    ports = "(declare-input X float16 [1,1]) (declare-output Y float16 [1,1])"
    box = "(assert (<= 1.0003 X[0,0] 1.0006))"
    question.write_text(HEAD + f"(declare-network N {ports})" + box + "(assert (>= Y[0,0] 0))")
    assert rb.solve(path, question).status == "unknown"


def test_without_bounds_a_solution_counts_and_a_search_proves_nothing(tmp_path: Path) -> None:
    path, question = relu(tmp_path / "m.onnx"), tmp_path / "q.vnnlib"
    ports = "(declare-input X float32 [1,1]) (declare-output Y float32 [1,1])"
    text = HEAD + f"(declare-network N {ports})(assert (>= X[0,0] 3))"
    question.write_text(text + "(assert (>= Y[0,0] 3.5))")
    found = rb.solve(path, question)
    assert found.status == "sat" and found.witness is not None
    assert found.witness.inputs[0] >= Fraction(7, 2)
    question.write_text(text + "(assert (>= Y[0,0] 99))")
    with pytest.raises(LanguageError, match="no finite bounds"):
        rb.solve(path, question)


def test_a_constant_output_is_one_that_a_property_may_name(tmp_path: Path) -> None:
    path, question = tmp_path / "m.onnx", tmp_path / "q.vnnlib"
    ends = [INFO("x", FLOAT, [2, 3])], [INFO("y", TensorProto.INT64, [2])]
    graph = helper.make_graph([NODE("Shape", ["x"], ["y"])], "shape", *ends)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path
    )
    ports = "(declare-input X float32 [2,3]) (declare-output Y int64 [2])"
    box = "".join(f"(assert (<= 0 X[{i},{j}] 1))" for i in range(2) for j in range(3))
    for low, status in ((3, "sat"), (4, "unsat")):
        question.write_text(HEAD + f"(declare-network N {ports}){box}(assert (>= Y[1] {low}))")
        assert rb.solve(path, question).status == status
    with pytest.raises(ModelError, match="does not come from its input"):
        rb.load(path)


def test_the_command_line_of_the_standard(tmp_path: Path) -> None:
    one, question = relu(tmp_path / "one.onnx"), tmp_path / "q.vnnlib"
    question.write_text(HEAD + PAIR.format("equal-to", "float32") + "(assert (<= W[0,0] Y[0,0]))")

    def told(*arguments: object) -> str:
        result = CliRunner().invoke(app, [str(a) for a in arguments])
        assert result.exit_code == 0, result.output
        return result.output

    assert told("verify", question, "--network", f"F={one}", "--timeout", 30) == "unsat\n"
    named = ["--network", f"F={one}", "--network", f"G={one}"]
    assert told("verify", question, *named) == "unsat\n"
    operators = told("supports", "--onnx-operators").split()
    assert {"Relu", "Where", "Softmax"} <= {*operators} <= {*OPERATIONS, "Softmax", "LogSoftmax"}
    assert told("supports", "--onnx-opset-versions") == f"{OPSETS.start}\n{OPSETS.stop - 1}\n"
    assert told("supports", "--vnnlib-versions") == "1.0\n2.0\n"
    assert told("supports", "--serialise-assignments") == "false\n"
    assert "MINET" in told("supports", "--multiple-network-theories").split()
    for arguments, message in (
        (["verify", question, "--network", one], "not of the form NAME=MODEL"),
        (["verify", question, "--network", f"F={one}", "--network", f"F={one}"], "stands twice"),
        (["supports"], "one question at a time"),
        (["supports", "--vnnlib-versions", "--onnx-operators"], "one question at a time"),
    ):
        result = CliRunner().invoke(app, [str(a) for a in arguments])
        assert result.exit_code == 2 and message in result.output
    result = CliRunner().invoke(app, ["verify", "digits"])
    assert result.exit_code == 2 and "a radius is needed" in result.output


@pytest.mark.slow
def test_the_suite_of_the_standard(tmp_path: Path) -> None:
    pytest.importorskip("vnntest", reason="needs vnnlib-satisfactory")
    pytest.importorskip("onnxscript")
    from bench.vnnlib_suite import cases, solved

    rows = [solved(case, 20.0) for case in cases(tmp_path)]
    assert len(rows) >= 178
    assert not [row for row in rows if row.status in ("wrong", "open")]
    assert sum(row.status == "right" for row in rows) >= 150

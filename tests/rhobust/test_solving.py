"""Property files answered: by rb.solve, and by the commands solve and vnncomp."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper
from typer.testing import CliRunner

import rhobust as rb
from rhobust.cli.app import app
from rhobust.compiler.base.arrays import exact
from rhobust.compiler.base.errors import InputError, LanguageError, ModelError, PropertyError
from rhobust.compiler.vnnlib.parse import read_vnnlib
from rhobust.workers.forkserver import AVAILABLE

from ..compiler.onnx_models import model, single

runner = CliRunner()

HEAD = "".join(f"(declare-const {name} Real)\n" for name in ("X_0", "X_1", "Y_0", "Y_1"))
UNIT = "".join(f"(assert (>= X_{k} -1.0))\n(assert (<= X_{k} 1.0))\n" for k in (0, 1))


def net(path: Path, scale: float = 1.0) -> Path:
    """y0 = relu(x0 + x1) - 2 relu(x0 - x1 - 1/4),  y1 = relu(x0 - x1 - 1/4)."""
    values = {
        "w": [[1.0, 1.0], [1.0, -1.0]], "b": [0.0, -0.25],
        "v": [[scale, 0.0], [-2.0, 1.0]], "c": [0.0, 0.0],
    }  # fmt: skip
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["z"], name="first", transB=1),
        helper.make_node("Relu", ["z"], ["a"], name="relu"),
        helper.make_node("Gemm", ["a", "v", "c"], ["y"], name="second"),
    ]
    data = model(nodes, [1, 2], values).SerializeToString()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def text(path: Path, *asserted: str, head: str = HEAD + UNIT) -> Path:
    """A property file of version 1.0 over the inputs in [-1, 1]."""
    said = head + "".join(f"(assert {formula})\n" for formula in asserted)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(said.encode()))
    else:
        path.write_text(said)
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return net(tmp_path / "net.onnx")


def parsed(witness: str) -> dict[str, Fraction]:
    """The numbers of a witness, and nothing else in it."""
    assert witness.startswith("((X_0 ") and witness.endswith("))\n")
    pairs = re.findall(r"\(([XY]_\d+) (-?\d+(?:\.\d+)?)\)", witness)
    assert "(" + "\n".join(f"({name} {number})" for name, number in pairs) + ")\n" == witness
    return {name: Fraction(number) for name, number in pairs}


def check_witness(network: Path, question: Path, witness: str) -> list[Fraction]:
    """It satisfies the file over the reals, and as onnxruntime computes; its outputs are those."""
    found = parsed(witness)
    inputs = [value for name, value in found.items() if name.startswith("X")]
    told = [value for name, value in found.items() if name.startswith("Y")]
    asked = read_vnnlib(question)
    outputs = rb.load(network).forward(np.array([inputs], dtype=object))[0]
    assert asked.holds(inputs, outputs.tolist())
    data = network.read_bytes()
    session = onnxruntime.InferenceSession(
        gzip.decompress(data) if network.suffix == ".gz" else data
    )
    single_precision = np.array([[float(value) for value in inputs]], dtype=np.float32)
    (computed,) = session.run(None, {"x": single_precision})
    assert exact(computed[0].astype(np.float64)).tolist() == told
    assert asked.holds(inputs, told)
    return inputs


def answer(network: Path, question: Path, status: str) -> list[Fraction]:
    """The inputs of the witness, if there is one, after all was checked."""
    result = rb.solve(network, question, timeout=600)
    assert (result.status, result.reason) == (status, ""), result
    assert result.seconds > 0.0 and result.nodes >= 0
    if status != "sat":
        assert result.witness is None
        return []
    assert result.witness is not None and result.witness.outputs.dtype == np.float64
    inputs = check_witness(network, question, result.witness.text())
    assert inputs == list(result.witness.inputs)
    return inputs


# ---- answers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asserted", "status"),
    [
        (["(>= Y_0 1.5)"], "sat"),
        (["(>= Y_0 2.0)"], "sat"),
        (["(>= Y_0 2.001)"], "unsat"),
        (["(<= Y_0 -3.5)"], "sat"),
        (["(<= Y_0 -3.50001)"], "unsat"),
        (["(>= Y_1 Y_0)", "(>= Y_0 0.25)"], "sat"),
        (["(>= Y_1 Y_0)", "(>= Y_0 0.5)"], "unsat"),
        (["(or (>= Y_0 2.5) (>= Y_1 1.75))"], "sat"),
        (["(or (>= Y_0 2.5) (>= Y_1 1.76))"], "unsat"),
        (["(or (and (>= Y_0 1) (>= Y_1 0.5)) (and (<= Y_0 -3) (<= X_1 -0.9)))"], "sat"),
        (["(or (and (>= Y_0 1) (>= Y_1 0.5)) (and (<= Y_0 -3) (<= X_1 -0.7) (>= X_1 -0.8)))"],
         "unsat"),
        (["(=> (>= X_0 0.5) (>= Y_0 1.75))", "(>= X_0 0.75)"], "sat"),
        (["(not (<= Y_1 1.5))", "(<= (+ X_0 (* -0.5 X_1)) 1.24)"], "unsat"),
        (["(<= X_0 X_1)", "(> Y_1 0.001)"], "unsat"),
    ],
)  # fmt: skip
def test_by_hand(small: Path, tmp_path: Path, asserted: list[str], status: str) -> None:
    answer(small, text(tmp_path / "q.vnnlib", *asserted), status)


def test_fixed_inputs_that_are_no_floats(small: Path, tmp_path: Path) -> None:
    fixed = ["(<= X_0 0.1)", "(>= X_0 0.1)", "(= X_1 (/ 1 5))"]
    inputs = answer(small, text(tmp_path / "a.vnnlib", *fixed, "(>= Y_0 0.29)"), "sat")
    assert inputs == [Fraction(1, 10), Fraction(1, 5)]
    answer(small, text(tmp_path / "b.vnnlib", *fixed, "(>= Y_0 0.31)"), "unsat")


def test_a_witness_that_has_no_decimal_expansion_is_told_in_40_digits(
    small: Path, tmp_path: Path
) -> None:
    question = text(tmp_path / "q.vnnlib", "(= X_0 (/ 1 3))", "(>= Y_0 0.5)")
    result = rb.solve(small, question, timeout=600)
    assert result.witness is not None and result.witness.inputs[0] == Fraction(1, 3)
    assert "(X_0 0." + 40 * "3" + ")" in result.witness.text()


def test_strict_bounds(small: Path, tmp_path: Path) -> None:
    narrow = ["(> X_0 0.5)", "(< X_0 0.50001)", "(> X_1 0.25)"]
    inputs = answer(small, text(tmp_path / "a.vnnlib", *narrow, "(< Y_1 0.00001)"), "sat")
    assert Fraction(1, 2) < inputs[0] < Fraction("0.50001") and inputs[1] > Fraction(1, 4)
    answer(small, text(tmp_path / "b.vnnlib", *narrow, "(> Y_1 0.00002)"), "unsat")
    # the corner is the only point of the closure
    answer(small, text(tmp_path / "c.vnnlib", "(< X_0 1.0)", "(>= Y_0 2.0)"), "unsat")
    answer(small, text(tmp_path / "d.vnnlib", "(> Y_1 1.75)"), "unsat")
    answer(small, text(tmp_path / "e.vnnlib", "(>= Y_1 1.75)"), "sat")
    # multipliers in floats show nothing of it, those in rationals do
    told = rb.solve(small, tmp_path / "d.vnnlib", certificate=tmp_path / "certificate")
    assert told.status == "unsat" and not told.uncertified
    assert (tmp_path / "certificate").exists()


def test_an_input_that_no_floats_are(small: Path, tmp_path: Path) -> None:
    thirds = "(= (+ X_0 (* 2.0 X_1)) 1.0)", "(= X_0 X_1)"
    result = rb.solve(small, text(tmp_path / "a.vnnlib", *thirds, "(>= Y_0 0.5)"), timeout=600)
    assert result.status == "sat" and result.witness is not None
    assert result.witness.inputs == (Fraction(1, 3), Fraction(1, 3))
    answer(small, text(tmp_path / "b.vnnlib", *thirds, "(> X_0 X_1)"), "unsat")


def test_two_boxes_that_do_not_meet(small: Path, tmp_path: Path) -> None:
    boxes = (
        "(or (and (<= X_0 -0.5) (<= X_1 -0.5)) "
        "(and (>= X_0 0.5) (<= X_0 0.75) (>= X_1 0.5) (<= X_1 0.75)))"
    )
    inputs = answer(small, text(tmp_path / "a.vnnlib", boxes, "(>= Y_0 1.25)"), "sat")
    assert all(Fraction(1, 2) <= value <= Fraction(3, 4) for value in inputs)
    answer(small, text(tmp_path / "b.vnnlib", boxes, "(>= Y_0 1.51)"), "unsat")
    answer(small, text(tmp_path / "c.vnnlib", boxes, "(>= Y_1 0.24)"), "sat")
    answer(small, text(tmp_path / "d.vnnlib", boxes, "(>= Y_1 0.26)"), "unsat")
    answer(small, text(tmp_path / "e.vnnlib", boxes, "(> Y_1 0.2)", "(> X_1 -0.75)"), "unsat")


def test_equalities(small: Path, tmp_path: Path) -> None:
    inputs = answer(small, text(tmp_path / "a.vnnlib", "(= X_0 0.5)", "(>= Y_0 1.25)"), "sat")
    assert inputs[0] == Fraction(1, 2)
    answer(small, text(tmp_path / "b.vnnlib", "(= Y_1 0.0)", "(>= Y_0 1.5)"), "sat")
    answer(small, text(tmp_path / "c.vnnlib", "(= Y_1 0.5)", "(>= Y_0 1.0)"), "unsat")
    answer(small, text(tmp_path / "d.vnnlib", "(== X_0 X_1)", "(> Y_1 0.001)"), "unsat")


def test_no_input_at_all(small: Path, tmp_path: Path) -> None:
    answer(small, text(tmp_path / "a.vnnlib", "(<= X_0 0.25)", "(>= X_0 0.5)"), "unsat")
    answer(small, text(tmp_path / "b.vnnlib", "(or (>= X_0 1.5) (<= X_1 -1.5))"), "unsat")
    inputs = answer(small, text(tmp_path / "c.vnnlib"), "sat")
    assert len(inputs) == 2


def test_outputs_that_are_not_numbered(small: Path, tmp_path: Path) -> None:
    few = HEAD.replace("(declare-const Y_1 Real)\n", "") + UNIT
    question = text(tmp_path / "q.vnnlib", "(>= Y_0 1.5)", head=few)
    result = rb.solve(small, question, timeout=600)
    assert result.witness is not None and "Y_0" in result.witness.text()
    assert "Y_1" not in result.witness.text()


def test_compressed_files(tmp_path: Path) -> None:
    network = net(tmp_path / "net.onnx.gz")
    answer(network, text(tmp_path / "a.vnnlib.gz", "(>= Y_0 1.5)"), "sat")
    answer(network, text(tmp_path / "b.vnnlib.gz", "(>= Y_0 2.5)"), "unsat")


def test_two_networks(tmp_path: Path) -> None:
    one, other = net(tmp_path / "one.onnx"), net(tmp_path / "other.onnx", 1.5)

    def question(file: str, least: str) -> Path:
        path = tmp_path / file
        places = [f"[0,{k}]" for k in (0, 1)]
        bounds = "".join(f"(assert (<= -1.0 {side}{k} 1.0))" for side in "AC" for k in places)
        bounds += "".join(f"(assert (== A{k} C{k}))" for k in places)
        path.write_text(
            "(vnnlib-version <2.0>)"
            "(declare-network f (declare-input A real [1,2]) (declare-output B real [1,2]))"
            "(declare-network g (isomorphic-to f) (declare-input C real [1,2])"
            f" (declare-output D real [1,2])){bounds}(assert (>= (- D[0,0] B[0,0]) {least}))"
        )
        return path

    # the difference is relu(x0 + x1) / 2
    result = rb.solve([one, other], question("a.vnnlib", "0.75"), timeout=600)
    assert result.status == "sat" and result.witness is not None
    found = parsed(result.witness.text())
    assert [found[f"X_{k}"] for k in (0, 1)] == [found[f"X_{k}"] for k in (2, 3)]
    assert found["Y_2"] - found["Y_0"] >= Fraction(3, 4) and len(found) == 8
    assert rb.solve([one, other], question("b.vnnlib", "1.01"), timeout=600).status == "unsat"
    with pytest.raises(InputError, match="speaks of 2 networks; 1 were given"):
        rb.solve(one, question("c.vnnlib", "1"))


def test_a_timeout_is_told(small: Path, tmp_path: Path) -> None:
    result = rb.solve(small, text(tmp_path / "q.vnnlib", "(>= Y_0 2.001)"), timeout=1e-9)
    assert (result.status, result.reason) == ("timeout", "timeout")
    assert result.witness is None


def test_what_does_not_fit_is_refused(small: Path, tmp_path: Path) -> None:
    with pytest.raises(PropertyError, match="none.vnnlib: no such file"):
        rb.solve(small, tmp_path / "none.vnnlib")
    good = text(tmp_path / "good.vnnlib", "(>= Y_0 2.001)")
    with pytest.raises(ModelError, match="none.onnx: no such file"):
        rb.solve(tmp_path / "none.onnx", good)
    wide = text(tmp_path / "wide.vnnlib", head="(declare-const X_2 Real)" + HEAD + UNIT)
    with pytest.raises(InputError, match="wide.vnnlib declares 3 inputs and 2 .* has 2 and 2"):
        rb.solve(small, wide)
    with pytest.raises(InputError, match="2 inputs and 3 outputs"):
        rb.solve(small, text(tmp_path / "y.vnnlib", head="(declare-const Y_2 Real)" + HEAD))
    free = text(tmp_path / "free.vnnlib", "(>= X_0 0)", "(<= X_0 1)", "(>= Y_0 1e6)", head=HEAD)
    with pytest.raises(LanguageError, match="free.vnnlib: input 1 has no finite bounds"):
        rb.solve(small, free)
    with pytest.raises(InputError, match="timeout must be a positive"):
        rb.solve(small, good, timeout=0)


# ---- the command solve -----------------------------------------------------------------------


def call(*arguments: str | Path) -> str:
    """The standard output of a command that succeeds."""
    result = runner.invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: str | Path) -> str:
    """The only line of a command that is refused."""
    result = runner.invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 2, result.output
    assert result.stdout == "" and result.stderr.startswith("error: ")
    (line,) = result.stderr.splitlines()
    return line


def test_the_first_line_is_the_answer(small: Path, tmp_path: Path) -> None:
    good = text(tmp_path / "sat.vnnlib", "(>= Y_0 1.5)")
    out = tmp_path / "witness.txt"
    told = call("solve", small, good, "--witness", out, "--timeout", "30")
    status, witness = told.split("\n", 1)
    assert status == "sat" and out.read_text() == told
    check_witness(small, good, witness)
    unsat = text(tmp_path / "unsat.vnnlib", "(>= Y_0 2.001)")
    assert call("solve", small, unsat, "--witness", out) == "unsat\n" == out.read_text()
    assert call("solve", small, unsat, "--timeout", "1e-9") == "timeout\n"


def test_bad_arguments_of_solve(small: Path, tmp_path: Path) -> None:
    good = text(tmp_path / "good.vnnlib", "(>= Y_0 1.5)")
    assert "none.onnx: no such file" in refused("solve", tmp_path / "none.onnx", good)
    assert "none.vnnlib: no such file" in refused("solve", small, tmp_path / "none.vnnlib")
    assert "timeout must be" in refused("solve", small, good, "--timeout", "-1")
    assert "1 networks; 2 were given" in refused("solve", small, small, good)
    nowhere = tmp_path / "nowhere" / "w.txt"
    assert "there is no folder" in refused("solve", small, good, "--witness", nowhere)
    broken = text(tmp_path / "broken.vnnlib", "(>= Y_0 (sin X_0))")
    assert "broken.vnnlib:9: 'sin' is not supported" in refused("solve", small, broken)
    assert runner.invoke(app, ["solve", str(small)]).exit_code == 2
    sine = tmp_path / "sine.onnx"
    sine.write_bytes(single("Sin", [1, 2]).SerializeToString())
    assert "is a Sin, which has no relation" in refused("solve", sine, good)


# ---- the command vnncomp ---------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A benchmark: its expected verdicts are wrong for one of them, and missing for others."""
    home = tmp_path / "bench"
    for name in ("onnx", "vnnlib"):
        (home / name).mkdir(parents=True)
    net(home / "onnx" / "net.onnx.gz")
    data = single("Sin", [1, 2]).SerializeToString()
    (home / "onnx" / "sine.onnx").write_bytes(data)
    text(home / "vnnlib" / "sat.vnnlib.gz", "(>= Y_0 1.5)")
    text(home / "vnnlib" / "unsat.vnnlib", "(>= Y_0 2.001)")
    text(home / "vnnlib" / "wide.vnnlib", head="(declare-const X_2 Real)" + HEAD + UNIT)
    rows = [
        ("onnx/net.onnx", "vnnlib/sat.vnnlib"), ("./onnx/net.onnx", "./vnnlib/unsat.vnnlib"),
        ("onnx/sine.onnx", "vnnlib/sat.vnnlib"), ("onnx/net.onnx", "vnnlib/wide.vnnlib"),
        ("onnx/net.onnx", "vnnlib/none.vnnlib"), ("onnx/none.onnx", "vnnlib/sat.vnnlib"),
    ]  # fmt: skip
    (home / "instances.csv").write_text("".join(f"{a},{b},60\n" for a, b in rows) + "\n")
    return home


def expect(folder: Path, *verdicts: str) -> None:
    lines = (folder / "instances.csv").read_text().split("\n")
    settled = (
        f"{line.rsplit(',', 1)[0]},{verdict}"
        for line, verdict in zip(lines, verdicts, strict=False)
    )
    (folder / "expected.csv").write_text("onnx,vnnlib,expected\n" + "\n".join(settled) + "\n")


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_all_instances_of_a_folder(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    told = call("vnncomp", folder, "--limit", "30", "--json", out).splitlines()
    found = rows(out)
    assert [row["status"] for row in found] == ["sat", "unsat"] + 4 * ["unknown"]
    assert [row["index"] for row in found] == list(range(6))
    assert len(told) == 7 and told[-1].startswith(
        "bench: 2 of 6 decided (1 sat, 4 unknown, 1 unsat), 0 contradictions, "
    )
    witness = found[0]["witness"]
    check_witness(folder / "onnx" / "net.onnx.gz", folder / "vnnlib" / "sat.vnnlib.gz", witness)
    reasons = [
        "is a Sin, which has no relation", "3 inputs and 2 outputs", "none.vnnlib: no such file",
        "none.onnx: no such file",
    ]  # fmt: skip
    for row, line, reason in zip(found[2:], told[2:], reasons, strict=False):
        assert reason in row["reason"] and row["reason"] in line


def test_contradictions_are_counted(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    expect(folder, "unsat", "unsat", "sat")
    told = call("vnncomp", folder, "--limit", "30", "--json", out).splitlines()
    assert told[0].endswith("CONTRADICTS the settled verdict")
    assert not any("CONTRADICTS" in line for line in told[1:])
    assert "1 contradictions" in told[-1]
    assert [row["expected"] for row in rows(out)] == ["unsat", "unsat", "sat", "", "", ""]
    expect(folder, "sat", "unknown")
    assert "0 contradictions" in call("vnncomp", folder, "--limit", "30")


def test_only_some_instances(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    call("vnncomp", folder, "--every", "4", "--json", out)
    assert [row["index"] for row in rows(out)] == [0, 4]
    told = call("vnncomp", folder, "--limit", "1e-9").splitlines()
    assert told[-1].startswith("bench: 0 of 6 decided")


def test_instances_of_several_networks(folder: Path, tmp_path: Path) -> None:
    """As VNN-COMP 2026 writes them; a network equal to another may be left out."""
    ports = "(declare-input {0} float32 [2]) (declare-output {1} float32 [2])"
    two = f"(declare-network f {ports.format('X', 'Y')})"
    two += f"(declare-network g (equal-to f) {ports.format('Z', 'W')})"
    two += "".join(f"(assert (<= 0 {t}[{k}] 1))" for t in "XZ" for k in range(2))
    (folder / "vnnlib" / "two.vnnlib").write_text(two + "(assert (>= (- Y[0] W[0]) 4.001))")
    pairs = "\"[('f', './onnx/net.onnx'), ('g', 'onnx/net.onnx')]\""
    single = "\"[('f', 'onnx/net.onnx')]\""
    lines = [f"{models},vnnlib/two.vnnlib,60" for models in (pairs, single)]
    (folder / "instances.csv").write_text("\n".join(lines))
    out = tmp_path / "out.jsonl"
    told = call("vnncomp", folder, "--limit", "30", "--json", out).splitlines()
    assert [row["status"] for row in rows(out)] == ["unsat"] * 2
    assert "net+net" in told[0] and rows(out)[0]["onnx"].startswith("[('f'")
    for text in ("[('f', 'a.onnx'), ('f', 'b.onnx')]", "[f]", "[('f', 3)]", "[]", "[(((("):
        (folder / "instances.csv").write_text(f'"{text}",vnnlib/two.vnnlib,60')
        assert "instances.csv:1: " in refused("vnncomp", folder)
        assert "names no networks" in refused("vnncomp", folder)


def several(path: Path) -> Path:
    """y = relu(a) + b and z = relu(b) of two inputs a and b, with the hidden relu(a)."""
    nodes = [
        helper.make_node("Relu", ["a"], ["r"]), helper.make_node("Add", ["r", "b"], ["y"]),
        helper.make_node("Relu", ["b"], ["z"]),
    ]  # fmt: skip
    ports = [helper.make_tensor_value_info(name, 1, [1, 2]) for name in "abyz"]
    graph = helper.make_graph(nodes, "several", ports[:2], ports[2:])
    opset = helper.make_opsetid("", 13)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    return path


def test_certificates_of_a_folder(folder: Path, tmp_path: Path) -> None:
    """Each unsat has a proof that the checker accepts, or says by name why it has none."""
    several(folder / "onnx" / "several.onnx")
    port = "(declare-input {} float32 [1,2]) (declare-output {} float32 [1,2])".format
    box = "".join(f"(assert (<= -1 X[0,{k}] 1))" for k in range(2))
    one = f"(vnnlib-version <2.0>)(declare-network f {port('X', 'Y')}){box}"
    hidden = '(declare-network f (declare-input X float32 [1,2] "x") (declare-hidden H float32 '
    hidden += f'[1,2] "a") (declare-output Y float32 [1,2] "y")){box}'
    both = "(declare-network f (declare-input A float32 [1,2]) (declare-input X float32 [1,2])"
    both += "(declare-output Y float32 [1,2]) (declare-output Z float32 [1,2]))"
    both += f"{box}{box.replace('X', 'A')}"
    pair = f"(declare-network f {port('X', 'Y')})(declare-network g (equal-to f) {port('Z', 'W')})"
    pair += f"{box}{box.replace('X', 'Z')}"
    texts = {
        "plain": HEAD + UNIT + "(assert (>= Y_0 2.001))",
        "version_2": f"{one}(assert (>= Y[0,0] 2.001))",
        "hidden": f"{hidden}(assert (>= H[0,0] 2.001))",
        "both": f"{both}(assert (>= (+ Y[0,0] Z[0,1]) 3.001))",
        "pair": f"{pair}(assert (>= (- Y[0,1] W[0,1]) 1.751))",
        "possible": f"{one}(assert (>= Y[0,0] 1.5))",
    }
    for name, said in texts.items():
        (folder / "vnnlib" / f"{name}.vnnlib").write_text(said)
    named = "\"[('f', 'onnx/net.onnx')]\""
    asked = [
        ("onnx/net.onnx", "plain"), ("onnx/net.onnx", "version_2"), (named, "version_2"),
        (named, "hidden"), ("onnx/several.onnx", "both"), (named, "pair"),
        ("\"[('f', 'onnx/net.onnx'), ('g', 'onnx/net.onnx')]\"", "pair"), (named, "possible"),
    ]  # fmt: skip
    lines = [f"{models},vnnlib/{name}.vnnlib,60" for models, name in asked]
    (folder / "instances.csv").write_text("\n".join(lines))
    out, proofs = tmp_path / "out.jsonl", tmp_path / "proofs"
    call("vnncomp", folder, "--limit", "60", "--json", out, "--certificates", proofs)
    found = rows(out)
    assert [row["status"] for row in found] == ["unsat"] * 7 + ["sat"], found
    for number in range(3):
        assert found[number]["certificate"] == str(proofs / f"{number}.npz"), found[number]
        told = call("check", proofs / f"{number}.npz", folder / "onnx" / "net.onnx.gz")
        assert told.startswith("accepted")
    for number in (3, 4):
        assert "certificates speak of models with one input" in found[number]["uncertified"]
    assert found[7]["witness"] and "uncertified" not in found[7]
    for number in (5, 6):
        assert found[number]["uncertified"] == "certificates speak of one network"
    assert sorted(path.name for path in proofs.iterdir()) == ["0.npz", "1.npz", "2.npz"]


def test_bad_arguments_of_vnncomp(folder: Path, tmp_path: Path) -> None:
    assert "instances.csv: no such file" in refused("vnncomp", tmp_path)
    assert "timeout must be" in refused("vnncomp", folder, "--limit", "0")
    nowhere = tmp_path / "nowhere" / "out.jsonl"
    assert "there is no folder" in refused("vnncomp", folder, "--json", nowhere)
    (folder / "expected.csv").write_text("model,verdict\na,b\n")
    assert "expected.csv: it needs the columns" in refused("vnncomp", folder)
    (folder / "expected.csv").unlink()
    (folder / "instances.csv").write_text("onnx/net.onnx\n")
    assert "instances.csv:1: a row needs" in refused("vnncomp", folder)
    (folder / "instances.csv").write_text("\n")
    assert "it lists no instances" in refused("vnncomp", folder)


KILLED = """
import os, sys, time
import rhobust.cli.commands.solve as commands
from rhobust.__main__ import main

solve = commands.solve
commands.PATIENCE = 2.0

def hindered(network, question, *rest, **more):
    if question.name == "wide.vnnlib":
        os.kill(os.getpid(), 9)
    if question.name == "none.vnnlib":
        time.sleep(600.0)
    return solve(network, question, *rest, **more)

commands.solve = hindered
sys.argv[0] = "rhobust"
main()
"""


@pytest.mark.skipif(not AVAILABLE, reason="processes are forked on Linux alone")
def test_what_ends_one_instance_ends_no_other(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    command = [sys.executable, "-c", KILLED, "vnncomp", folder, "--limit", "3", "--json", out]
    ones = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=120.0,
        check=False, env={**os.environ, **ones},
    )  # fmt: skip
    assert done.returncode == 0, done
    found = [(row["status"], row["reason"]) for row in rows(out)]
    assert found[:2] == [("sat", ""), ("unsat", "")]
    assert "is a Sin" in found[2][1] and "none.onnx: no such file" in found[5][1]
    assert found[3] == ("unknown", "its process ended with status -9")
    assert found[4] == ("timeout", "it did not end in its time")
    assert "bench: 2 of 6 decided (1 sat, 1 timeout, 3 unknown, 1 unsat)" in done.stdout

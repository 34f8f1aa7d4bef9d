"""Standard output in a pipe: answers alone, whatever libraries print; and readers that go away."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.main import get_command
from typer.testing import CliRunner

import rhobust as rb
from rhobust.bnb.search import Settings
from rhobust.cli.app import Command, app

from .files import images, model

PROPERTY = (
    "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"
    "(declare-const Y_1 Real)(assert (and (>= X_0 0.5) (<= X_0 0.9) (>= X_1 0.1) (<= X_1 0.2)))"
)

DRIVER = """
import json, os, sys, typer.core
import rhobust.__main__, rhobust.cli.app, rhobust.bnb.check
import rhobust.cli.commands.ask, rhobust.cli.commands.solve
inner = typer.core.TyperCommand.invoke
def noisy(self, ctx):
    os.write(1, b"NOISE of a library\\n")
    print("NOISE of a module")
    return inner(self, ctx)
typer.core.TyperCommand.invoke = noisy
for arguments in json.loads(sys.argv[1]):
    reader, writer = os.pipe()
    if not os.fork():
        os.dup2(writer, 1)
        sys.argv = ["rhobust", *arguments]
        rhobust.__main__.main()
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    status = os.waitstatus_to_exitcode(os.wait()[1])
    sys.stdout.write(json.dumps([status, text]) + "\\n")
    sys.stdout.flush()
"""


def test_every_command_keeps_standard_output_for_its_answers() -> None:
    groups: list[Any] = [get_command(app)]
    commands: list[Any] = []
    while groups:
        for command in groups.pop().commands.values():
            (groups if hasattr(command, "commands") else commands).append(command)
    assert len(commands) > 12 and all(isinstance(command, Command) for command in commands)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each command is a fork of one process")
def test_the_first_line_of_every_command(tmp_path: Path) -> None:
    net, data = str(model(tmp_path / "m.onnx")), str(images(tmp_path / "images.npz"))
    sat, unsat = tmp_path / "sat.vnnlib", tmp_path / "unsat.vnnlib"
    sat.write_text(f"{PROPERTY}(assert (>= Y_0 Y_1))")
    unsat.write_text(f"{PROPERTY}(assert (<= Y_0 Y_1))")
    proof = tmp_path / "proof.npz"
    rb.solve(net, unsat, certificate=proof)
    (tmp_path / "rows.jsonl").write_text('{"index": 0, "rho_estimate": 0.1, "rho_upper": 0.2}\n')
    (tmp_path / "instances.csv").write_text("m.onnx,sat.vnnlib,9\n")
    given = [net, "--data", data, "--index", "0"]
    expected = {
        ("inspect", net): " +layer ",
        ("solve", net, str(sat)): "sat$",
        ("check", str(proof), net): "accepted$",
        ("export", net, str(sat), "--out", "-"): r"\(set-logic|;|\(",
        ("verify", *given, "--eps", "0.1", "--json", "-"): '{"index": 0, ',
        ("vnncomp", str(tmp_path), "--json", "-"): '{"index": 0, ',
        ("--version",): "rhobust [0-9]",
    }
    found = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(list(expected))],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    answers = [json.loads(line) for line in found.stdout.splitlines()]
    assert len(answers) == len(expected), found.stderr
    for (arguments, first), (status, text) in zip(expected.items(), answers, strict=True):
        assert status == 0, (arguments, found.stderr)
        lines = [line for line in text.splitlines() if line.strip()]
        assert re.match(first, lines[0]), (arguments, lines[:3])
        assert "NOISE" not in text, arguments
        if "{" in first:
            assert all(json.loads(line)["index"] == 0 for line in lines), arguments
    assert found.stderr.count("NOISE of a library") == len(expected) - 1  # --version runs nothing
    assert found.stderr.count("NOISE of a module") == len(expected) - 1
    assert not (tmp_path / "-").exists()


def test_no_library_call_prints(capfd: pytest.CaptureFixture[str]) -> None:
    network, image = rb.load("digits"), np.full(64, 0.4)
    rb.rho(network, image, timeout=2.0)
    rb.rho_estimate(network, image)
    x = rb.Variable(64, lower=0, upper=1)
    rb.Problem(rb.maximize(network(x)[0]), [rb.norm1(x - image) <= 0.1]).solve(timeout=2.0)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("option", ["--certificates", "--checkpoint"])
def test_standard_output_takes_text_alone(option: str, tmp_path: Path) -> None:
    command = ["verify", "digits", "--index", "0", "--eps", "0.01", option, "/dev/stdout"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2 and "standard output" in result.stderr, result.output


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "rhobust", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )  # fmt: skip


def without_compiling(errors: str) -> str:
    """The errors without the line that a run begins with when it is the first to need a kernel."""
    return errors.removeprefix("compiling …\n")


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    process = start("verify", "digits", "--eps", "0.01", cwd=tmp_path)
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline().startswith(" image")
    process.stdout.close()
    errors = without_compiling(process.stderr.read())
    assert (process.wait(timeout=60), errors) == (-signal.SIGPIPE, "")
    process.stderr.close()


def hats(path: Path, inputs: int = 12) -> Path:
    """Label 1 where most inputs stand in the middle of narrow hats: a long search says where."""
    rows = np.repeat(np.eye(inputs, dtype=np.float32), 3, axis=0)
    weights = {
        "rows": rows,
        "bias": -np.tile(np.array([0.78, 0.8, 0.82], dtype=np.float32), inputs),
        "last": np.stack(
            [0.0 * rows[:, 0], np.tile(np.array([50, -100, 50], dtype=np.float32), inputs)]
        ),
        "level": np.array([inputs - 0.5, 0.0], dtype=np.float32),
    }
    nodes = [
        helper.make_node("Gemm", ["x", "rows", "bias"], ["pre"], transB=1),
        helper.make_node("Relu", ["pre"], ["post"]),
        helper.make_node("Gemm", ["post", "last", "level"], ["y"], transB=1),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, inputs])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "hats", [x], [y], tensors)
    opsets = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def test_a_request_to_end_keeps_what_is_done(tmp_path: Path) -> None:
    """SIGTERM: a summary, as after Ctrl-C, and a checkpoint from which the search goes on."""
    net, data, kept = hats(tmp_path / "m.onnx"), tmp_path / "data.npz", tmp_path / "search"
    np.savez(data, images=np.full((1, 12), 0.5), labels=np.zeros(1, dtype=np.int64))
    often = (
        "import rhobust.files.checkpoint as c, rhobust.__main__ as m; "
        "c.SECONDS = 0.0; c.SHARE = 1e9; m.main()"
    )
    arguments = [
        "verify", str(net), "--data", str(data), "--eps", "0.4", "--norm", "l1", "--timeout", "300",
        "--checkpoint", str(kept),
    ]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", often, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    end = time.monotonic() + 60.0
    while not kept.exists() and time.monotonic() < end and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    answers, errors = process.communicate(timeout=60)
    assert process.returncode == 143, errors
    assert without_compiling(errors) == "interrupted after 0 of 1 images\n"
    assert answers.splitlines()[-1].startswith("0 images")
    assert kept.is_file() and not list(tmp_path.glob(".rhobust-*"))
    again = rb.verify(
        rb.load(net), np.full(12, 0.5), 0.4, label=0, norm="l1", checkpoint=kept,
        settings=Settings(nodes=1),
    )  # fmt: skip
    assert again.reason == "node_limit" and again.nodes > 1

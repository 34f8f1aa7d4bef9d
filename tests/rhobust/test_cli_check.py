"""The command check: its first line, its exit status, its JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from rhobust.cli.app import app

from ..bnb.certificates import Network, new_tree, robust, save


def _run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["check", *map(str, arguments)])
    return done.exit_code, done.output


def test_accepted_and_refused(tmp_path: Path) -> None:
    net = Network([np.array([[1.0, 0.0], [0.0, 1.0]])], [np.array([0.5, 0.0])])
    digest = net.save(tmp_path / "m.onnx")
    header, arrays = robust(net, digest, np.array([0.5, 0.5]), 0, [1], 0.1)
    header["parts"][0]["layers"] = []
    arrays["p0/units"] = arrays["p0/kept"] = np.zeros(0, dtype=np.int64)
    tree = new_tree(0)
    tree.row[tree.children(0, -2, 1)[0]] = -2
    good = save(tmp_path / "good.npz", (header, {**arrays, **tree.arrays()}))
    status, text = _run(good, tmp_path / "m.onnx")
    assert status == 0 and text.startswith("accepted\n") and digest in text
    status, text = _run(good, tmp_path / "m.onnx", "--json")
    assert status == 0 and json.loads(text)["accepted"] is True
    found = tmp_path / "found.json"
    for _ in range(2):  # a report of a check may be replaced
        status, text = _run(good, tmp_path / "m.onnx", "--json", found)
        assert status == 0 and text.startswith("accepted\n")
        assert json.loads(found.read_text())["accepted"] is True
    found.write_text('{"epochs": 3}')
    status, text = _run(good, tmp_path / "m.onnx", "--json", found)
    assert status == 2 and text.startswith("error: ") and "is there already" in text
    status, text = _run(good, "digits")
    assert status == 3 and text.startswith("refused: the certificate is of another model: ")
    assert digest in text and "give the model that it was written for" in text
    status, text = _run(good, tmp_path / "m.onnx", "--property", good)
    assert status == 3 and text.startswith("refused: ")
    status, text = _run(good, good)
    assert status == 2 and text.startswith("error: ")
    status, text = _run(tmp_path / "none.npz", tmp_path / "m.onnx")
    assert status == 2 and "no such file" in text

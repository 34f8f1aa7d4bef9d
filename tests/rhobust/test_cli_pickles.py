"""Pickled models on the command line: read where they are trusted, refused unopened elsewhere."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from rhobust.cli.app import app

IMAGES = np.arange(18.0).reshape(2, 3, 3) % 5 / 4
LABELS = np.array([0, 1])
PROPERTY = "\n".join(
    [
        *(f"(declare-const X_{k} Real) (assert (<= 0 X_{k} 1))" for k in range(9)),
        "(declare-const Y_0 Real) (declare-const Y_1 Real) (assert (>= Y_0 Y_1))",
    ]
)
COMMANDS = {
    "inspect": ["inspect", "MODEL"],
    "rho": ["rho", "MODEL", "--data", "DATA"],
    "verify": ["verify", "MODEL", "--data", "DATA", "--eps", "0.01"],
    "estimate": ["estimate", "MODEL", "--data", "DATA"],
    "figure": ["figure", "example", "MODEL", "--data", "DATA", "--out", "PICTURE"],
    "solve": ["solve", "MODEL", "PROPERTY"],
    "export": ["export", "MODEL", "PROPERTY", "--out", "TEXT"],
}


class Tell:
    """An object whose pickle leaves a file behind when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")


def arguments(command: str, folder: Path, model: Path) -> list[str]:
    np.savez(folder / "images.npz", images=IMAGES, labels=LABELS)
    paths = {
        "MODEL": model,
        "DATA": folder / "images.npz",
        "PICTURE": folder / "example.png",
        "PROPERTY": folder / "property.vnnlib",
        "TEXT": folder / "question.smt2",
    }
    paths["PROPERTY"].write_text(PROPERTY)
    return [str(paths.get(word, word)) for word in COMMANDS[command]]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_pickle_is_refused_unopened(tmp_path: Path, command: str) -> None:
    model = tmp_path / "model.pkl"
    model.write_bytes(pickle.dumps(Tell(tmp_path / "ran")))
    result = CliRunner().invoke(app, arguments(command, tmp_path, model))
    assert result.exit_code == 2
    assert result.stdout == "" and "--trust-pickle" in result.stderr
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_trusted_pickle_is_read(tmp_path: Path, command: str) -> None:
    linear: Any = pytest.importorskip("sklearn.linear_model", reason="needs scikit-learn")
    joblib: Any = pytest.importorskip("joblib", reason="needs joblib")
    model = tmp_path / "model.joblib"
    joblib.dump(linear.RidgeClassifier().fit(IMAGES.reshape(2, 9), LABELS), model)
    call = [*arguments(command, tmp_path, model), "--trust-pickle"]
    result = CliRunner().invoke(app, call)
    assert result.exit_code == 0, result.output

"""What a process loads before it answers: every call pays for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from bench.startup import question
from rhobust.cli.app import app
from rhobust.cli.command import Commands

SLOW = (
    "PIL", "dask", "highspy", "keras", "matplotlib", "networkx", "numba", "numpy", "onnx",
    "onnxruntime", "pandas", "scipy.linalg", "scipy.optimize", "scipy.sparse", "scipy.stats",
    "sklearn", "sqlalchemy", "torch",
)  # fmt: skip
"""Libraries that take more than ten milliseconds."""

SCRIPT = f"""
import atexit, sys
atexit.register(lambda: print("loaded", *sorted({set(SLOW)} & set(sys.modules)), file=sys.stderr))
"""
PROGRAM = "from rhobust.__main__ import main; main()"
COLLECTED = (
    """
import gc, atexit
atexit.register(lambda: print(gc.isenabled(), gc.get_freeze_count()))
"""
    + PROGRAM
)
NAMES = get_command(app).commands  # type: ignore[attr-defined]


def loaded(code: str, *arguments: str, status: int = 0) -> tuple[set[str], str]:
    """The slow libraries of a process, and what it printed."""
    command = [sys.executable, "-c", SCRIPT + code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("loaded")]
    assert len(lines) == 1, done.stderr
    return set(lines[0].split()[1:]), done.stdout


def test_import() -> None:
    assert loaded("import rhobust; rhobust.__version__")[0] == set()


@pytest.mark.parametrize("command", [[], ["solve"], ["verify"], ["evaluate"]])
def test_help(command: list[str]) -> None:
    found, printed = loaded(PROGRAM, *command, "--help")
    assert found == set() and "Usage: rhobust" in printed


def test_the_radius_of_an_image() -> None:
    found, printed = loaded(PROGRAM, "verify", "digits", "--index", "0", "--eps", "0.01")
    assert "1 robust" in printed
    assert found == {"numpy", "onnx", "onnxruntime"}


@pytest.mark.parametrize("name", sorted([*NAMES, "", "--version", "unknown"]))
def test_only_the_command_that_is_asked_is_built(name: str) -> None:
    arguments = [name, "--help"] if name else []
    built = get_command(app.of(arguments))
    assert isinstance(built, Commands)
    assert list(built.commands) == ([name] if name in NAMES else list(NAMES))


@pytest.mark.parametrize(
    ("arguments", "least", "status"),
    [
        (["--help"], 10_000, 0),
        (["inspect", "digits"], 10_000, 0),
        (["solve", "digits", "no.vnnlib"], 50_000, 2),
    ],
)
def test_the_garbage_collector_rests_only_while_all_is_loaded(
    arguments: list[str], least: int, status: int
) -> None:
    """And does not look through what was loaded, which takes a tenth of a second, ever."""
    enabled, kept = loaded(COLLECTED, *arguments, status=status)[1].split()[-2:]
    assert enabled == "True" and int(kept) > least


@pytest.mark.parametrize("network", ["digits", "digits_conv"])
@pytest.mark.parametrize(("radius", "status"), [(0.02, "unsat"), (0.25, "sat")])
def test_a_question_that_is_soon_answered(
    network: str, radius: float, status: str, tmp_path: Path
) -> None:
    path = tmp_path / "question.vnnlib"
    path.write_text(question(radius))
    found, printed = loaded(PROGRAM, "solve", network, str(path))
    assert printed.split()[0] == status
    # the model is read, and compared with its own runtime
    assert found == {"numpy", "onnx", "onnxruntime"}

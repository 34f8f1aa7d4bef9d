"""One grammar of options: the same name for the same thing, on every command and in Python."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import typer.main
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from rhobust.cli.app import app
from rhobust.compiler.base.errors import InputError
from rhobust.compiler.base.norms import L1, L2, LINF, NormKind

runner = CliRunner()


def walk(command: Any, name: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """All commands by their names, those of groups too."""
    if not hasattr(command, "commands"):
        yield " ".join(name), command
        return
    for part, below in command.commands.items():
        yield from walk(below, (*name, part))


COMMANDS: dict[str, Any] = dict(walk(typer.main.get_command(app)))
GROUPS = sorted({name.rpartition(" ")[0] for name in COMMANDS})


def options(command: str) -> dict[str, Any]:
    """The options of a command by their long names."""
    return {
        name: option
        for option in COMMANDS[command].params
        if option.param_type_name == "option"
        for name in option.opts
    }


def test_both_names_of_help() -> None:
    root = typer.main.get_command(app).make_context("rhobust", [], resilient_parsing=True)
    for name, command in COMMANDS.items():
        context = command.make_context(name, [], parent=root, resilient_parsing=True)
        assert context.help_option_names == ["-h", "--help"], name
    short, long = (runner.invoke(app, ["figure", "region", option]) for option in ("-h", "--help"))
    assert short.exit_code == long.exit_code == 0
    assert short.stdout == long.stdout and "--point" in long.stdout and not long.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_options_say_what_they_take_and_mean(name: str) -> None:
    for option in {id(one): one for one in options(name).values()}.values():
        assert option.help, option.opts
        if not option.is_flag:
            assert option.metavar and not option.metavar.startswith("<"), option.opts


@pytest.mark.parametrize("name", [*COMMANDS, *GROUPS])
def test_an_unknown_option_ends_in_one_line(name: str) -> None:
    result = runner.invoke(app, [*name.split(), "--no-such-option"])
    (line,) = result.stderr.splitlines()
    assert result.exit_code == 2 and not result.stdout
    assert line.startswith("error: ") and "--no-such-option" in line and "--help" in line


@pytest.mark.parametrize("name", [name for name, one in COMMANDS.items() if one.params])
def test_what_is_missing_is_named(name: str) -> None:
    needed = [one for one in COMMANDS[name].params if one.required]
    result = runner.invoke(app, name.split()) if needed else None
    if result is not None:
        (line,) = result.stderr.splitlines()
        assert result.exit_code == 2 and not result.stdout
        assert line.startswith("error: ") and " is missing (" in line and "--help" in line
        assert any(str(one.metavar) in line for one in needed)


@pytest.mark.parametrize("name", [name for name in COMMANDS if "--norm" in options(name)])
def test_norms_are_read_by_one_function(name: str) -> None:
    (option,) = [one for one in COMMANDS[name].params if "--norm" in one.opts]
    # norms come before whatever else a command checks
    rest = ["--eps", "0.1"] if "--eps" in options(name) else []
    rest += ["--share", "0.5"] if "--share" in options(name) else []
    model = ["none.onnx"] if name != "bench-attacks" else []
    result = runner.invoke(app, [name, *model, *rest, "--norm", "l3"])
    assert result.exit_code == 2 and "--norm 'l3' is not supported" in result.stderr
    assert "inf, 1, 2" in result.stderr and option.default == "linf"


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (LINF, ["linf", "Linf", "LINF", "inf", "Inf", "l_inf", "L-inf", "infinity", "l\N{INFINITY}",
                math.inf, np.inf, np.float32(np.inf), LINF]),
        (L1, ["l1", "L1", "1", " l1 ", "l_1", 1, 1.0, np.int64(1), L1]),
        (L2, ["l2", "L2", "2", "l-2", 2, 2.0, np.float64(2.0), L2]),
    ],
)  # fmt: skip
def test_names_of_norms(kind: NormKind, names: list[str | float]) -> None:
    for name in names:
        assert NormKind.of(name) is kind, name


@given(st.one_of(st.text(), st.floats(), st.integers(), st.booleans(), st.none()))
def test_other_names_are_no_norms(name: Any) -> None:
    known = {"linf", "inf", "infinity", "\N{INFINITY}", "l\N{INFINITY}", "l1", "1", "l2", "2"}
    if isinstance(name, bool) or str(name).lower().strip() not in known | {"1.0", "2.0"}:
        with pytest.raises(InputError, match="supported: linf, l1, l2"):
            NormKind.of(name)

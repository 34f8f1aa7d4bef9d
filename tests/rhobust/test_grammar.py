"""One grammar of options: the same name for the same thing, on every command and in Python."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.main
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from rhobust.cli.app import app
from rhobust.cli.spelling import BARE, RETIRED, spelled
from rhobust.compiler.base.errors import InputError
from rhobust.compiler.base.norms import L1, L2, LINF, NormKind
from rhobust.compiler.question.claim import check_steps

from .files import model

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
        assert line.startswith("error: ") and " is missing" in line and "--help" in line
        assert any(str(one.metavar) in line for one in needed)


@pytest.mark.parametrize("name", [name for name in COMMANDS if "--norm" in options(name)])
def test_norms_are_read_by_one_function(name: str) -> None:
    (option,) = [one for one in COMMANDS[name].params if "--norm" in one.opts]
    # norms come before whatever else a command checks
    rest = ["--eps", "0.1"] if "--eps" in options(name) else []
    rest += ["--share", "0.5"] if "--share" in options(name) else []
    model = ["none.onnx"] if name != "bench-attacks" else []
    result = runner.invoke(app, [*name.split(), *model, *rest, "--norm", "l3"])
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
@example(-1.0)
@example(-2)
@example("-inf")
def test_other_names_are_no_norms(name: Any) -> None:
    known = {"linf", "inf", "infinity", "\N{INFINITY}", "l\N{INFINITY}", "l1", "1", "l2", "2"}
    if isinstance(name, bool) or str(name).lower().strip() not in known | {"1.0", "2.0"}:
        with pytest.raises(InputError, match="supported: linf, l1, l2"):
            NormKind.of(name)


LISTS: dict[str, list[str]] = {
    "attack": ["digits", "--index", "0:2", "--eps", "0.05", "--steps", "3"],
    "bench-attacks": ["--index", "0:2", "--attacks", "fgsm", "--calls", "20", "--no-foolbox"],
    "demo": ["--count", "1", "--timeout", "0.2"],
    "estimate": ["digits", "--index", "0:2"],
    "evaluate": ["digits", "--index", "0:2", "--eps", "0.01"],
    "rho": ["digits", "--index", "0:2", "--timeout", "0.2"],
    "smooth": ["digits", "--index", "0:2", "--sigma", "0.25", "--n", "50"],
    "verify": ["digits", "--index", "0:2", "--eps", "0.01"],
    "vnncomp": ["FOLDER"],
}
"""Commands that list something of each image or instance, with arguments that are answered soon."""

LISTS_NONE = {
    "check", "compare", "convert", "data fetch", "data normalize", "data show", "explain",
    "export", "figure example", "figure intervals",
    "figure line", "figure region", "figure search", "inspect", "matrix", "metrics", "recipes",
    "report", "selftest", "solve", "supports", "train", "tune",
}  # fmt: skip


def test_every_command_lists_or_does_not() -> None:
    assert not LISTS.keys() & LISTS_NONE
    assert set(COMMANDS) - LISTS.keys() - LISTS_NONE == set(), "say in which of both it belongs"
    assert LISTS.keys() | LISTS_NONE <= COMMANDS.keys()


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with instances of two properties in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FOLDER").mkdir()
    model(tmp_path / "FOLDER" / "model.onnx")
    for name, least in (("a", "0.0"), ("b", "9.0")):
        lines = [f"(declare-const X_{k} Real)\n" for k in (0, 1)]
        lines += [f"(declare-const Y_{k} Real)\n" for k in (0, 1)]
        lines += [f"(assert (>= X_{k} 0.0))\n(assert (<= X_{k} 1.0))\n" for k in (0, 1)]
        text = "".join([*lines, f"(assert (>= X_0 {least}))\n(assert (>= Y_0 Y_1))\n"])
        (tmp_path / "FOLDER" / f"{name}.vnnlib").write_text(text)
    instances = "model.onnx,a.vnnlib,9\nmodel.onnx,b.vnnlib,9\n"
    (tmp_path / "FOLDER" / "instances.csv").write_text(instances)
    return tmp_path


def answers(*arguments: str, status: int = 0) -> Any:
    result = runner.invoke(app, list(arguments))
    assert result.exit_code == status, (result.output, result.exception)
    return result


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_written_as_json_and_csv(name: str, asked: Path) -> None:
    told = answers(name, *LISTS[name], "--json", "-", "--csv", "out.csv", "--quiet")
    records = [json.loads(line) for line in told.stdout.splitlines()]
    assert len(records) == (1 if name == "demo" else 2)
    with (asked / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["index"] for row in rows] == [str(record["index"]) for record in records]
    if name != "evaluate":  # whose tables have columns for each radius
        for row, record in zip(rows, records, strict=True):
            assert {key: text for key, text in row.items() if text} == {
                key: str(value) for key, value in record.items() if value not in (None, "")
            }
    # of what it prints only the summary is left
    quiet = [line for line in told.stderr.splitlines() if line != "compiling …"]
    loud = answers(name, *LISTS[name], "--json", "out.jsonl").stdout.splitlines()
    assert 0 < len(quiet) < len(loud) + (name == "evaluate")  # which lists nothing on the screen
    # a table is replaced by a table, and by nothing else
    again = answers(name, *LISTS[name], "--csv", "-", "--quiet")
    assert again.stdout.splitlines()[0] == (asked / "out.csv").read_text().splitlines()[0]
    (asked / "out.csv").write_text("index of my own work\n")
    refused = answers(name, *LISTS[name], "--csv", "out.csv", status=2)
    assert refused.stderr.startswith("error: out.csv: is there already") and not refused.stdout
    assert (asked / "out.csv").read_text() == "index of my own work\n"
    both = answers(name, *LISTS[name], "--json", "-", "--csv", "-", status=2)
    assert both.stderr.startswith("error: --json and --csv both name standard output")
    twice = answers(name, *LISTS[name], "--json", "new", "--csv", "new", status=2)
    assert "named twice" in twice.stderr and not (asked / "new").exists()


SAME: dict[str, set[Any]] = {
    "--timeout": {60.0, 10.0},  # of the demonstration
    "--seed": {0, None},  # the one in the file
    "--target": {"any", "second"},  # the paper's choice for estimates
    "--domain": {"0,1"},
    "--norm": {"linf"},
    "--margin": {0.0},
    "--threads": {1},
    "--memory": {400.0},
    "--workers": {1},
    "--check": {True},
    "--overwrite": {False},
    "--quiet": {False},
    "--trust-pickle": {False},
    "--json": {None},
    "--csv": {None},
    "--certificates": {None},
}
"""What may be left out has one meaning, but where one is told here."""

TOGETHER = [
    {"--data", "--labels", "--layout", "--mean", "--std", "--domain", "--index", "--timeout"},
    {"--threads", "--memory"},
    {"--certificates", "--check"},
    {"--workers", "--scheduler"},
    {"--json", "--csv", "--quiet"},
    {"--norm", "--target", "--margin"},
]
"""Options of which a command has all or none."""

APART = {
    ("check", "--data"): "of a manifest, which holds the rest",
    ("check", "--workers"): "files are checked on one machine",
    ("smooth", "--workers"): "noise is cheap to make",
    ("matrix", "--workers"): "the file says the rest",
    ("bench-attacks", "--index"): "of a model and images that are known",
    ("bench-attacks", "--norm"): "all labels are rivals",
    ("figure example", "--target"): "drawn in l-infinity",
    ("tune", "--quiet"): "lists radii",
    ("check", "--json"): "one answer",
    ("explain", "--json"): "one answer",
    ("demo", "--timeout"): "of the embedded images",
    ("solve", "--timeout"): "of a question",
    ("vnncomp", "--timeout"): "of a question",
    ("figure region", "--timeout"): "of a network of its own",
    ("data show", "--labels"): "of all of a file",
    ("data normalize", "--layout"): "a model alone",
}
"""Commands that have one of them without the others, and why."""


def test_defaults_are_the_same() -> None:
    for command in COMMANDS:
        for name, option in options(command).items():
            if name in SAME:
                assert option.default in SAME[name], (command, name)
    seconds = {one.default for name in COMMANDS for key, one in options(name).items()
               if key == "--timeout" and name != "demo"}  # fmt: skip
    assert seconds == {60.0}


def test_options_that_belong_together() -> None:
    excused = set()
    for command in COMMANDS:
        has = set(options(command))
        for group in TOGETHER:
            if has & group and not group <= has:
                mine = {pair for pair in APART if pair[0] == command and pair[1] in has & group}
                assert mine, (command, group & has)
                excused |= mine
    assert excused == APART.keys()


def test_whatever_writes_asks_before_it_replaces() -> None:
    for command in COMMANDS:
        writes = {"--out", "--json", "--csv", "--certificates", "--certificate", "--witness"}
        if writes & set(options(command)):
            assert "--overwrite" in options(command), command


@pytest.mark.parametrize(
    ("command", "given", "taken"),
    [
        ("metrics", ["r", "--correct", "--eps", "1"], ["r", "--correct-only", "--eps", "1"]),
        ("bench-attacks", ["--method=fgsm"], ["--attacks=fgsm"]),
        ("bench-attacks", ["--method", "fgsm"], ["--attacks", "fgsm"]),
        ("attack", ["m", "--method", "fgsm"], ["m", "--method", "fgsm"]),
        ("explain", ["m", "--json"], ["m", "--json=-"]),
        ("explain", ["--json", "m.onnx"], ["--json=-", "m.onnx"]),
        ("explain", ["--json", "--eps", "1"], ["--json=-", "--eps", "1"]),
        ("explain", ["--json", "-", "m"], ["--json", "-", "m"]),
        ("explain", ["--json", "out.json", "m"], ["--json", "out.json", "m"]),
        ("explain", ["--json=out", "m"], ["--json=out", "m"]),
        ("explain", ["--", "--json"], ["--", "--json"]),
        ("check", ["--json", "manifest.json"], ["--json=-", "manifest.json"]),
        ("check", ["c.npz", "m", "--json", "new.json"], ["c.npz", "m", "--json", "new.json"]),
        ("verify", ["m", "--json", "--eps"], ["m", "--json", "--eps"]),
    ],
)
def test_former_spellings(command: str, given: list[str], taken: list[str], asked: Path) -> None:
    (asked / "manifest.json").write_text('{"format": "rhobust-manifest"}')
    assert spelled(command, given) == taken


def test_former_spellings_are_of_options_that_there_are() -> None:
    for command, names in RETIRED.items():
        for old, new in names.items():
            assert new in options(command) and old not in options(command)
    for command in BARE:
        assert "--json" in options(command)
    assert options("vnncomp")["--limit"] is options("vnncomp")["--timeout"]


PAGE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"


def test_the_page_of_commands_has_all_options_and_no_others() -> None:
    text = PAGE.read_text(encoding="utf-8")
    lines = [line.split() for line in text.splitlines() if line.startswith("    rhobust ")]
    told: dict[str, set[str]] = {}
    switched = {name for command in COMMANDS for one in options(command).values()
                for name in one.secondary_opts}  # fmt: skip
    for words in lines:
        name = " ".join(words[1:3]) if " ".join(words[1:3]) in COMMANDS else words[1]
        names = set(re.findall(r"--[a-z][a-z0-9-]*", " ".join(words)))
        there = set(options(name)) | switched
        assert names <= there, (name, names - there)
        told[name] = told.get(name, set()) | names
    assert told.keys() == COMMANDS.keys()
    everywhere = set(re.findall(r"--[a-z][a-z0-9-]*", text))
    former = {name for names in RETIRED.values() for name in names}
    known = {name for command in COMMANDS for name in options(command)} | switched | former
    assert everywhere - known == {"--help", "--version", "--verbose"}
    for command in COMMANDS:
        for option in COMMANDS[command].params:
            names = {*option.opts, *option.secondary_opts}
            assert option.param_type_name == "argument" or names & everywhere, (command, names)


RADII = {
    ("attack", "--eps"): [],
    ("estimate", "--max-eps"): [],
    ("evaluate", "--eps"): [],
    ("explain", "--eps"): [],
    ("figure search", "--eps"): [],
    ("rho", "--eps"): [],
    ("tune", "--max-eps"): ["--share", "0.5"],
    ("verify", "--eps"): [],
}
"""Options of radii of input changes, with what else their command needs."""

OF_NO_INPUT = {("metrics", "--eps"), ("metrics", "--max-eps")}
"""Radii that read what was stored, in whatever units that was."""


def test_all_radii_are_known() -> None:
    there = {(name, key) for name in COMMANDS for key in options(name) if key.endswith("-eps")
             or key == "--eps"}  # fmt: skip
    assert there == RADII.keys() | OF_NO_INPUT


@pytest.mark.parametrize(("command", "option"), RADII)
def test_steps_of_pixels_are_asked_about(command: str, option: str) -> None:
    asked = [*command.split(), "digits", "--index", "0", *RADII[command, option], option]
    (line,) = answers(*asked, "8", status=2).stderr.splitlines()
    assert line.startswith(f"error: {option} 8 is wider than the domain 0..1; ")
    assert "write 8/255" in line and line.endswith("insist by 8/1")
    (line,) = answers(*asked, "2.5", "--domain=-1,1", status=2).stderr.splitlines()
    assert "write 5/255" in line and line.endswith("insist by 5/2")


def test_wide_radii_that_are_meant() -> None:
    for eps, domain, norm in (
        ("8/1", "0,1", "linf"), ("1", "0,1", "linf"), ("8", "0,255", "inf"), ("8", "0,1", "l2"),
        ("8/255", "0,1", "linf"), ("2", "-1,1", "linf"),
    ):  # fmt: skip
        asked = ["verify", "digits", "--index", "0", "--timeout", "1e-6", "--domain", domain]
        answers(*asked, "--eps", eps, "--norm", norm)


@given(st.fractions(0, 100), st.fractions(0, 100))
def test_what_insists_and_what_is_meant_are_radii(eps: Fraction, width: Fraction) -> None:
    text, domain = str(float(eps)), (0.0, float(width))
    try:
        assert check_steps(text, domain, "--eps") == float(eps)
        assert float(eps) <= domain[1] or not domain[1]
    except InputError as error:
        assert float(eps) > domain[1] > 0.0
        told = re.search(r"write (\d+/\d+), and if not, insist by (\d+/\d+)$", str(error))
        assert told is not None
        assert check_steps(told[2], domain, "--eps") == float(eps)
        meant = Fraction(told[1]) * 255
        assert meant == Fraction(text) * Fraction(domain[1])

"""The three questions about one image take the same arguments, in the same order, by name."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rhobust as rb
from rhobust.bnb.settings import Settings
from rhobust.compiler.base.errors import InputError

from .files import model
from .test_grammar import COMMANDS, options

OWN = {
    "verify": {"eps", "checkpoint", "float32"},
    "rho": set[str](),
    "attack": {"eps", "method", "steps", "restarts", "minimal"},
    "explain": {"eps"},
    "rho_estimate": {"max_eps", "lazy", "oracle", "integer", "iterate"},
}
"""What only one of them has."""


def asked(call: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(call).parameters)


def test_names_order_and_defaults_are_the_same() -> None:
    calls = {
        "verify": asked(rb.verify),
        "rho": asked(rb.rho),
        "attack": asked(rb.attack),
        "explain": asked(rb.explain),
        "rho_estimate": asked(rb.rho_estimate),
    }
    order = [name for name in calls["verify"] if name not in OWN["verify"]]
    for call, given in calls.items():
        shared = [name for name in given if name not in OWN[call]]
        assert shared == [name for name in order if name in shared], call
        for name in shared[2:]:
            assert given[name].kind is inspect.Parameter.KEYWORD_ONLY, (call, name)
            same = given[name].default == calls["verify"][name].default
            # the paper's choice of target, which the docstring explains
            assert same or (call, name) == ("rho_estimate", "target"), (call, name)
    assert set(calls["rho"]) < set(calls["verify"])


SMOOTHED = rb.smoothing.Smoothed

ASKS: dict[str, list[Callable[..., Any]]] = {
    "verify": [rb.verify],
    "rho": [rb.rho],
    "estimate": [rb.rho_estimate],
    "attack": [rb.attack],
    "explain": [rb.explain],
    "solve": [rb.solve],
    "evaluate": [rb.evaluate],
    "tune": [rb.evaluation.tune, rb.evaluate],  # which takes the options of the other, too
    "smooth": [SMOOTHED, SMOOTHED.certify, SMOOTHED.certify_at],
    "report": [rb.write_report],
    "compare": [rb.write_comparison],
    "data normalize": [rb.data.write_normalized],
    "data show": [rb.data.load],
}  # fmt: skip
"""The commands that ask what a public function asks."""

OF_COMMANDS = {
    "--data", "--labels", "--layout", "--mean", "--std", "--index", "--domain",  # of images
    "--json", "--csv", "--quiet", "--log", "--out", "--theme", "--witness",  # what it returns
    "--overwrite",
    "--trust-pickle",  # of `load`, which functions take the networks of
    "--certificates",  # a folder for many: a function of one image takes certificate=
    "--scheduler",  # workers= takes its address, too
    "--whole-set", "--workers",  # of many images, where a function is of one
    "--run",  # a run has its id
}  # fmt: skip
"""Options that a function may lack."""

OF_FUNCTIONS = {
    "network", "image", "images", "model", "question", "label", "labels", "self", "x", "f", "first",
    "second", "found", "source",  # what is asked about: arguments, or options about images
    "settings", "progress", "tried", "oracle", "lazy", "classes", "index", "certificate",
    "certificates", "options",
}  # fmt: skip
"""Keywords that a command may lack."""


@pytest.mark.parametrize("command", ASKS)
def test_commands_and_functions_call_things_alike(command: str) -> None:
    keywords = {name for call in ASKS[command] for name in asked(call)}
    own = {name for name in asked(ASKS[command][0]) if name not in OF_FUNCTIONS}
    for name in options(command):
        keyword = name.removeprefix("--").replace("-", "_")
        excused = name in OF_COMMANDS or (command, name) == ("rho", "--eps")  # of a list of results
        assert keyword in keywords or excused, (command, name)
    there = {name.removeprefix("--").replace("-", "_") for name in options(command)}
    assert own <= there, (command, own - there)


EFFORT: dict[str, Callable[..., Any]] = {
    "verify": lambda f, x, **spent: rb.verify(f, x, 0.1, **spent),
    "rho": rb.rho,
    "explain": lambda f, x, **spent: rb.explain(f, x, 0.1, **spent),
    "evaluate": lambda f, x, **spent: rb.evaluate(f, x[None], eps=0.1, **spent),
    "tune": lambda f, x, **spent: rb.evaluation.tune(f, x[None], share=1.0, **spent),
    "solve": lambda f, x, **spent: rb.solve(f, PROPERTY, **spent),
}
PROPERTY = "property.vnnlib"


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> rb.Network:
    monkeypatch.chdir(tmp_path)
    lines = [f"(declare-const {name}_{k} Real)" for name in "XY" for k in (0, 1)]
    lines += [f"(assert (>= X_{k} 0.0))\n(assert (<= X_{k} 1.0))" for k in (0, 1)]
    Path(PROPERTY).write_text("\n".join([*lines, "(assert (>= Y_0 Y_1))\n"]))
    return rb.load(model(tmp_path / "model.onnx"))


def test_threads_and_memory_are_those_of_the_commands() -> None:
    search = {name for name in COMMANDS if "--threads" in options(name)} - {"vnncomp"}
    assert search == EFFORT.keys()


@pytest.mark.parametrize("command", EFFORT)
def test_threads_and_memory_reach_the_search(
    command: str, network: rb.Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Any, ...]] = []
    plain = Settings.of

    def of(*given: Any) -> Settings:
        made = plain(*given)
        seen.append((made.threads, made.memory))
        return made

    monkeypatch.setattr(Settings, "of", of)
    image = np.array([0.8, 0.2])
    EFFORT[command](network, image, threads=2, memory=50.0)
    assert set(seen) == {(2, 5e7)}
    for wrong, told in (
        ({"threads": 0}, "threads"), ({"threads": 1.5}, "threads"), ({"memory": 0.0}, "memory"),
        ({"memory": math.nan}, "memory"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=told):
            EFFORT[command](network, image, **wrong)


def test_a_problem_takes_threads_and_memory() -> None:
    x = rb.Variable(1, lower=0, upper=1)
    problem = rb.Problem(rb.maximize(x[0]), [])
    assert problem.solve(threads=2, memory=50.0).status == "optimal"
    with pytest.raises(InputError, match="threads"):
        problem.solve(threads=0)


def test_settings_give_way_to_what_is_told_apart() -> None:
    given = Settings(threads=3, memory=1e6, root_steps=7)
    assert Settings.of(None) == Settings()
    assert Settings.of(given) is given
    assert Settings.of(given, threads=2) == Settings(threads=2, memory=1e6, root_steps=7)
    assert Settings.of(given, memory=3.0) == Settings(threads=3, memory=3e6, root_steps=7)


def test_tune_takes_the_former_name(network: rb.Network) -> None:
    images = np.array([[0.8, 0.2]])
    new, old = (
        rb.evaluation.tune(network, images, share=1.0, **{name: 0.01})  # type: ignore[arg-type]
        for name in ("max_eps", "largest")
    )
    assert (new.eps, new.above) == (old.eps, old.above) == (0.01, None)

"""Every field of a question alone makes another question; a new field fails here until it is known.

A checkpoint of one is refused by all others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rhobust as rb
from rhobust.bnb.search import Settings
from rhobust.compiler.base.digest import differences, digest
from rhobust.compiler.base.errors import InputError
from rhobust.compiler.base.norms import L1, L2
from rhobust.compiler.importers.plain import from_arrays
from rhobust.compiler.network.graph import Network
from rhobust.compiler.problem import Ball, Problem
from rhobust.compiler.question.claim import Claim
from rhobust.compiler.question.property import Port, Property, Signature
from rhobust.compiler.question.region import InputRegion
from rhobust.compiler.vnnlib.parse import parse_vnnlib
from rhobust.queries import asked as asked_module
from rhobust.queries.asked import about_claim, about_property

Change = Callable[[Any], Any]


def network(weight: float = 1.0) -> Network:
    first = np.array([[1.0, -1.0], [weight, 1.0], [0.5, 2.0]]), np.zeros(3)
    return from_arrays(
        [first, (np.array([[1.0, 1.0, -1.0], [0.5, -1.0, 1.0]]), np.array([2.0, 0]))]
    )


def claim() -> Claim:
    return Claim.make(network(), np.array([0.5, 0.5]), 0)


TEXT = """
(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)(declare-const Y_1 Real)
(assert (and (<= X_0 1) (>= X_0 0) (<= X_1 1) (>= X_1 0)))
(assert (or (and (<= X_0 0.25) (<= Y_0 Y_1)) (and (>= X_0 0.75) (<= Y_0 -1))))
"""

CLAIM: dict[str, Change] = {
    "network": lambda old: network(np.nextafter(1.0, 2.0)),
    "region": lambda old: replace(old, eps=0.25),
    "label": lambda old: 1 - old,
    "targets": lambda old: (),
    "margin": lambda old: 1e-300,
}

REGION: dict[str, Change] = {
    "center": lambda old: old + [0.0, 1e-16],
    "lower": lambda old: old - 1e-300,
    "upper": lambda old: old + [0.0, 1e-15],
    "norm": lambda old: L1,
    "eps": lambda old: 0.25,
}

SETTINGS: dict[str, Change] = {
    "root_steps": lambda old: old + 1,
    "tighten_steps": lambda old: old + 1,
    "trees": lambda old: not old,
    "refine": lambda old: not old,
    "joint": lambda old: not old,
    "boxes": lambda old: not old,
    "node_steps": lambda old: old + 1,
    "extra_steps": lambda old: old + 1,
    "hope": lambda old: old / 2,
    "inside_steps": lambda old: old + 1,
    "slack": lambda old: 2 * old,
}
FREE = {"batch", "nodes", "memory", "threads", "oracle", "tracked"}
"""What a search may have more of when it goes on."""

NETWORK: dict[str, Change] = {
    "nodes": lambda old: network(2.0).nodes,
    "output": lambda old: "another",
    "input_shape": lambda old: (1, *old),
    "digest": lambda old: "another",
    "onnx": lambda old: not old,
    "ordered": lambda old: not old,
}
TOLD = {"name", "runtime", "notes", "path", "beside", "beyond"}
"""What a network is called, and how it is evaluated for comparison."""

PROPERTY: dict[str, Change] = {
    "networks": lambda old: (*old, *old),
    "tree": lambda old: old.parts[0],
}

SIGNATURE: dict[str, Change] = {
    "name": lambda old: "f",
    "inputs": lambda old: (replace(old[0], shape=(1, *old[0].shape)), *old[1:]),
    "outputs": lambda old: (replace(old[0], node="y"), *old[1:]),
    "equal_to": lambda old: "g",
    "isomorphic_to": lambda old: "g",
    "hidden": lambda old: (Port("H", "real", (2,), "relu"),),
}

PROBLEM: dict[str, Change] = {
    "lower": lambda old: np.nextafter(old, -1.0),
    "upper": lambda old: old + [0.0, 1e-15],
    "stages": lambda old: old[:-1],
    "rows": lambda old: old * 2,
    "offset": lambda old: old + 1e-300,
    "strict": lambda old: ~old,
    "root": lambda old: replace(old, choices=()) if old.choices else replace(old, choices=(0,)),
    "choices": lambda old: (*old, ()),
    "ball": lambda old: None if old else Ball(L1, np.arange(2), np.zeros(2), 1.0),
    "objective": lambda old: 0,
}

BALL: dict[str, Change] = {
    "norm": lambda old: L2,
    "index": lambda old: old[:1],
    "center": lambda old: old + [0.0, 1e-300],
    "radius": lambda old: float(np.nextafter(old, 9.0)),
}


def ball() -> Ball:
    return Ball(L1, np.arange(2), np.zeros(2), 1.0)


CASES: list[tuple[object, dict[str, Change], set[str]]] = [
    (claim(), CLAIM, set()),
    (claim().region, REGION, set()),
    (Settings(), SETTINGS, FREE),
    (network(), NETWORK, TOLD),
    (parse_vnnlib(TEXT), PROPERTY, {"source"}),
    (parse_vnnlib(TEXT).networks[0], SIGNATURE, set()),
    (claim().within(0.25).compile()[0], PROBLEM, {"unrounded"}),
    (ball(), BALL, set()),
]


@pytest.mark.parametrize("value, changes, free", CASES, ids=lambda part: type(part).__name__)
def test_each_field_alone(value: Any, changes: dict[str, Change], free: set[str]) -> None:
    named = {field.name for field in fields(value)}
    assert named == set(changes) | free, "what does a field that is new mean for the question?"
    for name, change in changes.items():
        assert digest(value) != digest(replace(value, **{name: change(getattr(value, name))})), name
    for name in free - {"unrounded", "runtime", "oracle"}:
        old = getattr(value, name)
        other = f"{old}." if isinstance(old, str) else (*old, "") if old == () else old + 1
        assert digest(value) == digest(replace(value, **{name: other})), name


def test_the_types_of_a_question_are_these() -> None:
    about = about_claim(claim().within(0.25), Settings())
    parts = {f"claim.{field.name}" for field in fields(Claim)} - {"claim.region"}
    parts |= {f"region.{field.name}" for field in fields(InputRegion)}
    parts |= {f"settings.{name}" for name in SETTINGS}
    assert about.keys() == parts | {"engine"}
    about = about_property([network()], parse_vnnlib(TEXT), Settings())
    parts = {f"property.{name}" for name in PROPERTY} | {f"settings.{name}" for name in SETTINGS}
    assert about.keys() == parts | {"engine", "networks"}
    assert {field.name for field in fields(Property)} == {*PROPERTY, "source"}
    assert {field.name for field in fields(Signature)} == set(SIGNATURE)
    assert {field.name for field in fields(Problem)} == {*PROBLEM, "unrounded"}


def test_the_version_belongs_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = about_claim(claim().within(0.25), Settings())
    monkeypatch.setattr(asked_module, "__version__", "another")
    assert differences(before, about_claim(claim().within(0.25), Settings())) == ["engine"]


PLAIN = Settings(root_steps=0, tighten_steps=0, joint=False, boxes=False, trees=False)


@dataclass(frozen=True)
class Hats:
    """A network whose label changes where several inputs stand in the middle of narrow hats."""

    inputs: int = 6

    def network(self, level: float = -0.5) -> Network:
        rows = np.repeat(np.eye(self.inputs), 3, axis=0)
        bias = -np.tile([0.78, 0.8, 0.82], self.inputs)
        hats = np.tile([50.0, -100.0, 50.0], self.inputs)
        last = np.stack([np.zeros_like(hats), hats])
        return from_arrays([(rows, bias), (last, np.array([self.inputs + level, 0.0]))])


HATS = Hats()
IMAGE = np.full(HATS.inputs, 0.5)


def ask(file: Path, nodes: int, **changed: Any) -> rb.VerifyResult:
    given: dict[str, Any] = {
        "network": HATS.network(), "image": IMAGE, "eps": 0.4, "label": 0, "norm": "l1",
        "settings": replace(PLAIN, batch=4), "timeout": 20.0,
    }  # fmt: skip
    given |= changed
    given["settings"] = replace(given["settings"], nodes=nodes)
    return rb.verify(**given, checkpoint=file)


@pytest.mark.parametrize(
    "name, changed",
    [
        ("region norm", {"norm": "linf"}),
        ("region norm", {"norm": "l2"}),
        ("eps", {"eps": 0.41}),
        ("region center", {"image": IMAGE + 1e-9}),
        ("claim label", {"label": 1}),
        ("claim margin", {"margin": 0.1}),
        ("region upper", {"domain": (0.0, 0.95)}),
        ("claim network", {"network": HATS.network(-0.6)}),
        ("settings boxes", {"settings": replace(PLAIN, boxes=True)}),
    ],
)
def test_a_checkpoint_is_of_one_claim(name: str, changed: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "search"
    assert ask(file, 40).reason == "node_limit"
    kept = file.read_bytes()
    with pytest.raises(InputError, match=f"{file}: belongs to another question.*{name}"):
        ask(file, 10**6, **changed)
    assert file.read_bytes() == kept
    assert ask(file, 80, timeout=60.0, seed=3).reason == "node_limit"  # more of the same


def text(first: str) -> str:
    names = [f"X_{k}" for k in range(HATS.inputs)]
    declared = "".join(f"(declare-const {name} Real)" for name in (*names, "Y_0", "Y_1"))
    near = " ".join(f"(>= {name} 0.0) (<= {name} 0.1)" for name in names)
    far = " ".join(f"(>= {name} 0.5) (<= {name} 0.9)" for name in names)
    hard = f"(and {far} (<= (+ {' '.join(names)}) 4.3) (>= Y_1 Y_0))"
    return f"{declared}(assert (or (and {near} {first}) {hard}))"


def test_a_checkpoint_is_of_one_property(tmp_path: Path) -> None:
    """The first part is unsat in one and sat in the other; its number is the same."""
    file, net, few = tmp_path / "search", HATS.network(), Settings(nodes=20, batch=4)
    one, other = parse_vnnlib(text("(>= Y_1 5.0)")), parse_vnnlib(text("(<= Y_1 5.0)"))
    assert rb.solve(net, one, settings=few, checkpoint=file).reason == "node_limit"
    with pytest.raises(InputError, match=f"{file}: belongs to another question.*property tree"):
        rb.solve(net, other, checkpoint=file)
    with pytest.raises(InputError, match="networks"):
        rb.solve(HATS.network(-0.6), one, checkpoint=file)
    with pytest.raises(InputError, match="another question"):
        rb.verify(net, IMAGE, 0.4, checkpoint=file)
    assert rb.solve(net, other).status == "sat"

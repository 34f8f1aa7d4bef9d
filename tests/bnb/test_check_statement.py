"""What the checker prints as proven is what was proven, and nothing that only reads like it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhobust.bnb import check
from rhobust.bnb.check import Checker, Report, Unreadable, read_expectation

from .certificates import Network, new_tree, robust, save

IMAGE = np.array([0.5, 0.3])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a model (x + 9, y, x) in m.onnx, of which much is true."""
    folder = tmp_path_factory.mktemp("statement")
    net = Network([np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])], [np.array([9.0, 0.0, 0.0])])
    (folder / "digest").write_text(net.save(folder / "m.onnx"))
    return folder


def proven(
    folder: Path,
    eps: float = 0.1,
    norm: str = "linf",
    low: object = 0.0,
    high: object = 1.0,
    targets: tuple[int, ...] = (1, 2),
    margin: float = 0.0,
    image: np.ndarray = IMAGE,
) -> Path:
    """A certificate about the model."""
    net = Network([np.zeros((3, 2))], [np.zeros(3)])
    digest = (folder / "digest").read_text()
    header, arrays = robust(net, digest, image, 0, list(targets), eps, norm)
    header["claim"]["margin"] = margin.hex()
    header["parts"][0]["layers"] = []
    arrays["p0/units"] = arrays["p0/kept"] = np.zeros(0, dtype=np.int64)
    arrays["domain_low"], arrays["domain_high"] = (
        np.broadcast_to(np.array(end, dtype=np.float64), 2).copy() for end in (low, high)
    )
    arrays["p0/low"], arrays["p0/high"] = np.full(2, -2.0), np.full(2, 2.0)
    tree = new_tree(0)
    for node in tree.children(0, -2, len(targets)):
        tree.row[node] = -2
    return save(folder / "c.npz", (header, {**arrays, **tree.arrays()}))


def told(folder: Path, **claim: Any) -> Report:
    report = Checker(folder / "m.onnx").check(proven(folder, **claim))
    assert report.accepted, report.reason
    return report


def test_every_number_is_exact(folder: Path) -> None:
    top, eps = float(np.nextafter(0.9999998, 0)), float(np.nextafter(0.1, 1))
    text = told(folder, eps=eps, high=top, low=-0.1, margin=5e-324, targets=(1,)).statement
    for number in (eps, top, -0.1, 5e-324, 0.3, 0.5):
        assert f"{number!r} ({number.hex()})" in text
    digest = hashlib.sha256(IMAGE.astype("<f8").tobytes()).hexdigest()
    assert digest in text and (folder / "digest").read_text() in text
    assert "greater than output 1\n" not in text and "greater than output 1." in text
    assert "outputs 1, 2 (all others of 3)" in told(folder).statement


def test_a_domain_of_its_own_for_each_input_is_bound(folder: Path) -> None:
    """By its hash and range, so that no other one reads the same."""
    texts = set()
    for low, high in (
        ([0.0, 0.0], [1.0, 1.0]),
        ([0.0, 0.1], [1.0, 1.0]),
        ([0.1, 0.0], [1.0, 1.0]),
        ([0.0, 0.0], [1.0, 0.5]),
        ([0.0, 0.0], [0.5, 1.0]),
    ):
        report = told(folder, low=low, high=high)
        texts.add(report.statement)
        if low != [0.0, 0.0]:
            name = hashlib.sha256(np.array(low, dtype="<f8").tobytes()).hexdigest()
            assert name in report.statement and "0.1 (0x1.99" in report.statement
            assert report.claim["domain"][0]["sha256"] == name
    assert len(texts) == 5


EDGE = float(np.nextafter(0.4, 1))


@pytest.mark.parametrize(
    ("claim", "region"),
    [
        ({}, ""),
        ({"low": 0.6, "high": 0.7}, "empty"),
        ({"low": 0.7, "high": 0.6}, "empty"),
        ({"low": [0.0, 0.5], "high": 1.0}, "empty"),
        ({"low": [0.6, 0.0]}, ""),  # the floats 0.5 + 0.1 exceed the float 0.6
        ({"low": [float(np.nextafter(0.6, 1)), 0.0]}, "empty"),
        ({"low": [0.625, 0.0], "eps": 0.125}, "degenerate"),
        ({"low": [0.0, 0.3], "high": [1.0, 0.3]}, "degenerate"),
        ({"eps": 0.0}, "point"),
        ({"low": IMAGE, "high": IMAGE}, "point"),
        ({"low": [0.75, 0.0], "eps": 0.25, "norm": "l1"}, "point"),
        ({"low": [0.75, 0.55], "eps": 0.25, "norm": "l1"}, "empty"),
        ({"low": [0.75, 0.0], "eps": 0.25, "norm": "l2"}, "point"),
        ({"low": [0.75, 0.0], "eps": 0.26, "norm": "l2"}, ""),
        ({"low": [0.75, 0.425], "eps": 0.27, "norm": "l2"}, "empty"),
        ({"low": [0.0, 0.3], "high": [1.0, 0.3], "norm": "l2"}, "degenerate"),
    ],
)
def test_a_region_of_nothing_or_little_is_told(
    folder: Path, claim: dict[str, Any], region: str
) -> None:
    report = told(folder, **claim)
    words = {
        "empty": "is empty: nothing is said",
        "point": "one single point",
        "degenerate": "1 of 2 inputs have one value only",
    }
    assert report.claim["region"] == region
    for kind, text in words.items():
        assert (text in report.statement) == (kind == region)


CLAIM: dict[str, Any] = {
    "kind": "robust", "eps": 0.1, "norm": "linf", "label": 0, "targets": [2, 1], "margin": 0,
    "image": [0.5, 0.3], "domain": [0, 1],
}  # fmt: skip


def verdict(folder: Path, expected: dict[str, Any]) -> str:
    path = folder / "expected.json"
    path.write_text(json.dumps(expected))
    report = Checker(folder / "m.onnx").check(folder / "c.npz", expected=read_expectation(path))
    return report.reason


def test_what_is_expected(folder: Path) -> None:
    report = told(folder)
    digest = hashlib.sha256(IMAGE.tobytes()).hexdigest()
    for change in (
        {},
        {"eps": (0.1).hex(), "image": [[[0.5], [0.3]]], "domain": [[0.0, -0.0], [1.0, 1]]},
        {"image": digest, "targets": "any", "model": (folder / "digest").read_text()},
        {"margin": "0x0.0p+0", "region": "is not compared"},
    ):
        assert verdict(folder, {**CLAIM, **change}) == ""
    assert verdict(folder, report.claim) == "", "a report's claim can be the next expectation"
    assert verdict(folder, {"label": 0}) == ""


@pytest.mark.parametrize(
    ("name", "item"),
    [
        ("kind", "property"),
        ("eps", float(np.nextafter(0.1, 1))),
        ("eps", "0x1.999999999999bp-4"),
        ("norm", "l1"),
        ("label", 1),
        ("targets", [1]),
        ("margin", 5e-324),
        ("image", [0.5, 0.30000000000000004]),
        ("image", [0.3, 0.5]),
        ("image", [0.5, 0.3, 0.0]),
        ("image", 0.5),
        ("image", []),
        ("image", "0" * 64),
        ("domain", [0, 0.9999999999999999]),
        ("domain", [[0, 0.1], 1]),
        ("model", "0" * 64),
        ("property", "(assert true)"),
    ],
)
def test_another_claim_is_refused(folder: Path, name: str, item: object) -> None:
    proven(folder)
    reason = verdict(folder, {**CLAIM, name: item})
    assert reason.startswith("the claim is not the one expected: ") and name in reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is no JSON"),
        ("[1]", "no JSON object"),
        ("{}", "expects nothing"),
        ('{"radius": 0.1}', "expects 'radius'"),
        ('{"eps": 0.1, "eps": 0.2}', "twice"),
        ('{"eps": true}', "no number"),
        ('{"eps": "0.1"}', "no number"),
        ('{"eps": 1e999}', "not finite"),
        ('{"eps": NaN}', "not finite"),
        ('{"eps": ' + "1" * 400 + "}", "no number"),
        ('{"image": [0.5, null]}', "no number"),
        ('{"image": {"size": 2}}', "no number"),
        ('{"domain": [0]}', "a pair"),
        ('{"targets": []}', "targets are"),
        ('{"targets": [true]}', "targets are"),
        ('{"label": 0.0}', "whole number"),
        ('{"norm": "linf "}', "norm is"),
        ('{"model": "digits"}', "SHA-256"),
        ('{"kind": "unsat"}', "kind is"),
        ('{"property": 1}', "a text"),
    ],
)
def test_what_is_no_expectation(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "e.json").write_text(text)
    with pytest.raises(Unreadable, match=reason):
        read_expectation(tmp_path / "e.json")


def test_at_the_command_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proof, model, path = proven(folder), folder / "m.onnx", tmp_path / "e.json"
    for text, status, line in (
        ('{"eps": 0.1}', 0, "accepted\n"),
        ('{"eps": 0.2}', 3, "refused: the claim is not the one expected: another eps"),
        ("{}", 2, "error: "),
    ):
        path.write_text(text)
        assert check.main([str(proof), str(model), "--expect", str(path)]) == status
        told = capsys.readouterr()
        assert (told.err if status == 2 else told.out).startswith(line)


def asserted(folder: Path, change: Callable[[str], str] = str) -> tuple[str, Report]:
    """A property with a part that covers all of [0, 1], proven by dead atoms: Y_0 <= Y_1."""
    text = "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"
    text += "(declare-const Y_1 Real)(assert (and (>= X_0 0) (<= X_0 0.5) (>= X_1 0.1)))"
    text = change(text + "(assert (<= X_1 0.5))(assert (<= Y_0 Y_1))")
    digest = hashlib.sha256(text.encode()).hexdigest()
    header, arrays = robust(
        Network([np.zeros((3, 2))], [np.zeros(3)]), (folder / "digest").read_text(), IMAGE, 0, [1],
        0.1,
    )  # fmt: skip
    header["claim"] = {"kind": "property", "sha256": digest}
    header["parts"][0]["layers"] = []
    arrays["p0/units"] = arrays["p0/kept"] = np.zeros(0, dtype=np.int64)
    arrays["p0/low"], arrays["p0/high"] = np.zeros(2), np.ones(2)
    arrays["text"] = np.frombuffer(text.encode(), dtype=np.uint8)
    tree = new_tree(0)
    tree.row[tree.children(0, -2, 1)[0]] = -2
    proof = save(folder / "p.npz", (header, {**arrays, **tree.arrays()}))
    report = Checker(folder / "m.onnx").check(proof)
    assert report.accepted, report.reason
    return text, report


def test_a_property(folder: Path) -> None:
    text, report = asserted(folder)
    assert f"{len(text)} bytes, 1 case)" in report.statement
    assert "numbers from 0 to 1/2." in report.statement and report.claim["region"] == ""
    checker, proof = Checker(folder / "m.onnx"), folder / "p.npz"
    for expected, good in (
        ({"property": text}, True),
        ({"property": hashlib.sha256(text.encode()).hexdigest(), "kind": "property"}, True),
        ({"property": text + " "}, False),
        ({"eps": 0.1}, False),
    ):
        assert checker.check(proof, expected=expected).accepted is good
    assert json.loads(json.dumps(asdict(report)))["claim"] == report.claim


@pytest.mark.parametrize(
    ("old", "new", "words", "region"),
    [
        ("(<= X_1 0.5)", "(<= X_1 0.05)", "The property contradicts itself", "empty"),
        ("(<= X_1 0.5)", "(< X_1 0.1)", "The property contradicts itself", "empty"),
        ("(<= X_1 0.5)", "(and (<= X_1 0.5) (< X_0 X_0))", "contradicts itself", "empty"),
        ("(<= X_1 0.5)", "(or (<= X_1 0.5) (< X_1 0))", "1 contradicts itself", ""),
        (
            "(assert (<= X_1 0.5))",
            "(assert (<= X_1 0.1))(assert (= X_0 0.25))",
            "In 1 case the inputs are one single point",
            "point",
        ),
    ],
)
def test_a_property_of_nothing(folder: Path, old: str, new: str, words: str, region: str) -> None:
    _, report = asserted(folder, lambda text: text.replace(old, new))
    assert words in report.statement and report.claim["region"] == region

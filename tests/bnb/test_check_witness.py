"""Files of witnesses: inside of the region exactly, and of another label exactly."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhobust.bnb.check import Checker, Report
from rhobust.bnb.checker.arithmetic import Array
from rhobust.bnb.checker.exact.point import output
from rhobust.bnb.checker.onnx.reader import read_model

from .certificates import Files, Network, network, save


def witness(
    digest: str,
    image: Array,
    point: Array,
    label: int = 0,
    targets: tuple[int, ...] = (1,),
    eps: float = 0.25,
    norm: str = "linf",
    margin: float = 0.0,
) -> Files:
    """Header and arrays over the domain [0, 1]."""
    claim = {
        "kind": "witness", "label": label, "targets": list(targets), "margin": margin.hex(),
        "eps": eps.hex(), "norm": norm,
    }  # fmt: skip
    header = {
        "format": "rhobust-certificate", "version": 1, "model": {"name": "m", "sha256": digest},
        "claim": claim, "parts": [],
    }  # fmt: skip
    size = len(image)
    ends = {"domain_low": np.zeros(size), "domain_high": np.ones(size)}
    return header, {"image": image, "point": point, **ends}


IDENTITY = Network([np.eye(2)], [np.zeros(2)])
IMAGE = np.array([0.75, 0.5])


def report(folder: Path, files: Files, net: Network = IDENTITY) -> Report:
    net.save(folder / "m.onnx")
    return Checker(folder / "m.onnx").check(save(folder / "w.npz", files))


def test_an_input_that_loses_its_label_is_accepted(tmp_path: Path) -> None:
    digest = IDENTITY.save(tmp_path / "m.onnx")
    found = report(tmp_path, witness(digest, IMAGE, np.array([0.5625, 0.625])))
    assert found.accepted and found.claim["kind"] == "witness"
    assert "output 0 is not greater than output 1" in found.statement
    again = Checker(tmp_path / "m.onnx").check(tmp_path / "w.npz", expected=found.claim)
    assert again.accepted
    other = {**found.claim, "point": [0.5625, 0.5]}
    again = Checker(tmp_path / "m.onnx").check(tmp_path / "w.npz", expected=other)
    assert "another point is expected" in again.reason


def test_a_tie_is_a_label_that_is_lost(tmp_path: Path) -> None:
    """Which rounded bounds never tell: here by numbers that float64 does not add exactly."""
    weight = np.array([[0.1, 0.3, 0.7], [0.7, 0.3, 0.1]], dtype=np.float32).astype(np.float64)
    net = Network([weight], [np.zeros(2)])
    digest = net.save(tmp_path / "m.onnx")
    point = np.array([0.1, 0.7, 0.1])
    assert report(tmp_path, witness(digest, point, point), net).accepted
    nearer = np.array([0.1, 0.7, np.nextafter(0.1, 1.0)])
    for label, accepted in ((0, False), (1, True)):
        files = witness(digest, point, nearer, label, (1 - label,))
        found = report(tmp_path, files, net)
        assert found.accepted == accepted, found.reason
        assert accepted or "keeps the label" in found.reason


INSIDE = [
    ("linf", np.array([0.5, 0.75]), True),
    ("linf", np.array([np.nextafter(0.5, 0.0), 0.75]), False),
    ("linf", np.array([0.5, np.nextafter(0.75, 1.0)]), False),
    ("l1", np.array([0.625, 0.625]), True),
    ("l1", np.array([0.5, 0.75]), False),
    ("l1", np.array([0.625, np.nextafter(0.625, 1.0)]), False),
    ("l2", np.array([0.6, 0.65]), True),
    ("l2", np.array([0.5, 0.5]), True),
    ("l2", np.array([0.5, np.nextafter(0.5, 1.0)]), False),
]


@pytest.mark.parametrize(("norm", "point", "accepted"), INSIDE)
def test_it_has_to_be_within_the_radius(
    tmp_path: Path, norm: str, point: Array, accepted: bool
) -> None:
    digest = IDENTITY.save(tmp_path / "m.onnx")
    found = report(tmp_path, witness(digest, IMAGE, point, norm=norm))
    assert found.accepted == accepted
    assert accepted or found.reason == "the input is not within the region"


def test_it_has_to_be_in_the_domain(tmp_path: Path) -> None:
    digest = IDENTITY.save(tmp_path / "m.onnx")
    image = np.array([1.0, 1.0])
    for top, accepted in ((1.0, True), (np.nextafter(1.0, 2.0), False)):
        found = report(tmp_path, witness(digest, image, np.array([1.0, top])))
        assert found.accepted == accepted


def test_what_keeps_its_label_is_refused(tmp_path: Path) -> None:
    digest = IDENTITY.save(tmp_path / "m.onnx")
    assert "keeps the label" in report(tmp_path, witness(digest, IMAGE, IMAGE)).reason
    # as near as the margin asks
    files = witness(digest, IMAGE, IMAGE, margin=-0.25)
    assert report(tmp_path, files).accepted
    files = witness(digest, IMAGE, IMAGE, margin=float(np.nextafter(-0.25, 0.0)))
    assert "keeps the label" in report(tmp_path, files).reason


def test_other_forms_are_refused(tmp_path: Path) -> None:
    digest = IDENTITY.save(tmp_path / "m.onnx")
    good = np.array([0.5, 0.75])
    header, arrays = witness(digest, IMAGE, good)
    assert report(tmp_path, (header, arrays)).accepted
    for changed in (
        {**arrays, "point": np.array([np.nan, 0.75])},
        {**arrays, "point": good[:1]},
        {name: array for name, array in arrays.items() if name != "point"},
    ):
        assert not report(tmp_path, (header, changed)).accepted
    wrong: list[dict[str, object]] = [
        {"label": 1}, {"targets": []}, {"targets": [2]}, {"eps": "-0x1.0p+0"},
    ]  # fmt: skip
    for fields in wrong:
        claim = {**header["claim"], **fields}
        assert not report(tmp_path, ({**header, "claim": claim}, arrays)).accepted
    assert not report(tmp_path, ({**header, "parts": [{}]}, arrays)).accepted
    other = {**header, "model": {"name": "m", "sha256": "0" * 64}}
    assert "of another model" in report(tmp_path, (other, arrays)).reason


@given(st.integers(0, 10**6))
def test_outputs_are_exact(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    random = np.random.default_rng(seed)
    net = network(random, [3, 4, 4, 2])
    folder = tmp_path_factory.mktemp("exact")
    net.save(folder / "m.onnx")
    point = random.random(3)
    values = [Fraction(float(x)) for x in point]
    for layer, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        if layer:
            values = [max(value, Fraction(0)) for value in values]
        values = [
            sum((Fraction(float(w)) * v for w, v in zip(row, values, strict=True)), Fraction(b))
            for row, b in zip(weight, bias.tolist(), strict=True)
        ]
    found = output(read_model(folder / "m.onnx"), point)
    assert [Fraction(int(v), 2**found.power) for v in found.values] == values


def test_weights_that_the_reader_rounds_leave_ties_open(tmp_path: Path) -> None:
    """x / 3 is no product by a float64 number."""
    kind = onnx.TensorProto.FLOAT
    three = onnx.numpy_helper.from_array(np.array([3.0, 3.0], dtype=np.float32), "three")
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Div", ["x", "three"], ["y"])], "thirds",
        [onnx.helper.make_tensor_value_info("x", kind, [1, 2])],
        [onnx.helper.make_tensor_value_info("y", kind, [1, 2])], [three],
    )  # fmt: skip
    opsets = [onnx.helper.make_opsetid("", 13)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    checker = Checker(tmp_path / "m.onnx")
    point = np.array([0.5, 0.5])
    for second, reason in ((0.5, "rounding leaves open"), (0.75, "")):
        point[1] = second
        files = witness(checker.model.digest, IMAGE, point.copy())
        assert checker.check(save(tmp_path / "w.npz", files)).reason.startswith(reason)

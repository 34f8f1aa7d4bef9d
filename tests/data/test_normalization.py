"""Networks of (x - mean) / std: the same function over the reals, in float32 and as a file."""

from __future__ import annotations

import pickle
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from typer.testing import CliRunner

import rhobust as rb
from rhobust.bnb.check import Checker
from rhobust.cli.app import app
from rhobust.compiler.base.arrays import exact
from rhobust.compiler.base.errors import InputError
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.network.graph import Network
from rhobust.compiler.network.normalization import in_front
from rhobust.data import normalized, write_normalized
from rhobust.evaluation.image.setup import setup

from ..compiler.onnx_models import model

Array = np.ndarray[Any, Any]
MEAN, STD = [0.4914, 0.4822, 0.4465], [0.247, 0.243, 0.261]


def single(numbers: list[float]) -> Array:
    """The float32 numbers nearest to some, as doubles."""
    return np.array(numbers, np.float32).astype(np.float64)


def convolution(path: Path, last: bool = False) -> Path:
    """Of images (3, 4, 4), or (4, 4, 3), to two outputs."""
    rng = np.random.default_rng(0)
    weights = {
        "K": rng.normal(size=(4, 3, 2, 2)).astype(np.float32),
        "W": rng.normal(size=(16, 2)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["t" if last else "x", "K"], ["c"], strides=[2, 2]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Flatten", ["r"], ["f"]),
        helper.make_node("MatMul", ["f", "W"], ["y"]),
    ]
    if last:
        nodes.insert(0, helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]))
    onnx.save(model(nodes, [1, 4, 4, 3] if last else [1, 3, 4, 4], weights), path)
    return path


@pytest.mark.parametrize("last", [False, True])
def test_it_is_the_network_of_scaled_inputs(tmp_path: Path, last: bool) -> None:
    inner = rb.load(convolution(tmp_path / "m.onnx", last))
    network = normalized(inner, MEAN, STD)
    x = np.random.default_rng(1).random((3, 4, 4, 3))
    scaled = (x - single(MEAN)) / single(STD)
    if not last:
        x, scaled = np.moveaxis(x, -1, 1), np.moveaxis(scaled, -1, 1)
    rows = x.reshape(3, -1)
    expected = inner.forward(scaled.reshape(3, -1))
    assert np.abs(network.forward(rows) - expected).max() <= 1e-12
    assert np.abs(network.run(rows) - expected).max() <= 1e-4
    again = pickle.loads(pickle.dumps(network))
    assert np.array_equal(again.run(rows), network.run(rows))
    assert network.input_shape == inner.input_shape and network.relus == inner.relus
    assert network.digest not in ("", inner.digest)
    assert network.digest == normalized(inner, MEAN, STD).digest
    assert network.digest != normalized(inner, MEAN, STD[::-1]).digest


@settings(max_examples=25)
@given(
    st.lists(st.floats(-2, 2), min_size=2, max_size=2),
    st.lists(st.floats(0.01, 3), min_size=2, max_size=2),
    st.lists(st.fractions(-1, 2, max_denominator=99), min_size=2, max_size=2),
)
def test_it_is_exact_over_the_reals(
    mean: list[float], std: list[float], point: list[Fraction]
) -> None:
    """With the float32 numbers of mean and std, the difference and the quotient are not rounded."""
    inner = dense_network([(np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([0.25, -1.0]))])
    centre, scale = single(mean), single(std)
    network = in_front(inner, np.array(mean), np.array(std))
    given_point = np.array([point], dtype=object)
    scaled = (given_point - exact(centre)) / exact(scale)
    assert network.forward(given_point).tolist() == inner.forward(scaled).tolist()


def test_a_radius_is_one_of_pixels() -> None:
    """The identity of two inputs, scaled by 1/2 and 1/4: a tie is where (x - m)/s are equal."""
    inner = dense_network([(np.eye(2), np.zeros(2))])
    network = normalized(inner, 0.5, 0.25)
    image = np.array([0.8, 0.2])
    result = rb.rho(network, image, timeout=600)
    assert result.exact and abs(result.upper - 0.3) < 1e-6
    assert rb.verify(network, image, 0.29, timeout=600).verdict is rb.Verdict.ROBUST
    assert rb.verify(network, image, 0.31, timeout=600).verdict is rb.Verdict.NOT_ROBUST
    assert rb.verify(network, image, 0.29, float32=True, timeout=600).level == "float32"


def test_written_models_are_the_same_network(tmp_path: Path) -> None:
    for last in (False, True):
        path = convolution(tmp_path / f"{last}.onnx", last)
        made = write_normalized(path, tmp_path / "new.onnx", MEAN, STD, overwrite=last)
        ours = normalized(path, MEAN, STD)
        x = exact(np.random.default_rng(1).random((1, 48)))
        assert made.forward(x).tolist() == ours.forward(x).tolist()
        assert made.onnx and made.input_shape == ours.input_shape
        rows = np.random.default_rng(2).random((4, 48))
        assert np.abs(made.run(rows) - ours.run(rows)).max() <= 1e-5


def test_models_of_any_format_are_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    layers = [(rng.normal(size=(5, 4)), rng.normal(size=5)), (np.ones((3, 5)), np.zeros(3))]
    inner = dense_network(layers)
    made = write_normalized(inner, tmp_path / "new.onnx", 0.5, 0.25)
    x = exact(rng.random((2, 4)))
    network = normalized(inner, 0.5, 0.25)
    assert made.onnx and made.forward(x).tolist() == network.forward(x).tolist()
    assert "mean 0.5, std 0.25" in network.notes[-1]
    with pytest.raises(InputError, match="rhobust convert"):
        rb.verify(inner, rng.random(4), 0.01, certificate=tmp_path / "c.npz")


def test_evaluations_refuse_certificates_alike(tmp_path: Path) -> None:
    network = normalized(convolution(tmp_path / "m.onnx"), MEAN, STD)
    images = rb.data.load(np.zeros((1, 3, 4, 4)), [0])
    with pytest.raises(InputError, match="data normalize"):
        rb.evaluate(network, images, eps=0.01, certificates=tmp_path / "proofs")
    assert not (tmp_path / "proofs").exists()


def test_certificates_need_a_file(tmp_path: Path) -> None:
    path = convolution(tmp_path / "m.onnx")
    image = np.random.default_rng(3).random(48)
    network = normalized(path, MEAN, STD)
    with pytest.raises(InputError, match="normalisation is no part of its file.*data normalize"):
        rb.verify(network, image, 1e-4, certificate=tmp_path / "c.npz")
    made = write_normalized(path, tmp_path / "new.onnx", MEAN, STD)
    label = int(np.argmax(made.forward(image[None])))
    assert label == int(np.argmax(network.forward(image[None])))
    result = rb.verify(made, image, 1e-4, certificate=tmp_path / "c.npz", timeout=600)
    assert result.verdict is rb.Verdict.ROBUST and not result.uncertified
    assert Checker(tmp_path / "new.onnx").check(tmp_path / "c.npz").accepted
    assert not Checker(path).check(tmp_path / "c.npz").accepted


def test_other_processes_have_the_same_network(tmp_path: Path) -> None:
    """They read the file and put the normalisation in front; of a file that has it they do not."""
    path = convolution(tmp_path / "m.onnx")
    network = normalized(path, MEAN, STD)
    made = pickle.loads(pickle.dumps(setup(network, alone=False)))
    assert made().network.digest == network.digest
    rows = np.random.default_rng(2).random((4, 48))
    assert np.array_equal(made().network.forward(rows), network.forward(rows))
    written = write_normalized(path, tmp_path / "new.onnx", MEAN, STD)
    assert setup(written, alone=False)().network.digest == written.digest
    with pytest.raises(InputError, match="is not the file"):
        setup(normalized(network, 0.5, 2.0), alone=False)()


def test_evaluations_of_images_in_another_order_are_refused(tmp_path: Path) -> None:
    path = convolution(tmp_path / "m.onnx")
    values = np.random.default_rng(0).random((2, 4, 4, 3))
    with pytest.raises(InputError, match="arranged differently"):
        rb.evaluate(path, values, eps=0.01)
    images = rb.data.load(values, [0, 0], layout="nhwc")
    found = rb.evaluate(normalized(path, MEAN, STD), images, eps=0.001, timeout=600)
    moved = np.moveaxis(values, -1, 1).reshape(2, -1)
    network = normalized(path, MEAN, STD)
    logits = network.forward(moved)
    assert [record.predicted for record in found.records] == np.argmax(logits, axis=1).tolist()


@pytest.mark.parametrize(
    ("mean", "std", "words"),
    [
        ([0.1, 0.2], 1.0, "2 numbers, one a channel, do not fit"),
        (0.0, 0.0, "std should be positive"),
        (0.0, -1.0, "std should be positive"),
        (0.0, 1e-60, "std positive"),
        (np.nan, 1.0, "mean should be finite"),
        (0.0, [1.0, np.inf, 1.0], "std should be finite"),
        ([0.1, 0.2, 0.3], [1.0, 2.0], "mean has 3 numbers and std 2"),
        ("a", 1.0, "mean should be numbers"),
    ],
)
def test_numbers_that_fit_nothing(tmp_path: Path, mean: Any, std: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        normalized(convolution(tmp_path / "m.onnx"), mean, std)


def test_flat_networks_take_one_number_only() -> None:
    network: Network = rb.load("digits")
    assert normalized(network, 0.1, 0.5).input_size == 64
    with pytest.raises(InputError, match="do not fit digits"):
        normalized(network, [0.1, 0.2], 1.0)


def test_on_the_command_line(tmp_path: Path) -> None:
    """The same answers from --mean and --std as from the file that has them."""
    path = convolution(tmp_path / "m.onnx")
    rng = np.random.default_rng(0)
    values = rng.integers(0, 256, (3, 4, 4, 3), np.uint8)
    np.savez(tmp_path / "a.npz", images=values, labels=np.zeros(3, int))
    scale = ["--mean", "0.4914,0.4822,0.4465", "--std", "0.247,0.243,0.261"]
    data = ["--data", str(tmp_path / "a.npz"), "--layout", "nhwc"]
    new = tmp_path / "new.onnx"

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(app, list(arguments))

    written = run("data", "normalize", str(path), "--out", str(new), *scale)
    assert written.exit_code == 0, written.output
    for command, more in (("verify", ["--eps", "0.01"]), ("rho", []), ("estimate", [])):
        rows = [
            run(command, *model, *data, *more, "--json", "-").stdout.splitlines()
            for model in ([str(path), *scale], [str(new)])
        ]
        assert len(rows[0]) == 3
        for one, other in zip(*rows, strict=True):
            assert one.split('"seconds"')[0] == other.split('"seconds"')[0]
    refused = run("verify", str(path), *data, *scale, "--eps", "0.01", "--certificates", "c")
    assert refused.exit_code == 2 or "data normalize" in refused.output

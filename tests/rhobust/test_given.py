"""What users hand in: it works, or the error says what to do; nothing is changed untold."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from onnx import helper
from typer.testing import CliRunner

import rhobust as rb
from rhobust.cli.app import app
from rhobust.compiler.base.errors import InputError, LanguageError
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.network.graph import Network
from rhobust.data import load as load_images
from rhobust.embedded import embedded_images

from ..compiler.onnx_models import model, read

DIGITS: Any = "digits"
# of any type: what is tested here, a type checker refuses
verify: Any = rb.verify
rho: Any = rb.rho
frequency: Any = rb.metrics.frequency
IMAGE = np.full(64, 0.5)
IDENTITY = dense_network([(np.eye(2), np.zeros(2))])


def test_networks_by_name_and_radii_as_texts() -> None:
    for eps in ("2/255", "0.0", Fraction(2, 255), np.float32(0.01), 0):
        assert verify(DIGITS, IMAGE, eps, timeout=600).verdict is not None
    known = verify(DIGITS, IMAGE, "2/255", timeout=600)
    assert known.eps == 2 / 255
    assert rb.rho_estimate(DIGITS, IMAGE).predicted == known.predicted
    assert rho(IDENTITY, np.array([1.0, 0.0]), timeout=None).exact
    unlimited = rb.Problem([rb.Variable(2, 0, 1) <= 1]).solve(timeout=None)
    assert unlimited.status == "sat"


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: verify(DIGITS, IMAGE, np.full(64, 0.01)), r"one number.*domain be \(image"),
        (lambda: verify(DIGITS, IMAGE, [0.1, 0.2]), "one number"),
        (lambda: verify(DIGITS, IMAGE, "a lot"), "8/255, not 'a lot'"),
        (lambda: verify(DIGITS, IMAGE, "1/0"), "8/255, not '1/0'"),
        (lambda: verify(DIGITS, IMAGE, None), "at least 0, not None"),
        (lambda: verify(DIGITS, IMAGE, 0.1, domain=None), "box of all valid inputs"),
        (lambda: verify(DIGITS, IMAGE, 0.1, domain=(0, None)), "finite|box"),
        (lambda: verify(DIGITS, IMAGE, 0.1, domain=(0, np.inf)), "finite bounds"),
        (lambda: verify(DIGITS, IMAGE, 0.1, domain=(np.zeros(3), 1)), "3 numbers, not 64"),
        (lambda: verify(DIGITS, IMAGE, 0.1, label=np.eye(10)[3]), "one-hot.*argmax"),
        (lambda: verify(DIGITS, IMAGE, 0.1, label=2.5), "whole number.*not 2.5"),
        (lambda: verify(DIGITS, IMAGE, 0.1, label="three"), "whole number"),
        (lambda: verify(DIGITS, IMAGE, 0.1, label=10), "outside 0..9"),
        (lambda: verify(DIGITS, IMAGE, 0.1, margin="a"), "finite number"),
        (lambda: verify(DIGITS, IMAGE, 0.1, timeout="a"), "timeout must be"),
        (lambda: verify(DIGITS, ["a"] * 64, 0.1), "no array of numbers"),
        (lambda: verify(None, IMAGE, 0.1), "NoneType is no network"),
        (lambda: rho(3, IMAGE), "int is no network"),
        (lambda: frequency(np.array([0.1, 0.2]), eps=[0.1, 0.2]), "one number"),
    ],
)
def test_what_means_nothing_is_refused(ask: Callable[[], Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        ask()
    assert re.search(words, str(caught.value)), str(caught.value)


def test_lists_and_constants_go_into_networks() -> None:
    x = rb.Variable(2, 0, 1, "x")
    for made in (IDENTITY([x[0], x[1]]), IDENTITY([x[0], 0.5]), IDENTITY(np.array([0.25, 0.5]))):
        problem = rb.Problem(rb.maximize(made[0] + 0 * x[0]), [x <= 0.75])
        assert problem.solve(timeout=600).status == "optimal"
    with pytest.raises(InputError, match="takes 2 numbers, not 1"):
        IDENTITY([x[0]])
    larger = rb.maximum([x[0], 0.25, x[1]])
    assert abs(rb.Problem(rb.minimize(larger)).solve(timeout=600).value - 0.25) < 1e-3
    assert (
        abs(rb.Problem(rb.maximize(rb.minimum([x[0], x[1]]))).solve(timeout=600).value - 1) < 1e-3
    )
    with pytest.raises(LanguageError, match="needs an expression"):
        rb.maximum(1.0, 2.0)


def convolution(last: bool = False) -> Network:
    """Of images (3, 4, 4)."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(2, 3, 2, 2)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "K"], ["c"], strides=[2, 2]),
        helper.make_node("Flatten", ["c"], ["y"]),
    ]
    return read(model(nodes, [1, 3, 4, 4], {"K": kernel}))


def test_images_in_another_arrangement_are_refused() -> None:
    network = convolution()
    image = np.random.default_rng(1).random((3, 4, 4)).astype(np.float32)
    right = verify(network, image, 0.0).predicted
    for same in (image[None], image.ravel(), image.ravel()[None], image[None, ..., None]):
        assert verify(network, same, 0.0).predicted == right
    for other in (np.moveaxis(image, 0, -1), np.moveaxis(image, 0, -1)[None, ..., None]):
        with pytest.raises(InputError, match=r"\(3, 4, 4\).*moveaxis.*-1, 0"):
            verify(network, other, 0.0)
    with pytest.raises(InputError, match="in that shape, or flat"):
        rho(network, image.reshape(6, 8))
    square = embedded_images()[0][0] / 255.0
    assert verify(DIGITS, square, 0.0).predicted == verify(DIGITS, square.ravel(), 0).predicted


def test_bytes_are_divided_unless_the_domain_holds_them() -> None:
    stored = embedded_images()[0][0]
    assert stored.dtype == np.uint8
    scaled = verify(DIGITS, stored / 255.0, 0.01)
    assert verify(DIGITS, stored, 0.01).margin_bound == scaled.margin_bound
    black = np.array([1, 0], np.uint8)
    assert rho(IDENTITY, black, timeout=600).upper < 0.01  # 1/255 from a tie at most
    assert rho(IDENTITY, black, domain=(0, 255), timeout=600).upper > 0.4
    with pytest.raises(InputError, match="outside the domain"):
        verify(IDENTITY, np.array([7, 8]), 0.1)  # whole numbers of another type are no bytes


def written(folder: Path, rows: str) -> tuple[Path, Path]:
    """A network of two inputs, label 1 where their sum exceeds 6, and a table."""
    import onnx

    weight, bias = np.array([[0, 0], [1, 1]], np.float32), np.array([0, -6], np.float32)
    gemm = helper.make_node("Gemm", ["x", "W", "b"], ["y"], transB=1)
    onnx.save(model([gemm], [1, 2], {"W": weight, "b": bias}), folder / "m.onnx")
    (folder / "i.csv").write_text("label,a,b\n" + rows)
    return folder / "m.onnx", folder / "i.csv"


def test_whole_numbers_of_a_table(tmp_path: Path) -> None:
    network, table = written(tmp_path, "1,7,8\n1,9,6\n")
    lines = tmp_path / "o.jsonl"
    asked = ["rho", str(network), "--data", str(table), "--json", str(lines), "--index", "0"]
    result = CliRunner().invoke(app, [*asked, "--domain", "0,10"])
    assert result.exit_code == 0 and "divided" not in result.stderr
    row = json.loads(lines.read_text())
    assert row["predicted"] == 1 and abs(row["rho_upper"] - 4.5) < 1e-3 and "divisor" not in row
    result = CliRunner().invoke(app, [*asked, "--overwrite"])
    assert result.exit_code == 0
    assert "whole numbers in 0..255, divided by 255" in result.stderr
    assert json.loads(lines.read_text())["divisor"] == 255


def test_when_files_are_divided(tmp_path: Path) -> None:
    _, table = written(tmp_path, "1,7,8\n1,9,6\n")
    for domain, divisor in (((0.0, 1.0), 255.0), ((0.0, 10.0), 1.0), ((0.0, 5.0), 1.0)):
        images = load_images(table, domain=domain)
        assert images.divisor == divisor and bool(images.told) == (divisor > 1)
    (tmp_path / "halves.csv").write_text("1,0.5,8\n")
    assert load_images(tmp_path / "halves.csv").divisor == 1.0
    (tmp_path / "bits.csv").write_text("1,0,1\n")
    assert load_images(tmp_path / "bits.csv").divisor == 1.0
    stored = {"images": np.array([[0, 1]], np.uint8), "labels": np.array([1])}
    np.savez(tmp_path / "b.npz", **stored)  # type: ignore[arg-type]
    for domain, divisor in (((0.0, 1.0), 255.0), ((-1.0, 2.0), 255.0), ((0.0, 255.0), 1.0)):
        assert load_images(tmp_path / "b.npz", domain=domain).divisor == divisor


@pytest.mark.parametrize("norm", ["linf", "l1", "l2"])
def test_a_misclassified_image_is_its_own_witness(norm: str) -> None:
    """Also where its numbers are no float32 ones, which a witness is snapped to elsewhere."""
    image = 0.3 * embedded_images()[0][0].ravel() / 255.0
    assert (image != image.astype(np.float32)).any()
    wrong = (verify(DIGITS, image, 0.0).predicted + 1) % 10
    decided = verify(DIGITS, image, 0.01, label=wrong, norm=norm)
    assert decided.verdict is rb.Verdict.NOT_ROBUST and decided.witness is not None
    assert decided.witness.distance == 0.0 and (decided.witness.point == image).all()
    exact = rho(DIGITS, image, label=wrong, norm=norm)
    assert exact.lower == exact.upper == 0.0 and exact.exact
    estimate = rb.rho_estimate(DIGITS, image, label=wrong, norm=norm)
    assert estimate.rho == estimate.distance == 0.0
    share = frequency([decided, exact, estimate], 0.0)
    assert share.lower == share.upper == 1.0


def test_counters_of_keras_are_no_precision() -> None:
    from rhobust.compiler.importers.keras.files import _dtype

    layer = SimpleNamespace(compute_dtype="float32")
    weights = [SimpleNamespace(dtype=name) for name in ("float32", "int32", "float32")]
    assert _dtype("m", SimpleNamespace(weights=weights, layers=[layer])) == np.float32


def test_an_estimator_in_hand_is_a_network() -> None:
    from sklearn.neural_network import MLPClassifier

    rng = np.random.default_rng(0)
    points = rng.random((60, 3))
    labels = (points.sum(axis=1) * 2).astype(int) // 2
    made: Any = MLPClassifier((5,), max_iter=20, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has not converged
        made.fit(points, np.eye(3)[labels].argmax(axis=1))
    known = rb.from_sklearn(made)
    assert rb.load(made).output_size == known.output_size
    for ask in (verify, rb.attack):
        answer: Any = ask(made, points[0], 0.01)
        assert answer.predicted == int(np.argmax(known.forward(points[:1])[0]))
    assert rho(made, points[0], timeout=600).exact
    with pytest.raises(InputError, match="leave shape out"):
        rb.load("digits", shape=(64,))
    with pytest.raises(InputError, match="a dict is no network"):
        rb.load({})


def test_a_module_in_hand_is_read_for_the_shape_of_its_image() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    made = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(8, 3)
    )
    image = np.random.default_rng(0).random((4, 4))
    known = rb.from_torch(made, (1, 4, 4))
    assert rb.load(made, shape=(1, 4, 4)).input_shape == (1, 4, 4)
    predicted = int(np.argmax(known.forward(image.reshape(1, -1))[0]))
    for given in (image, image[None]):
        assert verify(made, given, 0.001).predicted == predicted
        assert rb.rho_estimate(made, given).predicted == predicted
        assert rho(made, given, timeout=600).predicted == predicted
    found: Any = rb.attack(made, np.stack([image, image]), 0.5, label=[predicted, predicted])
    assert [one.predicted for one in found] == [predicted, predicted]
    whole = rb.evaluation.evaluate(made, image[None], labels=[predicted], eps=0.001)
    assert whole.clean == 1.0
    with pytest.raises(InputError, match="shape of one input"):
        rb.load(made)

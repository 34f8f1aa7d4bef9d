"""ExactBench: what it takes for proven is proven, and nothing scores better than rho."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import rhobust as rb
from rhobust.attacks.methods import METHODS
from rhobust.cli.app import app
from rhobust.compiler.base.errors import InputError
from rhobust.data import digits
from rhobust.embedded import embedded_images
from rhobust.exactbench import foolbox_attacks, own
from rhobust.exactbench.proven import (
    DIGITS,
    SHIPPED,
    WK17A,
    fingerprint,
    proven,
    shipped,
)
from rhobust.exactbench.scores import Score

IMAGES, LABELS = embedded_images()
FLAT = IMAGES.reshape(len(IMAGES), -1) / 255.0
DATA = Path(os.environ.get("RHOBUST_DATA", "no-data"))
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="RHOBUST_DATA does not name the benchmark data"
)


def test_every_file_of_rho_has_its_line() -> None:
    folder = Path(str(resources.files("rhobust") / "data"))
    assert {path.name for path in folder.glob("*_rho.csv")} == {one.file for one in SHIPPED}
    for one in SHIPPED:
        first, *lines = (folder / one.file).read_text(encoding="utf-8").splitlines()
        assert first == "norm,index,label,lower,upper"
        assert len({tuple(line.split(",")[:2]) for line in lines}) == len(lines) > 0


def test_what_ships_is_for_one_model_and_its_images() -> None:
    assert shipped(rb.load("digits"), digits()) is DIGITS
    with pytest.raises(
        InputError, match="no rho ships for this model, whose SHA-256 is [0-9a-f]{64}"
    ):
        shipped(rb.load("digits_conv"), digits())
    with pytest.raises(InputError, match="this model, whose SHA-256 is not known"):
        shipped(replace(rb.load("digits"), digest="", path=""), digits())


@pytest.mark.parametrize("what", ["order", "a number", "a label", "fewer"])
def test_other_images_are_refused(what: str) -> None:
    images = digits()
    values, labels = images.values.copy(), images.labels.copy()
    if what == "order":
        values[[3, 4]] = values[[4, 3]]
    elif what == "a number":
        values[199, 0, 0] ^= 1
    elif what == "a label":
        labels[7] = (labels[7] + 1) % 10
    else:
        values, labels = values[:-1], labels[:-1]
    other = replace(images, values=values, labels=labels)
    with pytest.raises(InputError, match="images 0 to 199 are not those whose rho was proven for"):
        shipped(rb.load("digits"), other)
    same = replace(images, values=images.values / 255.0, divisor=1.0)
    assert shipped(rb.load("digits"), same) is DIGITS  # how they are stored does not matter
    assert fingerprint(same, [5, 9]) == fingerprint(images, [5, 9]) != fingerprint(images, [9, 5])


@pytest.mark.slow
@pytest.mark.data
@needs_data
def test_the_images_of_wk17a_lose_their_labels_where_rho_says_so() -> None:
    network = rb.load(DATA / "mipverify" / "wk17a_linf0.1.onnx")
    images = rb.data.load(DATA / "mnist" / "mnist_test.npz").fitted(network)
    assert shipped(network, images) is WK17A
    known = proven("linf", WK17A)
    assert len(known) > 90 and (known.upper < 0.1).all()
    assert (images.labels[known.index] == known.label).all()
    place = int(np.argmin(known.lower))
    image, label = images.vector(int(known.index[place])), int(known.label[place])
    for eps, verdict in (
        (float(known.lower[place]) * 0.999, rb.Verdict.ROBUST),
        (float(known.upper[place]) * 1.001, rb.Verdict.NOT_ROBUST),
    ):
        assert rb.verify(network, image, eps, label=label, timeout=600.0).verdict is verdict
    score = own.own("pgd", network, image[None], known.only(known.index[[place]]), 500, 0)
    assert 1.0 <= score.mean <= 1.1


@pytest.mark.data
@needs_data
def test_the_command_with_a_model() -> None:
    model = str(DATA / "mipverify" / "wk17a_linf0.1.onnx")
    asked = ["bench-attacks", model, "--attacks", "fgsm", "--calls", "20", "--quiet"]
    data = ["--data", str(DATA / "mnist" / "mnist_test.npz"), "--index", "0:100"]
    done = CliRunner().invoke(app, [*asked, *data])
    told = done.stdout.splitlines()
    assert told[0] == "3 images of WK17a with a proven rho in linf, 20 gradients each", done.output
    assert told[2].split()[:2] == ["fgsm", "3/3"]
    for more, said in (
        (["--data", str(DATA / "mnist" / "mnist_train.npz")], "give the test images of MNIST"),
        ([*data, "--norm", "l2"], "rho of WK17a is shipped for the norms linf, not for l2"),
        (data[:-2] + ["--index", "0:3"], "names no image whose rho is known"),
    ):
        done = CliRunner().invoke(app, [*asked, *more])
        assert done.exit_code == 2 and said in done.stderr


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_file_speaks_of_the_embedded_images(norm: str) -> None:
    known = proven(norm)
    assert len(known) > 180 and len(set(known.index.tolist())) == len(known)
    assert (known.label == LABELS[known.index]).all()
    logits = rb.load("digits").forward(FLAT[known.index])
    assert (logits.argmax(axis=1) == known.label).all()
    assert (0.0 < known.lower).all() and (known.lower <= known.upper).all()
    assert (known.upper - known.lower <= 1e-6 + 1e-12).all()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_some_of_the_file_is_proven_again(norm: str) -> None:
    known = proven(norm)
    for place in np.argsort(known.lower)[[0, 3, 9]].tolist():
        image, label = IMAGES[known.index[place]], int(known.label[place])
        below, above = float(known.lower[place]) * 0.999, float(known.upper[place]) * 1.001
        asked = {"label": label, "norm": norm, "timeout": 600.0}
        assert rb.verify("digits", image, below, **asked).verdict is rb.Verdict.ROBUST  # type: ignore[arg-type]
        assert rb.verify("digits", image, above, **asked).verdict is rb.Verdict.NOT_ROBUST  # type: ignore[arg-type]


def test_a_norm_that_is_not_shipped() -> None:
    with pytest.raises(InputError, match="linf, l2, not for l1"):
        proven("l1")


def test_every_attack_has_a_plan() -> None:
    assert set(own.PLANS) == set(METHODS) - {"pgd-l2"}
    assert own.names("l1") == [name for name in own.PLANS if name != "square"]


@pytest.mark.parametrize("name", own.PLANS)
def test_scores_are_at_least_one_and_keep_to_the_budget(name: str) -> None:
    known = proven("linf").only(np.arange(5))
    calls = 100
    score = own.own(name, rb.load("digits"), FLAT[known.index], known, calls, 0)
    assert score.name == name and score.seconds >= 0.0
    assert (score.ratios >= 1.0).all()
    assert score.found == len(known) or name in ("noise", "restriction")
    # a search for the least weight spends what its line searches need
    assert score.gradients <= (2.0 if name == "lbfgs" else 1.2) * calls
    again = own.own(name, rb.load("digits"), FLAT[known.index], known, calls, 0)
    assert (again.distance == score.distance).all()


def test_what_a_score_tells() -> None:
    score = Score("some", np.array([1.0, 3.03, np.inf]), np.array([1.0, 3.0, 2.0]), 1.0, 2.0, 0.5)
    assert score.ratios.tolist() == pytest.approx([1.0, 1.01, np.inf])
    assert score.found == 2 and score.mean == pytest.approx(1.005)
    assert score.median == pytest.approx(1.01) and score.near == pytest.approx(2 / 3, abs=0.34)
    none = Score("none", np.full(2, np.inf), np.ones(2), 0.0, 0.0, 0.0)
    assert none.found == 0 and np.isnan(none.mean) and none.near == 0.0


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foolbox_attacks, "installed", lambda: False)
    out, picture = tmp_path / "scores.jsonl", tmp_path / "scores.png"
    arguments = ["bench-attacks", "--method", "fgsm,fmn", "--calls", "60", "--index", "0:4"]
    done = CliRunner().invoke(app, [*arguments, "--json", str(out), "--out", str(picture)])
    assert done.exit_code == 0, done.output
    told = done.stdout.splitlines()
    assert told[0] == "4 images of digits with a proven rho in linf, 60 gradients each"
    assert [line.split()[:2] for line in told[2:4]] == [["fgsm", "4/4"], ["fmn", "4/4"]]
    assert "pip install 'rhobust[foolbox]'" in done.stdout
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["index"] for row in rows] == [0, 1, 2, 3] * 2
    assert all(row["distance"] >= row["rho_lower"] and row["ratio"] >= 1.0 for row in rows)
    assert picture.read_bytes().startswith(b"\x89PNG")
    again = CliRunner().invoke(app, [*arguments, "--json", str(out), "--out", str(picture)])
    assert again.exit_code == 0, again.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--method", "foolbox FMN,x", "--no-foolbox"], "is not known here; known: noise, fgsm"),
        (["--norm", "l1"], "rho of digits is shipped for the norms linf, l2"),
        (["digits_conv"], "digits_conv.onnx: no rho ships for this model"),
        (["--index", "21,101"], "--index 21,101 names no image whose rho is known and not 0"),
        (["--out", "a.txt"], "unknown suffix"),
    ],
)
def test_what_is_refused(arguments: list[str], told: str) -> None:
    done = CliRunner().invoke(app, ["bench-attacks", *arguments])
    assert done.exit_code == 2 and told in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_foolbox_is_scored_alike(norm: str) -> None:
    pytest.importorskip("foolbox", reason="foolbox is not installed")
    pytest.importorskip("torch", reason="torch is not installed")
    known = proven(norm).only(np.arange(40))
    network = rb.load("digits")
    ours = own.own("fmn", network, FLAT[known.index], known, 300, 0)
    for name in foolbox_attacks.names(norm):
        score = foolbox_attacks.foolbox_score(name, network, FLAT[known.index], known, 300, 0)
        assert (score.ratios >= 1.0).all() and score.found >= 0.9 * len(known)
        # DeepFool spends what its last round of candidates needs
        assert 0 < score.gradients <= 330
        assert ours.mean <= score.mean * 1.01


@pytest.mark.slow
def test_convolutions_are_the_same_in_torch() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    network = rb.load("digits_conv")
    module, counts = foolbox_attacks._module(network)
    given = module(torch.tensor(FLAT[:30], dtype=torch.float32))
    logits = network.forward(FLAT[:30])
    lead = given.detach().numpy() - given.detach().numpy()[:, :1]
    assert lead == pytest.approx(logits - logits[:, :1], abs=1e-4)
    assert counts == {"gradients": 30, "outputs": 0}

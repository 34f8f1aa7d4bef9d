"""Explanations: what they say is so, whatever the network, the norm and the time."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import rhobust as rb
from rhobust.bnb.search import Settings
from rhobust.cli.app import app
from rhobust.compiler.base.errors import Contradiction, InputError
from rhobust.compiler.importers.plain import dense_network
from rhobust.queries.verify import Question
from rhobust.report.explanation import duration, line, shaded, told

AFFINE = dense_network([(np.array([[2.0, -1.0], [0.0, 1.0], [1.0, 1.0]]), np.array([0.5, 0.0, 0]))])


def test_an_affine_network_by_hand() -> None:
    """Logits 2a - b + 1/2, b, a + b at (0.7, 0.3): 1.6, 0.3, 1.0; the leads 2a - 2b + 1/2 and
    a - 2b + 1/2 fall by 4 and 3 times eps.
    """
    found = rb.explain(AFFINE, [0.7, 0.3], 0.1, timeout=600)
    assert found.verdict is rb.Verdict.ROBUST and found.label == found.predicted == 0
    assert [rival.label for rival in found.rivals] == [2, 1]
    assert np.allclose([rival.at_image for rival in found.rivals], [0.6, 1.3])
    assert np.allclose([rival.proven for rival in found.rivals], [0.3, 0.9])
    assert found.binding.label == found.nearest.label == 2
    assert np.allclose(found.pixels, [0.2, 0.4])  # |coefficients| 1 and 2, width 0.2
    assert found.layers == () and found.halved == 0 and found.remainder is None
    lost = rb.explain(AFFINE, [0.7, 0.3], 0.3, timeout=600)
    assert lost.verdict is rb.Verdict.NOT_ROBUST and lost.witness is not None
    wide = rb.explain(AFFINE, [0.7, 0.3], 0.1, margin=-0.35, target=2, timeout=600)
    assert [round(rival.at_image, 9) for rival in wide.rivals] == [0.25]
    assert wide.rivals[0].proven < 0.0 and wide.verdict is rb.Verdict.NOT_ROBUST


def random_network(seed: int) -> tuple[rb.Network, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    sizes = [3, *rng.integers(2, 7, int(rng.integers(1, 4))).tolist(), 3]
    layers = [
        (rng.normal(size=(out, size)), 0.3 * rng.normal(size=out))
        for size, out in zip(sizes[:-1], sizes[1:], strict=True)
    ]
    return dense_network(layers), rng.random(3)


@settings(max_examples=25)
@given(
    st.integers(0, 10**6), st.sampled_from([0.02, 0.1, 0.4]), st.sampled_from(["linf", "l1", "l2"])
)
def test_what_it_says_holds_at_every_sampled_input(seed: int, eps: float, norm: str) -> None:
    network, image = random_network(seed)
    found = rb.explain(network, image, eps, norm=norm, timeout=600)
    asked = rb.verify(network, image, eps, norm=norm, timeout=600)
    assert (found.verdict, found.nodes, found.label) == (asked.verdict, asked.nodes, asked.label)
    rng = np.random.default_rng(0)
    steps = rng.uniform(-1, 1, (400, 3)) * eps
    if norm != "linf":
        order = 1 if norm == "l1" else 2
        length = np.linalg.norm(steps, order, axis=1, keepdims=True)
        steps *= np.minimum(1.0, eps / np.maximum(length, 1e-300))
    points = np.clip(image + steps, 0.0, 1.0)
    values = network.values(points)
    logits = values[network.output]
    for rival in found.rivals:
        lead = logits[:, found.label] - logits[:, rival.label]
        assert rival.proven <= lead.min() + 1e-9
        assert rival.proven <= rival.at_image + 1e-9
    bounded = {layer.name: layer for layer in found.layers}
    relus = [node for node in network.order[1:] if node.startswith("relu")]
    assert list(bounded) == relus
    for node in relus:
        pre = values[network.sources[node][0]]
        layer = bounded[node]
        assert layer.units == layer.active + layer.inactive + layer.unstable == pre.shape[1]
        assert layer.active <= (pre >= -1e-9).all(axis=0).sum()
        assert layer.inactive <= (pre <= 1e-9).all(axis=0).sum()
        assert layer.split <= layer.unstable and layer.split <= layer.times
    assert (found.pixels >= 0.0).all() and found.pixels.shape == (3,)
    assert found.binding.proven == min(rival.proven for rival in found.rivals)


def hard() -> tuple[rb.Network, np.ndarray[Any, Any], int]:
    """A digit that takes a thousand nodes just below its rho."""
    images = rb.data.digits()
    return rb.load("digits"), images.vector(24), int(images.labels[24])


def test_splits_are_counted() -> None:
    network, image, label = hard()
    found = rb.explain(network, image, 0.1853, label=label, timeout=600)
    assert found.verdict is rb.Verdict.ROBUST and found.nodes > 100
    times = sum(layer.times for layer in found.layers) + found.halved
    assert times > 0 and 2 * times <= found.nodes
    for layer in found.layers:
        assert (layer.split > 0) == (layer.times > 0) and layer.split <= layer.unstable


def test_an_unfinished_search_says_what_is_left() -> None:
    network, image, label = hard()
    spent = Settings(nodes=300)
    found = rb.explain(network, image, 0.1853, label=label, settings=spent, timeout=600)
    rest = found.remainder
    assert found.verdict is rb.Verdict.UNKNOWN and found.reason == "node_limit"
    assert rest is not None and rest.open_nodes > 1 and rest.walks == 100
    assert rest.loosest == found.margin_bound <= 0.0
    whole = rb.verify(network, image, 0.1853, label=label, timeout=600).nodes
    assert (whole - found.nodes) / 3 < rest.more < 3 * (whole - found.nodes)
    text = told(found, (8, 8))
    assert "UNKNOWN (node_limit)" in text and "parts of the region have no answer yet" in text
    assert re.search(r"(about|at least) [\d,]+ nodes are still to be bounded", text)


def test_a_walk_may_come_upon_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no attack and two nodes the search is open; a walk's candidate settles the question."""
    monkeypatch.setattr(Question, "_attack", lambda *asked: False)
    images = rb.data.digits()
    found = rb.explain(
        "digits", images.vector(2), 0.2372, label=int(images.labels[2]),
        settings=Settings(nodes=2, batch=4), timeout=600,
    )  # fmt: skip
    assert found.verdict is rb.Verdict.NOT_ROBUST and found.reason == "" and found.nodes < 20
    assert found.witness is not None and 0.0 < found.witness.distance <= 0.2372
    assert found.remainder is None and found.margin_bound == -math.inf


def test_what_contradicts_itself_is_withdrawn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def contradicted(*asked: object) -> None:
        raise Contradiction("on purpose")

    monkeypatch.setenv("RHOBUST_REPORTS", str(tmp_path))
    monkeypatch.setattr("rhobust.queries.explain.from_open", contradicted)
    network, image, label = hard()
    spent = Settings(nodes=300)
    found = rb.explain(network, image, 0.1853, label=label, settings=spent, timeout=600)
    assert found.verdict is rb.Verdict.UNKNOWN and found.reason == "contradiction"
    assert found.margin_bound == -math.inf and list(tmp_path.iterdir())


def test_no_time_is_told() -> None:
    network, image, label = hard()
    found = rb.explain(network, image, 0.1853, label=label, timeout=1e-9)
    assert found.verdict is rb.Verdict.UNKNOWN and found.reason == "timeout"
    assert not found.pixels.any() and all(math.isinf(one.proven) for one in found.rivals)
    text = told(found, (8, 8))
    assert "nothing" in text and "the first bounds took all the time" in text
    json.loads(line(found, 0))


def test_a_misclassified_image_is_told() -> None:
    images = rb.data.digits()
    found = rb.explain("digits", images.vector(21), 0.01, label=int(images.labels[21]))
    assert found.verdict is rb.Verdict.NOT_ROBUST and found.predicted != found.label
    assert found.nearest.at_image < 0.0
    assert f"but the network says {found.predicted}" in told(found, (8, 8))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 seconds"), (1.0, "1.0 second"), (59.0, "59 seconds"), (90.0, "1.5 minutes"),
        (7200.0, "2.0 hours"), (1e6, "12 days"), (4e7, "1.3 years"), (1e12, "centuries"),
        (math.inf, "centuries"),
    ],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("shape", "where"),
    [
        ((4, 6), "row 3, column 1"), ((3, 2, 4), "channel 2, row 0, column 3"),
        ((2, 4, 3), "row 1, column 2, channel 1"), ((24,), "number 19"),
    ],
)  # fmt: skip
def test_pixels_are_told_by_their_axes(shape: tuple[int, ...], where: str) -> None:
    pixels = np.zeros(24)
    pixels[19] = 1.0
    found = replace(rb.explain(AFFINE, [0.7, 0.3], 0.1, timeout=600), pixels=pixels)
    assert f"1 of 24 pixels make up half of it\n  100.0 %  at {where}" in told(found, shape)
    assert "(1 node," in told(found, shape)


def test_channels_are_added_up() -> None:
    pixels = np.arange(12.0)
    assert shaded(pixels, (2, 6)).tolist() == pixels.reshape(2, 6).tolist()
    assert shaded(pixels, (3, 2, 2)).tolist() == [[12.0, 15.0], [18.0, 21.0]]
    assert shaded(pixels, (2, 2, 3)).tolist() == [[3.0, 12.0], [21.0, 30.0]]


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["explain", "digits", "--eps", "0.1", *arguments])


def test_the_command(tmp_path: Path) -> None:
    picture = tmp_path / "map.png"
    done = run("--index", "3", "--out", str(picture))
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("image 3: label 2, and the network says 2. Radius 0.1 in linf.")
    for words in (
        "leads each rival",
        "is the hardest to exclude",
        "unstable",
        "pixels make up half",
    ):
        assert words in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG") and "picture: " in done.stdout
    assert run("--index", "3", "--out", str(picture)).exit_code == 0  # one of its own
    plain = run("--index", "3", "--json")
    record = json.loads(plain.stdout)
    found = rb.explain("digits", rb.data.digits().vector(3), 0.1)
    assert record["verdict"] == str(found.verdict) and record["binding"] == found.binding.label
    assert [one["label"] for one in record["rivals"]] == [one.label for one in found.rivals]
    assert record["pixels"] == found.pixels.tolist() and record["remainder"] is None
    assert [layer["name"] for layer in record["layers"]] == ["relu1", "relu3"]


def test_names_of_images_are_told(tmp_path: Path) -> None:
    images = rb.data.digits()
    names = np.array([f"digit-{index}" for index in range(200)])
    np.savez(tmp_path / "a.npz", images=images.values, labels=images.labels, names=names)
    data = ("--data", str(tmp_path / "a.npz"), "--index", "5")
    assert run(*data).stdout.startswith("image 5 (digit-5): label ")
    assert json.loads(run(*data, "--json").stdout)["name"] == "digit-5"


def test_one_image_is_explained() -> None:
    refused = run("--index", "0:2")
    assert refused.exit_code == 2 and "names 2 images; one is explained" in refused.stderr
    with pytest.raises(InputError, match="at least 0"):
        rb.explain("digits", np.zeros(64), -1.0)

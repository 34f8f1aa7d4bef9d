"""Networks that are written as ONNX files are the same functions once they are read again."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rhobust as rb
from rhobust.bnb.check import Checker
from rhobust.compiler.base.arrays import exact
from rhobust.compiler.base.errors import InputError
from rhobust.compiler.network.graph import GraphBuilder, Network
from rhobust.compiler.network.layers import LAYERS, Layer, Linear
from rhobust.compiler.network.onnx_writer import LAYER_WRITERS, OPERATOR_WRITERS
from rhobust.compiler.operators import Convolution, Select, Transposed
from rhobust.compiler.operators import __all__ as operators

from ..reference.layers import layer_case

SMALL = Path("rhobust") / "data"


def test_every_layer_and_operator_has_a_writer() -> None:
    assert set(LAYER_WRITERS) == set(LAYERS)
    assert {kind.__name__ for kind in OPERATOR_WRITERS} == {
        name for name in operators if name[0].isupper() and name != "LinearOperator"
    }


def back(network: Network) -> Network:
    with tempfile.TemporaryDirectory() as folder:
        network.save(Path(folder) / "m.onnx")
        return rb.load(Path(folder) / "m.onnx")


def same(network: Network, rng: np.random.Generator) -> None:
    """Equal outputs in rationals, at kinks too."""
    again = back(network)
    assert again.input_shape == network.input_shape and again.onnx
    points = rng.integers(-16, 17, size=(4, network.input_size)) / 8.0
    points[::2] += rng.normal(size=points[::2].shape)
    assert (again.forward(exact(points)) == network.forward(exact(points))).all()


@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.__name__)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_layer_is_the_same_when_it_is_read_again(kind: type[Layer], seed: int) -> None:
    rng = np.random.default_rng(seed)
    case = layer_case(kind, rng)
    builder = GraphBuilder((max(case.widths) + 1,))
    sources = []
    for number, width in enumerate(case.widths):
        index = rng.integers(0, builder.size(Network.INPUT), size=width)
        layer = Linear(Select(index, builder.size(Network.INPUT)), rng.normal(size=width))
        sources.append(builder.add(f"source{number}", layer, width, Network.INPUT))
    builder.add("layer", case.layer, case.size, *sources)
    same(builder.finish("layer"), rng)


@pytest.mark.parametrize("seed", range(12))
def test_convolutions_and_transposed_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = int(rng.choice([1, 2]))
    kernel = rng.normal(size=(2 * groups, 2, *rng.integers(1, 4, size=2))).astype(np.float32)
    convolution = Convolution(
        kernel.astype(np.float64), (2 * groups, 6, 5), (int(rng.integers(1, 3)), 2),
        (1, 0, int(rng.integers(0, 2)), 1), (1, int(rng.integers(1, 3))), groups,
    )  # fmt: skip
    for operator in (convolution, Transposed(convolution)):
        shape = convolution.in_shape if operator is convolution else convolution.out_shape
        builder = GraphBuilder(shape)
        bias = rng.normal(size=operator.out_size).astype(np.float32).astype(np.float64)
        builder.add("conv", Linear(operator, bias), operator.out_size, Network.INPUT)
        same(builder.finish("conv"), rng)


@pytest.mark.parametrize("name", ["digits", "digits_conv"])
def test_a_saved_model_has_proofs(name: str, tmp_path: Path) -> None:
    network, path = rb.load(name), tmp_path / "m.onnx"
    network.save(path)
    image = rb.data.digits().vector(3)
    found = rb.verify(path, image, 0.01, certificate=tmp_path / "c.npz")
    assert found.verdict == rb.Verdict.ROBUST and not found.uncertified
    assert Checker(path).check(tmp_path / "c.npz").accepted


def test_what_is_there_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        rb.load("digits").save(path)
    rb.load("digits").save(path, overwrite=True)
    assert rb.load(path).input_size == 64
    with pytest.raises(InputError, match="cannot be written"):
        rb.load("digits").save(tmp_path / "none" / "m.onnx")
    assert [item.name for item in tmp_path.iterdir()] == ["m.onnx"]

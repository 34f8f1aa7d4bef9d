"""Layouts: numbers are rearranged where it is stated how they stand, and never by a guess."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper
from PIL import Image

from rhobust.compiler.base.errors import InputError
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.network.graph import Network
from rhobust.data import Images, load
from rhobust.data.arrangement import LAYOUTS, arrange, checked

from ..compiler.onnx_models import model, read


def network(*shape: int) -> Network:
    """The sum of all numbers of an input of this shape."""
    size = int(np.prod(shape))
    if len(shape) == 1:
        return dense_network([(np.ones((1, size)), np.zeros(1))])
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("MatMul", ["f", "W"], ["y"]),
    ]
    return read(model(nodes, [1, *shape], {"W": np.ones((size, 1), np.float32)}))


@given(
    st.tuples(st.integers(1, 5), st.integers(1, 5), st.sampled_from([1, 3])),
    st.sampled_from(LAYOUTS),
    st.sampled_from(LAYOUTS),
    st.booleans(),
)
def test_numbers_come_where_the_network_takes_them(
    sides: tuple[int, int, int], stored: str, taken: str, flat: bool
) -> None:
    """Pixel (row, column, channel) stands where the network's shape has it."""
    height, width, channels = sides
    pixels = np.arange(2 * height * width * channels).reshape(2, height, width, channels)
    ordered = {"nhwc": pixels, "nchw": np.moveaxis(pixels, -1, 1)}
    values = ordered[stored].reshape(2, -1) if flat else ordered[stored]
    shape = ordered[taken].shape[1:]
    found, told = arrange(values, f"{stored}:{taken}", shape, "it")
    assert np.array_equal(found.reshape(2, -1), ordered[taken].reshape(2, -1))
    if stored == taken:
        assert not told and found is values


def test_a_network_tells_its_own_layout() -> None:
    values = np.random.default_rng(0).random((2, 4, 5, 3))
    images = load(values, [0, 0], layout="nhwc")
    first = images.fitted(network(3, 4, 5))
    assert first.shape == (3, 4, 5) and first.told == "the array: rearranged from nhwc to nchw"
    assert np.array_equal(first.vector(1), np.moveaxis(values[1], -1, 0).reshape(-1))
    assert first.digest(0) == load(np.moveaxis(values, -1, 1), [0, 0]).digest(0)
    assert images.fitted(network(4, 5, 3)).told == ""
    assert first.fitted(network(3, 4, 5)) is first
    grey = load(np.zeros((2, 4, 5)), [0, 0], layout="nhwc")
    assert grey.fitted(network(1, 4, 5)).told == ""
    flat = load(values.reshape(2, -1), [0, 0], layout="nhwc").fitted(network(3, 4, 5))
    assert np.array_equal(flat.vector(0), first.vector(0)) and "read as (4, 5, 3)" in flat.told


@pytest.mark.parametrize(
    ("shape", "layout", "taken", "words"),
    [
        ((4, 5, 3), "", (3, 4, 5), "arranged differently.*say how they are, --layout"),
        ((4, 5, 3), "nchw", (3, 4, 5), "stated to be nchw, do not fit"),
        ((4, 5, 3), "nhwc", (5, 4, 3), "stated to be nhwc, do not fit"),
        ((4, 5, 3), "nhwc", (60,), r"--layout nhwc:nchw or nhwc:nhwc"),
        ((3, 3, 3), "nhwc", (3, 3, 3), r"--layout nhwc:nchw or nhwc:nhwc"),
        ((60,), "nhwc", (4, 5, 3, 1), r"--layout nhwc:nchw"),
        ((60,), "nhwc:nchw", (60,), "height and width are not known"),
        ((4, 5, 3), "nhwc", (3, 4, 6), r"60 numbers.*takes 72"),
        ((2, 2, 5, 3), "nhwc", (3, 4, 5), "have no layout nhwc"),
    ],
)
def test_what_is_not_stated_is_refused(
    shape: tuple[int, ...], layout: str, taken: tuple[int, ...], words: str
) -> None:
    images = Images("here", np.zeros((1, *shape)), np.zeros(1, np.int64), layout=layout)
    with pytest.raises(InputError, match=f"here: .*{words}"):
        images.fitted(network(*taken))


def test_one_order_for_networks_that_take_flat_inputs() -> None:
    values = np.random.default_rng(0).random((1, 2, 2, 3))
    images = load(values, [0], layout="NHWC:nchw").fitted(network(12))
    assert np.array_equal(images.vector(0), np.moveaxis(values[0], -1, 0).reshape(-1))


@pytest.mark.parametrize("layout", ["hwc", "nhwc:", "nhwc:nchw:nhwc", ":", "nhwc nchw"])
def test_layouts_that_are_none(layout: str) -> None:
    with pytest.raises(InputError, match="should be nhwc .channels last. or nchw"):
        checked(layout)


def test_the_format_of_a_file_may_state_it(tmp_path: Path) -> None:
    """RGB pixels of a picture are (H, W, 3) whatever anybody says."""
    values = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    (tmp_path / "0").mkdir()
    Image.fromarray(values).save(tmp_path / "0" / "a.png")
    images = load(tmp_path).fitted(network(3, 4, 5))
    assert np.array_equal(images.vector(0), np.moveaxis(values, -1, 0).reshape(-1) / 255.0)
    assert "rearranged from nhwc to nchw" in images.told
    with pytest.raises(InputError, match="does not tell whether channels come first"):
        load(tmp_path).fitted(network(60))

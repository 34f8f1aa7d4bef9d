"""ONNX operations that enlarge tensors by repeating their numbers: Resize and Upsample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..model import Array
from ..node import Node, Value
from .windows import FARTHEST

FLOORED = {"asymmetric": ("floor",), "tf_half_pixel_for_nn": ("floor",)}
ROUNDED = dict.fromkeys(
    ("half_pixel", "pytorch_half_pixel"), ("round_prefer_floor", "round_prefer_ceil")
)
REPEATS = {**FLOORED, **ROUNDED}
"""For each way to place an output among the inputs, the ways to round it that make of whole
factors f the input o // f: o / f, (o + 0.5) / f and (o + 0.5) / f - 0.5 are never at a tie."""
REMEDY = (
    "enlarge by whole factors with the mode 'nearest', or by a transposed convolution, and export "
    "it again"
)


def upsample(node: Node) -> Value:
    """`Upsample` of operator sets 7 to 9, which knows one way of placing."""
    if node.opset > 9:
        node.fail("is a Resize since operator set 10")
    node.expect(*((1, 1) if node.opset < 9 else (2, 2)))
    _check_mode(node, node.text("mode", "nearest"))
    if node.opset >= 9:
        return _repeated(node, _factors(node, node.constant(1, "scales")))
    scales = node.raw("scales")
    if not isinstance(scales, tuple):
        node.fail("names no scales")
    return _repeated(node, _factors(node, np.array(scales)))


def resize(node: Node) -> Value:
    """`Resize` to the nearest number, by whole factors: each is repeated."""
    node.expect(2, 2 if node.opset < 11 else 4)
    _check_mode(node, node.text("mode", "nearest"))
    if node.opset < 11:
        return _repeated(node, _factors(node, node.constant(1, "scales")))
    placing = node.text("coordinate_transformation_mode", "half_pixel")
    rounding = node.text("nearest_mode", "round_prefer_floor")
    if rounding not in REPEATS.get(placing, ()):
        told = f"places its numbers by {placing!r} and rounds them by {rounding!r}"
        node.fail(f"{told}, which do not repeat each number alike", REMEDY)
    # what is said of other modes, and of a part that is cut out
    node.number("cubic_coeff_a", -0.75)
    node.flag("exclude_outside")
    node.number("extrapolation_value", 0.0)
    if node.opset >= 18 and node.flag("antialias"):
        node.refuse_attribute("antialias", "is 1; only 0 is read")
    rank = len(node.value(0).shape)
    axes = (node.integer_list("axes") if node.opset >= 18 else None) or tuple(range(rank))
    if node.given(1):
        node.constant(1, "region")
    sized = node.given(3) and node.constant(3, "size").size > 0
    if sized == (node.given(2) and node.constant(2, "scales").size > 0):
        node.fail("names both scales and sizes, or neither")
    if node.opset >= 18 and node.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        node.refuse_attribute("keep_aspect_ratio_policy", "is not 'stretch'")
    places = [range(rank)[axis] for axis in axes]
    if len(set(places)) < len(places):
        node.fail(f"axes {axes} are not different axes of {rank}")
    if sized:
        sizes = node.integers(3, "size")
        if len(sizes) != len(places):
            node.fail(f"has {len(sizes)} sizes of {len(places)} axes")
        own = [node.value(0).shape[place] for place in places]
        given = np.array([size / old for size, old in zip(sizes, own, strict=True)])
    else:
        given = node.constant(2, "scales")
    return _repeated(node, _factors(node, given), places)


def _check_mode(node: Node, mode: str) -> None:
    if mode != "nearest":
        node.fail(f"has the mode {mode!r}; 'nearest' with whole factors is read", REMEDY)


def _factors(node: Node, scales: Array) -> list[int]:
    """Whole factors of at least 1."""
    listed = scales.reshape(-1).tolist()
    if scales.dtype.kind != "f" or not all(scale >= 1 and scale % 1 == 0 for scale in listed):
        node.fail(f"has the scales {listed[:8]}, which are not all whole", REMEDY)
    return [int(scale) for scale in listed]


def _repeated(node: Node, factors: list[int], places: Sequence[int] | None = None) -> Value:
    source = node.value(0)
    places = range(len(source.shape)) if places is None else places
    shape = list(source.shape)
    for place, factor in zip(places, factors, strict=True):
        shape[place] *= factor
        if shape[place] > FARTHEST:
            node.fail(f"an axis of {shape[place]} is beyond {FARTHEST}")
    node.check_size(shape)

    def repeated(array: Array) -> Array:
        for place, factor in zip(places, factors, strict=True):
            array = array.repeat(factor, place)
        return array

    return node.rearrange(source, repeated)

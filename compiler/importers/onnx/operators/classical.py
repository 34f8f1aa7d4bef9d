"""Operations of the domain ai.onnx.ml that are linear, as skl2onnx writes them."""

from __future__ import annotations

import math

import numpy as np

from ....base.arrays import Vector
from ....operators import Dense, Scale
from ..node import Handler, Node, Symbol, Value, selection


def _source(node: Node) -> Symbol:
    """Rows of float32 features: one row."""
    node.expect(1)
    source = node.value(0)
    if not isinstance(source, Symbol):
        node.fail("works on constants alone")
    if len(source.shape) != 2 or source.shape[0] != 1:
        node.fail(f"its input of shape {source.shape} is not one row of features")
    if source.dtype != np.float32:
        node.fail(f"its input is {source.dtype}; float32 is read")
    return source


def _floats(node: Node, name: str) -> Vector:
    """An attribute, exactly: each is a float32 number."""
    found = node.raw(name)
    if found is None:
        return np.zeros(0)
    if not isinstance(found, tuple):
        node.refuse_attribute(name, "is not a list of numbers")
    return np.array(found, dtype=np.float64)


def scaler(node: Node) -> Value:
    """(x - offset) * scale."""
    source = _source(node)
    size = math.prod(source.shape)
    offset, scale = (_floats(node, name) for name in ("offset", "scale"))
    if len(offset) not in (1, size) or len(scale) not in (1, size):
        node.fail(f"has {len(offset)} offsets and {len(scale)} scales of {size} features")
    factor = np.broadcast_to(scale, size).copy()
    # a product of two float32 is exact in float64
    return node.linear(source, Scale(factor, np.ones(size)), source.shape, -offset * factor)


def _affine(node: Node, least: int) -> Value:
    """coefficients (rows, features) x + intercepts (rows,)."""
    source = _source(node)
    weight, bias = (_floats(node, name) for name in ("coefficients", "intercepts"))
    rows = len(weight) // source.shape[1]
    if len(weight) != rows * source.shape[1] or rows < least or len(bias) not in (0, rows):
        told = f"{len(weight)} coefficients and {len(bias)} intercepts"
        node.fail(f"has {told} of {source.shape[1]} features; {least} rows or more are read")
    matrix = Dense(weight.reshape(rows, source.shape[1]))
    return node.linear(source, matrix, (1, rows), bias if len(bias) else None)


def _plain(node: Node) -> None:
    after = node.text("post_transform", "NONE")
    if after != "NONE":
        node.refuse_attribute("post_transform", f"is {after!r} before the end; 'NONE' is read")


def linear_regressor(node: Node) -> Value:
    _plain(node)
    rows = node.integer("targets", 1)
    found = _affine(node, 1)
    if found.shape != (1, rows):
        node.fail(f"has {rows} targets, and coefficients of {found.shape[1]}")
    return found


def linear_classifier(node: Node) -> list[Value | None]:
    """Its label, which is not read, and the score of each class."""
    _plain(node)
    for name in ("classlabels_ints", "classlabels_strings", "multi_class"):
        node.raw(name)  # what the label is called and how it is chosen
    return [None, _affine(node, 2)]


def array_feature_extractor(node: Node) -> Value:
    """Some columns."""
    node.expect(2)
    source, index = node.value(0), node.integers(1, "index")
    if len(source.shape) != 2 or not index:
        node.fail(f"takes {len(index)} columns of a tensor of shape {source.shape}")
    if not all(0 <= column < source.shape[1] for column in index):
        node.fail(f"has no columns {index} among {source.shape[1]}")
    places = np.arange(math.prod(source.shape)).reshape(source.shape)[:, list(index)]
    return node.linear(source, selection(places, source.shape), places.shape)


CLASSICAL: dict[str, Handler] = {
    "ai.onnx.ml.ArrayFeatureExtractor": array_feature_extractor,
    "ai.onnx.ml.LinearClassifier": linear_classifier,
    "ai.onnx.ml.LinearRegressor": linear_regressor,
    "ai.onnx.ml.Scaler": scaler,
}
"""The checker of certificates reads none of these."""

"""Graphs with channels last, as tf2onnx writes them, are read here and by the checker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.channels_last import GRAPHS, compared
from rhobust.bnb.checker.onnx.reader import read_model
from rhobust.bnb.checker.rounded.root import Root
from rhobust.compiler.importers import load


@pytest.mark.parametrize("name", GRAPHS)
def test_channels_last_are_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    GRAPHS[name](1).written(path)
    assert compared(path) < 1e-5
    network, model = load(path), read_model(path)
    point = np.random.default_rng(2).uniform(-1, 1, network.input_size)
    root = Root(model, point, point)
    root.propagate()
    values = network.forward(point[None])[0]
    assert (root.low[model.output] <= values + 1e-9).all()
    assert (root.high[model.output] >= values - 1e-9).all()
    assert np.ptp(values) > 0

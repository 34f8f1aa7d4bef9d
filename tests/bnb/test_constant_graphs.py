"""Importer, checker and onnxruntime compute the same constants, or the model is refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from rhobust.bnb.checker.arithmetic import Refused
from rhobust.bnb.checker.model import Model
from rhobust.bnb.checker.onnx.reader import read_model
from rhobust.bnb.checker.rounded.root import Root
from rhobust.compiler.base.errors import FidelityError, ModelError
from rhobust.compiler.importers.onnx.load import load_onnx

from ..compiler.constant_graphs import INPUTS, Array, constant_graph


def points(seed: int) -> Array:
    """0, 1, and others with few digits, as numbers of both types."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(-64, 65, (2, INPUTS)) / 16
    return np.concatenate([np.zeros((1, INPUTS)), np.ones((1, INPUTS)), drawn])


def same(found: Array, theirs: Array, double: bool, bound: bool = False) -> bool:
    """Whether both are one product or sum, rounded once by the runtime.

    bound: whether it is one of the checker's bounds, which leave room for rounding in float64.
    """
    unit = 2.0**-23 if not double else 2.0**-46 if bound else 2.0**-51
    loose = 1e-12 if bound else 1e-44
    return found.shape == theirs.shape and bool(
        np.all(np.abs(found - theirs) <= unit * np.abs(theirs) + loose)
    )


def enclosed(model: Model, point: Array) -> tuple[Array, Array]:
    root = Root(model, point, point)
    root.propagate()
    return root.low[model.output], root.high[model.output]


def compared(path: Path, seed: int) -> tuple[str, str]:
    """What importer and checker say to a graph: equal, or why it is refused."""
    proto = constant_graph(seed)
    path.write_bytes(proto.SerializeToString())
    double = proto.graph.input[0].type.tensor_type.elem_type == 11
    told = ["equal", "equal"]
    try:
        network = load_onnx(path)
    except FidelityError:
        raise
    except ModelError as error:
        told[0] = str(error).split(": ", 1)[1]
    try:
        model = read_model(path)
    except Refused as refusal:
        told[1] = str(refusal)
    if told == ["equal", "equal"] or told[1] == "equal" or told[0] == "equal":
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        for point in points(seed):
            row = point[None].astype(np.float64 if double else np.float32)
            theirs = session.run(None, {"x": row})[0].reshape(-1).astype(np.float64)
            if not np.isfinite(theirs).all():
                continue
            if told[0] == "equal":
                assert same(network.forward(point[None])[0], theirs, double), (seed, "importer")
            if told[1] == "equal":
                low, high = enclosed(model, point)
                for bound in (low, high):
                    assert same(bound, theirs, double, bound=True), (seed, "checker")
    return told[0], told[1]


def reason(told: str) -> str:
    """A refusal without the names of nodes and numbers."""
    words = told.split("; ")[0].split(" ")
    return " ".join(word for word in words if not any(c.isdigit() or c == "'" for c in word))


def counts(path: Path, seeds: range) -> tuple[Counter[str], Counter[str]]:
    told = [compared(path, seed) for seed in seeds]
    assert all(theirs != "equal" or ours == "equal" for ours, theirs in told)
    return Counter(reason(ours) for ours, _ in told), Counter(reason(it) for _, it in told)


def test_constants_are_those_of_the_runtime(tmp_path: Path) -> None:
    ours, theirs = counts(tmp_path / "m.onnx", range(120))
    assert ours["equal"] > 60 and theirs["equal"] > 60


@pytest.mark.long
def test_ten_thousand_graphs_of_constants(tmp_path: Path) -> None:
    for found in counts(tmp_path / "m.onnx", range(10_000)):
        print("\n".join(f"{number:6d} {told}" for told, number in found.most_common()))

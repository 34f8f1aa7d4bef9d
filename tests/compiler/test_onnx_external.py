"""Weights in files beside the model, read by the importer and the checker alike."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import rhobust as rb
from rhobust.bnb.check import Checker
from rhobust.bnb.checker.arithmetic import Refused
from rhobust.bnb.checker.onnx.reader import read_model
from rhobust.compiler.base.errors import ModelError

from .onnx_models import model

NODE = onnx.helper.make_node
WEIGHTS = {
    "w": np.array([[1.0, -0.5, 0.25], [-1.0, 0.5, 2.0]], dtype=np.float32),
    "b": np.array([0.5, -0.25, 0.125], dtype=np.float32),
    "v": np.array([[1.0, 0.0], [0.5, -1.0], [0.25, 1.5]], dtype=np.float32),
}
NAME = "weights.bin"


def written(folder: Path) -> Path:
    """Relu(x w + b) v, with the weights in one file beside it; the model's path."""
    nodes = [
        NODE("Gemm", ["x", "w", "b"], ["h"]), NODE("Relu", ["h"], ["r"]),
        NODE("MatMul", ["r", "v"], ["y"]),
    ]  # fmt: skip
    path = folder / "m.onnx"
    onnx.save_model(
        model(nodes, [1, 2], WEIGHTS), path, save_as_external_data=True, location=NAME,
        size_threshold=0,
    )  # fmt: skip
    return path


def both_refuse(path: Path, words: str) -> None:
    with pytest.raises(ModelError, match=f"{words}.*save_as_external_data"):
        rb.load(path)
    with pytest.raises(Refused):
        read_model(path)


def test_weights_beside_the_model_are_read_and_certified(tmp_path: Path) -> None:
    path, proof = written(tmp_path), tmp_path / "proof.npz"
    network = rb.load(path)
    given = np.array([[0.25, 0.75]])
    expected = np.maximum(given @ WEIGHTS["w"] + WEIGHTS["b"], 0) @ WEIGHTS["v"]
    assert network.forward(given).tolist() == network.run(given).tolist() == expected.tolist()
    parts = [path.read_bytes(), hashlib.sha256((tmp_path / NAME).read_bytes()).digest()]
    digest = hashlib.sha256(b"".join(parts)).hexdigest()
    assert network.digest == digest == read_model(path).digest
    found = rb.verify(network, given[0], 0.01, certificate=proof)
    assert (found.verdict, found.uncertified) == ("ROBUST", "")
    assert Checker(path).check(proof).accepted
    content = bytearray((tmp_path / NAME).read_bytes())
    content[3] ^= 0x80  # the sign of a weight
    (tmp_path / NAME).write_bytes(content)
    assert rb.load(path).digest != digest
    assert "another model" in Checker(path).check(proof).reason


def test_a_folder_inside_of_the_model_s_own(tmp_path: Path) -> None:
    path, expected = written(tmp_path), rb.load(written(tmp_path)).forward(np.ones((1, 2)))
    (tmp_path / "inner").mkdir()
    (tmp_path / NAME).rename(tmp_path / "inner" / NAME)
    restated(path, location=f"inner/{NAME}")
    assert rb.load(path).forward(np.ones((1, 2))).tolist() == expected.tolist()
    assert read_model(path).digest == rb.load(path).digest


def restated(path: Path, **entries: str) -> None:
    """Other entries of the external data of the first weight; of the location, of all."""
    proto = onnx.ModelProto.FromString(path.read_bytes())
    for number, tensor in enumerate(proto.graph.initializer):
        for key, value in entries.items():
            if number and key != "location":
                continue
            known = [entry for entry in tensor.external_data if entry.key == key]
            entry = known[0] if known else tensor.external_data.add(key=key)
            entry.value = value
    path.write_bytes(proto.SerializeToString())


ENTRIES: dict[str, tuple[dict[str, str], str]] = {
    "above": ({"location": f"../{NAME}"}, "out of the model's folder"),
    "inside_out": ({"location": f"a/../../{NAME}"}, "out of the model's folder"),
    "absolute": ({"location": f"/etc/{NAME}"}, "out of the model's folder"),
    "drive": ({"location": f"c:{NAME}"}, "out of the model's folder"),
    "empty": ({"location": ""}, "out of the model's folder"),
    "missing": ({"location": "nothing.bin"}, "cannot be read"),
    "folder": ({"location": "folder"}, "cannot be read"),
    "link": ({"location": "link.bin"}, "is a link"),
    "folder_link": ({"location": f"around/{NAME}"}, "is a link"),
    "pipe": ({"location": "pipe"}, "not a regular file"),
    "far": ({"offset": "1000000"}, "needs 24 bytes"),
    "short": ({"length": "20"}, "needs 24 bytes"),
    "long": ({"length": "28"}, "needs 24 bytes"),
    "negative": ({"offset": "-4"}, "offset and length"),
    "no_number": ({"offset": "0x10"}, "offset and length"),
    "checksum": ({"checksum": "0" * 40}, "checksum"),
    "key": ({"basepath": "/"}, "entries"),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_other_places_and_sizes_are_refused(tmp_path: Path, name: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    path = written(inner)
    (inner / "folder").mkdir()
    (inner / "link.bin").symlink_to(inner / NAME)
    (inner / "around").symlink_to(inner)
    os.mkfifo(inner / "pipe")
    (tmp_path / NAME).write_bytes((inner / NAME).read_bytes())
    entries, words = ENTRIES[name]
    restated(path, **entries)
    both_refuse(path, words)


CHANGES: dict[str, tuple[Callable[[Any], object], str]] = {
    "twice": (lambda item: item.external_data.append(item.external_data[0]), "entries"),
    "nowhere": (lambda item: item.ClearField("external_data"), "entries"),
    "half": (lambda item: setattr(item, "data_type", onnx.TensorProto.FLOAT16), "type 10"),
    "inline": (lambda item: setattr(item, "raw_data", bytes(24)), "of its own"),
    "shape": (lambda item: item.dims.append(-1), "shape"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_other_forms_are_refused(tmp_path: Path, name: str) -> None:
    path = written(tmp_path)
    proto = onnx.ModelProto.FromString(path.read_bytes())
    change, words = CHANGES[name]
    change(proto.graph.initializer[0])
    path.write_bytes(proto.SerializeToString())
    both_refuse(path, words)

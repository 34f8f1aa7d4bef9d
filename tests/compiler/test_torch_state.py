"""Networks from saved PyTorch weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhobust.compiler.base.errors import ModelError
from rhobust.compiler.importers import load
from rhobust.compiler.importers.fidelity import compare
from rhobust.compiler.importers.torch.module import from_torch
from rhobust.compiler.importers.torch.state import from_state_dict

torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn


def dense(*sizes: int) -> Any:
    layers: list[Any] = []
    for taken, given in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(taken, given), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@pytest.mark.parametrize("wrap", [None, "state_dict", "model_state_dict"])
@pytest.mark.parametrize("suffix", [".pt", ".pth"])
def test_saved_weights_of_dense_layers(tmp_path: Path, wrap: str | None, suffix: str) -> None:
    module = dense(4, 6, 5, 2)
    state = module.state_dict()
    path = tmp_path / f"weights{suffix}"
    torch.save(state if wrap is None else {wrap: state, "epoch": 3}, path)
    network = load(path)
    assert (network.name, network.relus) == ("weights", 11)
    assert "ReLU" in network.notes[0]
    inputs = np.random.default_rng(0).normal(size=(1000, 4))
    assert compare(network, inputs) < 1e-6
    expected = from_torch(module, (4,))
    assert np.array_equal(network.forward(inputs), expected.forward(inputs))
    given = from_state_dict(path, dense(4, 6, 5, 2), (4,))
    assert given.notes == () and given.digest == expected.digest
    assert from_state_dict(state, dense(4, 6, 5, 2).double(), (4,)).runtime is not None


def test_saved_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    state = dense(4, 6, 2).state_dict()
    with pytest.raises(ModelError, match="does not fit the module"):
        from_state_dict(state, dense(4, 5, 2), (4,))
    with pytest.raises(ModelError, match="input_shape is missing"):
        from_state_dict(state, dense(4, 6, 2))
    conv = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(2, 2)).state_dict()
    with pytest.raises(ModelError, match="'0.weight' is not the weight of a dense layer; give"):
        from_state_dict(conv)
    with pytest.raises(ModelError, match="'0.bias' is not"):
        from_state_dict({"0.bias": state["0.bias"], "0.weight": state["0.weight"]})
    with pytest.raises(ModelError, match="'2.weight' does not fit"):
        from_state_dict({**state, "2.weight": torch.ones(2, 5)})
    with pytest.raises(ModelError, match="no chain"):
        from_state_dict({"0.weight": state["0.weight"]})
    with pytest.raises(ModelError, match="no chain"):
        from_state_dict({})


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with pytest.raises(ModelError, match="no such file"):
        load(path)
    for data in (b"", b"no weights at all", bytes(100)):
        path.write_bytes(data)
        with pytest.raises(ModelError, match="damaged"):
            load(path)
    torch.save(dense(2, 2), path)  # a whole module, whose reading would run its code
    with pytest.raises(ModelError, match="whole module"):
        load(path)
    torch.save([1, 2], path)
    with pytest.raises(ModelError, match="holds a list"):
        load(path)

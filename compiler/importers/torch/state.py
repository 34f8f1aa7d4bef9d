"""Networks from saved PyTorch weights, alone or in a module that the user gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...base.errors import ModelError
from ...network.graph import Network
from .bare import bare_copy, renamed
from .module import from_torch, torch_library
from .saved import saved

ASSUMED = "saved weights do not tell activations: a ReLU between any two layers is assumed"
REMEDY = (
    "give the module that it belongs to: rb.load(path, module=module, shape=(1, 28, 28)); for the "
    "command line first write a model: rhobust convert FILE --module package:Class --shape 1,28,28 "
    "--out model.onnx"
)


def from_state_dict(
    state: Mapping[str, Any] | str | Path,
    module: Any = None,
    input_shape: Sequence[int] | None = None,
) -> Network:
    """The network of saved weights, or of a `.pt` or `.pth` file of them, within `module`.

    The module stays as it is; the weights must fit it exactly, up to what DataParallel,
    torch.compile and trainers put before names.  Without a module they must be those of dense
    layers: a ReLU between any two is then assumed, and a note of the network says so.
    """
    source = "state dict" if isinstance(state, Mapping) else str(state)
    torch = torch_library(source)
    weights = state if isinstance(state, Mapping) else _file(torch, source)
    if module is None:
        network = _dense(torch, source, weights)
        network = replace(network, notes=(*network.notes, ASSUMED))
    elif input_shape is None:
        raise ModelError(source, "input_shape is missing: the shape of one input, without a batch")
    else:
        filled = bare_copy(torch, module)
        try:
            filled.load_state_dict(renamed(weights, filled.state_dict()), strict=True)
        except RuntimeError as error:
            raise ModelError(source, f"does not fit the module: {error}") from error
        network = from_torch(filled, input_shape)
    return network if isinstance(state, Mapping) else replace(network, name=Path(state).stem)


def _file(torch: Any, source: str) -> Mapping[str, Any]:
    """The weights in a file; nothing in it is run."""
    state = saved(
        torch, source, (Mapping,), True,
        lambda _: "holds no saved weights that can be read safely: it is damaged, or a whole "
        "module, which can run any program. Save module.state_dict(), or allow it: rb.load(path, "
        "shape=(1, 28, 28), trust_pickle=True); for the command line first write a model: rhobust "
        "convert FILE --trust-pickle --shape 1,28,28 --out model.onnx",
    )  # fmt: skip
    if not isinstance(state, Mapping):
        raise ModelError(source, f"holds a {type(state).__name__}, not saved weights")
    return state


def _dense(torch: Any, source: str, state: Mapping[str, Any]) -> Network:
    """The chain of dense layers whose weights and biases follow each other in `state`."""
    keys = [str(key) for key in state]
    layers: list[Any] = []
    size = 0
    for key, partner in zip(keys[::2], keys[1::2], strict=False):
        weight, bias = state[key], state[partner]
        prefix = key.removesuffix("weight")
        if prefix == key or partner != f"{prefix}bias" or getattr(weight, "ndim", 0) != 2:
            raise ModelError(source, f"{key!r} is not the weight of a dense layer; {REMEDY}")
        if bias.shape != weight.shape[:1] or (layers and weight.shape[1] != size):
            raise ModelError(source, f"{key!r} does not fit its bias or the layer before; {REMEDY}")
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
        layer.load_state_dict({"weight": weight, "bias": bias})
        size = layer.out_features
        layers += [torch.nn.ReLU(), layer] if layers else [layer]
    if not layers or len(keys) % 2:
        raise ModelError(source, f"is no chain of weights with their biases; {REMEDY}")
    return from_torch(torch.nn.Sequential(*layers), (layers[0].in_features,))

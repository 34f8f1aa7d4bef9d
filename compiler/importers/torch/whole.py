"""Networks from files that hold a whole PyTorch module, as `torch.save(module, path)` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ...base.errors import ModelError
from ...network.graph import Network
from .module import from_torch, torch_library
from .saved import saved
from .state import from_state_dict


def load_trusted(path: str | Path, input_shape: Sequence[int] | None) -> Network:
    """The network of a whole module, or of saved weights, in a file that may run any program.

    input_shape: of one input, without the batch; a whole module needs it.  Raises ModelError for
    what cannot be read.
    """
    source = str(path)
    torch = torch_library(source)
    held = saved(
        torch, source, (Mapping, torch.nn.Module), False,
        lambda error: f"cannot be read ({error}). It names the classes of its module, which have "
        "to be importable as they were when it was saved, for example from a file in this folder",
    )  # fmt: skip
    if isinstance(held, Mapping):
        return replace(from_state_dict(held), name=Path(source).stem)
    if not isinstance(held, torch.nn.Module):
        raise ModelError(source, f"holds a {type(held).__name__}, no module and no weights")
    if input_shape is None:
        raise ModelError(
            source,
            "holds a module, which does not tell the shape of its input: rb.load(path, "
            "shape=(1, 28, 28), trust_pickle=True); for the command line first write a model: "
            "rhobust convert FILE --trust-pickle --shape 1,28,28 --out model.onnx",
        )
    return replace(from_torch(held, input_shape), name=Path(source).stem)

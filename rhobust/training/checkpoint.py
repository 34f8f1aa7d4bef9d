"""Where training stands, in a file that belongs to one question."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..compiler.base.errors import InputError
from ..files.atomic import write_bytes
from .history import Epoch


@dataclass(frozen=True, slots=True)
class Saved:
    """done: whole epochs; least: the least validation loss; best: epoch and weights of it."""

    done: int
    epochs: list[Epoch]
    weights: Any
    optimizer: Any
    least: float
    best: tuple[int, Any] | None


def question(module: Any, images: Any, labels: Any, *asked: object) -> str:
    """What a checkpoint belongs to: module as it is at the start, images, labels, all arguments."""
    found = hashlib.sha256(f"{__version__} {asked!r} {module}".encode())
    for name, tensor in [*module.state_dict().items(), ("images", images), ("labels", labels)]:
        found.update(f"{name} {tuple(tensor.shape)}".encode())
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def write(torch: Any, path: Path, asked: str, state: Saved) -> None:
    buffer = io.BytesIO()
    fields = {name: getattr(state, name) for name in Saved.__slots__}
    fields["epochs"] = [_plain(epoch) for epoch in state.epochs]
    torch.save({"asked": asked, **fields}, buffer)
    write_bytes(path, buffer.getvalue())


def read(torch: Any, path: Path, asked: str) -> Saved | None:
    """What the file holds, None where there is none; InputError where it is of another question."""
    if not path.exists():
        return None
    try:
        held = torch.load(path, weights_only=True)
        kept = held.pop("asked")
        held["epochs"] = [Epoch(**epoch) for epoch in held["epochs"]]
        state = Saved(**held)
    except Exception as error:  # torch raises many kinds for files that are not its own
        raise InputError(f"{path}: is no checkpoint of training; name another file") from error
    if kept != asked:
        raise InputError(
            f"{path}: is a checkpoint of other training (module, images or arguments differ); "
            "name another file, or remove it"
        )
    return state


def _plain(epoch: Epoch) -> dict[str, Any]:
    return {name: getattr(epoch, name) for name in Epoch.__slots__}

"""One file per network format; each checks its reading against the source runtime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..base.errors import ModelError
from ..network.graph import Network

__all__ = ["FORMATS", "PICKLED", "load"]

# the library of a format is loaded when a file of it is


def _onnx(path: Path) -> Network:
    from .onnx.load import load_onnx

    return load_onnx(path)


def _torch(path: Path) -> Network:
    from .torch.state import from_state_dict

    return from_state_dict(path)


def _keras(path: Path) -> Network:
    from .keras.files import load_keras

    return load_keras(path)


def _mat(path: Path) -> Network:
    from .mipverify.mat import from_mat

    return from_mat(path)


def _nnet(path: Path) -> Network:
    from .nnet import from_nnet

    return from_nnet(path)


def _sklearn(path: Path) -> Network:
    from .sklearn.models import load_sklearn

    return load_sklearn(path)


FORMATS: dict[str, Callable[[Path], Network]] = {
    ".onnx": _onnx,
    ".onnx.gz": _onnx,
    ".nnet": _nnet,
    ".mat": _mat,
    ".pt": _torch,
    ".pth": _torch,
    ".keras": _keras,
    ".h5": _keras,
}
"""File name ending to importer.  To add a format: its file, its line here, its tests."""

PICKLED: dict[str, Callable[[Path], Network]] = {".joblib": _sklearn, ".pkl": _sklearn}
"""Those of which reading a file runs whatever it holds."""


def load(source: str | Path, *, trust_pickle: bool = False) -> Network:
    """The network in a file; the format follows from the end of its name.

    trust_pickle: whether files may be read of which the reading can run any program.
    """
    path = Path(source)
    for suffix, importer in {**FORMATS, **PICKLED}.items():
        if path.name.endswith(suffix):
            if suffix in PICKLED and not trust_pickle:
                raise ModelError(
                    str(path),
                    "is a pickle: reading it runs whatever program it holds. If you trust where it "
                    "came from, allow it by trust_pickle=True (--trust-pickle)",
                )
            network = importer(path)
            return network if network.path else replace(network, path=str(path.absolute()))
    known = ", ".join({**FORMATS, **PICKLED})
    raise ModelError(str(path), f"unknown format; supported: {known}")

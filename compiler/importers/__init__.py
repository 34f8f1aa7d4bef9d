"""One file per network format; each checks its reading against the source runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import ModelError
from ..graph import Network

__all__ = ["FORMATS", "load"]


def _onnx(path: Path) -> Network:
    from .onnx import load_onnx  # the format's library is loaded when a file of it is

    return load_onnx(path)


FORMATS: dict[str, Callable[[Path], Network]] = {".onnx": _onnx, ".onnx.gz": _onnx}
"""File name ending to importer.  To add a format: its file, its line here, its tests."""


def load(source: str | Path) -> Network:
    """The network in a file; the format follows from the end of its name."""
    path = Path(source)
    for suffix, importer in FORMATS.items():
        if path.name.endswith(suffix):
            return importer(path)
    raise ModelError(str(path), f"unknown format; supported: {', '.join(FORMATS)}")

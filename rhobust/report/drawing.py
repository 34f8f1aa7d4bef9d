"""Figures as files."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure

from ..files.atomic import write_bytes
from ..files.outputs import MARK

AUTHOR = {".png": "Software", ".pdf": "Creator", ".svg": "Creator"}
"""Where each format tells which program drew it."""


def save(figure: Figure, path: Path) -> None:
    """Writes a figure as a whole, in the format of the path's suffix."""
    buffer = BytesIO()
    figure.savefig(buffer, format=path.suffix[1:], metadata={AUTHOR[path.suffix]: MARK})
    write_bytes(path, buffer.getvalue())

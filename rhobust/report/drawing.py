"""Figures as files."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from ..files.atomic import write_bytes
from ..files.outputs import MARK

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AUTHOR = {".png": "Software", ".pdf": "Creator", ".svg": "Creator"}
"""Where each format tells which program drew it."""


def save(figure: Figure, path: Path) -> None:
    """Writes a figure as a whole, in the format of the path's suffix."""
    write_bytes(path, encoded(figure, path.suffix))


def encoded(figure: Figure, suffix: str) -> bytes:
    """What a file of a figure holds."""
    buffer = BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # in names of images: a box does
        figure.savefig(buffer, format=suffix[1:], metadata={AUTHOR[suffix]: MARK})
    return buffer.getvalue()

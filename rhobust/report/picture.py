"""A picture of images, their adversarial examples and the change between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..compiler.base.arrays import Vector
from .drawing import save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 12
"""Panels in one picture: more would be too small to see."""
WIDEST = 16
"""Characters of a title's line that fit above an image."""
LINE = 0.17
"""Inches of a title's line beyond the second."""
SIDE, LEFT, RIGHT, TOP, BOTTOM, GAP = 1.15, 1.15, 0.75, 0.5, 0.12, 0.08
"""Inches: of an image, of the margins, and between images."""
ROWS = ("image", "adversarial\nexample", "change\n(magnified)")


@dataclass(frozen=True, eq=False)
class Panel:
    """An image, an example near it, and the two or three lines above them."""

    image: Vector
    example: Vector
    title: str


def draw(
    path: Path, panels: Sequence[Panel], shape: tuple[int, ...], domain: tuple[float, float]
) -> None:
    """Writes the picture; the format follows from the suffix.

    shape: (H, W), (C, H, W) or (H, W, C).  Gray levels span the domain, the same for all images;
    the colours of a change span its own largest size.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = min(len(panels), MOST)
    width = LEFT + RIGHT + count * (SIDE + GAP)
    lines = max(panel.title.count("\n") for panel in panels[:count]) - 1
    head = TOP + LINE * max(0, lines)
    height = head + BOTTOM + 3 * (SIDE + GAP)
    figure = Figure(figsize=(width, height), dpi=130, facecolor="white")
    FigureCanvasAgg(figure)

    def place(row: int, column: int) -> Axes:
        left, top = LEFT + column * (SIDE + GAP), head + row * (SIDE + GAP)
        box = (left / width, 1.0 - (top + SIDE) / height, SIDE / width, SIDE / height)
        axes = figure.add_axes(box)
        axes.set_xticks([])
        axes.set_yticks([])
        return axes

    for column, panel in enumerate(panels[:count]):
        change = panel.example - panel.image
        for row, values in enumerate((panel.image, panel.example, change)):
            axes = place(row, column)
            if row < 2:
                low, high = domain
                level = (colours(values.reshape(shape)) - low) / max(high - low, 1e-300)
                level = np.clip(level, 0.0, 1.0)
                axes.imshow(level, cmap="gray", vmin=0.0, vmax=1.0)
            else:
                level = _largest(values.reshape(shape)) / max(float(np.abs(change).max()), 1e-300)
                axes.imshow(level, cmap="RdBu_r", vmin=-1.0, vmax=1.0)
            if column == 0:
                axes.set_ylabel(ROWS[row], rotation=0, ha="right", va="center", fontsize=9)
            if row == 0:
                axes.set_title(panel.title, fontsize=9, linespacing=1.35, parse_math=False)
    _scale(figure, width, height)
    save(figure, path)


def _scale(figure: Figure, width: float, height: float) -> None:
    """The colours of the changes, to the right of the last row."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    bottom = BOTTOM + GAP
    box = ((width - RIGHT + 0.06) / width, bottom / height, 0.1 / width, SIDE / height)
    bar = figure.colorbar(
        ScalarMappable(Normalize(-1.0, 1.0), "RdBu_r"), cax=figure.add_axes(box), ticks=[-1, 0, 1]
    )
    bar.ax.set_yticklabels(["\N{MINUS SIGN}max", "0", "+max"], fontsize=8)


def colours(values: Vector) -> Vector:
    """Channels last, where there are any."""
    if values.ndim == 2 or values.shape[2] == 3:
        return values
    return np.moveaxis(values, 0, 2)


def _largest(values: Vector) -> Vector:
    """The change of the channel that changed most, with its sign."""
    if values.ndim == 2:
        return values
    last = colours(values)
    pick = np.argmax(np.abs(last), axis=2)[..., None]
    most: Vector = np.take_along_axis(last, pick, axis=2)[..., 0]
    return most

"""An image, its adversarial example and their difference, large (Bastani et al. 2016, Figure 2)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.colors import Normalize

from ..compiler.shown.pixels import levels, strongest
from .picture import GAP, LINE, RIGHT, Panel, bare, scale_beside
from .style import CHANGE, COLUMN, canvas

LEVELS = 255
"""Steps of a pixel between the ends of the domain."""


def in_levels(distance: float, domain: tuple[float, float]) -> float:
    """An l-infinity distance in levels of a pixel of 0..255."""
    return distance / max(domain[1] - domain[0], 1e-300) * LEVELS


def draw_example(
    path: Path,
    panel: Panel,
    titles: tuple[str, str],
    shape: tuple[int, ...],
    domain: tuple[float, float],
    theme: str = "light",
) -> None:
    """Writes the three side by side; the format follows from the suffix.

    shape: (H, W), (C, H, W) or (H, W, C).  The colours of the difference span its largest number.
    """
    change = np.nan_to_num(panel.example - panel.image)
    largest = float(np.abs(change).max(initial=0.0))
    scale = Normalize(-largest or -1.0, largest or 1.0)
    cell = (COLUMN - RIGHT - 4 * GAP) / 3
    lines = 1 + max(title.count("\n") for title in titles)
    head = LINE * lines + 2 * GAP
    height = head + cell + LINE + 3 * GAP
    with canvas(path, COLUMN, height, theme, constrained=False) as drawn:
        parts = (*titles, "difference")
        for column, title in enumerate(parts):
            left, bottom = GAP + column * (cell + GAP), LINE + 3 * GAP
            box = left / COLUMN, bottom / height, cell / COLUMN, cell / height
            axes = bare(drawn.figure.add_axes(box))
            axes.set_title(title, pad=2.5, parse_math=False)
            if column < 2:
                values = (panel.image, panel.example)[column]
                axes.imshow(levels(values, shape, *domain), cmap="gray", vmin=0.0, vmax=1.0)
            else:
                axes.imshow(strongest(change, shape), cmap=CHANGE, norm=scale)
        bar = ((COLUMN - RIGHT + GAP) / COLUMN, bottom / height, 0.07 / COLUMN, cell / height)
        scale_beside(drawn.figure, drawn.figure.add_axes(bar), scale)
        drawn.figure.text(0.5, GAP / height, panel.title, ha="center", va="bottom")

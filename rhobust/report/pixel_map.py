"""An image beside the map of the pixels that a proof rests on."""

from __future__ import annotations

from pathlib import Path

from ..compiler.base.arrays import Vector
from ..compiler.shown.pixels import levels
from .explanation import shaded
from .picture import bare
from .style import COLUMN, WEIGHT, canvas


def draw_map(
    path: Path,
    image: Vector,
    pixels: Vector,
    shape: tuple[int, ...],
    domain: tuple[float, float],
    titles: tuple[str, str],
    theme: str = "light",
) -> None:
    """Writes both side by side; the format follows from the suffix.

    image, pixels: (D,). shape: (H, W), (C, H, W) or (H, W, C). Colours span 0 to the largest.
    """
    with canvas(path, COLUMN, 0.53 * COLUMN, theme) as drawn:
        left, right = (bare(axes) for axes in drawn.figure.subplots(1, 2))
        left.imshow(levels(image, shape, *domain), cmap="gray", vmin=0.0, vmax=1.0)
        most = shaded(pixels, shape)
        painted = right.imshow(most, cmap=WEIGHT, vmin=0.0, vmax=max(float(most.max()), 1e-300))
        bar = drawn.figure.colorbar(painted, ax=right, shrink=0.8, label="logits")
        bar.outline.set_linewidth(0.4)
        for axes, title in ((left, titles[0]), (right, titles[1])):
            axes.set_title(title, parse_math=False, wrap=True)

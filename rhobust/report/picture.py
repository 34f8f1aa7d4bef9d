"""A picture of images, their adversarial examples and the change between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from ..compiler.base.arrays import Vector
from ..compiler.shown.pixels import levels, strongest
from .style import CHANGE, COLUMN, PAGE, SMALL, canvas

MOST = 12
"""Panels in one picture: more would be too small to see."""
WIDEST = 12
"""Characters of a title's line that fit above an image."""
NARROW, WIDE = 4, 6
"""Images side by side in a column of a paper, and across both."""
LARGEST = 1.0
"""Inches of an image."""
LEFT, RIGHT, GAP, LINE, BLOCK = 0.18, 0.56, 0.05, 0.115, 0.08
"""Inches: of the margins, between images, of a title's line, and between blocks of rows."""
ROWS = ("image", "example", "change")


@dataclass(frozen=True, eq=False)
class Panel:
    """An image, an example near it, the lines above them, and their distance."""

    image: Vector
    example: Vector
    title: str
    distance: float = 0.0


def draw(
    path: Path,
    panels: Sequence[Panel],
    shape: tuple[int, ...],
    domain: tuple[float, float],
    theme: str = "light",
) -> None:
    """Writes the picture, nearest examples first; the format follows from the suffix.

    shape: (H, W), (C, H, W) or (H, W, C).  Gray levels span the domain, and the colours of the
    changes the largest of them: both are the same for all images.  Up to four images fit a column
    of a paper, more take the width of both.
    """
    shown = sorted(panels, key=lambda panel: panel.distance)[:MOST]
    side = PAGE if len(shown) > NARROW else COLUMN
    across = len(shown) if len(shown) <= WIDE else -(-len(shown) // 2)
    room = side - LEFT - RIGHT - (across - 1) * GAP
    cell = min(LARGEST, room / max(across, NARROW))
    blocks = [shown[start : start + across] for start in range(0, len(shown), max(across, 1))]
    heads = [LINE * (1 + max(panel.title.count("\n") for panel in part)) + GAP for part in blocks]
    width = LEFT + across * cell + (across - 1) * GAP + RIGHT
    height = sum(head + 3 * (cell + GAP) + BLOCK for head in heads)
    largest = max((_size(panel) for panel in shown), default=0.0)
    scale = Normalize(-largest or -1.0, largest or 1.0)
    with canvas(path, width, height, theme, constrained=False) as drawn:
        top = 0.0
        for part, head in zip(blocks, heads, strict=True):
            top += head
            for row, name in enumerate(ROWS):
                for column, panel in enumerate(part):
                    left = LEFT + column * (cell + GAP)
                    box = left / width, 1.0 - (top + cell) / height, cell / width, cell / height
                    axes = _place(drawn.figure, box)
                    _paint(axes, panel, row, shape, domain, scale)
                    if row == 0:
                        axes.set_title(
                            panel.title, fontsize=SMALL, linespacing=1.2, pad=2.0, parse_math=False
                        )
                    if column == 0:
                        axes.set_ylabel(name, labelpad=2.0)
                top += cell + GAP
            top += BLOCK
        bottom = BLOCK + GAP
        box = (width - RIGHT + GAP) / width, bottom / height, 0.07 / width, cell / height
        scale_beside(drawn.figure, drawn.figure.add_axes(box), scale)


def scale_beside(figure: Figure, axes: Axes, scale: Normalize) -> Colorbar:
    """What the colours of changes mean, in numbers."""
    low, high = float(scale.vmin or 0.0), float(scale.vmax or 0.0)
    bar = figure.colorbar(ScalarMappable(scale, CHANGE), cax=axes, ticks=[low, 0.0, high])
    bar.ax.set_yticklabels([f"\N{MINUS SIGN}{high:.3g}", "0", f"+{high:.3g}"])
    bar.outline.set_linewidth(0.4)
    return bar


def _place(figure: Figure, box: tuple[float, float, float, float]) -> Axes:
    return bare(figure.add_axes(box))


def bare(axes: Axes) -> Axes:
    """Axes of an image: no numbers, and a thin frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set(visible=True, linewidth=0.4)
    return axes


def _paint(
    axes: Axes,
    panel: Panel,
    row: int,
    shape: tuple[int, ...],
    domain: tuple[float, float],
    scale: Normalize,
) -> None:
    """The image, the example or the change."""
    if row < 2:
        values = (panel.image, panel.example)[row]
        axes.imshow(levels(values, shape, *domain), cmap="gray", vmin=0.0, vmax=1.0)
    else:
        change = np.nan_to_num(panel.example - panel.image)
        axes.imshow(strongest(change, shape), cmap=CHANGE, norm=scale)


def _size(panel: Panel) -> float:
    return float(np.abs(np.nan_to_num(panel.example - panel.image)).max(initial=0.0))

"""An image beside the map of the pixels that a proof rests on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..compiler.base.arrays import Vector
from .drawing import save
from .explanation import shaded
from .picture import colours


def draw_map(
    path: Path,
    image: Vector,
    pixels: Vector,
    shape: tuple[int, ...],
    domain: tuple[float, float],
    titles: tuple[str, str],
) -> None:
    """Writes both side by side; the format follows from the suffix.

    image, pixels: (D,). shape: (H, W), (C, H, W) or (H, W, C). Colours span 0 to the largest.
    """
    low, high = domain
    figure = Figure(figsize=(6.6, 3.3), dpi=130, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    level = (colours(image.reshape(shape)) - low) / max(high - low, 1e-300)
    left.imshow(np.clip(level, 0.0, 1.0), cmap="gray", vmin=0.0, vmax=1.0)
    most = shaded(pixels, shape)
    drawn = right.imshow(most, cmap="magma", vmin=0.0, vmax=max(float(most.max()), 1e-300))
    figure.colorbar(drawn, ax=right, shrink=0.8, label="logits")
    for axes, title in ((left, titles[0]), (right, titles[1])):
        axes.set_title(title, fontsize=10, parse_math=False)
        axes.set_xticks([])
        axes.set_yticks([])
    save(figure, path)

"""An image, its adversarial example and their difference, large (Bastani et al. 2016, Figure 2)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .drawing import save
from .picture import Panel, colours

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
) -> None:
    """Writes the three side by side; the format follows from the suffix.

    shape: (H, W), (C, H, W) or (H, W, C).  The difference is scaled so that its largest number
    spans half of the domain, and added to the middle of the domain: gray is no change.
    """
    low, high = domain
    change = panel.example - panel.image
    largest = float(np.abs(change).max(initial=0.0))
    factor = (high - low) / 2.0 / largest if largest > 0.0 else 1.0
    figure = Figure(figsize=(8.4, 3.4), dpi=130, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    parts = (
        (panel.image, titles[0]),
        (panel.example, titles[1]),
        ((low + high) / 2.0 + factor * change, f"difference \N{MULTIPLICATION SIGN} {factor:.3g}"),
    )
    for axes, (values, title) in zip(figure.subplots(1, 3), parts, strict=True):
        level = (colours(values.reshape(shape)) - low) / max(high - low, 1e-300)
        axes.imshow(np.clip(level, 0.0, 1.0), cmap="gray", vmin=0.0, vmax=1.0)
        axes.set_title(title, fontsize=10, parse_math=False)
        axes.set_xticks([])
        axes.set_yticks([])
    figure.suptitle(panel.title, fontsize=10)
    save(figure, path)

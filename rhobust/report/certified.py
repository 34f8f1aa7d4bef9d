"""Certified accuracy against the radius (Cohen et al. 2019, Figures 4 to 6)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..smoothing.accuracy import Accuracy
from .curve import HEIGHT
from .style import COLUMN, canvas


def draw_accuracy(path: Path, curves: Sequence[tuple[str, Accuracy]], theme: str = "light") -> None:
    """Writes named curves in one plot; the format follows from the suffix.

    Each is a step function: the share of images that are certified for their own label at the
    radius. The legend tells how many images there are, and how likely any certificate is false.
    """
    end = 1.05 * max((float(found.radii.max(initial=0.0)) for _, found in curves), default=0.0)
    end = end or 1.0
    with canvas(path, COLUMN, HEIGHT, theme) as drawn:
        axes = drawn.figure.add_subplot()
        for name, found in curves:
            radii, shares = steps(found, end)
            told = f"{name} ({found.images} images, any false: at most {found.wrong:.2g})"
            axes.step(radii, shares, where="post", label=told)
        axes.set_xlim(0.0, end)
        axes.set_ylim(0.0, 1.02)
        axes.set_xlabel("radius (l2)")
        axes.set_ylabel("certified accuracy")
        axes.grid(True)
        axes.legend()


def steps(found: Accuracy, end: float) -> tuple[list[float], list[float]]:
    """From 0 to the end: where the share changes, and what it is from there on."""
    radii = [0.0, *np.unique(found.radii).tolist(), end]
    # an image counts up to its own radius
    shares = [float((found.radii > radius).sum()) / found.images for radius in radii]
    return radii, shares

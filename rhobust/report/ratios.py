"""How many images an attack comes near to: distances of examples over rho."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..compiler.base.arrays import Vector
from .drawing import save

WIDTH, HEIGHT = 7.0, 4.2
"""Inches."""

FARTHEST = 2.0
"""Where the axis ends."""


def draw_ratios(
    path: Path, ratios: Sequence[tuple[str, Vector]], dashed: Sequence[str] = ()
) -> None:
    """Writes, for each named attack, the share of images with an example within x times rho.

    ratios (N,): of each attack, inf where it found none.  dashed: names drawn in another line.
    """
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=130, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, values in ratios:
        known = np.sort(values[np.isfinite(values)])
        x = np.concatenate([[1.0], known, [max(FARTHEST, known.max(initial=1.0))]])
        shares = np.arange(len(known) + 1) / max(1, len(values))
        y = 100.0 * np.append(shares, shares[-1])
        style = "--" if name in dashed else "-"
        axes.step(x, y, where="post", label=name, linestyle=style, linewidth=1.3)
    axes.set_xlim(1.0, FARTHEST)
    axes.set_ylim(0.0, 100.0)
    axes.set_xlabel("distance of the example / proven \N{GREEK SMALL LETTER RHO}")
    axes.set_ylabel("per cent of images")
    axes.legend(fontsize=7, loc="lower right")
    save(figure, path)

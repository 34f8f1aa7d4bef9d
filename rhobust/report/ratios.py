"""How many images an attack comes near to: distances of examples over rho."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..compiler.base.arrays import Vector
from .style import COLUMN, canvas

HEIGHT = 2.5
"""Inches."""
COLUMNS = 6
"""Names from which on a legend has two columns."""

FARTHEST = 2.0
"""Where the axis ends."""


def draw_ratios(
    path: Path,
    ratios: Sequence[tuple[str, Vector]],
    dashed: Sequence[str] = (),
    theme: str = "light",
) -> None:
    """Writes, for each named attack, the share of images with an example within x times rho.

    ratios (N,): of each attack, inf where it found none.  dashed: names drawn in another line.
    """
    with canvas(path, COLUMN, HEIGHT, theme) as drawn:
        axes = drawn.figure.add_subplot()
        colours = drawn.theme.curves
        for place, (name, values) in enumerate(ratios):
            known = np.sort(values[np.isfinite(values)])
            x = np.concatenate([[1.0], known, [max(FARTHEST, known.max(initial=1.0))]])
            shares = np.arange(len(known) + 1) / max(1, len(values))
            y = 100.0 * np.append(shares, shares[-1])
            again = ":" if place >= len(colours) else "-"
            style, color = "--" if name in dashed else again, colours[place % len(colours)]
            axes.step(x, y, where="post", label=name, linestyle=style, color=color)
        axes.set_xlim(1.0, FARTHEST)
        axes.set_ylim(0.0, 100.0)
        axes.set_xlabel("distance of the example / proven \N{GREEK SMALL LETTER RHO}")
        axes.set_ylabel("per cent of images")
        axes.legend(loc="lower right", ncols=1 if len(ratios) < COLUMNS else 2)

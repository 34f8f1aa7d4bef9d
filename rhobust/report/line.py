"""The margin along the line from an image through its adversarial example."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..compiler.base.arrays import Indices, Vector
from ..compiler.network.graph import Network
from .style import COLUMN, canvas

HEIGHT = 2.1
"""Inches."""
FINE = 401
"""Points of the line."""
BEFORE, BEYOND = -0.25, 1.5
"""Ends of the line, as shares of the way from the image to the example."""


@dataclass(frozen=True, eq=False)
class Line:
    """share (T,): of the way from the image, 0, to the example, 1. margin (T,): the label's logit
    minus the best rival's, as numbers come in float64. rival (T,): which one that is.
    """

    share: Vector
    margin: Vector
    rival: Indices


def along(
    network: Network, image: Vector, example: Vector, label: int, domain: tuple[float, float]
) -> Line:
    """The margin of a label on the part of the line that lies within the domain."""
    step = example - image
    low, high = BEFORE, BEYOND
    moves = step != 0.0
    if moves.any():
        # where each coordinate that moves leaves the domain, on both sides
        ends = np.sort([(side - image[moves]) / step[moves] for side in domain], axis=0)
        low, high = max(low, float(ends[0].max())), min(high, float(ends[1].min()))
    share = np.linspace(min(low, 0.0), max(high, 1.0), FINE)
    logits = network.forward(image + share[:, None] * step)
    rivals = np.delete(logits, label, axis=1)
    best = np.argmax(rivals, axis=1)
    margin: Vector = logits[:, label] - rivals[np.arange(FINE), best]
    return Line(share, margin, (best + (best >= label)).astype(np.int64))


def draw_line(
    path: Path,
    line: Line,
    labels: tuple[int, int],
    distance: float,
    norm: str,
    proven: float = 0.0,
    theme: str = "light",
) -> None:
    """Writes the margin by the distance from the image; the format follows from the suffix.

    labels: of the image and of its example, which lies at `distance`. proven: the radius within
    which no example lies, 0 where none is known.
    """
    x = line.share * distance
    names = {"linf": "l\N{INFINITY}"}
    with canvas(path, COLUMN, HEIGHT, theme) as drawn:
        axes, colours = drawn.figure.add_subplot(), drawn.theme
        if proven > 0.0:
            axes.axvspan(0.0, min(proven, float(x[-1])), color=colours.proven_area, lw=0.0,
                         alpha=0.7, label="proven: no example")  # fmt: skip
        lost = np.minimum(line.margin, 0.0)
        axes.fill_between(x, lost, 0.0, color=colours.broken, alpha=0.3, lw=0.0)
        axes.axhline(0.0, color=colours.soft, lw=0.6, ls=":")
        axes.plot(x, line.margin, color=colours.curves[0], ls="-")
        at = np.interp([0.0, 1.0], line.share, line.margin)
        axes.plot([0.0], at[:1], "o", color=colours.ink, ls="none", clip_on=False,
                  label=f"image: {labels[0]}")  # fmt: skip
        axes.plot(
            [distance], at[1:], "X", color=colours.broken, ls="none", ms=5, clip_on=False,
            label=f"example: {labels[1]}",
        )  # fmt: skip
        axes.set_xlim(float(x[0]), float(x[-1]) or 1.0)
        axes.set_xlabel(f"distance from the image ({names.get(norm, norm)})")
        axes.set_ylabel(f"margin of label {labels[0]}")
        axes.legend(loc="upper right")

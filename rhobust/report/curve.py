"""Cumulative curves: how many images have an example within eps (Bastani et al. 2016, Figure 3)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..compiler.base.arrays import Vector
from ..metrics import Curve
from .style import COLUMN, canvas, ended

HEIGHT = 2.3
"""Inches."""


def draw_curves(
    path: Path,
    curves: Sequence[tuple[str, Curve]],
    marks: Sequence[float] = (),
    largest: float | None = None,
    theme: str = "light",
) -> None:
    """Writes named curves in one plot; the format follows from the suffix.

    Solid: images with an example within eps, from rho-hat or a witness. Dotted, where lower ends
    are proven: images not proven to hold none; the true curve lies between the two. The height is
    the number of images, or their share where the curves have different numbers. marks: radii
    to be marked. largest: where the axis ends, by default at the farthest example.
    """
    end = largest or 1.05 * max([*(_farthest(curve) for _, curve in curves), *marks], default=0.0)
    end = end or 1.0
    counts = {curve.images for _, curve in curves}
    height, told = (counts.pop(), "number of") if len(counts) == 1 else (100, "per cent of")
    with canvas(path, COLUMN, HEIGHT, theme) as drawn:
        axes = drawn.figure.add_subplot()
        for name, curve in curves:
            eps = np.concatenate([[0.0], curve.eps, [max(end, curve.eps.max(initial=0.0))]])
            lower, upper = (height * _steps(side) for side in (curve.lower, curve.upper))
            (line,) = axes.step(
                eps, lower, where="post", label=f"{ended(name)} ({curve.images} images)"
            )
            if _two_sided(curve):
                color = line.get_color()
                axes.step(eps, upper, where="post", linestyle=":", color=color)
                axes.fill_between(eps, lower, upper, step="post", color=color, alpha=0.15, lw=0.0)
        for mark in marks:
            axes.axvline(mark, color=drawn.theme.soft, linestyle=":", linewidth=0.8)
        axes.set_xlim(0.0, end)
        axes.set_ylim(0.0, None)
        axes.set_xlabel("\N{GREEK SMALL LETTER EPSILON}")
        axes.set_ylabel(f"{told} images with an example")
        axes.legend()


def _two_sided(curve: Curve) -> bool:
    """Whether some lower end is more than 0."""
    return bool(len(curve.eps)) and bool(curve.upper[0] < 1.0)


def _farthest(curve: Curve) -> float:
    """The last radius at which an example was found."""
    rises = np.flatnonzero(np.diff(curve.lower, prepend=0.0))
    return float(curve.eps[rises[-1]]) if len(rises) else 0.0


def _steps(side: Vector) -> Vector:
    """The heights from 0 on, and up to the end of the axis."""
    found: Vector = np.concatenate([[0.0], side, side[-1:] if len(side) else [0.0]])
    return found

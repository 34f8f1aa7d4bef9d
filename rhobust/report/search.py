"""A search over time: what is proven from below, and known from above."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..compiler.base.arrays import Vector
from ..compiler.base.errors import InputError
from ..queries.trace import Event
from .style import COLUMN, SMALL, canvas

HEIGHT = 2.1
"""Inches."""
LONG = 30.0
"""Seconds from which on the axis of time grows by factors."""
NAMES = {"rho": "\N{GREEK SMALL LETTER RHO}", "margin": "margin", "objective": "objective"}
SAYS = {
    "rho": ("proven", "nearest example"), "margin": ("proven", ""),
    "objective": ("from below", "from above"),
}  # fmt: skip
"""What the lower and the upper end are called."""


def steps(events: Sequence[Event]) -> tuple[Vector, Vector, Vector]:
    """Seconds, and the ends from then on, (M,) each; what is infinite is NaN, and not drawn."""
    table = np.array([(one.seconds, one.lower, one.upper) for one in events]).reshape(-1, 3)
    ends = np.where(np.isfinite(table), table, np.nan)
    return table[:, 0], ends[:, 1], ends[:, 2]


def draw_search(
    path: Path, events: Sequence[Event], about: str = "rho", theme: str = "light"
) -> None:
    """Writes both ends as steps, and what is open between them; the format follows from the suffix.

    about: rho, margin (of `verify`, whose proof is done above 0) or objective. Raises InputError
    where nothing finite was told.
    """
    seconds, lower, upper = steps(events)
    if not (np.isfinite(lower) | np.isfinite(upper)).any():
        raise InputError("nothing was proven or found in the search, so there is nothing to draw")
    below, above = SAYS[about]
    with canvas(path, COLUMN, HEIGHT, theme) as drawn:
        axes, theme_ = drawn.figure.add_subplot(), drawn.theme
        axes.fill_between(seconds, lower, upper, step="post", color=theme_.open_area, lw=0.0,
                          alpha=0.6)  # fmt: skip
        axes.step(seconds, lower, where="post", color=theme_.proven, ls="-", label=below)
        if np.isfinite(upper).any():
            axes.step(seconds, upper, where="post", color=theme_.broken, ls="-", label=above)
        if about == "margin":
            axes.axhline(0.0, color=theme_.soft, lw=0.6, ls=":")
        first = float(seconds[seconds > 0.0].min(initial=math.inf))
        if seconds[-1] > LONG and first < seconds[-1]:
            axes.set_xscale("log")
            axes.set_xlim(max(first, 1e-2), seconds[-1])
        else:
            axes.set_xlim(0.0, max(float(seconds[-1]), 1e-3))
        if about == "rho":
            axes.set_ylim(0.0, None)
        axes.set_xlabel("seconds")
        axes.set_ylabel(NAMES[about])
        last = events[-1]
        told = f"{last.nodes:,} nodes, {last.open:,} open"
        axes.set_title(told, fontsize=SMALL, loc="right", color=theme_.soft)
        axes.legend(loc="lower right")

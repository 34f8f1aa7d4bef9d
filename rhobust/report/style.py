"""The style of all pictures: widths of a paper's columns, sizes of letters, colours of a ground."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cycler import cycler
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from ..compiler.base.errors import InputError
from ..compiler.shown.colours import GAIN, LOSS, NONE, THEMES, Theme
from .drawing import save

COLUMN, PAGE = 3.3, 6.9
"""Inches: the width of a column of a paper, and of both."""
LETTERS, SMALL = 7.0, 6.0
"""Points: of all text, and of numbers and legends."""

LETTERS_OF_NAMES = 30
"""Of a name in a legend, at most."""
DPI = 300


def _between(name: str, *ends: tuple[int, int, int]) -> LinearSegmentedColormap:
    levels = [tuple(level / 255.0 for level in end) for end in ends]
    return LinearSegmentedColormap.from_list(name, levels)


CHANGE = _between("change", LOSS, NONE, GAIN)
"""From the largest loss to the largest gain."""
WEIGHT = _between("weight", NONE, GAIN)
"""From nothing to the most."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """A figure that is written once all of it is drawn, and the colours of its ground."""

    figure: Figure
    theme: Theme


@contextmanager
def canvas(
    path: Path, width: float, height: float, theme: str = "light", constrained: bool = True
) -> Iterator[Canvas]:
    """A figure of so many inches; where the block ends without an error, it is in the file.

    The format follows from the suffix. theme: light or dark. constrained: whether axes find their
    own places.
    """
    chosen = theme_of(theme)
    with rc_context(_settings(chosen)):  # type: ignore[arg-type]
        figure = Figure(figsize=(width, height), layout="constrained" if constrained else None)
        FigureCanvasAgg(figure)
        yield Canvas(figure, chosen)
        save(figure, path)


def ended(name: str) -> str:
    """The end of a long name, which is what tells paths apart: a legend has to fit its plot."""
    return (
        name
        if len(name) <= LETTERS_OF_NAMES
        else f"\N{HORIZONTAL ELLIPSIS}{name[1 - LETTERS_OF_NAMES :]}"
    )


def theme_of(name: str) -> Theme:
    """The colours of a name; raises InputError for another."""
    if name not in THEMES:
        raise InputError(f"--theme {name!r} is not one of {', '.join(THEMES)}")
    return THEMES[name]


def _settings(theme: Theme) -> dict[str, Any]:
    """matplotlib's settings."""
    lines = cycler(linestyle=["-", "--"]) * cycler(color=theme.curves)
    return {
        "figure.dpi": DPI, "figure.facecolor": theme.paper, "savefig.facecolor": theme.paper,
        "axes.facecolor": theme.paper, "axes.edgecolor": theme.soft, "axes.linewidth": 0.6,
        "axes.labelcolor": theme.ink, "axes.labelsize": LETTERS, "axes.titlesize": LETTERS,
        "axes.titlecolor": theme.ink, "axes.spines.top": False, "axes.spines.right": False,
        "axes.prop_cycle": lines, "axes.grid": False, "grid.color": theme.rule,
        "grid.linewidth": 0.4, "lines.linewidth": 1.1, "lines.markersize": 3.5,
        "text.color": theme.ink, "font.size": LETTERS, "legend.fontsize": SMALL,
        "legend.frameon": False, "legend.handlelength": 1.6, "legend.borderaxespad": 0.3,
        "xtick.color": theme.soft, "ytick.color": theme.soft, "xtick.labelsize": SMALL,
        "ytick.labelsize": SMALL, "xtick.major.width": 0.6, "ytick.major.width": 0.6,
        "xtick.major.size": 2.5, "ytick.major.size": 2.5, "figure.titlesize": LETTERS,
        "hatch.linewidth": 0.4, "image.interpolation": "nearest",
        # letters that other programs can edit and search
        "pdf.fonttype": 42, "svg.fonttype": "path",
    }  # fmt: skip

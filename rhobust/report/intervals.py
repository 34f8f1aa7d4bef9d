"""What is known of rho, image by image: proven, open, and where the nearest example lies."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..compiler.base.arrays import Vector
from ..compiler.shown.colours import Theme
from ..metrics.intervals import distances, read
from ..store.record import Record
from .style import COLUMN, canvas
from .table import short

NAMED = 24
"""Images up to which each has a line with its name."""
LINE, HEAD, HEIGHT = 0.135, 0.75, 2.3
"""Inches of an image's line, of axis and legend, and of a picture without names."""
WIDEST = 14
"""Characters of a name."""
RHO = "\N{GREEK SMALL LETTER RHO}"


@dataclass(frozen=True, slots=True)
class Known:
    """rho of an image lies in [lower, upper], upper inf where no example is known.

    estimate, attack: distances of the convex restriction's example and of an attack's, None where
    there is none.
    """

    name: str
    lower: float
    upper: float
    estimate: float | None = None
    attack: float | None = None


def known_of_lines(path: Path) -> list[Known]:
    """The images of a file that `--json` of rho, verify or estimate wrote."""
    ends = read(path)
    text = path.read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    more = [
        (_name(row.get("index", k), row.get("name")), row.get("rho_estimate"), row.get("attack"))
        for k, row in enumerate(rows)
    ]
    return list(_joined(ends.lower, np.where(ends.correct, ends.upper, 0.0), more))


def known_of_records(records: Sequence[Record]) -> list[Known]:
    """The images of a store."""
    ends = distances(records)
    return list(_joined(ends.lower, ends.upper, [
        (_name(one.index, one.name), one.rho_estimate, one.attack_distance) for one in records
    ]))  # fmt: skip


def _joined(
    lower: Vector, upper: Vector, rows: Sequence[tuple[str, object, object]]
) -> Iterator[Known]:
    for low, high, (name, *more) in zip(lower.tolist(), upper.tolist(), rows, strict=True):
        estimate, attack = (
            float(one) if isinstance(one, int | float) and math.isfinite(one) else None
            for one in more
        )
        yield Known(name, min(low, high), high, estimate, attack)


def _name(index: object, name: object) -> str:
    text = str(name or "")
    head = f"#{index}"
    return head if not text or text == str(index) else f"{head} {short(text, WIDEST - len(head))}"


def draw_intervals(path: Path, images: Sequence[Known], theme: str = "light") -> None:
    """Writes a bar for each image, those nearest to an example first.

    Proven up to lower, open up to upper, where an example lies. Of more than NAMED images the bars
    stand side by side, without names. The format follows from the suffix.
    """
    order = sorted(images, key=lambda one: (one.upper, one.lower))
    ends = [one for known in order for one in (known.lower, known.upper) if math.isfinite(one)]
    end = 1.08 * max(ends, default=0.0) or 1.0
    named = len(order) <= NAMED
    height = HEAD + LINE * max(len(order), 3) if named else HEIGHT
    with canvas(path, COLUMN, height, theme) as drawn:
        axes = drawn.figure.add_subplot()
        (_bars if named else _areas)(axes, order, end, drawn.theme)
        drawn.figure.legend(
            handles=_legend(order, drawn.theme), loc="outside lower center", ncols=3
        )


def _bars(axes: Axes, order: Sequence[Known], end: float, theme: Theme) -> None:
    for place, one in enumerate(order):
        low, high = min(one.lower, end), min(one.upper, end)
        axes.barh(place, low, 0.62, color=theme.proven)
        axes.barh(place, high - low, 0.62, low, color=theme.open)
        if one.upper < math.inf:
            axes.plot([high] * 2, [place - 0.4, place + 0.4], color=theme.broken, ls="-", lw=1.4)
        for number, marker in ((one.estimate, "D"), (one.attack, "x")):
            if number is not None and number <= end:
                axes.plot([number], [place], marker, color=theme.ink, mfc="none", ms=3, mew=0.7)
    axes.set_yticks(range(len(order)), [one.name for one in order], parse_math=False)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_xlim(0.0, end)
    axes.set_xlabel(RHO)


def _areas(axes: Axes, order: Sequence[Known], end: float, theme: Theme) -> None:
    edges = np.arange(len(order) + 1)
    low, high = (
        np.minimum([*(getattr(one, side) for one in order), getattr(order[-1], side)], end)
        for side in ("lower", "upper")
    )
    axes.fill_between(edges, 0.0, low, step="post", color=theme.proven, lw=0.0)
    axes.fill_between(edges, low, high, step="post", color=theme.open, lw=0.0)
    shown = [k for k, one in enumerate(order) if one.upper < math.inf]
    for key, marker in (("upper", "_"), ("estimate", "D"), ("attack", "x")):
        pairs = [(k + 0.5, getattr(one, key)) for k, one in enumerate(order)
                 if k in set(shown) or key != "upper"]  # fmt: skip
        pairs = [(x, y) for x, y in pairs if y is not None and y <= end]
        if pairs:
            x, y = zip(*pairs, strict=True)
            size, color = (3.0, theme.broken) if key == "upper" else (1.2, theme.ink)
            axes.plot(x, y, marker, color=color, mfc="none", ms=size, mew=0.5, ls="none")
    axes.set_xlim(0.0, len(order))
    axes.set_ylim(0.0, end)
    axes.set_xlabel("images, nearest examples first")
    axes.set_ylabel(RHO)


def _legend(order: Sequence[Known], theme: Theme) -> list[Patch | Line2D]:
    handles: list[Patch | Line2D] = [
        Patch(color=theme.proven, label="proven"), Patch(color=theme.open, label="open"),
        Line2D([], [], color=theme.broken, ls="-", label="nearest example"),
    ]  # fmt: skip
    marks = (("estimate", "D", f"{RHO}\N{COMBINING CIRCUMFLEX ACCENT} (estimate)"),
             ("attack", "x", "attack"))  # fmt: skip
    for key, marker, label in marks:
        if any(getattr(one, key) is not None for one in order):
            handles.append(Line2D([], [], color=theme.ink, marker=marker, mfc="none", ms=3,
                                  ls="none", label=label))  # fmt: skip
    return handles

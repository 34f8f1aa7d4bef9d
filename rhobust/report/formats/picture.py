"""The report as one picture: the words, a bar for each radius, the curve, and the worst images."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ...compiler.shown.colours import LIGHT
from ...compiler.shown.pixels import levels
from ..drawing import encoded
from ..findings.gathered import Findings
from ..findings.numbers import bounds, radius
from ..findings.selection import selected
from ..findings.status import WORDS, Status, counts, statuses
from ..findings.wording import summary
from ..page.chart import Axis, columns, end
from ..page.gallery import interval
from ..page.pictures import domain, pixels_shape

COLOURS = {
    Status.PROVEN: LIGHT.proven, Status.OPEN: LIGHT.open, Status.BROKEN: LIGHT.broken,
    Status.WRONG: LIGHT.wrong,
}  # fmt: skip
AREAS = {
    Status.PROVEN: LIGHT.proven_area, Status.OPEN: LIGHT.open_area,
    Status.BROKEN: LIGHT.broken_area,
}  # fmt: skip
INK, SOFT = LIGHT.ink, LIGHT.soft
WIDTH, HEIGHT = 8.27, 11.69
"""Inches of an A4 page."""
SHOWN = 6
"""Images in the last row."""


def png(findings: Findings, out: Path | None) -> bytes:
    """The picture as PNG; `out` is not used."""
    return encoded(_figure(findings), ".png")


def pdf(findings: Findings, out: Path | None) -> bytes:
    """The picture as PDF; `out` is not used."""
    return encoded(_figure(findings), ".pdf")


def _figure(findings: Findings) -> Figure:
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=130, facecolor="white")
    FigureCanvasAgg(figure)
    title = textwrap.shorten(f"Robustness of {findings.model}", 60, placeholder=" …")
    figure.text(0.08, 0.955, shown(title), fontsize=19, weight="bold", color=INK, va="top")
    lines = [line for one in summary(findings) for line in textwrap.wrap(one, 88)]
    figure.text(
        0.08, 0.918, shown("\n".join(lines[:14])), fontsize=10, color=INK, va="top",
        linespacing=1.5,
    )  # fmt: skip
    rows = min(len(findings.radii), 8)
    tall = 0.026 * rows
    _bars(figure.add_axes((0.19, 0.665 - tall, 0.58, tall)), findings, rows)
    top = 0.665 - tall - 0.075
    _curve(figure.add_axes((0.1, 0.3, 0.84, top - 0.3)), findings)
    _worst(figure, findings)
    return figure


def shown(text: str) -> str:
    """A text in which matplotlib sees no formula."""
    return text.replace("$", r"\$")


def _bars(axes: Axes, findings: Findings, rows: int) -> None:
    for place in range(rows):
        eps, found = findings.radii[place], findings.accuracies[place]
        left = 0.0
        numbers = counts(statuses(findings.known, eps))
        for status in reversed(Status):
            number = numbers[status]
            label = WORDS[status] if place == 0 else None
            axes.barh(-place, number / found.images, 0.62, left, color=COLOURS[status], label=label)
            left += number / found.images
        told = bounds(found.robust.least, found.robust.most, found.images)
        axes.text(1.02, -place, shown(told), va="center", fontsize=9, color=SOFT)
        axes.text(-0.02, -place, f"ε = {radius(eps)}", va="center", ha="right", fontsize=9)
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(-rows + 0.5, 0.5)
    axes.axis("off")
    axes.legend(
        loc="upper left", bbox_to_anchor=(0.0, -0.05), ncols=4, frameon=False, fontsize=8,
        handlelength=1.0, borderaxespad=0.2,
    )  # fmt: skip


def _curve(axes: Axes, findings: Findings) -> None:
    curve, asked = findings.curve, findings.run.question.get("eps")
    marks = findings.radii if asked else ()
    axis = Axis(0.0, end(curve, marks))
    low, high = columns(axis, 1.0 - curve.upper, 1.0 - curve.lower, curve.eps, 1.0)
    edges = axis.edges()
    low, high = 100.0 * np.append(low, low[-1]), 100.0 * np.append(high, high[-1])
    base, whole = np.zeros(len(edges)), np.full(len(edges), 100.0)
    for one, other, status in (
        (base, low, Status.PROVEN), (low, high, Status.OPEN), (high, whole, Status.BROKEN)
    ):  # fmt: skip
        axes.fill_between(edges, one, other, step="post", color=AREAS[status], lw=0.0)
    if findings.attacks:
        x, y = zip(*findings.attacks, strict=True)
        axes.plot(x, 100.0 * np.array(y), "o", color=INK, ms=5, label="attacks alone")
        axes.legend(loc="upper right", frameon=False, fontsize=8)
    for mark in marks:
        axes.axvline(mark, color=SOFT, ls=":", lw=0.8)
    axes.set_xlim(0.0, axis.high)
    axes.set_ylim(0.0, 100.0)
    axes.set_xlabel("ε", color=SOFT)
    axes.set_ylabel("robust accuracy, %", color=SOFT)
    axes.tick_params(colors=SOFT, labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _worst(figure: Figure, findings: Findings) -> None:
    shape = pixels_shape(findings.run.data.get("shape"))
    if shape is None:
        return
    worst = selected(findings).worst[:SHOWN]
    kept = findings.pictured(worst)
    places = {one.index: k for k, one in enumerate(findings.records)}
    low, high = domain(findings)
    wide = 0.84 / SHOWN
    figure.text(0.1, 0.235, "Least robust images, with their nearest examples", fontsize=10)
    for column, index in enumerate(one for one in worst if one in kept):
        record, k = kept[index], places[index]
        for row, values in enumerate((record.image, record.witness)):
            if values is None or values.size != int(np.prod(shape)):
                continue
            box = (0.1 + column * wide, 0.14 - row * 0.088, 0.9 * wide, 0.085)
            axes = figure.add_axes(box)
            level = levels(values, shape, low, high)
            axes.imshow(level, cmap="gray", vmin=0.0, vmax=1.0)
            axes.axis("off")
        told = interval(float(findings.known.lower[k]), float(findings.known.upper[k]))
        figure.text(
            0.1 + (column + 0.45) * wide, 0.03, f"#{index}\n{told}", ha="center", fontsize=6.5,
            color=SOFT,
        )  # fmt: skip

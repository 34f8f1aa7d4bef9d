"""The plane of the running example: loss, linear region and adversarial examples of a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon, Rectangle

from ..compiler.base.arrays import Indices, Matrix, Vector
from ..compiler.network.graph import Network
from ..compiler.shown.colours import LIGHT
from .style import PAGE, canvas

HEIGHT = 3.5
"""Inches."""
FINE = 300
"""Grid lines in each direction."""
RHO = "\N{GREEK SMALL LETTER RHO}"
HAT = RHO + "\N{COMBINING CIRCUMFLEX ACCENT}"


@dataclass(frozen=True, eq=False)
class Example:
    """A point that has lost the label, and its distance; name: of the distance.
    colour: its place among those of curves."""

    name: str
    point: Vector
    distance: float
    colour: int


def clipped(polygon: Matrix, row: Vector, level: float) -> Matrix:
    """The part of a convex polygon (V, 2) where row @ x + level >= 0; its vertices in order."""
    height = polygon @ row + level
    found = []
    for k in range(len(polygon)):
        one, other = height[k - 1], height[k]
        if (one < 0.0) != (other < 0.0):
            share = one / (one - other)
            found.append(polygon[k - 1] + share * (polygon[k] - polygon[k - 1]))
        if other >= 0.0:
            found.append(polygon[k])
    return np.array(found).reshape(-1, 2)


def region(hidden: tuple[Matrix, Vector], point: Vector) -> Matrix:
    """Vertices (V, 2) of the inputs of the unit square on which every hidden unit keeps its phase.

    hidden: weight (N, 2) and bias (N,).
    """
    polygon: Matrix = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    for row, level in zip(*hidden, strict=True):
        sign = 1.0 if row @ point + level >= 0.0 else -1.0
        polygon = clipped(polygon, sign * row, sign * level)
    return polygon


def draw_plane(
    path: Path,
    network: Network,
    hidden: tuple[Matrix, Vector],
    training: tuple[Matrix, Indices],
    point: Vector,
    label: int,
    examples: Sequence[Example],
    theme: str = "light",
) -> None:
    """Writes the plane, and a close view of the point's region; the format follows from the suffix.

    Shades: the loss of `label`, the cross entropy; a broken line parts the labels, thin ones are
    where a hidden unit changes its phase.
    """
    with canvas(path, PAGE, HEIGHT, theme) as drawn:
        whole, near = drawn.figure.subplots(1, 2)
        polygon = region(hidden, point)
        reach = np.concatenate(
            [polygon, *(point + np.outer([-1, 1], np.full(2, e.distance)) for e in examples)]
        )
        middle = (reach.min(axis=0) + reach.max(axis=0)) / 2.0
        side = 0.55 * float((reach.max(axis=0) - reach.min(axis=0)).max())
        views = (np.zeros(2), np.ones(2)), (middle - side, middle + side)
        for axes, (low, high) in zip((whole, near), views, strict=True):
            _plane(axes, network, hidden, label, low, high)
            axes.add_patch(Polygon(polygon, fill=False, edgecolor="black", linewidth=1.4))
        points, labels = training
        for k, marker in ((0, "o"), (1, "s")):
            places = points[labels == k]
            for axes in (whole, near):
                axes.plot(*places.T, marker, color="white" if k else "black", markersize=2.2,
                          markeredgecolor="0.3", markeredgewidth=0.5)  # fmt: skip
        low, high = views[1]
        whole.add_patch(
            Rectangle(low.tolist(), *(high - low), fill=False, linestyle=":", linewidth=1.0)
        )
        handles = []
        for example in examples:
            colour = LIGHT.curves[example.colour]  # the ground is the shades, in every theme
            corner, width = point - example.distance, 2.0 * example.distance
            near.add_patch(Rectangle(corner.tolist(), width, width, fill=False, linestyle="--",
                                     edgecolor=colour))  # fmt: skip
            near.plot(*example.point, "X", color=colour, markersize=6, markeredgecolor="white")
            handles.append(Line2D([], [], color=colour, marker="X", linestyle="--",
                                  label=f"{example.name} = {example.distance:.4f}"))  # fmt: skip
        for axes in (whole, near):
            axes.plot(*point, "*", color="white", markersize=9, markeredgecolor="black")
        handles.append(Line2D([], [], color="black", linewidth=1.4, label="linear region"))
        near.legend(
            handles=handles, loc="lower left", frameon=True, facecolor="white", labelcolor="black"
        )
        whole.set_title(f"loss of label {label}")
        near.set_title("the point's linear region, and what lies near")


def _plane(
    axes: Axes, network: Network, hidden: tuple[Matrix, Vector], label: int, low: Vector,
    high: Vector,
) -> None:  # fmt: skip
    x, y = np.meshgrid(*(np.linspace(a, b, FINE) for a, b in zip(low, high, strict=True)))
    grid = np.stack([x.reshape(-1), y.reshape(-1)], axis=1)
    logits = network.forward(grid)
    lead = (logits[:, label] - logits[:, 1 - label]).reshape(x.shape)
    loss = np.logaddexp(0.0, -lead)
    axes.contourf(x, y, loss, levels=16, cmap="YlOrRd", alpha=0.85)
    axes.contour(x, y, lead, levels=[0.0], colors="black", linestyles="--", linewidths=1.2)
    for row, level in zip(*hidden, strict=True):
        z = (grid @ row + level).reshape(x.shape)
        if z.min() < 0.0 < z.max():
            axes.contour(x, y, z, levels=[0.0], colors="0.35", linewidths=0.5)
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    axes.set_aspect("equal")

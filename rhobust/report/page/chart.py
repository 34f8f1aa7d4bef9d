"""Curves as inline SVG in the page's colours, readable at any width.

The drawing is stretched to its frame, and the numbers beside it are text of the page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...compiler.base.arrays import Vector
from ...metrics import Curve, Fit
from .markup import Html, element, joined

STEPS = 400
"""Columns of a drawing: within each, a lower curve shows its least value, an upper its largest."""
WIDE, HIGH = 1000.0, 500.0


@dataclass(frozen=True, eq=False)
class Axis:
    """Radii from 0 or, by logarithms, from `low`, to `high`."""

    low: float
    high: float
    log: bool = False

    def edges(self) -> Vector:
        """The borders of the columns, (STEPS + 1,)."""
        if self.log:
            return np.geomspace(self.low, self.high, STEPS + 1)
        return np.linspace(self.low, self.high, STEPS + 1)

    def place(self, eps: float) -> float:
        """Where a radius is, as a share of the width."""
        if self.log:
            share = math.log(max(eps, 1e-300) / self.low) / math.log(self.high / self.low)
        else:
            share = (eps - self.low) / (self.high - self.low)
        return min(max(share, 0.0), 1.0)

    def ticks(self) -> Sequence[float]:
        """Four to seven round radii."""
        if not self.log:
            return _round_numbers(self.high)
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        every = [m * 10.0**k for k in range(first, last + 1) for m in (1, 2, 5)]
        inside = [tick for tick in every if self.low <= tick <= self.high]
        return inside[:: max(1, math.ceil(len(inside) / 6))]


def accuracy_chart(
    curve: Curve,
    band: Curve,
    attacks: Sequence[tuple[float, float]],
    marks: Sequence[float],
) -> Html:
    """Robust accuracy by radius: what is proven, what is open, and what attacks alone would say.

    band: of the sampling. attacks: radii at which attacks ran, and the accuracy they leave.
    """
    axis = Axis(0.0, end(curve, marks))
    low, high = columns(axis, 1.0 - curve.upper, 1.0 - curve.lower, curve.eps, 1.0)
    below, above = columns(axis, 1.0 - band.upper, 1.0 - band.lower, band.eps, 1.0)
    shapes = [
        area(low, np.zeros(STEPS), "proven"),
        area(high, low, "open"),
        area(np.ones(STEPS), high, "broken"),
        line(above, "sampling"),
        line(below, "sampling"),
    ]
    if attacks:
        places = "".join(
            f"M{WIDE * axis.place(eps):.1f} {HIGH * (1.0 - share):.1f}h0" for eps, share in attacks
        )
        shapes.append(element("path", d=places, class_="points attacks"))
    title = "Robust accuracy by radius, proven from both sides"
    return frame(axis, shapes, marks, title, "robust accuracy, %")


def distribution_chart(curve: Curve, fits: Sequence[Fit]) -> Html:
    """How rho is distributed over images with their label, with fitted families.

    curve: of these images alone. The height is the share with rho <= eps.
    """
    finite = curve.eps[curve.eps > 0.0]
    if not len(finite):
        return Html("")
    least = float(np.quantile(finite, 0.002))
    axis = Axis(0.8 * least, 1.1 * max(end(curve, ()), 1.5 * least), log=True)
    low, high = columns(axis, curve.lower, curve.upper, curve.eps, 0.0)
    shapes = [
        area(low, np.zeros(STEPS), "broken"),
        area(high, low, "open"),
        area(np.ones(STEPS), high, "proven"),
    ]
    edges = axis.edges()[:-1]
    shapes += [line(one.cdf(edges), f"fit fit-{k}") for k, one in enumerate(fits)]
    title = "Distribution of rho over images with their label"
    return frame(axis, shapes, (), title, "share of images, %")


def end(curve: Curve, marks: Sequence[float]) -> float:
    """Where an axis ends: beyond nearly all that was found, and beyond every mark."""
    rises = curve.eps[np.diff(curve.lower, prepend=0.0) > 0.0]
    seen = rises if len(rises) else curve.eps
    far = float(np.quantile(seen, 0.995)) if len(seen) else 0.0
    return 1.08 * max([far, *marks]) or 1.0


def columns(
    axis: Axis, lower: Vector, upper: Vector, eps: Vector, start: float
) -> tuple[Vector, Vector]:
    """The least of `lower` and the largest of `upper` in each column, (STEPS,) each.

    Both step at `eps` and are `start` before it; they rise or fall throughout.
    """
    edges = axis.edges()
    left = np.searchsorted(eps, edges[:-1], side="right")
    right = np.searchsorted(eps, edges[1:], side="right")
    low, high = np.append(start, lower), np.append(start, upper)
    return np.minimum(low[left], low[right]), np.maximum(high[left], high[right])


def _points(heights: Vector) -> str:
    """A stair of columns, from left to right."""
    x = np.repeat(np.linspace(0.0, WIDE, STEPS + 1), 2)[1:-1]
    y = HIGH * (1.0 - np.repeat(np.clip(heights, 0.0, 1.0), 2))
    keep = np.ones(len(x), dtype=bool)
    keep[1:-1] = (np.diff(y)[:-1] != 0.0) | (np.diff(y)[1:] != 0.0)  # the ends of flat parts
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[keep], y[keep], strict=True))


def area(upper: Vector, lower: Vector, kind: str) -> Html:
    """What lies between two stairs."""
    back = " ".join(reversed(_points(lower).split(" ")))
    return element("polygon", points=f"{_points(upper)} {back}", class_=f"area {kind}")


def line(heights: Vector, kind: str) -> Html:
    """One stair."""
    return element("polyline", points=_points(heights), class_=f"line {kind}")


def frame(
    axis: Axis,
    shapes: Sequence[Html],
    marks: Sequence[float],
    title: str,
    height: str,
    heights: Axis | None = None,
) -> Html:
    """The drawing with the numbers of both axes as text.

    heights: the upright axis, where it is not one of per cent.
    """
    if heights is None:
        upright = [(f"{100 - 25 * k}", k / 4.0) for k in range(5)]
    else:
        upright = [(f"{tick:.4g}", 1.0 - heights.place(tick)) for tick in heights.ticks()]
    grid = [
        element("line", x1=0, x2=WIDE, y1=f"{HIGH * share:.1f}", y2=f"{HIGH * share:.1f}",
                class_="grid")
        for _, share in upright
        if 0.0 < share < 1.0
    ]  # fmt: skip
    lines = [
        element("line", x1=f"{WIDE * axis.place(one):.1f}", x2=f"{WIDE * axis.place(one):.1f}",
                y1=0, y2=HIGH, class_="mark")
        for one in marks
    ]  # fmt: skip
    svg = element(
        "svg", element("title", title), *shapes, *grid, *lines,
        viewBox=f"0 0 {WIDE:g} {HIGH:g}", preserveAspectRatio="none", role="img",
        aria_label=title,
    )  # fmt: skip
    ticks = [
        element("span", f"{tick:.4g}", style=f"left:{100 * axis.place(tick):.2f}%")
        for tick in axis.ticks()
    ]
    shares = [element("span", words, style=f"top:{100 * at:.2f}%") for words, at in upright]
    return element(
        "div",
        element("div", height, class_="axis-title"),
        element("div", *shares, class_="y-axis", aria_hidden="true"),
        element("div", svg, class_="plot"),
        element("div", *ticks, class_="x-axis", aria_hidden="true"),
        element("div", "\u03b5" if heights is None else "\u03c1, first", class_="x-title"),
        class_="chart" if heights is None else "chart square",
    )


def _round_numbers(end: float) -> Sequence[float]:
    """0 and multiples of 1, 2 or 5 times a power of ten, at most six."""
    power = 10.0 ** math.floor(math.log10(end / 5.0))
    step = next(m * power for m in (1, 2, 5, 10) if end / (m * power) <= 5.0 + 1e-9)
    return [k * step for k in range(int(end / step + 1e-9) + 1)]


def legend(*entries: tuple[str, str]) -> Html:
    """What the colours and lines mean: (kind, words)."""
    return element(
        "ul",
        joined(
            element("li", element("span", class_=f"key {kind}"), words) for kind, words in entries
        ),
        class_="legend",
    )

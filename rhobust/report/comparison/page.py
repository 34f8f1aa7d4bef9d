"""A comparison as one HTML file."""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Vector
from ...compiler.shown.pixels import address, grey
from ..findings.gathered import Findings
from ..findings.numbers import radius
from ..findings.status import WORDS, Status, counts
from ..page.chart import HIGH, WIDE, Axis, area, columns, end, frame, legend, line
from ..page.document import document
from ..page.gallery import interval
from ..page.markup import Html, element
from ..page.overview import CLASS, key, stack
from ..page.pictures import ROOM, domain, pixels_shape
from .compared import Compared
from .wording import MEANING, NAMES, names, row, summary

LISTED, SHOWN = 400, 12
"""Changed images in the table, and with pictures."""


def page(compared: Compared) -> str:
    """The comparison as HTML."""
    one, other = names(compared)
    title = f"{one} and {other}"
    head = element(
        "header",
        element("p", "rhobust comparison", class_="kind"),
        element("h1", title),
        element(
            "p", element("span", f"first: run {compared.first.run.id}"), " ",
            element("span", f"second: run {compared.second.run.id}"), class_="facts",
        ),
    )  # fmt: skip
    sections = [head, _overview(compared), _curves(compared), _scatter(compared)]
    return document(title, [*sections, _pictures(compared), _changed(compared)])


def _overview(compared: Compared) -> Html:
    bars = []
    for eps, found in zip(compared.radii, compared.statuses, strict=True):
        for words, statuses in zip(("first", "second"), found, strict=True):
            bars.append(
                element(
                    "div",
                    element("span", f"\u03b5 = {radius(eps)}", class_="bar-name"),
                    stack(counts(statuses)),
                    element("span", words, class_="bar-value"),
                    class_="bar-row",
                )
            )
    table = element(
        "table",
        element("thead", element("tr", *(element("th", one, scope="col") for one in NAMES))),
        element(
            "tbody",
            *(
                element("tr", *(element("td", cell) for cell in row(one)))
                for one in compared.changes
            ),
        ),
        class_="plain",
    )
    return element(
        "section",
        element("h2", "Summary"),
        element("div", *(element("p", one) for one in summary(compared)), class_="lead"),
        element("div", *bars, class_="bars"),
        key(),
        element("div", table, class_="wide"),
        element("p", MEANING, class_="note"),
    )


def _curves(compared: Compared) -> Html:
    """Robust accuracy of both by radius: a band where images are open."""
    runs = {"first": compared.first, "second": compared.second}
    asked = any(one.run.question.get("eps") for one in runs.values())
    marks = compared.radii if asked else ()
    axis = Axis(0.0, max(end(one.curve, marks) for one in runs.values()))
    shapes = []
    for kind, one in runs.items():
        curve = one.curve
        low, high = columns(axis, 1.0 - curve.upper, 1.0 - curve.lower, curve.eps, 1.0)
        shapes += [area(high, low, kind), line(low, kind), line(high, kind)]
    title = "Robust accuracy of both by radius"
    told = zip(("line first", "line second"), names(compared), strict=True)
    return element(
        "section",
        element("h2", "Accuracy by radius"),
        frame(axis, shapes, marks, title, "robust accuracy, %"),
        legend(*told),
        element("p", "Between the two lines of a colour images are open.", class_="note"),
    )


def _scatter(compared: Compared) -> Html:
    """rho of the second over rho of the first, image by image."""
    one, other = _middle(compared.first), _middle(compared.second)
    kept = np.isfinite(one) & np.isfinite(other) & (one > 0.0) & (other > 0.0)
    if not kept.any():
        return Html("")
    both = np.concatenate([one[kept], other[kept]])
    low, high = float(both.min()), float(both.max())
    axis = Axis(low / 1.1, max(high, 1.5 * low) * 1.1, log=True)
    worse, better = compared.nearer
    shapes = [element("line", x1=0, y1=HIGH, x2=WIDE, y2=0, class_="mark")]
    entries = []
    for mask, kind, words in (
        (~worse & ~better, "open", "neither is proven"),
        (better, "proven", "\u03c1 of the second is larger: proven"),
        (worse, "broken", "\u03c1 of the second is smaller: proven"),
    ):
        chosen = mask & kept
        shapes.append(_points(axis, one[chosen], other[chosen], kind))
        entries.append((f"round {kind}", f"{words} ({int(mask.sum()):,})"))
    title = "rho of the second over rho of the first"
    return element(
        "section",
        element("h2", "\u03c1 of both"),
        frame(axis, shapes, (), title, "\u03c1, second", axis),
        legend(*entries),
        element(
            "p",
            "A point stands in the middle of what is known. Images without an example in one of "
            "the two, and misclassified ones, have no point.",
            class_="note",
        ),
    )


def _middle(findings: Findings) -> Vector:
    known = findings.known
    found: Vector = np.where(
        np.isfinite(known.upper), 0.5 * (np.minimum(known.lower, known.upper) + known.upper), np.inf
    )
    return found


def _points(axis: Axis, x: Vector, y: Vector, kind: str) -> Html:
    places = "".join(
        f"M{WIDE * axis.place(a):.1f} {HIGH * (1.0 - axis.place(b)):.1f}h0"
        for a, b in zip(x.tolist(), y.tolist(), strict=True)
    )
    return element("path", d=places, class_=f"points {kind}")


def _pictures(compared: Compared) -> Html:
    """The images of which most changed, with both examples."""
    shape = pixels_shape(compared.first.run.data.get("shape"))
    if shape is None:
        return Html("")
    places = compared.changed[:SHOWN]
    wanted = [compared.indices[place] for place in places]
    first, second = compared.first.pictured(wanted), compared.second.pictured(wanted)
    low, high = domain(compared.first)
    figures, room = [], ROOM
    for place, index in zip(places, wanted, strict=True):
        image = first[index].image if index in first else None
        if image is None or image.size != np.prod(shape) or room < 0:
            continue
        other = second.get(index)
        shown = []
        for vector, words in (
            (image, "image"), (first[index].witness, "example of the first"),
            (None if other is None else other.witness, "example of the second"),
        ):  # fmt: skip
            if vector is None or vector.size != int(np.prod(shape)):
                shown.append(element("span", "\N{EN DASH}", class_="none one"))
                continue
            made = address(grey(vector, shape, low, high))
            room -= len(made)
            shown.append(element("img", src=made, alt=words))
        caption = element(
            "figcaption", element("b", _name(compared, place)), element("br"),
            f"first: {_known(compared.first, place)}", element("br"),
            f"second: {_known(compared.second, place)}",
        )  # fmt: skip
        figures.append(element("figure", element("div", *shown, class_="triple"), caption))
    if not figures:
        return Html("")
    return element(
        "section",
        element("h2", "Images that changed most"),
        element("p", "Each figure: the image, and the nearest example of the first and second."),
        element("div", *figures, class_="figures"),
    )


def _changed(compared: Compared) -> Html:
    """A table of the images that changed."""
    places = compared.changed
    radii = [f"\u03b5 = {radius(eps)}" for eps in compared.radii]
    headings = ["image", "label", *radii, "\u03c1, first", "\u03c1, second"]
    rows = []
    for place in places[:LISTED]:
        cells = [element("td", _name(compared, place))]
        cells.append(element("td", compared.first.records[place].label))
        for one, other in compared.statuses:
            cells.append(element("td", _turn(int(one[place]), int(other[place]))))
        cells += [
            element("td", _known(one, place)) for one in (compared.first, compared.second)
        ]  # fmt: skip
        rows.append(element("tr", *cells))
    told = f"{len(places):,} of {len(compared.indices):,} images"
    if len(places) > LISTED:
        told += f"; the first {LISTED} are listed, certain changes first, all by --format json"
    table = element(
        "table",
        element("thead", element("tr", *(element("th", one, scope="col") for one in headings))),
        element("tbody", *rows),
        class_="plain",
    )
    return element(
        "section",
        element("h2", "Images that changed"),
        element("p", told),
        element("div", table, class_="wide") if rows else "",
    )


def _turn(one: int, other: int) -> Html:
    """A status and what became of it."""
    parts = [
        element("span", class_=f"dot {CLASS[Status(k)]}", title=WORDS[Status(k)]) + WORDS[Status(k)]
        for k in ((one,) if one == other else (one, other))
    ]
    return Html(" \N{RIGHTWARDS ARROW} ".join(parts))


def _name(compared: Compared, place: int) -> str:
    record = compared.first.records[place]
    return f"#{record.index}" if record.name in ("", str(record.index)) else record.name


def _known(findings: Findings, place: int) -> str:
    if not findings.records[place].correct:
        return "wrong label"
    return interval(float(findings.known.lower[place]), float(findings.known.upper[place]))

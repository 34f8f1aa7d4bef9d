"""The section of the curves: accuracy by radius, the distribution of rho, the labels."""

from __future__ import annotations

from collections.abc import Sequence

from ...metrics import Fit, curve
from ..findings.gathered import Findings
from ..findings.numbers import bounds, down, near, percent, radius, up
from ..findings.status import counts, statuses
from .chart import accuracy_chart, distribution_chart, legend
from .markup import Html, element
from .overview import stack

SHOWN, LABELS = 2, 40
"""Fitted families that are drawn, and labels with a bar of their own."""


def curves(findings: Findings) -> Html:
    """Robust accuracy by radius, with the band of the sampling."""
    attacks = findings.attacks
    level = f"{100 * findings.confidence:g}\N{NARROW NO-BREAK SPACE}%"
    entries = [
        ("proven", "proven to hold no example within \u03b5"),
        ("open", "open"),
        ("broken", "an example within \u03b5, or misclassified"),
    ]
    if attacks:
        entries.append(("round attacks", "what attacks alone would say"))
    entries.append(("line sampling", f"band for all images of the kind, {level} for the curve"))
    marks = findings.radii if findings.run.question.get("eps") else ()
    return element(
        "section",
        element("h2", "Accuracy by radius"),
        accuracy_chart(
            findings.curve, findings.curve.sampling(findings.confidence), attacks, marks
        ),
        legend(*entries),
        id="curves",
    )


def distribution(findings: Findings) -> Html:
    """rho over images with their label, and families fitted to it."""
    if findings.median is None:
        return Html("")
    least, most = findings.median
    fits = findings.fits if not isinstance(findings.fits, str) else []
    drawn = fits[:SHOWN]
    own = curve(findings.known, correct_only=True)
    if down(least) == up(most):
        text = f"The median of \u03c1 over the images with their label is {near(most)}."
    else:
        text = (
            f"The median of \u03c1 over the images with their label lies between {down(least)} and "
            f"{up(most)}."
        )
    entries = [("broken", "\u03c1 \u2264 \u03b5"), ("open", "open"), ("proven", "\u03c1 > \u03b5")]
    entries += [(f"line fit fit-{k}", one.family) for k, one in enumerate(drawn)]
    return element(
        "section",
        element("h2", "Distribution of \u03c1"),
        element("p", text),
        distribution_chart(own, drawn),
        legend(*entries),
        _fits(fits) if fits else element("p", f"No fit: {findings.fits}.", class_="note"),
        id="distribution",
    )


def _fits(fits: Sequence[Fit]) -> Html:
    names = ["family", "shape", "scale", "AIC \u2212 best", "Kolmogorov-Smirnov", "p \u2264"]
    rows = []
    for one in fits:
        low, high = one.statistic
        apart = near(high) if high - low < 1e-9 else f"{down(low)} \N{EN DASH} {up(high)}"
        shape = one.parameters.get("shape")
        cells = [
            one.family, near(shape), near(one.parameters["scale"]),
            f"{one.aic - fits[0].aic:.1f}", apart, f"{one.p[0]:.2g}",
        ]  # fmt: skip
        rows.append(element("tr", *(element("td", cell) for cell in cells)))
    best = fits[0]
    told = (
        f"Fitted by maximum likelihood: {best.exact:,} exact radii, {best.intervals:,} intervals, "
        f"{best.censored:,} known from below alone. Left out: {best.zero:,} with \u03c1 = 0 and "
        f"{best.never:,} without any example. The parameters are fitted to the same images, so "
        "p is an upper end: a small one speaks against the family, a large one not for it."
    )
    table = element(
        "table",
        element("thead", element("tr", *(element("th", one, scope="col") for one in names))),
        element("tbody", *rows),
        class_="plain",
    )
    return element("div", element("div", table, class_="wide"), element("p", told, class_="note"))


def classes(findings: Findings) -> Html:
    """A bar for each label, at one radius at a time."""
    tabs = [
        element(
            "button", f"\u03b5 = {radius(eps)}", type="button", data_tab=str(place),
            aria_pressed="true" if place == 0 else "false",
        )
        for place, eps in enumerate(findings.radii)
    ]  # fmt: skip
    panels = [_panel(findings, place) for place in range(len(findings.radii))]
    return element(
        "section",
        element("h2", "Labels"),
        element("div", *tabs, class_="tabs") if len(tabs) > 1 else "",
        *panels,
        id="labels",
    )


def _panel(findings: Findings, place: int) -> Html:
    eps, rows = findings.radii[place], []
    found = statuses(findings.known, eps)
    labels = [one.label for one in findings.records]
    members: dict[int, list[int]] = {}
    for k, label in enumerate(labels):
        members.setdefault(label, []).append(k)
    classes = findings.classes[place]
    ranked = sorted(classes, key=lambda label: classes[label].robust.lower)
    shown = set(ranked[:LABELS])
    for label, part in classes.items():
        if label not in shown:
            continue
        value = bounds(part.robust.least, part.robust.most, part.images)
        rows.append(
            element(
                "div",
                element("span", f"label {label}", class_="bar-name"),
                stack(counts(found[members[label]])),
                element("span", value, class_="bar-value"),
                class_="bar-row",
                title=f"{part.images:,} images, clean {percent(part.clean.least, part.images)}",
            )
        )
    title = element("p", f"At \u03b5 = {radius(eps)}", class_="panel-title")
    if len(ranked) > LABELS:
        told = f"The {LABELS} least robust of {len(ranked):,} labels."
        rows.append(element("p", told, class_="note"))
    return element("div", title, *rows, class_="bars panel", data_panel=str(place))

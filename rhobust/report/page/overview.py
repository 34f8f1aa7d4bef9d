"""The head of the page: what was asked, the summary in words, and a bar for each radius."""

from __future__ import annotations

from collections.abc import Sequence

from ...metrics import Accuracy, Severity
from ..findings.gathered import Findings
from ..findings.numbers import (
    NORMS,
    bounds,
    count,
    date,
    down,
    ends,
    highest,
    images,
    lowest,
    near,
    percent,
    radius,
    up,
)
from ..findings.status import MEANING, WORDS, Status, counts, statuses
from ..findings.wording import summary
from .markup import Html, element, joined

CLASS = {
    Status.PROVEN: "proven",
    Status.OPEN: "open",
    Status.BROKEN: "broken",
    Status.WRONG: "wrong",
}
"""Names of the four colours in the style sheet."""


def head(findings: Findings) -> Html:
    """Title, and what the run was."""
    run, question = findings.run, findings.run.question
    told = [
        images(len(findings.records)),
        f"norm {NORMS.get(findings.norm, findings.norm)}",
        f"target {question.get('target', 'any')}",
        date(run.started),
    ]
    return element(
        "header",
        element("p", "rhobust report", class_="kind"),
        element("h1", f"Robustness of {findings.model}"),
        element("p", joined([element("span", one) for one in told], " "), class_="facts"),
    )


def overview(findings: Findings) -> Html:
    """The summary, the bars, and the table of radii."""
    sentences = [element("p", one) for one in summary(findings)]
    bars = [bar(findings, place) for place in range(len(findings.radii))]
    return element(
        "section",
        element("h2", "Summary"),
        element("div", *sentences, class_="lead"),
        element("div", *bars, class_="bars"),
        key(),
        _radii(findings),
        id="summary",
    )


def bar(findings: Findings, place: int) -> Html:
    """How many images are proven, open, broken or misclassified at one radius."""
    eps, found = findings.radii[place], findings.accuracies[place]
    value = bounds(found.robust.least, found.robust.most, found.images)
    return element(
        "div",
        element("span", f"\u03b5 = {radius(eps)}", class_="bar-name"),
        stack(counts(statuses(findings.known, eps))),
        element("span", value, class_="bar-value"),
        class_="bar-row",
    )


def stack(numbers: Sequence[int]) -> Html:
    """A bar of the four colours; numbers in the order of `Status`."""
    whole = max(1, sum(numbers))
    told = ", ".join(f"{numbers[one]:,} {WORDS[one]}" for one in reversed(Status))
    parts = [
        element(
            "span", class_=f"part {CLASS[one]}", style=f"flex-grow:{numbers[one] / whole:.6f}",
            title=f"{numbers[one]:,} {WORDS[one]}",
        )
        for one in reversed(Status)
        if numbers[one]
    ]  # fmt: skip
    return element("span", *parts, class_="stack", role="img", aria_label=told)


def key() -> Html:
    """What the four colours mean, the same on the whole page."""
    return element(
        "ul",
        *(
            element(
                "li",
                element("span", class_=f"key {CLASS[one]}"),
                element("b", WORDS[one]), " ", MEANING[one],
            )
            for one in reversed(Status)
        ),
        class_="legend meanings",
    )  # fmt: skip


def _radii(findings: Findings) -> Html:
    attacked = any(one.attacked is not None for one in findings.accuracies)
    names = [
        "\u03b5", "clean", *(["attacks alone"] if attacked else []), "robust \u2265",
        "robust \u2264", "adversarial error", "severity", "open",
        f"of all such images ({100 * findings.confidence:g}\N{NARROW NO-BREAK SPACE}%)",
    ]  # fmt: skip
    both = zip(findings.accuracies, findings.severities, strict=True)
    rows = [_row(one, size, attacked) for one, size in both]
    table = element(
        "table",
        element("thead", element("tr", *(element("th", one, scope="col") for one in names))),
        element("tbody", *rows),
        class_="plain",
    )
    told = (
        "Adversarial error: the adversarial frequency \u03c6(\u03b5), the share of images with "
        "\u03c1 \u2264 \u03b5. Severity: \u00b5(\u03b5), the mean of \u03c1 over these images. "
        "Misclassified ones have \u03c1 = 0."
    )
    return element("div", element("div", table, class_="wide"), element("p", told, class_="note"))


def _mean(size: Severity) -> str:
    """The mean of rho over images within the radius; a dash where no image can be there."""
    if size.lower is None or size.upper is None:
        return "\N{EN DASH}"
    low, high = down(size.lower), up(size.upper)
    return near(size.upper) if size.lower == size.upper else f"{low} \N{EN DASH} {high}"


def _row(found: Accuracy, size: Severity, attacked: bool) -> Html:
    n = found.images
    error = bounds(found.error.least, found.error.most, n)
    said = "" if found.attacked is None else percent(found.attacked.least, n)
    cells = [
        radius(found.eps), percent(found.clean.least, n), *([said] if attacked else []),
        lowest(found.robust.least, n), highest(found.robust.most, n), error, _mean(size),
        count(found.unknown),
        ends(*found.robust.sampling),
    ]  # fmt: skip
    return element("tr", *(element("td", one) for one in cells))

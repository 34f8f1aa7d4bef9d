"""The report as Markdown: the words and the tables, without pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from ...files.outputs import WRITTEN
from ..findings.advice import advice
from ..findings.gathered import Findings
from ..findings.numbers import ends, highest, images, lowest, percent, radius
from ..findings.selection import selected
from ..findings.wording import summary
from ..page.gallery import interval


def markdown(findings: Findings, out: Path | None) -> bytes:
    """The text, in UTF-8; `out` is not used, for there are no links."""
    run = findings.run
    parts = [f"<!-- {WRITTEN} -->", f"# Robustness of {plain(findings.model)}"]
    parts += [plain(one) for one in summary(findings)]
    parts += [_radii(findings), *_classes(findings), *_worst(findings), "## Open images"]
    for reason, records in findings.reasons.items():
        told = ", ".join(str(one.index) for one in records[:20])
        more = f" and {len(records) - 20:,} more" if len(records) > 20 else ""
        parts.append(
            f"**{plain(reason)}** ({images(len(records))}): {plain(advice(reason))}\n\n"
            f"Images {told}{more}"
        )
    if not findings.reasons:
        parts.append("None: every image is decided at every radius asked for.")
    card, data = run.card, run.data
    facts = {
        "file": card.get("path"), "SHA-256": card.get("digest"), "ReLUs": card.get("relus"),
        "images": data.get("source"), "SHA-256 of the images": data.get("digest"), "run": run.id,
        "started": run.started, **run.environment,
    }  # fmt: skip
    known = [(key, value) for key, value in facts.items() if value not in (None, "")]
    parts += ["## Model, images and environment", table(["", ""], known)]
    if run.command:
        parts += ["## How to repeat it", "    " + " ".join(run.command.split())]
    return ("\n\n".join(parts) + "\n").encode("utf-8", "replace")


def table(names: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A table whose cells are texts."""
    lines = [_line(names), "|" + " --- |" * len(names), *(_line(row) for row in rows)]
    return "\n".join(lines)


def plain(value: object) -> str:
    """A text in which nothing is taken for Markdown or HTML, on one line."""
    text = " ".join(str(value).split())
    return re.sub(r"([\\`*_{}\[\]<>#|~&!])", r"\\\1", text)


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(plain(cell) for cell in cells) + " |"


def _radii(findings: Findings) -> str:
    level = f"{100 * findings.confidence:g} %"
    names = ["ε", "clean", "attacks alone", "robust ≥", "robust ≤", "open", f"all such ({level})"]
    rows = []
    for one in findings.accuracies:
        n, attacked = one.images, one.attacked
        rows.append(
            [
                radius(one.eps), percent(one.clean.least, n),
                "" if attacked is None else percent(attacked.least, n),
                lowest(one.robust.least, n), highest(one.robust.most, n), one.unknown,
                ends(*one.robust.sampling),
            ]
        )  # fmt: skip
    return table(names, rows)


def _classes(findings: Findings) -> list[str]:
    parts = []
    for eps, classes in zip(findings.radii, findings.classes, strict=True):
        rows = [
            [
                label, part.images, percent(part.clean.least, part.images),
                lowest(part.robust.least, part.images), highest(part.robust.most, part.images),
            ]
            for label, part in classes.items()
        ]  # fmt: skip
        names = ["label", "images", "clean", "robust ≥", "robust ≤"]
        parts += [f"## Labels at ε = {radius(eps)}", table(names, rows)]
    return parts


def _worst(findings: Findings) -> list[str]:
    chosen = selected(findings)
    places = {one.index: k for k, one in enumerate(findings.records)}
    parts = []
    for title, indices in (("Least robust", chosen.worst), ("Most robust", chosen.robust)):
        rows = []
        for index in indices:
            k = places[index]
            one, known = findings.records[k], findings.known
            told = interval(float(known.lower[k]), float(known.upper[k]))
            other = "" if one.witness_label is None else one.witness_label
            rows.append([index, one.name, one.label, other, told])
        if rows:
            names = ["image", "name", "label", "label of the example", "ρ"]
            parts += [f"## {title}", table(names, rows)]
    return parts

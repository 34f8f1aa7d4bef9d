"""The sections for those who check: open images, the model, the run, and how to repeat it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Mapping
from pathlib import Path

from ..findings.advice import advice
from ..findings.gathered import Findings
from ..findings.numbers import count, date, images, radius
from .markup import Html, element

LISTED = 20
"""Open images named for each reason, and layers shown without a click."""
LONG = 36
"""Signs of a value that takes a line of its own."""


def unknowns(findings: Findings) -> Html:
    """Open images by reason, and what to try."""
    if not findings.reasons:
        told: list[Html] = [element("p", "None: every image is decided at every radius asked for.")]
    else:
        told = []
        for reason, records in findings.reasons.items():
            named = ", ".join(str(one.index) for one in records[:LISTED])
            more = len(records) - LISTED
            told.append(
                element(
                    "div",
                    element("h3", reason, " ", element("small", images(len(records)))),
                    element("p", advice(reason)),
                    element(
                        "p", f"Images {named}" + (f" and {more:,} more" if more > 0 else ""),
                        class_="note",
                    ),
                )
            )  # fmt: skip
    return element("section", element("h2", "Open images"), *told, id="open")


def model(findings: Findings) -> Html:
    """The model card: what the network is, layer by layer."""
    card, data = findings.run.card, findings.run.data
    facts = {
        "file": card.get("path"), "SHA-256": card.get("digest"),
        "input": _shape(card.get("input_shape")), "outputs": card.get("outputs"),
        "ReLUs": card.get("relus"), "images": data.get("source"),
        "shape of an image": _shape(data.get("shape")), "divided by": data.get("divisor"),
        "SHA-256 of the images": data.get("digest"),
    }  # fmt: skip
    notes = card.get("notes")
    listed = notes if isinstance(notes, list | tuple) else [notes] if notes else []
    layers = card.get("layers")
    rows = [
        element("tr", *(element("td", one.get(key, "")) for key in ("name", "kind", "size")))
        for one in (layers if isinstance(layers, list | tuple) else [])
        if isinstance(one, Mapping)
    ]
    table = element(
        "table",
        element("thead", element("tr", *(element("th", one) for one in ("layer", "kind", "size")))),
        element("tbody", *rows),
        class_="plain layers",
    )
    return element(
        "section",
        element("h2", "Model and images"),
        facts_list(facts),
        *(element("p", one, class_="note") for one in listed),
        _folded(table, len(rows)),
        id="model",
    )


def _folded(table: Html, count: int) -> Html:
    """The table of layers, behind a line where it is long."""
    whole = element("div", table, class_="wide")
    if count > LISTED:
        return element("details", element("summary", f"{count:,} layers"), whole)
    return whole if count else Html("")


def repeat(findings: Findings, certificates: Collection[str]) -> Html:
    """The question, the environment, and the commands that repeat the run and check its proofs."""
    run = findings.run
    question = {key: _plain(value) for key, value in run.question.items()}
    parts: list[object] = [element("h2", "How to repeat it")]
    if run.command:
        parts += [element("p", "The run:"), element("pre", run.command)]
    if certificates:
        path = shlex.quote(str(run.card.get("path") or findings.model))
        parts += [
            element(
                "p", f"{images(len(certificates))} have a certificate, which the table above links "
                "to. An independent program proves it again:",
            ),
            element("pre", f"rhobust check CERTIFICATE {path}"),
            *_manifest(certificates),
        ]  # fmt: skip
    else:
        parts.append(
            element(
                "p",
                "No certificates were kept. With --certificates DIR each verdict gets one, which "
                "rhobust check proves again.",
                class_="note",
            )
        )
    parts += [
        element("h3", "The question"),
        facts_list(question),
        element("h3", "Environment"),
        facts_list({key: _plain(value) for key, value in run.environment.items()}),
        facts_list({"run": run.id, "started": date(run.started)}),
    ]
    return element("section", *parts, id="repeat")


def _manifest(certificates: Collection[str]) -> list[Html]:
    """The command that checks all at once, where their folder has a manifest."""
    folders = {Path(one).parent for one in certificates}
    path = folders.pop() / "manifest.json"
    if folders or not os.path.isfile(path):
        return []
    return [element("p", "All at once:"), element("pre", f"rhobust check {shlex.quote(str(path))}")]


def facts_list(facts: Mapping[str, object]) -> Html:
    """Names and values; what is not known is left out."""
    kept = {key: value for key, value in facts.items() if value not in (None, "")}
    return element(
        "dl",
        *(
            element(
                "div", element("dt", key), element("dd", value),
                class_="long" if len(str(value)) > LONG else None,
            )
            for key, value in kept.items()
        ),
    )  # fmt: skip


def _shape(shape: object) -> str:
    if not isinstance(shape, list | tuple):
        return ""
    return " \N{MULTIPLICATION SIGN} ".join(str(one) for one in shape)


def _plain(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return "" if value is None else ("yes" if value else "no")
    if isinstance(value, float):
        return radius(value)
    if isinstance(value, int):
        return count(value)
    if isinstance(value, list | tuple):
        return ", ".join(_plain(one) for one in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(one)}" for key, one in value.items())
    return str(value)

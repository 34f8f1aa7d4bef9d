"""The whole page: one file that asks nothing of a network, as its own policy makes sure."""

from __future__ import annotations

import base64
import hashlib
import os
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from ... import __version__
from ...files.outputs import WRITTEN
from ..findings.gathered import Findings
from ..findings.selection import selected
from .curves import classes, curves, distribution
from .facts import model, repeat, unknowns
from .gallery import gallery
from .markup import Html, data, element, joined
from .overview import head, overview
from .pictures import drawn
from .rows import table


def page(findings: Findings, out: Path | None = None) -> str:
    """The report as HTML.

    out: where it will lie, for links to certificates; None leaves them out.
    """
    chosen = selected(findings)
    pictures = drawn(findings, chosen.pictures)
    rows = table(findings, pictures)
    located = {key: findings.located(path) for key, path in rows["certificates"].items()}
    certificates = {key: [path, link(path, out)] for key, path in located.items()}
    rows |= {"certificates": certificates, "model": str(findings.run.card.get("path") or "MODEL")}
    body = [
        head(findings),
        overview(findings),
        curves(findings),
        distribution(findings),
        classes(findings),
        gallery(findings, chosen, pictures),
        _table(),
        unknowns(findings),
        model(findings),
        repeat(findings, [path for path, _ in certificates.values()]),
    ]
    return document(f"Robustness of {findings.model}", body, rows)


def document(title: str, sections: list[Html], rows: object = None) -> str:
    """A page of some sections.  rows: what the script reads, None where there is no table."""
    script, style = _resource("script.js"), _resource("style.css")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    head_ = [
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="generator", content=f"rhobust {__version__}"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        Html(f"<style>{style}</style>"),
    ]
    held = Html("")
    if rows is not None:
        held = Html(f'<script type="application/json" id="data">{data(rows)}</script>')
    foot = element("footer", f"{WRITTEN} {__version__}")
    body = [element("main", *sections, foot), held, Html(f"<script>{script}</script>")]
    return (
        f"<!doctype html>\n<!-- {WRITTEN} -->\n"
        f'<html lang="en"><head>{joined(head_)}</head><body>{joined(body)}</body></html>\n'
    )


def link(path: str, out: Path | None) -> str:
    """The address of a file as seen from the page, or "" where the page lies nowhere."""
    if out is None:
        return ""
    try:
        seen = os.path.relpath(os.path.abspath(path), os.path.abspath(out.parent))
    except ValueError:  # on another drive
        return Path(path).absolute().as_uri()
    return "./" + quote(seen.replace(os.sep, "/"), errors="replace")


def _table() -> Html:
    """Where the script puts the table; without a script there is a note."""
    return element(
        "section",
        element("h2", "All images"),
        element(
            "div",
            element(
                "label", "Show ",
                element("select", element("option", "all", value=""), id="filter-status"),
            ),
            element("label", " at \u03b5 = ", element("select", id="filter-radius")),
            element(
                "label", "Find ",
                element("input", type="search", id="filter-text", placeholder="image, name, label"),
            ),
            element("span", id="shown", role="status"),
            class_="filters",
        ),
        element(
            "div",
            element("table", element("thead", ""), element("tbody", ""), id="images"),
            class_="scroller", tabindex="0",
        ),
        element("noscript", element("p", "The table of all images needs JavaScript; the same as "
                "CSV: rhobust report STORE --format csv")),
        element("dialog", id="details"),
        id="table",
    )  # fmt: skip


def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")

"""The table of all images as CSV, with all digits."""

from __future__ import annotations

import csv as lines
import io
from pathlib import Path

from ..findings.gathered import Findings
from ..findings.numbers import radius
from ..findings.status import WORDS, Status, statuses

FIRST = ("image", "name", "label", "predicted")
"""The first columns, by which a file is known again."""


def csv(findings: Findings, out: Path | None) -> bytes:
    """The table, in UTF-8; `out` is not used. An infinite number is inf, an unknown one empty."""
    text = io.StringIO()
    writer = lines.writer(text, lineterminator="\n")
    radii = findings.radii
    writer.writerow(
        [
            *FIRST, "rho_lower", "rho_upper",
            *(f"status at {radius(eps)}" for eps in radii),
            *(f"reason at {radius(eps)}" for eps in radii),
            "rho_estimate", "attack_distance", "attack_method", "witness_label", "certificate",
            "uncertified", "certified_radius", "seconds", "nodes", "lps",
        ]
    )  # fmt: skip
    found = [statuses(findings.known, eps).tolist() for eps in radii]
    for k, one in enumerate(findings.records):
        decisions = [one.at(eps) for eps in radii]
        writer.writerow(
            [
                one.index, harmless(one.name), one.label, one.predicted,
                float(findings.known.lower[k]), float(findings.known.upper[k]),
                *(WORDS[Status(column[k])] for column in found),
                *("" if decision is None else harmless(decision.reason) for decision in decisions),
                one.rho_estimate, one.attack_distance, harmless(one.attack_method),
                one.witness_label, harmless(one.certificate), harmless(one.uncertified),
                one.certified_radius, one.seconds, one.nodes, one.lps,
            ]
        )  # fmt: skip
    return text.getvalue().encode("utf-8", "replace")


def harmless(value: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return "'" + value if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value

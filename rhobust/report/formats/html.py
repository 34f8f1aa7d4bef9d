"""The report as one HTML file."""

from __future__ import annotations

from pathlib import Path

from ..findings.gathered import Findings
from ..page.document import page


def html(findings: Findings, out: Path | None) -> bytes:
    """The page, in UTF-8."""
    return page(findings, out).encode("utf-8")

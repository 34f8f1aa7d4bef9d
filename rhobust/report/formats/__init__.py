"""What a report can be written as: one file and one line in the table for each format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from ...compiler.base.errors import InputError
from ..findings.gathered import Findings

Writer = Callable[[Findings, Path | None], bytes]
"""What a report's file holds.  The path is where it will lie, for links; None leaves them out."""


@dataclass(frozen=True, slots=True)
class Format:
    """suffixes: of files of this format. module, name: where its `Writer` is, loaded when used.
    text: whether standard output takes it.
    """

    suffixes: tuple[str, ...]
    module: str
    name: str
    text: bool = True

    def writer(self) -> Writer:
        """The function that makes it."""
        found: Writer = getattr(import_module(self.module, __name__), self.name)
        return found


FORMATS: Mapping[str, Format] = {
    "html": Format((".html", ".htm"), ".html", "html"),
    "md": Format((".md",), ".markdown", "markdown"),
    "csv": Format((".csv",), ".csv", "csv"),
    "json": Format((".json",), ".json", "json"),
    "png": Format((".png",), ".picture", "png", text=False),
    "pdf": Format((".pdf",), ".picture", "pdf", text=False),
}


def chosen(form: str, out: Path) -> str:
    """The name of a format: the one asked for, or that of the file's suffix; else html."""
    if form:
        if form not in FORMATS:
            raise InputError(f"--format {form!r} is not known; known: {', '.join(FORMATS)}")
        return form
    suffix = out.suffix.lower()
    named = next((name for name, one in FORMATS.items() if suffix in one.suffixes), None)
    if named is None and suffix:
        raise InputError(
            f"{out}: unknown suffix {suffix!r}; name the format by --format {'|'.join(FORMATS)}"
        )
    return named or "html"

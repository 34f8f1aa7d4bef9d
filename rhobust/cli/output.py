"""Standard output is for answers alone: whatever else prints, prints on standard error."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TextIO

import typer

from ..compiler.base.errors import InputError

STANDARD = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
"""Names of standard output, where a file's name is asked for."""

_answers: TextIO | None = None
_aside = False


class Sink(Protocol):
    """What takes lines of a file."""

    def write(self, line: str) -> None: ...
    def close(self) -> None: ...


@contextmanager
def answering() -> Iterator[None]:
    """While a command runs, only `tell` and `lines` reach standard output; `print` does not."""
    global _answers, _aside
    before = sys.stdout
    _answers, _aside = before, False
    sys.stdout = sys.stderr
    try:
        yield
    finally:
        sys.stdout, _answers, _aside = before, None, False


def stream() -> TextIO:
    """Where answers for readers go."""
    return sys.stderr if _aside else _answers or sys.stdout


def tell(text: str = "", end: str = "\n") -> None:
    """Prints an answer."""
    typer.echo(text + end, file=stream(), nl=False)


def is_standard(path: Path | None) -> bool:
    """Whether a name means standard output."""
    return path is not None and str(path) in STANDARD


def no_standard(path: Path | None, what: str) -> None:
    """Refuses standard output for what is no text."""
    if is_standard(path):
        raise InputError(f"{path} is standard output, which takes no {what}; name a file")


def aside() -> None:
    """Standard output takes a file from here on: answers for readers go to standard error."""
    global _aside
    _aside = True


def lines(path: Path | None) -> Sink | None:
    """What takes lines for a file; on standard output they stand alone, and the rest goes aside."""
    if path is None:
        return None
    if not is_standard(path):
        from ..files.atomic import Lines

        return Lines(path)
    aside()
    return _Standard()


def write(path: Path, text: str) -> None:
    """Writes a text to a file, or to standard output."""
    if is_standard(path):
        typer.echo(text, file=_answers or sys.stdout, nl=False)
    else:
        from ..files.atomic import write_text

        write_text(path, text)


def tell_report(text: str, found: Mapping[str, object], json: Path | None) -> None:
    """Prints a report, and writes it as JSON, too; on standard output one of both."""
    if json is not None:
        write(json, jsonlib.dumps(found) + "\n")
    if not is_standard(json):
        tell(text)


class _Standard:
    def write(self, line: str) -> None:
        typer.echo(line, file=_answers or sys.stdout)

    def close(self) -> None:
        pass

"""What a command finds out about each image, as JSON lines and as a table in CSV."""

from __future__ import annotations

import csv as csvlib
import io
import json as jsonlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..compiler.base.errors import InputError
from ..files.outputs import apart, may_write
from . import output
from .output import is_standard


class Rows:
    """--json and --csv of a command; a context manager. "-" is standard output.

    A JSON line is written when its image is done, the table at the end, however that comes.
    """

    def __init__(self, json: Path | None, csv: Path | None) -> None:
        self._lines, self._csv = output.lines(json), csv
        self._records: list[dict[str, Any]] = []

    def write(self, line: str) -> None:
        """Takes what is known about an image, as strict JSON on one line."""
        if self._lines is not None:
            self._lines.write(line)
        if self._csv is not None:
            self._records.append(jsonlib.loads(line))

    def close(self) -> None:
        if self._lines is not None:
            self._lines.close()
        if self._csv is not None and self._records:
            output.write(self._csv, csv_text(self._records))

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, *told: object) -> None:
        self.close()


def csv_text(records: Iterable[dict[str, Any]]) -> str:
    """Records with a first line of their keys; what a record lacks, or is null, is empty."""
    records = list(records)
    columns = list(dict.fromkeys(key for record in records for key in record))
    text = io.StringIO()
    writer = csvlib.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def check_rows(
    json: Path | None, csv: Path | None, inputs: Iterable[Path | None] = (), overwrite: bool = False
) -> list[Path]:
    """InputError unless both can be written; the files that they are, which others leave alone.

    Where one is standard output, answers for readers go aside from here on.
    """
    if is_standard(json) and is_standard(csv):
        raise InputError("--json and --csv both name standard output; name a file for one")
    if is_standard(json) or is_standard(csv):
        output.aside()
    written: list[Path] = []
    for path, kind in ((json, "file of results"), (csv, "table of results")):
        if path is not None and not is_standard(path):
            apart(path, written)
            may_write(path, kind, inputs, overwrite)
            written.append(path)
    return written

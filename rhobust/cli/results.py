"""The files of an evaluation: JSON lines as images are finished, and a table at the end."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ..compiler.base.errors import InputError
from ..evaluation.outputs.json_lines import JsonLines, line
from ..evaluation.outputs.tables import csv_text, may_write_csv
from ..evaluation.result import Evaluation
from ..store.record import Record, Run
from . import output
from .output import is_standard


class ResultFiles:
    """--json and --csv of one run; a context manager. "-" is standard output.

    again: images with stored answers that are asked again. Raises InputError for files that hold
    anything but this run, or one of those images.
    """

    def __init__(
        self,
        json: Path | None,
        csv: Path | None,
        run: Run,
        again: Collection[int],
        overwrite: bool,
    ) -> None:
        self.run, self.csv, self.overwrite = run, csv, overwrite
        self.lines: JsonLines | None = None
        self.standard: output.Sink | None = None
        if is_standard(json) and is_standard(csv):
            raise InputError("--json and --csv both name standard output; name a file for one")
        if is_standard(json) or is_standard(csv):
            self.standard = output.lines(Path("-"))
        if csv is not None and not is_standard(csv):
            may_write_csv(csv, run, overwrite)
        if json is not None and not is_standard(json):
            self.lines = JsonLines(json, run, overwrite=overwrite)
            if self.lines.present & set(again):
                raise InputError(
                    f"{json}: has images that are asked again; name another file, or let "
                    "--overwrite write all of it again"
                )

    def record(self, record: Record) -> None:
        """Writes the JSON line of a finished image."""
        if self.lines is not None:
            self.lines.write(record)
        elif self.standard is not None and not is_standard(self.csv):
            self.standard.write(line(self.run, record))

    def table(self, found: Evaluation) -> None:
        """Writes the table of all finished images."""
        if self.csv is None:
            return
        if is_standard(self.csv):
            output.write(self.csv, csv_text(found.run, found.finished))
        else:
            found.to_csv(self.csv, overwrite=self.overwrite)

    def __enter__(self) -> ResultFiles:
        return self

    def __exit__(self, *told: object) -> None:
        if self.lines is not None:
            self.lines.close()

"""Records as JSON lines; a file of another run is not touched."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import TracebackType
from typing import IO

from ...compiler.base.errors import InputError
from ...compiler.shown.record import finite
from ...files.atomic import Lines, special, writable
from ...results import Verdict
from ...store.record import Decision, Record, Run


def line(run: Run, record: Record) -> str:
    """A record as strict JSON on one line.

    The keys are those of `rhobust verify --json`, with the decision at the largest radius, and
    `run`, `name`, `decisions` and what else a record knows. Infinite numbers are null.
    """
    last = record.decisions[-1] if record.decisions else _of_rho(record)
    told: dict[str, object] = {
        "index": record.index, "label": record.label, "predicted": record.predicted,
        "verdict": str(last.verdict), "reason": last.reason or None,
        "rho_lower": record.rho_lower, "rho_upper": record.rho_upper,
        "eps": last.eps if record.decisions else None, "margin_bound": last.margin_bound,
        "seconds": record.seconds, "nodes": record.nodes, "lps": record.lps, "run": run.id,
        "name": record.name,
        "decisions": [
            {
                "eps": one.eps, "verdict": str(one.verdict), "reason": one.reason or None,
                "margin_bound": finite(one.margin_bound), "attacked": one.attacked,
            }
            for one in record.decisions
        ],
        "rho_estimate": record.rho_estimate, "certified_radius": record.certified_radius,
        "attack": record.attack_distance,
        "attack_method": record.attack_method or None, "witness_label": record.witness_label,
        "certificate": record.certificate or None, "uncertified": record.uncertified or None,
    }  # fmt: skip
    return json.dumps({key: finite(value) for key, value in told.items()}, allow_nan=False)


def _of_rho(record: Record) -> Decision:
    """What a record without radii says: as `rhobust rho --json` does."""
    if record.rho_lower == math.inf:
        return Decision(math.inf, Verdict.ROBUST)
    if record.exact:
        return Decision(record.rho_upper, Verdict.NOT_ROBUST)
    return Decision(record.rho_upper, Verdict.UNKNOWN, "timeout")


class JsonLines:
    """A file of JSON lines of one run, which is appended to; a context manager.

    Raises InputError for a file that holds anything else, unless it may be overwritten. A last line
    that a killed process did not end is made again.
    """

    def __init__(self, path: Path, run: Run, *, overwrite: bool = False) -> None:
        self.path, self.run = path, run
        self.present: set[int] = set()
        self._file: IO[str] | Lines
        if overwrite or special(path) or not path.exists() or not path.stat().st_size:
            self._file = Lines(path)
            return
        writable(path)
        whole = self._read()
        self._file = path.open("r+", encoding="utf-8")
        self._file.seek(whole)
        self._file.truncate()

    def _read(self) -> int:
        """Notes which images the file has, and returns how many bytes of it are whole lines."""
        whole = 0
        with self.path.open("rb") as file:
            for number, text in enumerate(file, start=1):
                if not text.endswith(b"\n") and whole:
                    break
                try:
                    row = json.loads(text)
                    of_run = row["run"] == self.run.id
                    index = int(row["index"])
                except (ValueError, TypeError, KeyError):
                    raise InputError(self._refused(f"line {number} is no result of it")) from None
                if not of_run:
                    raise InputError(self._refused("it holds results of another question"))
                self.present.add(index)
                whole += len(text)
        return whole

    def _refused(self, why: str) -> str:
        return (
            f"{self.path}: is not appended to, for {why}; name another file, or allow it by "
            "--overwrite (overwrite=True)"
        )

    def write(self, record: Record) -> None:
        """Appends a record, unless the file has its image."""
        if record.index in self.present:
            return
        text = line(self.run, record)
        if isinstance(self._file, Lines):
            self._file.write(text)
        else:
            try:
                self._file.write(text + "\n")
                self._file.flush()
            except OSError as error:
                why = error.strerror or error
                raise InputError(f"{self.path}: cannot be written: {why}") from error
        self.present.add(record.index)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> JsonLines:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

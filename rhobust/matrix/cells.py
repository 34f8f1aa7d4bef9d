"""Finished cells in a file, so that an interrupted matrix goes on: one JSON object, by question."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .. import __version__
from ..compiler.base.errors import InputError
from ..files.atomic import write_text

FORM = "rhobust-matrix-cells"


@dataclass(frozen=True, slots=True)
class Cell:
    """A share or a mean lies in [lower, upper]; both None where it is not defined.

    proven: whether it is no estimate. note: what else there is to say.
    """

    lower: float | None
    upper: float | None
    proven: bool
    note: str = ""


class Cells:
    """What is known already; each new cell is written at once."""

    def __init__(self, path: Path) -> None:
        self.path, self.known = path, dict[str, Cell]()
        if not path.exists():
            return
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            if held["form"] != FORM:
                raise ValueError("another form")
            self.known = {name: Cell(**cell) for name, cell in held["cells"].items()}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path}: is no file of a matrix's cells; name another one as output.cells"
            ) from error

    def get(self, asked: Mapping[str, object], make: Callable[[], Cell]) -> Cell:
        """The cell of a question: as it is known, or made and kept."""
        text = json.dumps({"engine": __version__, **asked}, sort_keys=True, default=str)
        name = hashlib.sha256(text.encode()).hexdigest()
        if name not in self.known:
            self.known[name] = make()
            cells = {
                key: {slot: getattr(cell, slot) for slot in Cell.__slots__}
                for key, cell in self.known.items()
            }
            write_text(self.path, json.dumps({"form": FORM, "cells": cells}) + "\n")
        return self.known[name]

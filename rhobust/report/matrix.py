"""A matrix of models as text, and as a picture."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR
from itertools import cycle
from pathlib import Path

from ..compiler.shown.numbers import digits
from ..files.atomic import write_text
from ..matrix.cells import Cell
from ..matrix.filling import Matrix
from ..metrics.wording import percent
from .style import COLUMN, PAGE, canvas

HEIGHT, BARS = 2.4, 16
"""Inches of the picture, and bars that fit a column of a paper."""


def text(column: str, cell: Cell) -> str:
    """A cell as it is read: proven numbers rounded outwards, estimates marked as such."""
    if cell.lower is None or cell.upper is None:
        return "-"
    if column.startswith("mu"):
        if cell.lower == cell.upper:
            return digits(cell.lower)
        return f"{digits(cell.lower, ROUND_FLOOR)}..{digits(cell.upper, ROUND_CEILING)}"
    if cell.lower == cell.upper:
        told = percent(cell.lower)
    else:
        told = f"{percent(cell.lower, math.floor)} to {percent(cell.upper, math.ceil)}"
    return told if cell.proven else f"{told} *"


def markdown(matrix: Matrix) -> str:
    """A table, and what its marks mean."""
    lines = ["| model | " + " | ".join(matrix.columns) + " |"]
    lines.append("| --- |" + " --- |" * len(matrix.columns))
    for name, row in zip(matrix.rows, matrix.cells, strict=True):
        cells = [text(column, cell) for column, cell in zip(matrix.columns, row, strict=True)]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [
        "",
        f"{matrix.images:,} images. natural: accuracy; attacks: accuracy under the attack, an "
        "estimate from above (*); verified: proven robust accuracy, an interval where images are "
        "undecided; phi, mu: adversarial frequency and severity, proven from both sides; smoothed: "
        "certified accuracy of the smoothed classifier in l2, with a stated probability (*).",
    ]
    return "\n".join(lines) + "\n"


def as_csv(matrix: Matrix) -> str:
    """A row for each cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("model", "column", "lower", "upper", "proven", "note"))
    for name, row in zip(matrix.rows, matrix.cells, strict=True):
        for column, cell in zip(matrix.columns, row, strict=True):
            writer.writerow((name, column, cell.lower, cell.upper, cell.proven, cell.note))
    return out.getvalue()


def as_json(matrix: Matrix) -> str:
    """The same as one object."""
    cells = {
        name: {
            column: {slot: getattr(cell, slot) for slot in Cell.__slots__}
            for column, cell in zip(matrix.columns, row, strict=True)
        }
        for name, row in zip(matrix.rows, matrix.cells, strict=True)
    }
    return json.dumps({"images": matrix.images, "cells": cells}, indent=1) + "\n"


FORMATS: dict[str, Callable[[Matrix], str]] = {
    ".md": markdown, ".csv": as_csv, ".json": as_json,
}  # fmt: skip
"""By the suffix of the file."""


def write(matrix: Matrix, path: Path) -> None:
    write_text(path, FORMATS[path.suffix](matrix))


def draw(matrix: Matrix, path: Path, theme: str = "light") -> None:
    """Bars of the columns that are shares of images, one group a model; intervals are lighter."""
    shown = [k for k, name in enumerate(matrix.columns) if not name.startswith(("mu", "phi"))]
    width = 0.8 / max(1, len(shown))
    wide = COLUMN if len(matrix.rows) * len(shown) <= BARS else PAGE
    with canvas(path, wide, HEIGHT, theme) as drawn:
        axes = drawn.figure.subplots()
        for (place, k), color in zip(enumerate(shown), cycle(drawn.theme.curves), strict=False):
            cells = [row[k] for row in matrix.cells]
            at = [model + (place + 0.5) * width - 0.4 for model in range(len(cells))]
            low = [100.0 * (cell.lower or 0.0) for cell in cells]
            more = [
                100.0 * (cell.upper or 0.0) - least for cell, least in zip(cells, low, strict=True)
            ]
            axes.bar(at, low, width, label=matrix.columns[k], color=color)
            axes.bar(at, more, width, bottom=low, color=color, alpha=0.4)
        axes.set_xticks(range(len(matrix.rows)), matrix.rows)
        axes.set_ylabel("accuracy (%)")
        axes.set_ylim(0.0, 100.0)
        drawn.figure.legend(loc="outside lower center", ncols=3)

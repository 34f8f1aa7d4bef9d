"""The command matrix: several models in one table and one figure."""

from __future__ import annotations

from pathlib import Path

import typer

from ...compiler.base.errors import InputError
from ...evaluation.image.setup import warm
from ...files.outputs import apart
from ...matrix import fill, read
from ...matrix.cells import Cell
from ...report.drawing import AUTHOR
from ...report.matrix import FORMATS, draw, markdown, text, write
from ...workers import forking
from ..output import tell


def run(path: Path, workers: int) -> None:
    """rhobust matrix: what an interrupted run finished is not computed again."""
    config = read(path)
    models = [file for _, file in config.models]
    inputs = [path, *map(Path, filter(None, [config.images, config.labels, *models]))]
    outputs = [config.table, config.figure, config.cells, config.store]
    for number, out in enumerate(outputs):
        if out:
            apart(Path(out), [*inputs, *(Path(other) for other in outputs[:number] if other)])
    if config.table is not None and config.table.suffix not in FORMATS:
        known = ", ".join(FORMATS)
        raise InputError(f"{config.table}: unknown suffix; output.table may end in {known}")
    if config.figure is not None and config.figure.suffix not in AUTHOR:
        known = ", ".join(AUTHOR)
        raise InputError(f"{config.figure}: unknown suffix; output.figure may end in {known}")

    def told(row: str, column: str, cell: Cell) -> None:
        typer.echo(f"{row}  {column}  {text(column, cell)}", err=True)

    try:
        with forking(warm, workers):
            matrix = fill(config, told, workers)
    except KeyboardInterrupt:
        typer.echo(f"interrupted; the same command goes on from {config.cells}", err=True)
        raise
    if config.table is not None:
        write(matrix, config.table)
    if config.figure is not None:
        draw(matrix, config.figure)
    tell(markdown(matrix), end="")

"""The command attack: every image chosen, portion by portion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import typer

from ...compiler.base.arrays import Matrix
from ...compiler.base.errors import InputError
from ...data import Images
from ...queries.attack import attack_in_turn, chosen
from ...report.row import Row, attacked
from ...report.table import COLUMNS, named
from .. import process
from ..options import Options
from ..output import tell
from ..prepare import pixels, prepare
from .ask import about, picture
from .run import Told, run


class Chosen:
    """Some images, whose vectors are made where they are asked for."""

    def __init__(self, images: Images, indices: Sequence[int]) -> None:
        self.images, self.indices = images, indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, part: slice) -> Matrix:
        return np.stack([self.images.vector(index) for index in self.indices[part]])


def run_attack(
    options: Options,
    eps: float | None,
    norm: str,
    method: str,
    steps: int | None,
    restarts: int | None,
    minimal: bool,
) -> None:
    """rhobust attack."""
    if eps is None and not minimal:
        raise InputError("--eps E is needed, or --minimal for the nearest examples")
    found = chosen(method, steps, restarts)
    network, images, indices = prepare(options)
    results = attack_in_turn(
        network, Chosen(images, indices), images.labels[indices], eps, norm=norm,
        domain=options.domain, target=options.target, margin=options.margin,
        timeout=options.timeout, seed=options.seed, method=found, minimal=minimal,
    )  # fmt: skip

    def ask(index: int, told: Told) -> Row:
        return attacked(index, next(results))

    columns = named(COLUMNS["attack"], images.names)
    rows, interrupted = run(
        about(ask, images), indices, columns, options.json, options.csv, options.quiet
    )
    if options.out is not None:
        shape = pixels(network, images)
        count = picture(options.out, rows, images, shape, options.domain, options.theme)
        tell(f"picture: {options.out}" if count else "no picture: no example to draw")
    if interrupted:
        raise typer.Exit(process.status())

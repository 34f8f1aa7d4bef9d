"""The command demo: what the program finds out, on images that come with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import typer

from ...attacks.methods.pgd import Pgd
from ...compiler.base.errors import InputError
from ...data import Images, digits
from ...embedded import embedded_network
from ...queries.attack import attack_batch
from ...queries.rho import rho
from ...report.row import Row, measured
from ...report.table import COLUMNS
from .. import process
from ..output import no_standard, tell
from ..prepare import check_picture
from ..rows import check_rows
from .ask import picture
from .run import Told, measuring, run

ATTACK = Pgd(steps=30, restarts=3)

ABOUT = """\
The robustness rho of {count} handwritten digits: how far every pixel (0 = black, 1 = white) may
change, at worst, before the network 'digits' (64 inputs, {relus} ReLUs, 10 outputs) gives another
label.  At most {timeout:g} s each; the first run also compiles, which takes some time.
"""

LEGEND = """
rho (proven)        no smaller change can alter the label, and one of this size does: not sampled,
                    but proven for all images within that distance.  [a, b] if time ran out first.
rho-hat (estimate)  the convex restriction's answer: found quickly, at least rho, not a proof.
attack              the least change that gradient attacks found: at least rho, not a proof either.
"""

NEXT = """
Next:  rhobust verify digits --eps 8/255 --index 0:20      is each label safe up to a distance?
       rhobust rho digits_conv --index 0:4                 another network
       rhobust rho MODEL.onnx --data IMAGES.npz            your own; rhobust rho --help
"""


def show(
    folder: Path,
    count: int,
    timeout: float,
    seed: int,
    json: Path | None,
    csv: Path | None,
    quiet: bool,
    overwrite: bool = False,
) -> None:
    """Prints rho of a few images, and draws their nearest adversarial examples."""
    if not timeout > 0.0:
        raise InputError(f"--timeout must be a positive number of seconds, not {timeout}")
    path = folder / "demo.png"
    no_standard(folder, "folder")
    _check_folder(folder, path, check_rows(json, csv, (), overwrite), overwrite)
    network, images = embedded_network("digits"), digits()
    if not quiet:
        tell(ABOUT.format(count=count, relus=network.relus, timeout=timeout))

    def ask(index: int, told: Told) -> Row:
        image, label = images.vector(index), int(images.labels[index])
        with measuring(index):
            result = rho(network, image, label=label, timeout=timeout, seed=seed, progress=told)
        (found,) = attack_batch(
            network, image[None], [label], None, method=ATTACK, timeout=timeout, seed=seed,
            minimal=True,
        )  # fmt: skip
        return measured(index, replace(result, attack=found.distance))

    rows, interrupted = run(ask, varied(images, count), COLUMNS["rho"], json, csv, quiet)
    if not quiet:
        tell(LEGEND)
    folder.mkdir(parents=True, exist_ok=True)
    if picture(path, rows, images, images.shape, (0.0, 1.0)) and not quiet:
        tell(f"Picture: {path}  (image, nearest adversarial example, change)")
    if not quiet:
        tell(NEXT)
    if interrupted:
        raise typer.Exit(process.status())


def varied(images: Images, count: int) -> list[int]:
    """The first images of each label in the order of labels, then the second ones, and so on."""
    rank = np.zeros(len(images), dtype=np.int64)
    for label in np.unique(images.labels):
        members = np.flatnonzero(images.labels == label)
        rank[members] = np.arange(len(members))
    return [int(index) for index in np.lexsort((images.labels, rank))[:count]]


def _check_folder(folder: Path, path: Path, others: Sequence[Path], overwrite: bool) -> None:
    """Raises unless the picture can be written; leaves no folder behind."""
    made = [part for part in (folder, *folder.parents) if not part.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        check_picture(path, overwrite, others)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made: {error.strerror}") from error
    finally:
        for part in made:
            if part.is_dir():
                part.rmdir()

"""The command bench-attacks: attacks against the proven rho of the embedded images."""

from __future__ import annotations

import json as jsonlib
import math
from pathlib import Path

import numpy as np

from ...compiler.base.errors import InputError
from ...embedded import embedded_images
from ...exactbench import foolbox_attacks, own
from ...exactbench.proven import Proven, proven
from ...exactbench.scores import Score
from ...networks.load import load
from ..options import chosen
from ..output import tell
from ..prepare import check_picture
from ..rows import Rows, check_rows

MODEL = "digits"
FOOLBOX = "foolbox "
HEADINGS = ("attack", "found", "mean", "median", "within 1 %", "gradients", "outputs", "seconds")
WIDTHS = (16, 7, 8, 8, 10, 9, 9, 8)

LEGEND = """
mean, median  distance of the validated example over the proven rho; 1 is the best that there is
gradients     asked for an image, on average; outputs: of points without a gradient"""


def bench(
    norm: str,
    calls: int,
    methods: str,
    index: str,
    seed: int,
    json: Path | None,
    csv: Path | None,
    quiet: bool,
    out: Path | None,
    with_foolbox: bool,
    overwrite: bool,
) -> None:
    """rhobust bench-attacks."""
    written = check_rows(json, csv, (), overwrite)
    if out is not None:
        check_picture(out, overwrite, written)
    wanted = _wanted(norm, methods, with_foolbox)
    known = proven(norm)
    values, _ = embedded_images()
    if index:
        known = known.only(np.array(chosen(index, len(values), "the embedded images")))
    if not len(known):
        raise InputError(f"--index {index} names no image whose rho is known and not 0")
    images = values.reshape(len(values), -1)[known.index] / 255.0
    network = load(MODEL)
    tell(f"{len(known)} images of {MODEL} with a proven rho in {norm}, {calls} gradients each")
    tell(_joined(HEADINGS))
    scores: list[Score] = []
    with Rows(json, csv) as rows:
        for name in wanted:
            if name.startswith(FOOLBOX):
                plain = name.removeprefix(FOOLBOX)
                score = foolbox_attacks.foolbox_score(plain, network, images, known, calls, seed)
            else:
                score = own.own(name, network, images, known, calls, seed)
            scores.append(score)
            tell(_line(score))
            for line in _records(score, known):
                rows.write(line)
    if not quiet:
        tell(LEGEND)
    if not quiet and with_foolbox and not foolbox_attacks.installed():
        tell(foolbox_attacks.MISSING)
    if out is not None:
        from ...report.ratios import draw_ratios

        ratios = [(score.name, score.ratios) for score in scores]
        draw_ratios(out, ratios, [name for name in wanted if name.startswith(FOOLBOX)])
        tell(f"picture: {out}")


def _wanted(norm: str, methods: str, with_foolbox: bool) -> list[str]:
    """The names of the attacks that are asked for, ours first."""
    there = own.names(norm)
    if with_foolbox and foolbox_attacks.installed():
        there += [FOOLBOX + name for name in foolbox_attacks.names(norm)]
    if not methods:
        return there
    wanted = [name.strip() for name in methods.split(",")]
    for name in wanted:
        if name not in there:
            raise InputError(f"--attacks {name!r} is not known here; known: {', '.join(there)}")
    return wanted


def _line(score: Score) -> str:
    return _joined(
        (
            score.name, f"{score.found}/{len(score.ratios)}", _digits(score.mean),
            _digits(score.median), f"{100.0 * score.near:.1f}", f"{score.gradients:.0f}",
            f"{score.outputs:.0f}", f"{score.seconds:.2f}",
        )
    )  # fmt: skip


def _digits(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "-"


def _joined(cells: tuple[str, ...]) -> str:
    first = cells[0].ljust(WIDTHS[0])
    rest = [cell.rjust(width) for cell, width in zip(cells[1:], WIDTHS[1:], strict=True)]
    return "  ".join([first, *rest]).rstrip()


def _records(score: Score, known: Proven) -> list[str]:
    """A line of JSON for each image."""
    found = []
    for k, distance in enumerate(score.distance.tolist()):
        ratio = distance / float(known.lower[k])
        record = {
            "index": int(known.index[k]), "label": int(known.label[k]), "attack": score.name,
            "norm": known.norm, "rho_lower": float(known.lower[k]),
            "rho_upper": float(known.upper[k]),
            "distance": distance if math.isfinite(ratio) else None,
            "ratio": ratio if math.isfinite(ratio) else None,
        }  # fmt: skip
        found.append(jsonlib.dumps(record, allow_nan=False))
    return found

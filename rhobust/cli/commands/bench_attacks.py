"""The command bench-attacks: attacks against the proven rho of images."""

from __future__ import annotations

import json as jsonlib
import math

import numpy as np

from ...compiler.base.errors import InputError
from ...exactbench import foolbox_attacks, own
from ...exactbench.proven import Proven, proven, shipped
from ...exactbench.scores import Score
from ..options import Options
from ..output import tell
from ..prepare import prepare
from ..rows import Rows

FOOLBOX = "foolbox "
HEADINGS = ("attack", "found", "mean", "median", "within 1 %", "gradients", "outputs", "seconds")
WIDTHS = (16, 7, 8, 8, 10, 9, 9, 8)

LEGEND = """
mean, median  distance of the validated example over the proven rho; 1 is the best that there is
gradients     asked for an image, on average; outputs: of points without a gradient"""


def bench(options: Options, norm: str, calls: int, methods: str, with_foolbox: bool) -> None:
    """rhobust bench-attacks."""
    wanted = _wanted(norm, methods, with_foolbox)
    network, given, indices = prepare(options, pictured=False)
    subject = shipped(network, given)
    known = proven(norm, subject).only(np.array(indices))
    if not len(known):
        raise InputError(f"--index {options.index} names no image whose rho is known and not 0")
    images = np.stack([given.vector(index) for index in known.index.tolist()])
    seed, out, quiet = options.seed, options.out, options.quiet
    tell(
        f"{len(known)} images of {subject.name} with a proven rho in {norm}, {calls} gradients each"
    )
    tell(_joined(HEADINGS))
    scores: list[Score] = []
    with Rows(options.json, options.csv) as rows:
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

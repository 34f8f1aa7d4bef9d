"""The commands of rhobust figure that draw one network: the first two of Bastani et al. 2016."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from ...compiler.base.arrays import Vector
from ...compiler.base.errors import InputError
from ...compiler.network.graph import Network
from ...compiler.shown.numbers import at_least, at_most, digits
from ...data import Images
from ...networks.running_example import HIDDEN, points, running_example
from ...queries.estimate import rho_estimate
from ...queries.rho import rho
from ...report.example import draw_example, in_levels
from ...report.picture import WIDEST, Panel
from ...report.plane import HAT, RHO, Example, draw_plane
from ...report.table import short
from ...witness.label import Witness
from ..options import Options, number
from ..output import tell
from ..prepare import check_picture, pixels, prepare

METHODS = {
    "estimate": "rho-hat (estimate)",
    "iterated": "iterated (estimate)",
    "integer": "whole pixels (estimate)",
    "rho": "rho <=",
}
"""Where an example comes from, and what its distance is."""


def region(out: Path, at: str, timeout: float, overwrite: bool, theme: str = "light") -> None:
    """rhobust figure region."""
    check_picture(out, overwrite)
    point = _point(at)
    network = running_example()
    hidden = np.array(HIDDEN[0]), np.array(HIDDEN[1])
    label = int(np.argmax(network.forward(point[None])[0]))
    guess = rho_estimate(network, point, label=label, timeout=timeout)
    exact = rho(network, point, label=label, timeout=timeout)
    examples = []
    if guess.witness is not None:
        examples.append(Example(HAT, guess.witness.point, guess.rho, 4))
    if exact.witness is not None:
        name = RHO if exact.exact else f"{RHO} \N{LESS-THAN OR EQUAL TO}"
        examples.append(Example(name, exact.witness.point, exact.upper, 0))
    draw_plane(out, network, hidden, points(), point, label, examples, theme)
    told = digits(guess.rho) if math.isfinite(guess.rho) else "none in the linear region"
    tell(f"point {point[0]:g},{point[1]:g}, label {label}")
    tell(f"rho-hat (estimate) {told}; rho in [{at_least(exact.lower)}, {at_most(exact.upper)}]")
    tell(f"picture: {out}")


def example(options: Options, method: str) -> None:
    """rhobust figure example; options.out is where the picture goes."""
    if method not in METHODS:
        raise InputError(f"--method {method!r} is not one of {', '.join(METHODS)}")
    if options.out is None:
        raise InputError("a picture needs --out")
    network, images, indices = prepare(options)
    if len(indices) != 1:
        raise InputError(f"--index {options.index!r} names {len(indices)} images; one is drawn")
    image, label = images.vector(indices[0]), int(images.labels[indices[0]])
    size, witness, status = _example(network, image, label, options, method)
    if witness is None:
        told = status.replace("_", " ")
        tell(f"no picture: no example ({told}); try --target any, or another --method")
        return
    draw_example(
        options.out,
        Panel(image, witness.point, f"{_sizes(witness, options.domain)}"),
        (f"{_called(images, indices[0])}: {label}", f"example: {witness.label}"),
        pixels(network, images),
        options.domain,
        options.theme,
    )
    name = f" ({images.name(indices[0])})" if images.names else ""
    tell(f"image {indices[0]}{name}: label {label}, example {witness.label}")
    told = at_most(size) if method == "rho" else digits(size)
    tell(f"{METHODS[method]} {told}; drawn: {_sizes(witness, options.domain)}")
    tell(f"picture: {options.out}")


def _called(images: Images, index: int) -> str:
    return short(images.name(index), 2 * WIDEST) if images.names else "image"


def _example(
    network: Network, image: Vector, label: int, options: Options, method: str
) -> tuple[float, Witness | None, str]:
    """The distance, its witness, and how the search ended."""
    if method == "rho":
        result = rho(
            network,
            image,
            label=label,
            norm="linf",
            domain=options.domain,
            target=options.target,
            margin=options.margin,
            timeout=options.timeout,
            settings=None,
            seed=options.seed,
        )
        return result.upper, result.witness, result.reason
    found = rho_estimate(
        network,
        image,
        label=label,
        target=options.target,
        margin=options.margin,
        domain=options.domain,
        timeout=options.timeout,
        integer=method == "integer",
        iterate=method != "estimate",
        seed=options.seed,
    )
    if found.integer is not None:
        witness = found.integer.witness
        return math.inf if witness is None else witness.distance, witness, found.status
    if found.iterated is not None:
        return found.iterated.rho, found.iterated.witness, found.status
    return found.rho, found.witness, found.status


def _sizes(witness: Witness, domain: tuple[float, float]) -> str:
    """The distance of the example, as a number and in pixels."""
    levels = in_levels(witness.distance, domain)
    size = at_most(witness.distance)
    return f"\N{GREEK SMALL LETTER EPSILON} = {size}, {levels:.2f} of 255 levels"


def _point(text: str) -> Vector:
    parts = [number(part, "--point") for part in text.split(",")]
    if len(parts) != 2 or not all(0.0 <= part <= 1.0 for part in parts):
        raise InputError(f"--point must be X,Y inside the unit square, not {text!r}")
    return np.array(parts)

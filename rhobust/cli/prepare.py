"""What is checked before work starts: that images, labels and options fit the network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import typer

from ..compiler.base.errors import InputError
from ..compiler.network.graph import Network
from ..compiler.question.claim import Claim
from ..compiler.shown.pixels import image_shape
from ..data import Images, digits, normalized
from ..data import load as load_images
from ..embedded import NAMES
from ..files.outputs import apart, may_write
from ..networks.load import load
from .options import Options, chosen, numbers
from .rows import check_rows

PICTURES = (".png", ".pdf", ".svg")


def prepare(options: Options, pictured: bool = True) -> tuple[Network, Images, list[int]]:
    """The network, the images and the indices asked for, of which each can be answered."""
    written = check_rows(options.json, options.csv, options.inputs, options.overwrite)
    if options.out is not None:
        check_picture(options.out, options.overwrite, [*options.inputs, *written])
        written.append(options.out)
    network = scaled(load(options.model, trust_pickle=options.trust_pickle), options)
    for path in written:
        apart(path, network.beside)
    if options.data is not None:
        images = load_images(
            options.data, options.labels, domain=options.domain, layout=options.layout
        )
    elif options.layout:
        raise InputError("--layout needs --data FILE, the images that it is about")
    elif options.labels is not None:
        raise InputError("--labels needs --data FILE, the images that they belong to")
    elif options.model in NAMES:
        images = digits()
    else:
        raise InputError(f"{options.model} comes with no images; give some with --data FILE")
    names = [images.name(index) for index in range(len(images))] if images.names else []
    indices = chosen(options.index, len(images), images.source, names)
    images = images.fitted(network)
    if images.told:
        typer.echo(f"note: {images.told}", err=True)
    for index in indices:
        _check_values(images, index, options)
    _check_labels(network, images, indices, options)
    if options.out is not None and pictured:
        pixels(network, images)
    return network, images, indices


def scaled(network: Network, options: Options) -> Network:
    """The network behind the normalisation of --mean and --std, where they are given."""
    if not options.mean and not options.std:
        return network
    mean, std = options.mean or "0", options.std or "1"
    return normalized(
        network, numbers(mean, "--mean"), numbers(std, "--std"), layout=options.layout
    )


def check_picture(path: Path, overwrite: bool, inputs: Sequence[Path] = ()) -> None:
    """InputError unless a picture can be drawn there."""
    if path.suffix not in PICTURES:
        raise InputError(f"{path}: unknown suffix; --out writes {', '.join(PICTURES)}")
    may_write(path, "picture", inputs, overwrite)


def folder(path: Path | None) -> None:
    """Makes a folder for results, or says why that cannot be."""
    if path is None:
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be made: {error}") from error


def pixels(network: Network, images: Images) -> tuple[int, ...]:
    """The shape in which an image is drawn: (H, W), (C, H, W) or (H, W, C)."""
    shapes = images.shape, network.input_shape
    for square in (False, True):
        for shape in shapes:
            if (drawn := image_shape(shape, square=square)) is not None:
                return drawn
    raise InputError(f"inputs of shape {network.input_shape} cannot be drawn; leave out --out")


def _check_values(images: Images, index: int, options: Options) -> None:
    values = images.vector(index)
    if not np.isfinite(values).all():
        raise InputError(f"{images.source}: image {index} holds a number that is not finite")
    low, high = options.domain
    if not (low <= values.min() and values.max() <= high):
        raise InputError(
            f"{images.source}: image {index} has values {values.min():g}..{values.max():g} outside "
            f"the domain {low:g}..{high:g}; scale it, or give --domain LOW,HIGH"
        )


def _check_labels(
    network: Network, images: Images, indices: Sequence[int], options: Options
) -> None:
    """That label, target and margin make a claim; what fails does so for all images of a label."""
    first: dict[int, int] = {}
    for index in indices:
        first.setdefault(int(images.labels[index]), index)
    for label, index in first.items():
        try:
            Claim.make(
                network, images.vector(index), label, options.target, options.margin, options.domain
            )
        except InputError as error:
            raise InputError(f"{images.source}: image {index}: {error}") from error

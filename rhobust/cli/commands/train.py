"""The command train: from a configuration to an ONNX model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import typer

from ...compiler.base.errors import InputError
from ...compiler.importers.torch.module import from_torch
from ...data import Images, load
from ...files.atomic import write_bytes, write_text
from ...files.outputs import may_write
from ...training import recipes
from ...training.build import build
from ...training.config import Config, read
from ...training.history import Epoch
from ...training.trainer import train
from ..output import tell


def run(path: Path | None, recipe: str, seed: int | None, overwrite: bool) -> None:
    """rhobust train: an interrupted run goes on from its checkpoint."""
    config = _chosen(path, recipe)
    data, out = config.data, Path(config.output.model)
    inputs: list[str | Path] = [
        config.path,
        data.images,
        data.labels,
        data.validation,
        data.validation_labels,
    ]
    may_write(out, "model", inputs, overwrite)
    history = Path(config.output.history) if config.output.history else None
    if history is not None:
        may_write(history, "history", [*inputs, out], overwrite)
    checkpoint = Path(config.output.checkpoint or f"{out}.checkpoint")
    arguments = dict(config.training) if seed is None else {**config.training, "seed": seed}
    domain = arguments.get("domain", (0.0, 1.0))
    shape = config.model.shape
    images = _shaped(_loaded(data.images, data.labels, domain), shape, data.count)
    validation = None
    if data.validation:
        more = _loaded(data.validation, data.validation_labels, domain)
        validation = _shaped(more, shape, data.validation_count)
    module = build(config.model, images.shape, int(arguments.get("seed", 0)))
    tell(f"{sum(p.numel() for p in module.parameters()):,} weights, {len(images):,} images")

    def told(epoch: Epoch, epochs: int) -> None:
        share = "" if epoch.validation is None else f"  validation {epoch.validation:.2%}"
        tell(
            f"epoch {epoch.number:3} of {epochs}  loss {epoch.loss:.4f}  training "
            f"{epoch.accuracy:.2%}{share}  eps {epoch.eps:.4g}  {epoch.seconds:.1f} s"
        )

    if checkpoint.exists():
        typer.echo(f"goes on from {checkpoint}", err=True)
    try:
        module, found = train(
            module, images, validation=validation, checkpoint=checkpoint,
            options=config.options, progress=told, **arguments,
        )  # fmt: skip
    except KeyboardInterrupt:
        typer.echo(f"interrupted; the same command goes on from {checkpoint}", err=True)
        raise
    network = from_torch(module, images.shape)
    write_bytes(out, network.onnx_bytes())
    if history is not None:
        write_text(history, found.to_json() + "\n")
    tell(f"{out}: {network.relus:,} ReLUs; {found.stopped or 'all epochs'}")


def _chosen(path: Path | None, recipe: str) -> Config:
    if (path is None) == (not recipe):
        raise InputError("rhobust train takes a CONFIG.toml, or --recipe NAME (rhobust recipes)")
    return read(path) if path is not None else recipes.read(recipe, Path())


def _loaded(images: str, labels: str, domain: tuple[float, float]) -> Images:
    found = load(Path(images), Path(labels) if labels else None, domain=domain)
    if found.told:
        typer.echo(f"note: {found.told}", err=True)
    return found


def _shaped(images: Images, shape: tuple[int, ...], count: int) -> Images:
    """The first `count` images, all where that is 0, in the shape that the network takes."""
    given = images.shape
    if not shape:
        shape = (1, *given) if len(given) == 2 else given
    if int(np.prod(shape)) != int(np.prod(given)):
        raise InputError(
            f"{images.source}: an image of shape {given} is none of model.shape {shape}"
        )
    chosen = images.take(slice(count or None))
    return replace(chosen, values=chosen.values.reshape(len(chosen), *shape))

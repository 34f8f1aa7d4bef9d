"""From what a user names to images: one door for all formats."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from .arrangement import checked
from .finishing import finished
from .formats import format_of
from .formats.stored import Stored
from .images import Images
from .labels import label_file
from .objects import of_object


def load(
    source: object,
    labels: object = None,
    *,
    domain: tuple[float, float] = (0.0, 1.0),
    layout: str | None = None,
) -> Images:
    """Images with labels, from a file, a folder, arrays, or a data set of torch.

    source: the path of one of `formats.FORMATS`; a pair of arrays (images (N, ...), labels (N,)),
    or the images alone; a Dataset of torch, whose items are an image and a label, or a DataLoader,
    whose items are batches of both. labels: an array or a file of labels, for images without; for a
    folder of images a table with lines file,label.
    domain: the range of valid numbers; uint8, and whole numbers up to 255 in a text, are divided by
    255 for the domain 0..1; one that holds them as they are leaves them so. layout: how the numbers
    of an image stand, `nhwc` or `nchw`; `Images.fitted` brings them into a network's order; both,
    as in `nhwc:nchw`, where the network's shape does not tell. `Images.told` says what was done.
    Raises InputError, which names the file, for what cannot be read or makes no images.
    """
    order = checked(layout)
    if not isinstance(source, str | Path):
        stored, name = of_object(source, labels)
        return finished(stored, name, domain, order)
    path = Path(source)
    return finished(_read(path, labels), path, domain, order)


def _read(path: Path, labels: object) -> Stored:
    known = format_of(path)
    if labels is None:
        return known.read(path)
    if not isinstance(labels, str | Path):
        given, _ = of_object(labels, None)
        return replace(known.read(path), labels=given.values, labelled="labels")
    if known.listed is not None:
        return known.listed(path, Path(labels))
    return replace(known.read(path), labels=label_file(Path(labels)), labelled=str(labels))

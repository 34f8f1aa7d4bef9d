"""Images from what Python programs hold: arrays, and data sets of torch."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..compiler.base.errors import InputError
from .arrangement import Array
from .formats.stored import Stored


def of_object(source: object, labels: object) -> tuple[Stored, str]:
    """What an object holds, and what it is called: a pair or two arrays, a Dataset, a DataLoader.

    labels: given apart, or None. Raises InputError for any other object.
    """
    torch = sys.modules.get("torch")  # whoever has a data set of torch has loaded it
    if torch is not None:
        data = torch.utils.data
        if isinstance(source, data.DataLoader):
            return _loader(source, data), "the DataLoader"
        if isinstance(source, data.Dataset):
            return _dataset(source), f"the {type(source).__name__}"
    if labels is None and isinstance(source, tuple) and len(source) == 2:
        source, labels = source
    if isinstance(source, np.ndarray | Sequence) or hasattr(source, "__array__"):
        given = None if labels is None else _array(labels, "labels")
        return Stored(_array(source, "images"), given), "the array"
    raise InputError(
        f"a {type(source).__name__} is no source of images; give a file, a folder, a pair of "
        "arrays (images, labels), or a Dataset or DataLoader of torch"
    )


def _dataset(source: Any) -> Stored:
    """All items of a data set, each an image and a label."""
    if not hasattr(source, "__len__"):
        raise InputError(
            f"a {type(source).__name__} has no length; give a DataLoader of a part of it"
        )
    found = _items(source[index] for index in range(len(source)))
    files = getattr(source, "samples", None)  # of torchvision's folders: (path, label)
    if not isinstance(files, list) or len(files) != len(source):
        return found
    if not all(isinstance(item, tuple) and item and isinstance(item[0], str) for item in files):
        return found
    return replace(found, names=tuple(Path(item[0]).name for item in files))


def _items(items: Iterable[Any]) -> Stored:
    images: list[Array] = []
    labels: list[Array] = []
    for number, item in enumerate(items):
        image, label = _pair(item, f"item {number} of the data set")
        images.append(_array(image, f"image {number}"))
        labels.append(_array(label, f"the label of image {number}"))
        if images[-1].shape != images[0].shape or images[-1].dtype != images[0].dtype:
            raise InputError(
                f"image {number} has the shape {images[-1].shape} and type {images[-1].dtype}, and "
                f"image 0 has {images[0].shape}, {images[0].dtype}; bring them to one size first"
            )
    if not images:
        raise InputError("the data set is empty")
    return Stored(np.stack(images), _flat(labels))


def _loader(source: Any, data: Any) -> Stored:
    """All batches of a loader, in its order."""
    images: list[Array] = []
    labels: list[Array] = []
    for number, item in enumerate(source):
        batch, given = _pair(item, f"batch {number} of the loader")
        images.append(_array(batch, f"batch {number}"))
        labels.append(_array(given, f"the labels of batch {number}"))
        if images[-1].shape[1:] != images[0].shape[1:]:
            raise InputError(
                f"batch {number} has images of shape {images[-1].shape[1:]}, and batch 0 of "
                f"{images[0].shape[1:]}; bring them to one size first"
            )
    if not images:
        raise InputError("the loader is empty")
    notes: tuple[str, ...] = ()
    if not isinstance(getattr(source, "sampler", None), data.SequentialSampler):
        notes = ("in the order of this pass over the loader, which shuffles",)
    return Stored(np.concatenate(images), _flat(labels), notes=notes)


def _pair(item: Any, what: str) -> tuple[Any, Any]:
    if isinstance(item, tuple | list) and len(item) == 2:
        return item[0], item[1]
    raise InputError(f"{what} is a {type(item).__name__}, not an image and its label")


def _flat(labels: Sequence[Array]) -> Array:
    return np.concatenate([label.reshape(-1) for label in labels])


def _array(value: Any, what: str) -> Array:
    """An array of what torch, Pillow or numpy hold."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    try:
        found = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{what}: no array of numbers: {error}") from error
    if found.dtype.kind not in "fiub":
        raise InputError(
            f"{what}: of type {found.dtype}, no numbers; a transform such as PILToTensor makes them"
        )
    return found

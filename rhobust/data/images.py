"""Images with labels and names, and their numbers as a network sees them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..compiler.base.arrays import Indices, Vector
from ..compiler.base.errors import InputError
from ..compiler.network.graph import Network, arranged
from ..compiler.shown.pixels import grey, image_shape, thumbnail
from ..compiler.shown.told import Detail, Told
from ..compiler.shown.value import Shown
from .arrangement import Array, arrange

MOST = 10
"""Images that a notebook shows."""


@dataclass(frozen=True, eq=False, repr=False)
class Images(Shown):
    """values (N, ...) as stored, labels (N,); the network sees values divided by `divisor`.

    source: the file or object that they came from, for messages. told: what was done to them, for
    the user; "" where nothing was. names (N): of the images, as of their files; () where they have
    none. layout: the order of the numbers of an image, `nhwc`, `nchw`, or both that of the file and
    that of the network, as `nhwc:nchw`; "" where it is not stated. Raises InputError where the
    counts of the three differ.
    """

    source: str
    values: Array
    labels: Indices
    divisor: float = 1.0
    told: str = ""
    names: tuple[str, ...] = ()
    layout: str = ""

    def __post_init__(self) -> None:
        for count, what in ((len(self.labels), "labels"), (len(self.names), "names")):
            if count != len(self.values) and (count or what == "labels"):
                raise InputError(f"{self.source}: {count} {what} for {len(self.values)} images")

    def __len__(self) -> int:
        return len(self.values)

    def _told(self) -> Told:
        facts = [("", f"{len(self):,} of shape {self.shape}")]
        if self.told:
            facts.append(("", self.told))
        return Told(f"Images {self.source!r}", tuple(facts))

    def _detail(self) -> Detail:
        """The first images."""
        shape = image_shape(self.shape, square=True)
        if shape is None:
            return Detail()
        first = [self.vector(index) for index in range(min(MOST, len(self)))]
        high = max((float(one.max(initial=1.0)) for one in first), default=1.0)
        low = min((float(one.min(initial=0.0)) for one in first), default=0.0)
        return Detail(pictures=tuple(
            thumbnail(grey(one, shape, low, high), f"{self.name(index)}: {self.labels[index]}")
            for index, one in enumerate(first)
        ))  # fmt: skip

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image."""
        return self.values.shape[1:]

    def vector(self, index: int) -> Vector:
        """One image as the network sees it, flat: (D,), float64."""
        flat: Vector = self.values[index].reshape(-1).astype(np.float64) / self.divisor
        return flat

    def take(self, index: Sequence[int] | slice) -> Images:
        """Some of the images, in the order of their indices."""
        places = np.arange(len(self))[index]
        names = tuple(self.names[place] for place in places.tolist()) if self.names else ()
        return replace(self, values=self.values[places], labels=self.labels[places], names=names)

    def name(self, index: int) -> str:
        """What an image is called in outputs; where it has no name, its index as a text.

        Characters that cannot be printed, which names of files may hold, are told by their codes.
        """
        if not self.names:
            return str(range(len(self))[index])
        return "".join(one if one.isprintable() else _code(one) for one in self.names[index])

    def fitted(self, network: Network) -> Images:
        """The images in the order of the numbers that a network takes, once they have its size.

        They are rearranged where their layout is stated, and `told` says so. Raises InputError
        where they do not fit: nothing is resized, and no order is guessed.
        """
        size, taken = int(np.prod(self.shape, dtype=np.int64)), network.input_shape
        if size != network.input_size:
            raise InputError(
                f"{self.source}: an image has {size} numbers (shape {self.shape}), but "
                f"{network.name} takes {network.input_size} (shape {taken})"
            )
        images = self
        if self.layout:
            try:
                values, done = arrange(self.values, self.layout, taken, network.name)
            except InputError as error:
                raise InputError(f"{self.source}: {error}") from error
            if done:
                told = f"{self.told}; {done}" if self.told else f"{self.source}: {done}"
                images = replace(self, values=values, told=told, layout="")
        if not arranged(images.shape, taken):
            raise InputError(
                f"{self.source}: images of shape {images.shape} are arranged differently from the "
                f"{taken} that {network.name} takes; say how they are, --layout nhwc or nchw "
                "(layout=), transpose them, or store them flat"
            )
        return images

    def digest(self, index: int | None = None) -> str:
        """SHA-256 over what the network sees of one image: its shape and its float64 numbers.

        None: over all images with their labels, in order. Names are not part of it, nor is whether
        numbers were stored as bytes.
        """
        if index is not None:
            return self._sha(index).hexdigest()
        whole = hashlib.sha256(f"{len(self)}\n".encode())
        for place, label in enumerate(self.labels.tolist()):
            whole.update(self._sha(place).digest() + f"{label}\n".encode())
        return whole.hexdigest()

    def _sha(self, index: int) -> hashlib._Hash:
        sha = hashlib.sha256((",".join(map(str, self.shape)) + "\n").encode())
        sha.update(self.vector(index).astype("<f8", copy=False).tobytes())
        return sha


def _code(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")

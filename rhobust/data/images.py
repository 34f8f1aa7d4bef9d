"""Images with labels and names, and their numbers as a network sees them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..compiler.base.arrays import Indices, Vector
from ..compiler.base.errors import InputError

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class Images:
    """values (N, ...) as stored, labels (N,); the network sees values divided by `divisor`.

    source: the file or object that they came from, for messages. told: what was done to them, for
    the user; "" where nothing was. names (N): of the images, as of their files; () where they have
    none. Raises InputError where the counts of the three differ.
    """

    source: str
    values: Array
    labels: Indices
    divisor: float = 1.0
    told: str = ""
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for count, what in ((len(self.labels), "labels"), (len(self.names), "names")):
            if count != len(self.values) and (count or what == "labels"):
                raise InputError(f"{self.source}: {count} {what} for {len(self.values)} images")

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        told = f"; {self.told}" if self.told else ""
        return f"<Images {self.source!r}: {len(self)} of shape {self.shape}{told}>"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image."""
        return self.values.shape[1:]

    def vector(self, index: int) -> Vector:
        """One image as the network sees it, flat: (D,), float64."""
        flat: Vector = self.values[index].reshape(-1).astype(np.float64) / self.divisor
        return flat

    def name(self, index: int) -> str:
        """What an image is called in outputs; where it has no name, its index as a text."""
        return self.names[index] if self.names else str(range(len(self))[index])

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

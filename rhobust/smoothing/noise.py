"""Noisy copies of an image, one after the other from a stream of its own.

Copy i of image `index` is the same however many are drawn at once, and whatever was drawn for other
images.  Each phase of a certificate (the guess, the count) has a stream of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from ..compiler.base.arrays import Vector
from .grid import MOST, Table

Rows: TypeAlias = npt.NDArray[np.float32]
"""(B, D)."""


class Source(Protocol):
    """What noisy copies of one image are drawn from."""

    def draw(self, count: int) -> Rows:
        """The next copies, (count, D)."""
        ...


def generator(seed: int, index: int, phase: int) -> np.random.Generator:
    """The stream of one image and phase."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence((seed, index, phase))))


@dataclass
class Gaussian:
    """image + sigma * N(0, I), drawn and added in float32: what all others do, too.

    Not quite what the certificate is about: see the page of the subject.
    """

    image: Vector
    sigma: float
    random: np.random.Generator

    def __post_init__(self) -> None:
        self.centre = self.image.astype(np.float32)

    def draw(self, count: int) -> Rows:
        noise = self.random.standard_normal((count, len(self.centre)), dtype=np.float32)
        noise *= np.float32(self.sigma)
        noise += self.centre
        return noise


class Discrete:
    """(v + k) / grid, rounded once to float32, for whole v and k: noise and sum are exact.

    The entries of k are independent, of the distribution of `Table`, as far as the bits of two
    generators are fair and independent: 16 bits choose the entry, and 48 more where they leave two.
    """

    def __init__(
        self, pixels: npt.NDArray[np.int32], table: Table, seed: int, index: int, phase: int
    ) -> None:
        self.pixels, self.table = pixels, table
        self._first = generator(seed, index, phase).bit_generator
        self._more = generator(seed, index, phase + MOST_PHASES).bit_generator
        self._left = np.empty(0, dtype=np.uint16)

    def draw(self, count: int) -> Rows:
        bits = self._bits(count * len(self.pixels))
        noise = self.table.cells[bits]
        open_ = np.flatnonzero(noise == MOST)
        if len(open_):
            more = self._more.random_raw(len(open_)) >> np.uint64(16)
            noise[open_] = self.table.entry(bits[open_], more)
        values = (noise.reshape(count, -1) + self.pixels).astype(np.float32)
        values /= np.float32(self.table.grid)
        return values

    def _bits(self, size: int) -> npt.NDArray[np.uint16]:
        """The next numbers of 16 bits; what a word has left over comes first in the next call."""
        words = -(-max(0, size - len(self._left)) // 4)
        drawn = np.asarray(self._first.random_raw(words), dtype=np.uint64).view(np.uint16)
        both = np.concatenate([self._left, drawn]) if len(self._left) else drawn
        self._left = both[size:].copy()
        return both[:size]


MOST_PHASES = 64
"""Phases have smaller numbers; those above are of the second generator."""

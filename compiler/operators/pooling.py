"""Windows of a maximum pool as rounds of pairs: a tree of maxima of two, one for each window."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..base.arrays import Indices
from ..base.errors import LanguageError


@dataclass(frozen=True, eq=False)
class Windows:
    """Elements of a vector of `size`, one row a window.

    index (N, W): -1 where a window is shorter; an absent entry is not there and never wins.
    """

    index: Indices
    size: int

    def __post_init__(self) -> None:
        given = self.index
        if given.ndim != 2 or given.dtype.kind != "i" or not given.size:
            raise LanguageError("windows are rows of whole numbers, -1 where an entry is absent")
        if given.min() < -1 or given.max() >= self.size:
            raise LanguageError(f"a window names an element outside of 0..{self.size - 1}")
        if not (given >= 0).any(axis=1).all():
            raise LanguageError("a window has no entry, so it has no maximum")
        ordered = np.sort(given, axis=1)
        if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
            raise LanguageError("a window names an element twice")

    @cached_property
    def filled(self) -> Indices:
        """(N, W) without absent entries: each window's first one stands in their place."""
        first = np.take_along_axis(self.index, np.argmax(self.index >= 0, axis=1)[:, None], axis=1)
        return np.where(self.index >= 0, self.index, first)

    @property
    def rounds(self) -> tuple[Indices, ...]:
        """Pairs (P, 2) of elements; the greater ones are numbered on behind all elements before.

        Neighbours in a window are paired; an odd one goes on as it is, so that it does not meet
        itself. A pair that several windows share stands there once.
        """
        return self._tree[0]

    @property
    def winners(self) -> Indices:
        """The element that is each window's maximum after all rounds, (N,)."""
        return self._tree[1]

    @cached_property
    def _tree(self) -> tuple[tuple[Indices, ...], Indices]:
        absent_last = np.argsort(self.index < 0, axis=1, kind="stable")
        entries = np.take_along_axis(self.index, absent_last, axis=1).astype(np.int64)
        size, rounds = self.size, []
        while entries.shape[1] > 1:
            if entries.shape[1] % 2:
                entries = np.pad(entries, ((0, 0), (0, 1)), constant_values=-1)
            left, right = entries[:, 0::2], entries[:, 1::2]
            paired = right >= 0
            pairs = np.stack([left[paired], right[paired]], axis=1)
            distinct, place = np.unique(pairs, axis=0, return_inverse=True)
            entries = left.copy()
            entries[paired] = size + place.reshape(-1)
            if len(distinct):
                rounds.append(distinct)
                size += len(distinct)
        return tuple(rounds), entries[:, 0]

    @property
    def pairs(self) -> int:
        """Maxima of two elements: one less than its entries for a window that shares none."""
        return sum(len(pairs) for pairs in self.rounds)

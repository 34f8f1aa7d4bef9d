"""The open nodes of a search, worst bound first; depth first once memory is short."""

from __future__ import annotations

import heapq

import numpy as np

from ...compiler.base.arrays import Indices
from .batch import Block


class Frontier:
    """A heap of rows in one growing block; freed rows are used again.

    At any moment, also in the middle of a call, `all` holds every node that was pushed until what
    became of it is: an interruption loses none.
    """

    def __init__(self, template: Block, memory: float) -> None:
        self._store = template.take(np.zeros(0, dtype=np.int64))
        self._free: list[int] = []
        self._heap: list[tuple[float, int, int]] = []
        self._lent: list[tuple[float, int, int]] = []
        self.largest = max(256, int(memory / max(1, template.bytes_per_node)))

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def full(self) -> bool:
        """Whether the search should go depth first from here on."""
        return len(self._heap) >= self.largest

    @property
    def worst(self) -> float:
        """The least value of all open nodes, inf without any."""
        return self._heap[0][0] if self._heap else np.inf

    def push(self, block: Block) -> None:
        count = len(block)
        if count > len(self._free):
            self._grow(count - len(self._free))
        rows = np.array([self._free.pop() for _ in range(count)], dtype=np.int64)
        for name in Block.__slots__:
            getattr(self._store, name)[rows] = getattr(block, name)
        # among equals the deepest first
        entries = zip(block.value.tolist(), (-block.depth).tolist(), rows.tolist(), strict=True)
        for entry in entries:
            heapq.heappush(self._heap, entry)

    def pop(self, count: int) -> Block:
        """Up to `count` nodes: those with the least bound, or the deepest ones when full.

        They stay open until `settled` says that what is left of them was pushed.
        """
        before = len(self._lent)
        if self.full:
            depth = self._store.depth
            self._heap.sort(key=lambda entry: -depth[entry[2]])
            self._lent.extend(self._heap[:count])
            self._heap = self._heap[count:]
            heapq.heapify(self._heap)
        else:
            for _ in range(min(count, len(self._heap))):
                self._lent.append(self._heap[0])
                heapq.heappop(self._heap)
        return self._store.take(_rows(self._lent[before:]))

    def settled(self) -> None:
        """What is left of the nodes that were popped has been pushed."""
        settled, self._lent = self._lent, []
        self._free.extend(row for _, _, row in settled)

    @property
    def bytes(self) -> int:
        """What all open nodes take."""
        return (len(self._heap) + len(self._lent)) * self._store.bytes_per_node

    def all(self) -> tuple[Block, Indices]:
        """All open nodes, which stay: rows of a block."""
        return self._store, _rows(list(dict.fromkeys([*self._heap, *self._lent])))

    def least(self) -> tuple[float, float]:
        """The least value and the least proven distance of all open nodes ((inf, inf): none)."""
        _, rows = self.all()
        if not len(rows):
            return np.inf, np.inf
        return float(self._store.value[rows].min()), float(self._store.proven_distance[rows].min())

    def _grow(self, needed: int) -> None:
        old = len(self._store)
        new = max(2 * old, old + needed, 64)
        store = self._store
        grown = []
        for name in Block.__slots__:
            array = getattr(store, name)
            bigger = np.zeros((new, *array.shape[1:]), dtype=array.dtype)
            bigger[:old] = array
            grown.append(bigger)
        self._store = Block(*grown)
        self._free.extend(range(old, new))


def _rows(entries: list[tuple[float, int, int]]) -> Indices:
    return np.array([row for _, _, row in entries], dtype=np.int64)

"""The open nodes of a search, worst bound first; depth first once memory is short."""

from __future__ import annotations

import heapq

import numpy as np

from .node import Block


class Frontier:
    """A heap of rows in one growing block; freed rows are used again."""

    def __init__(self, template: Block, memory: float) -> None:
        self._store = template.take(np.zeros(0, dtype=np.int64))
        self._free: list[int] = []
        self._heap: list[tuple[float, int, int]] = []
        self._largest = max(256, int(memory / max(1, template.bytes_per_node)))

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def full(self) -> bool:
        """Whether the search should go depth first from here on."""
        return len(self._heap) >= self._largest

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
        """Up to `count` nodes: those with the least bound, or the deepest ones when full."""
        if self.full:
            depth = self._store.depth
            self._heap.sort(key=lambda entry: -depth[entry[2]])
            taken, self._heap = self._heap[:count], self._heap[count:]
            heapq.heapify(self._heap)
        else:
            size = min(count, len(self._heap))
            taken = [heapq.heappop(self._heap) for _ in range(size)]
        rows = np.array([row for _, _, row in taken], dtype=np.int64)
        self._free.extend(rows.tolist())
        return self._store.take(rows)

    def all(self) -> Block:
        """All open nodes; they stay."""
        return self._store.take(np.array([row for _, _, row in self._heap], dtype=np.int64))

    def least(self) -> tuple[float, float]:
        """The least value and the least radius of all open nodes ((inf, inf): none)."""
        rows = np.array([row for _, _, row in self._heap], dtype=np.int64)
        if not len(rows):
            return np.inf, np.inf
        return float(self._store.value[rows].min()), float(self._store.radius[rows].min())

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

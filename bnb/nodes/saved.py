"""The state of a search as arrays, so that it can go on later where it stopped.

What comes before the first node (bounds, reduction, groups) is computed again, the same each time;
`root_digest` tells whether it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from ...compiler.base.arrays import Indices
from ...compiler.base.digest import digest
from ...compiler.problem import Problem
from ..bounds.crown import Nodes
from .batch import Block

Array: TypeAlias = npt.NDArray[Any]

PIECE = 2**22
"""Bytes, about, of a piece of an array that is not held as a whole."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Some rows of an array: an array of their own, but not held as a whole."""

    array: Array
    rows: Indices

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self.rows), *self.array.shape[1:]

    def __iter__(self) -> Iterator[Array]:
        """The rows in order, some at a time."""
        step = max(1, PIECE // max(1, self.array[:1].nbytes))
        for start in range(0, len(self.rows), step):
            yield self.array[self.rows[start : start + step]]

    def whole(self) -> Array:
        return self.array[self.rows]


Saved: TypeAlias = Mapping[str, Array | Pieces]


class Saver(Protocol):
    """Where the state of one question is kept, under a name for the user; root: `root_digest`."""

    @property
    def name(self) -> str: ...

    def load(self, root: str) -> Mapping[str, Array] | None:
        """What was kept, None where nothing was; raises InputError for another root's."""

    def due(self) -> bool:
        """Whether it is time to save again."""

    def save(self, root: str, state: Saved) -> None: ...

    def seconds(self, size: int) -> float:
        """How long saving so many bytes takes, about."""

    def done(self) -> None:
        """The question is settled."""


NAMES = {"split_on": "choice", "proven_distance": "radius"}
"""What a checkpoint calls some facts of nodes; the others have their own names there."""


def _named(fact: str) -> str:
    return f"node_{NAMES.get(fact, fact)}"


def root_digest(problem: Problem, root: Nodes, template: Block) -> str:
    """A digest of the reduced problem, its bounds, and the form of its nodes."""
    forms = [getattr(template, name).shape[1:] for name in Block.__slots__]
    return digest((problem, root.box, root.bounds, forms))


def saved(block: Block, rows: Indices, counts: Sequence[float], learnt: Array) -> Saved:
    """The open nodes, rows of a block; the counts of the search; what it learnt of its inputs."""
    fields = {_named(name): Pieces(getattr(block, name), rows) for name in Block.__slots__}
    return {**fields, "counts": np.array(counts, dtype=np.float64), "learnt": learnt}


def restored(kept: Mapping[str, Array], template: Block) -> Block:
    """The open nodes of a state; ValueError where they are none of such a search."""
    arrays = []
    for name in Block.__slots__:
        like, array = getattr(template, name), kept[_named(name)]
        count = len(kept["node_mark"])
        if array.shape != (count, *like.shape[1:]) or array.dtype != like.dtype:
            raise ValueError(f"{name} has the form {array.dtype}{array.shape}")
        arrays.append(array)
    return Block(*arrays)

"""The state of a search as arrays, so that it can go on later where it stopped.

What comes before the first node (bounds, reduction, groups) is computed again, the same each time;
`question` tells whether it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from ..compiler.problem import Problem
from .bounds.backward import Nodes
from .node import Block

State: TypeAlias = Mapping[str, npt.NDArray[Any]]


class Saver(Protocol):
    """Where states are kept, by the question they belong to."""

    def load(self, question: str) -> State | None:
        """What was kept, None where nothing was; raises InputError for another question's."""

    def due(self) -> bool:
        """Whether it is time to save again."""

    def save(self, question: str, state: State) -> None: ...

    def done(self) -> None:
        """The question is settled."""


def question(problem: Problem, root: Nodes, template: Block) -> str:
    """A digest of the reduced problem, its bounds, and the form of its nodes."""
    digest = hashlib.sha256()
    arrays: list[npt.NDArray[Any]] = [problem.lower, problem.upper, problem.offset]
    probe = np.random.default_rng(0).random((2, problem.input_size))
    arrays += [problem.rows, *problem.values(probe)]
    for bounds in root.bounds:
        arrays += [bounds.lower, bounds.upper]
    for array in arrays:
        digest.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    digest.update(repr((problem.root, problem.choices)).encode())
    digest.update(repr([getattr(template, name).shape[1:] for name in Block.__slots__]).encode())
    return digest.hexdigest()


def state(blocks: Sequence[Block], counts: Sequence[float], learnt: npt.NDArray[Any]) -> State:
    """All open nodes, the counts of the search, and what it learnt about its inputs."""
    whole = Block.join(blocks)
    fields = {f"node_{name}": getattr(whole, name) for name in Block.__slots__}
    return {**fields, "counts": np.array(counts, dtype=np.float64), "learnt": learnt}


def restored(kept: State, template: Block) -> Block:
    """The open nodes of a state; ValueError where they are none of such a search."""
    arrays = []
    for name in Block.__slots__:
        like, array = getattr(template, name), kept[f"node_{name}"]
        count = len(kept["node_mark"])
        if array.shape != (count, *like.shape[1:]) or array.dtype != like.dtype:
            raise ValueError(f"{name} has the form {array.dtype}{array.shape}")
        arrays.append(array)
    return Block(*arrays)

"""The one way to ask the search: candidates, an attack, a search, and why an answer ended early."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeAlias, TypeVar

import numpy as np

from ..bnb import caller as handed
from ..bnb.bounds.crown import Nodes
from ..bnb.bounds.magnitudes import Magnitudes
from ..bnb.certificate.recorder import Recorder
from ..bnb.nodes.disjunctions import Tree
from ..bnb.nodes.saved import Saver
from ..bnb.search import Outcome, Settings, search
from ..bnb.settings import Unfinished
from ..compiler.base.arrays import Bounds, Indices, Matrix, Numbers, Vector
from ..compiler.base.errors import Contradiction
from ..compiler.base.evidence import withdrawn
from ..compiler.base.late import Late, Stop, until
from ..compiler.base.tolerances import MARGIN
from ..compiler.problem import Problem

Found = TypeVar("Found", covariant=True)

Progress: TypeAlias = Callable[[int, int, float], None]
"""Is told how many nodes are closed and open, and the least bound of those."""

Splits: TypeAlias = Callable[[Indices, Indices], None]
"""Is told on what nodes are split; see `Listeners.splits`."""

PROMISING = 3
"""Candidates of a batch that are validated: one that fails says little for those behind it."""


def quiet(closed: int, still_open: int, least: float) -> None:
    """Progress for those who do not look."""


class Validator(Protocol[Found]):
    """Decides whether points solve a question, over the reals and as the runtime computes it."""

    def check(self, point: Vector) -> Found | None:
        """The solution at a point (D,), or very near it; None when any doubt is left."""

    def check_exact(self, point: Numbers) -> Found | None:
        """The same for a point of Fractions, which no floats may be."""


class Candidates(Protocol):
    """Where points end that attacks, linear programs and the search come upon."""

    @property
    def accept(self) -> Callable[[Matrix], bool]:
        """Whether one of some points (B, D) settles the question."""

    def accept_exact(self, point: Numbers) -> bool:
        """The same for one point (D,) of Fractions."""


class FirstFound(Generic[Found]):
    """Candidates of which the first that a validator takes settles the question."""

    def __init__(self, problem: Problem, validator: Validator[Found]) -> None:
        self.problem, self.validator = problem, validator
        self.tree = Tree.of(problem)
        self.witness: Found | None = None

    def accept(self, points: Matrix) -> bool:
        for point in promising(self.problem, self.tree, points):
            if self.witness is not None:
                break
            self.witness = self.validator.check(point)
        return self.witness is not None

    def accept_exact(self, point: Numbers) -> bool:
        if self.witness is None:
            self.witness = self.validator.check_exact(point)
        return self.witness is not None

    def settled(self, outcome: Outcome) -> Found | None:
        """The witness; Contradiction where the search excluded all of them."""
        if self.witness is not None and outcome.status == "closed":
            raise Contradiction(
                "a region was closed that holds a witness", {"witness": str(self.witness)}
            )
        return self.witness


@dataclass(frozen=True, slots=True)
class Floats:
    """Candidates that a function looks at, of exact points the nearest floats."""

    accept: Callable[[Matrix], bool]

    def accept_exact(self, point: Numbers) -> bool:
        return self.accept(point.astype(np.float64)[None])


def promising(problem: Problem, tree: Tree, points: Matrix, best: float = np.inf) -> Matrix:
    """The few points (B, D) that satisfy the tree nearly, or better.

    best: with an objective, those with a smaller value, least first.
    """
    value = problem.values(points)[-1] @ problem.rows.T + problem.offset
    margin = tree.violation(value)
    order = np.argsort(margin)
    if problem.objective is not None:
        order = np.argsort(value[:, problem.objective])
        order = order[value[order, problem.objective] < best]
    found: Matrix = points[order[margin[order] <= MARGIN][:PROMISING]]
    return found


def ask(
    problem: Problem,
    candidates: Candidates,
    remaining: Callable[[], float],
    settings: Settings,
    *,
    attack: Callable[[Indices], bool] = lambda atoms: False,
    box: Callable[[], Bounds] | None = None,
    cutoff: Callable[[], float] = lambda: 0.0,
    radius: tuple[Vector, Vector, Vector] | None = None,
    progress: Progress = quiet,
    recorder: Recorder | None = None,
    saver: Saver | None = None,
    splits: Splits | None = None,
    unfinished: Callable[[Unfinished], None] | None = None,
    known: tuple[Nodes, Magnitudes] | None = None,
) -> Outcome:
    """The search's answer to a compiled problem, an attack before it; see `bnb.caller`.

    remaining: seconds left.  box: the region, where it may shrink while the search runs.
    """
    whole = problem.box
    offered = handed.Candidates(
        candidates.accept, box or (lambda: whole), attack, cutoff, radius, candidates.accept_exact
    )
    listeners = handed.Listeners(progress, recorder, saver, splits, unfinished)
    caller = handed.Caller(handed.Clock(remaining), offered, listeners, known)
    return search(problem, caller, settings)


@dataclass(slots=True)
class Ending:
    """Why some work ended before it was done: timeout, memory or contradiction; "" if it did."""

    reason: str = ""


@contextmanager
def ending(stop: Stop, facts: Callable[[], Mapping[str, object]] = dict) -> Iterator[Ending]:
    """Work until `stop` says so; an early end is told by what it yields, and not raised.

    facts: for the report about a contradiction.
    """
    end = Ending()
    try:
        with until(stop):
            yield end
    except Late:
        end.reason = "timeout"
    except MemoryError:
        end.reason = "memory"
    except Contradiction as found:
        end.reason = withdrawn(found, **facts())

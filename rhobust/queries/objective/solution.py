"""What is known about a problem once it was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from ...compiler.base.arrays import Vector
from ...compiler.shown.record import Result
from ...compiler.shown.told import Detail, Told, count, some

MOST = 4
"""Names of values, and numbers of a value, that are told."""


@dataclass(frozen=True, slots=True, repr=False)
class Solution(Result):
    """What is known about a problem.

    status: optimal (value and bound agree within the gap), sat (a solution is known: all that was
    asked), unsat, timeout or unknown, the last two with a reason.
    value: the objective at the solution, a bound on it that is proven for this very point; bound:
    what no solution can be better than. Both nan without an objective. certified: the bound that a
    certificate proves, nan where it proves an unsat; uncertified: why one that was asked for is
    not there.
    replayed: an equality that speaks of a network's outputs holds at the solution (`exact` of the
    variables) over the reals; by how much its sides differ, at most, for the outputs of the
    network's runtime, which rounds; 0 without such an equality.
    values: of the variables that nothing defines, and of what networks give, by name, as they were
    found; later answers change `value` of the variables, and not these.
    """

    status: str
    reason: str
    value: float
    bound: float
    seconds: float
    statistics: Statistics
    certified: float = float("nan")
    uncertified: str = ""
    replayed: float = 0.0
    values: Mapping[str, Vector] = field(default_factory=dict, compare=False)

    def record(self) -> dict[str, Any]:
        """Its fields; `reason` is None without one, and `values` are lists of numbers."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return found | {"reason": self.reason or None}

    def _told(self) -> Told:
        told = self.reason and self.reason != self.status  # a timeout is told once
        answer = f"{self.status} ({self.reason})" if told else self.status
        numbers = [("value", self.value), ("bound", self.bound), ("certified", self.certified)]
        facts = [(name, repr(float(one))) for name, one in numbers if not np.isnan(one)]
        if self.uncertified:
            facts.append(("no certificate:", self.uncertified))
        if self.values:
            facts.append(("values of", some(list(self.values), MOST)))
        work = f"{count(self.statistics.nodes, 'node')}, {count(self.statistics.lps, 'LP')}"
        return Told(f"Solution {answer}", (*facts, ("", f"{self.seconds:.2f} s"), ("", work)))

    def _detail(self) -> Detail:
        rows = tuple(
            (name, f"{len(one):,}", f"{one.min():.6g}", f"{one.max():.6g}", _begins(one))
            for name, one in self.values.items()
        )
        return Detail(("variable", "size", "least", "largest", "begins"), rows)


@dataclass(frozen=True, slots=True, repr=False)
class Statistics(Result):
    """Counts of a problem and of its search; `str` of it is a table."""

    variables: int
    relations: int
    disjunctions: int
    units: dict[str, int] = field(default_factory=dict)
    nodes: int = 0
    lps: int = 0

    def _told(self) -> Told:
        counts = [
            count(self.variables, "input variable"), count(self.relations, "relation"),
            count(self.disjunctions, "disjunction"), count(sum(self.units.values()), "unit"),
            count(self.nodes, "node"), count(self.lps, "LP"),
        ]  # fmt: skip
        return Told("Statistics", tuple(("", one) for one in counts))

    def __str__(self) -> str:
        named = [
            ("input variables", self.variables),
            ("relations", self.relations),
            ("disjunctions to branch on", self.disjunctions),
            *((f"units of {name}", size) for name, size in self.units.items()),
            ("nodes", self.nodes),
            ("linear programs", self.lps),
        ]
        width = max(len(name) for name, _ in named)
        return "\n".join(f"{name:{width}}  {number:>10,}" for name, number in named)


def _begins(values: Vector) -> str:
    more = ", ..." if len(values) > MOST else ""
    return ", ".join(f"{number:.4g}" for number in values[:MOST].tolist()) + more

"""Answers of the program held against exact ones: decided, unknown, or wrong with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from math import inf, isnan

from ..compiler.base.evidence import REASON
from ..queries.objective.solution import Solution
from ..queries.solve import SolveResult
from ..results import Estimate, RhoResult, Verdict, VerifyResult
from .problem import Problem

CONTRADICTION = REASON
DECIDED, UNKNOWN = "decided", "unknown"
"""Any other text says what is wrong."""


@dataclass(slots=True)
class Tally:
    """What became of the problems of one kind; told: of the wrong ones, how to meet them again."""

    problems: int = 0
    decided: int = 0
    unknown: int = 0
    wrong: int = 0
    told: list[str] = field(default_factory=list)

    def note(self, judgement: str, name: str) -> None:
        self.problems += 1
        if judgement == DECIDED:
            self.decided += 1
        elif judgement == UNKNOWN:
            self.unknown += 1
        else:
            self.wrong += 1
            self.told.append(f"{name}: {judgement}")

    def add(self, other: Tally) -> None:
        self.problems += other.problems
        self.decided += other.decided
        self.unknown += other.unknown
        self.wrong += other.wrong
        self.told += other.told


def judged(judge: Callable[[], str]) -> str:
    """The judgement; an exception on the way is wrong."""
    try:
        return judge()
    except Exception as error:  # whatever it is, a user would have met it
        return f"{type(error).__name__}: {error}"


def verified(problem: Problem, eps: float, found: VerifyResult) -> str:
    """A verdict at a radius."""
    if found.reason == CONTRADICTION:
        return "the search contradicted itself"
    lost = problem.lost_within(eps)
    if found.verdict == Verdict.UNKNOWN:
        return UNKNOWN if found.reason and found.witness is None else "UNKNOWN without a reason"
    if found.verdict == Verdict.ROBUST:
        if lost or found.witness is not None or not found.margin_bound >= 0.0:
            return f"ROBUST within {eps!r} though the label is lost at {problem.rho}"
        return DECIDED
    if found.witness is None or not problem.breaks(found.witness.point.tolist(), eps):
        return f"NOT_ROBUST within {eps!r} without a witness; the label is lost at {problem.rho}"
    return DECIDED if lost else f"NOT_ROBUST within {eps!r}, but rho is {problem.rho}"


def measured(problem: Problem, found: RhoResult) -> str:
    """An interval for rho."""
    if found.reason == CONTRADICTION:
        return "the search contradicted itself"
    if isnan(found.lower) or isnan(found.upper) or not 0.0 <= found.lower <= found.upper:
        return f"no interval: [{found.lower}, {found.upper}]"
    true = problem.rho
    if true is None:
        if found.witness is not None or found.upper < inf:
            return f"upper end {found.upper}, but the box holds no example"
    elif found.lower == inf or Fraction(found.lower) > true:
        return f"lower end {found.lower!r} above rho {true}"
    elif found.upper < inf:
        if found.witness is None or not problem.breaks(found.witness.point.tolist(), found.upper):
            return f"upper end {found.upper!r} without a witness"
    if found.exact:
        return DECIDED
    return UNKNOWN if found.reason else "an open interval without a reason"


def estimated(problem: Problem, found: Estimate) -> str:
    """An estimate, which promises nothing but its witness."""
    if found.witness is None:
        return UNKNOWN
    point = found.witness.point.tolist()
    valid = problem.breaks(point, found.witness.distance)
    return DECIDED if valid else "the witness keeps its label"


def answered(problem: Problem, eps: float, found: SolveResult) -> str:
    """The status of the claim's negation as a property."""
    if found.reason == CONTRADICTION:
        return "the search contradicted itself"
    lost = problem.lost_within(eps)
    if found.status in ("unknown", "timeout"):
        return UNKNOWN if found.reason and found.witness is None else "unknown without a reason"
    if found.status == "unsat":
        return DECIDED if not lost else f"unsat within {eps!r}, but rho is {problem.rho}"
    if found.witness is None or not problem.breaks(found.witness.inputs, eps):
        return f"sat within {eps!r} without a witness; rho is {problem.rho}"
    return DECIDED if lost else f"sat within {eps!r}, but rho is {problem.rho}"


def optimised(least: Fraction, found: Solution) -> str:
    """A least value and its bound."""
    if found.reason == CONTRADICTION:
        return "the search contradicted itself"
    if not isnan(found.bound) and found.bound > -inf and Fraction(found.bound) > least:
        return f"bound {found.bound!r} above the least value {least}"
    if not isnan(found.value) and (found.value == -inf or Fraction(found.value) < least):
        return f"value {found.value!r} below the least value {least}"
    if found.status == "optimal":
        slack = max(abs(least), Fraction(1)) / 1000
        near = abs(Fraction(found.value) - least) <= slack
        return DECIDED if near else f"{found.value!r} is not the least value {least}"
    if found.status == "unsat":
        return "unsat, but the box is not empty"
    return UNKNOWN if found.reason or found.status == "sat" else "unknown without a reason"

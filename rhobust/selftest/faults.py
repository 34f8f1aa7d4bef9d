"""Faults put into what the verdicts must not depend on: solver, attack, runtime, clock, memory.

A fault strikes at one call of its site, or at that and all later ones. Whatever it does, the
answer has to be right or unknown, and no exception but the user's own may come out.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from inspect import CO_GENERATOR
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

import numpy as np

from ..attacks import conjunctions
from ..clock import Deadline, Interrupted
from ..compiler.base.arrays import Matrix, Vector
from ..compiler.base.untrusted import log
from ..lp.oracle.highs import NOTHING, Answer, Oracle, Program, Solver, no_answer
from ..queries import estimate
from ..queries import problem as formulation
from ..queries import rho as radius
from ..queries import solve as solving
from ..queries import verify as decide
from ..queries.interval import cheap
from ..queries.objective import optimize as optimum
from ..results import RhoResult
from .judge import DECIDED, UNKNOWN, measured
from .questions import Asked, Question

HOUR = 3600.0


@dataclass(slots=True)
class Trigger:
    """Says at which calls of a site the fault strikes; first -1: at none."""

    first: int = -1
    again: bool = False
    calls: int = 0

    def __call__(self) -> bool:
        number = self.calls
        self.calls += 1
        return number == self.first or (self.again and 0 <= self.first < number)


class Clock:
    """The monotonic clock, and what a fault makes of it."""

    def __init__(self, trigger: Trigger, kind: str) -> None:
        self.trigger, self.kind, self.jump = trigger, kind, 0.0

    def __call__(self) -> float:
        if self.trigger():
            if self.kind == "nan":
                return np.nan
            self.jump += -HOUR if self.kind == "backwards" else HOUR
        return time.monotonic() + self.jump


CLOCK = ("forwards", "backwards", "nan")


# ---- linear programs -------------------------------------------------------------------------


class FaultySolver:
    """A solver that lies when the trigger says so."""

    def __init__(
        self, inner: Solver, size: int, trigger: Trigger, kind: str, rng: np.random.Generator,
        clock: Clock,
    ) -> None:  # fmt: skip
        self.inner, self.size, self.trigger, self.kind = inner, size, trigger, kind
        self.rng, self.clock = rng, clock
        self.last: Answer | None = None

    def add_rows(self, rows: Matrix, lower: Vector, upper: Vector) -> None:
        self.inner.add_rows(rows, lower, upper)

    def set_columns(self, lower: Vector, upper: Vector) -> None:
        self.inner.set_columns(lower, upper)

    def set_cost(self, cost: Vector) -> None:
        self.inner.set_cost(cost)

    def solve(self, seconds: float) -> Answer:
        answer = self.inner.solve(seconds)
        with np.errstate(all="ignore"):
            return self._answer(answer)

    def _answer(self, answer: Answer) -> Answer:
        stale, self.last = self.last, answer
        if not self.trigger():
            return answer
        return self._false(answer, stale)

    def _false(self, answer: Answer, stale: Answer | None) -> Answer:
        rng, kind = self.rng, self.kind
        match kind:
            case "exception":
                raise RuntimeError("the solver failed")
            case "no memory":
                raise MemoryError
            case "no answer":
                return None  # type: ignore[return-value]
            case "hang":
                self.clock.jump += HOUR
                return answer
            case "infeasible" | "unbounded" | "stopped" | "failed":
                return no_answer(kind)
            case "odd status":
                return replace(answer, status="kModelEmpty")
            case "stale":
                return stale or answer
            case "missing duals":
                return replace(answer, row_duals=NOTHING, column_duals=NOTHING)
            case "short duals":
                return replace(answer, row_duals=answer.row_duals[:-1])
            case "nan value":
                return replace(answer, value=np.nan)
            case "nan point":
                return replace(answer, point=answer.point * np.nan)
            case "nan duals":
                return replace(answer, row_duals=answer.row_duals * np.nan)
            case "infinite duals":
                return replace(answer, row_duals=answer.row_duals * np.inf)
        rows = len(answer.row_duals)
        if not answer.optimal:  # called optimal all the same
            point, duals = rng.normal(size=self.size), rng.normal(size=64)
            return Answer("optimal", float(rng.normal()), point, duals, point)
        size = 10.0 ** rng.uniform(-9, 9)
        match kind:
            case "negated duals":
                return replace(answer, row_duals=-answer.row_duals)
            case "zero duals":
                return replace(answer, row_duals=np.zeros(rows))
            case "wrong duals":
                return replace(answer, row_duals=size * rng.normal(size=rows))
            case "scaled duals":
                return replace(answer, row_duals=size * answer.row_duals)
            case "wrong columns":
                return replace(answer, column_duals=size * rng.normal(size=len(answer.point)))
            case "wrong point":
                return replace(answer, point=size * rng.normal(size=len(answer.point)))
            case "wrong value":
                return replace(answer, value=answer.value + size * float(rng.normal()))
        return answer


LP = (
    "exception", "no memory", "no answer", "hang", "infeasible", "unbounded", "stopped", "failed",
    "odd status", "stale", "missing duals", "short duals", "nan value", "nan point", "nan duals",
    "infinite duals", "negated duals", "zero duals", "wrong duals", "scaled duals",
    "wrong columns", "wrong point", "wrong value", "false optimum",
)  # fmt: skip


def faulty_oracle(
    inner: Oracle, trigger: Trigger, kind: str, rng: np.random.Generator, clock: Clock
) -> Oracle:
    def oracle(program: Program) -> Solver:
        return FaultySolver(inner(program), len(program.cost), trigger, kind, rng, clock)

    return oracle


# ---- attack and runtime ----------------------------------------------------------------------

ATTACK = ("exception", "no memory", "hang", "lie", "nan points", "wild points", "nothing")


def faulty_attack(
    attack: Callable[..., tuple[bool, Matrix]], trigger: Trigger, kind: str, clock: Clock
) -> Callable[..., tuple[bool, Matrix]]:
    def run(problem: Any, box: Any, cases: Any, accept: Any, *rest: Any, **given: Any) -> Any:
        if not trigger():
            return attack(problem, box, cases, accept, *rest, **given)
        points = np.repeat(box.upper, len(cases), axis=0)
        match kind:
            case "exception":
                raise ValueError("the attack failed")
            case "no memory":
                raise MemoryError
            case "hang":
                clock.jump += HOUR
            case "lie":
                return True, points
            case "nan points":
                return accept(points * np.nan), points * np.nan
            case "wild points":
                return accept(points + 1e30), points + 1e30
        return False, points

    return run


RUNTIME = ("exception", "nan", "infinite", "contrary", "agreeable", "short")


def faulty_runtime(
    runtime: Callable[[Matrix], Matrix], trigger: Trigger, kind: str, label: int
) -> Callable[[Matrix], Matrix]:
    def run(inputs: Matrix) -> Matrix:
        found = runtime(inputs)
        if not trigger():
            return found
        changed = found.copy()
        match kind:
            case "exception":
                raise RuntimeError("the runtime failed")
            case "nan":
                changed[:] = np.nan
            case "infinite":
                changed[:, label] = -np.inf
            case "contrary":
                changed[:, label] = 1e30
            case "agreeable":
                changed[:, label] = -1e30
            case "short":
                return changed[:, :1]
        return changed

    return run


# ---- memory and interruption -----------------------------------------------------------------

PACKAGE = str(Path(__file__).resolve().parent.parent)
OWN = str(Path(__file__).resolve().parent)
MEMORY = ("no memory", "interrupt")


@contextmanager
def tripping(trigger: Trigger, kind: str) -> Iterator[None]:
    """Raises at a call of any of the engine's functions."""
    root = str(Path(PACKAGE).parent)

    def traced(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        name = code.co_filename
        if not name.startswith(root) or name.startswith(OWN) or code.co_name.startswith("<"):
            return
        if code.co_flags & CO_GENERATOR:  # may be entered by the collector, where nothing is raised
            return
        if trigger():
            raise MemoryError if kind == "no memory" else KeyboardInterrupt

    before = sys.gettrace()
    sys.settrace(traced)
    try:
        yield
    finally:
        sys.settrace(before)


# ---- all together ----------------------------------------------------------------------------

SITES: dict[str, tuple[str, ...]] = {
    "lp": LP, "attack": ATTACK, "runtime": RUNTIME, "clock": CLOCK, "engine": MEMORY,
}  # fmt: skip


def run(
    question: Question, asked: Asked, site: str, kind: str, trigger: Trigger,
    rng: np.random.Generator,
) -> str:  # fmt: skip
    """The judgement of a question while a fault is in place."""
    off = Trigger()
    clock = Clock(trigger if site == "clock" else off, kind)
    settings, network = asked.settings, asked.network
    if site == "lp":
        oracle = faulty_oracle(settings.oracle, trigger, kind, rng, clock)
        settings = replace(settings, oracle=oracle)
    if site == "runtime" and network.runtime is not None:
        runtime = faulty_runtime(network.runtime, trigger, kind, asked.problem.label)
        network = replace(network, runtime=runtime)
    changed = replace(asked, settings=settings, network=network)
    with ExitStack() as stack:
        stack.enter_context(patch.object(log, "disabled", True))
        for module in (decide, radius, solving, formulation, estimate):
            stack.enter_context(patch.object(module, "Deadline", partial(Deadline, now=clock)))
        if site == "attack":
            for module in (decide, cheap, conjunctions, optimum):
                attack = faulty_attack(module.pgd, trigger, kind, clock)
                stack.enter_context(patch.object(module, "pgd", attack))
        if site == "engine":
            stack.enter_context(tripping(trigger, kind))
        try:
            return question(changed)
        except KeyboardInterrupt as stop:
            if site == "engine" and kind == "interrupt":
                return interrupted(asked, stop)
            raise
        except MemoryError as error:
            if site == "engine" and not _underway(error):
                return UNKNOWN
            raise


UNDERWAY = {"_run", "decide", "pgd", "search", "ask"}
"""Functions that answer; before them a question is read, and memory may simply not suffice."""


def _underway(error: BaseException) -> bool:
    found, names = error.__traceback__, []
    while found is not None:
        names.append(found.tb_frame.f_code.co_name)
        found = found.tb_next
    return not UNDERWAY.isdisjoint(names)


def interrupted(asked: Asked, stop: KeyboardInterrupt) -> str:
    """What was known at an interruption is judged too."""
    if isinstance(stop, Interrupted) and isinstance(stop.result, RhoResult):
        found = measured(asked.problem, stop.result)
        return UNKNOWN if found == DECIDED else found
    return UNKNOWN

"""Objectives over small formulas of every shape, held against their enumeration in rationals.

Stages skip connections or are read by nobody, rows are 0 or repeated, weights are pruned, some of
the functions are networks; there are constraints, disjunctions, balls and boxes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from ..bnb.caller import Caller, Candidates, Clock
from ..bnb.search import Settings, search
from ..compiler.importers.plain import dense_network
from ..compiler.language.activations import relu
from ..compiler.language.expressions import Affine, Variable
from ..compiler.language.formulas import Formula, Or, all_of
from ..compiler.language.norms import norm1, norm2, norm_inf
from ..lp.oracle.highs import reference
from ..queries.objective.formulation import maximize, minimize
from ..queries.objective.solution import Solution
from ..queries.problem import Problem as Formulation
from .judge import DECIDED, UNKNOWN
from .oracle import ExactNetwork, ExactStage, cells_of, matrix, vector
from .polytopes import Cell, Form, part_below, ratio
from .problem import Floats, Rng

Row = tuple[tuple[Floats, ...], float]
"""Coefficients of every source (the input, then each stage) and a constant: at most 0."""


@dataclass(eq=False)
class Sketch:
    """A problem while it is drawn: the same stages for the enumeration and as expressions."""

    lower: Floats
    upper: Floats
    x: Variable
    stages: list[ExactStage] = field(default_factory=list)
    values: list[Affine] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.values.append(self.x.affine)

    @property
    def sizes(self) -> list[int]:
        return [value.size for value in self.values]

    def add(self, terms: Sequence[tuple[Floats, int]], bias: Floats, bent: bool) -> ExactStage:
        """Notes a stage for the enumeration; its value is added by the caller."""
        exact = tuple((matrix(weight.tolist()), source) for weight, source in terms)
        stage = ExactStage(exact, vector(bias.tolist()), bent)
        self.stages.append(stage)
        return stage


@dataclass(frozen=True, eq=False)
class Drawn:
    """A question and what the enumeration needs: rows all of which hold, and choices of rows.

    ball: (norm, center, radius) of the input; objective: to be least, in terms of all sources.
    """

    sketch: Sketch
    formulas: tuple[Formula, ...]
    rows: tuple[Row, ...]
    either: tuple[tuple[Row, ...], ...]
    ball: tuple[str, Floats, float] | None
    objective: Row
    largest: bool

    def question(self) -> Formulation:
        expression = combination(self.sketch, self.objective)
        goal = maximize(-1.0 * expression) if self.largest else minimize(expression)
        return Formulation(goal, self.formulas)


def drawn(rng: Rng) -> Drawn:
    """A random problem of up to 3 inputs and about 10 units; most are smaller."""
    sketch = _inputs(rng)
    for _ in range(int(rng.choice([1, 1, 2, 2, 3]))):
        _network(rng, sketch) if rng.random() < 0.3 else _stage(rng, sketch)
    if rng.random() < 0.4:
        _idle(rng, sketch)
    rows = [_row(rng, sketch) for _ in range(int(rng.choice([0, 0, 1, 1, 2])))]
    formulas: list[Formula] = [combination(sketch, row) <= 0.0 for row in rows]
    either: list[tuple[Row, ...]] = []
    if rng.random() < 0.25:
        either = [(_row(rng, sketch, rng.random() < 0.6),) for _ in range(int(rng.integers(2, 4)))]
        parts = [all_of(*(combination(sketch, row) <= 0.0 for row in part)) for part in either]
        formulas.append(Or(tuple(parts)))
    ball = _ball(rng, sketch) if rng.random() < 0.3 else None
    if ball is not None:
        norm, center, radius = ball
        kinds = {"l1": norm1, "l2": norm2, "linf": norm_inf}
        formulas.append(kinds[norm](sketch.x - center) <= radius)
    objective = _objective(rng, sketch)
    return Drawn(
        sketch, tuple(formulas), tuple(rows), tuple(either), ball, objective,
        bool(rng.random() < 0.5),
    )  # fmt: skip


def combination(sketch: Sketch, row: Row) -> Affine:
    """A row over all sources as an expression; sources of weight 0 stay in it."""
    parts, constant = row
    total = Affine(1)
    for value, part in zip(sketch.values, parts, strict=True):
        total = total + part[None] @ value
    return total + constant


def _numbers(rng: Rng, *shape: int) -> Floats:
    found: Floats = rng.integers(-12, 13, size=shape) / 8.0
    if rng.random() < 0.2:
        found = np.round(rng.normal(size=shape), 1)
    if rng.random() < 0.3:
        found = np.where(rng.random(shape) < 0.5, 0.0, found)  # pruned
    return found


def _weights(rng: Rng, rows: int, columns: int) -> Floats:
    found = _numbers(rng, rows, columns)
    if rng.random() < 0.2:
        found[rng.integers(rows)] = 0.0
    if rows > 1 and rng.random() < 0.2:
        found[0] = found[1] * float(rng.choice([1.0, -1.0]))
    return found


def _inputs(rng: Rng) -> Sketch:
    count = int(rng.integers(1, 4))
    low = rng.integers(-4, 2, size=count) / 2.0
    high = low + rng.integers(0 if rng.random() < 0.2 else 1, 6, size=count) / 2.0
    return Sketch(low, high, Variable(count, low, high, "x"))


def _stage(rng: Rng, sketch: Sketch) -> None:
    """A layer of units that reads some of what is there."""
    size, before = int(rng.integers(1, 5)), len(sketch.values)
    sources = [k for k in range(before) if rng.random() < 0.6] or [before - 1]
    terms = [(_weights(rng, size, sketch.sizes[k]), k) for k in sources]
    bias, bent = _numbers(rng, size), bool(rng.random() < 0.9)
    total = Affine(size) + bias
    for weight, k in terms:
        total = total + weight @ sketch.values[k]
    sketch.add(terms, bias, bent)
    sketch.values.append(relu(total) if bent else total)


def _network(rng: Rng, sketch: Sketch) -> None:
    """A network of two layers, applied to one of what is there."""
    source = int(rng.integers(len(sketch.values)))
    sizes = [sketch.sizes[source], int(rng.integers(1, 4)), int(rng.integers(1, 3))]
    layers = [
        (_weights(rng, b, a), _numbers(rng, b)) for a, b in zip(sizes, sizes[1:], strict=False)
    ]
    output = dense_network(layers, f"network{len(sketch.values)}")(sketch.values[source])
    (first, level), (second, shift) = layers
    sketch.add([(first, source)], level, True)
    # the hidden layer is the network's own: rows and later stages give it no weight
    sketch.values.append(relu(first @ sketch.values[source] + level))
    sketch.add([(second, len(sketch.values) - 1)], shift, False)
    sketch.values.append(output)


def _idle(rng: Rng, sketch: Sketch) -> None:
    """Units that nobody will read."""
    weight, bias = _weights(rng, 3, sketch.sizes[0]), _numbers(rng, 3)
    sketch.add([(weight, 0)], bias, True)
    sketch.values.append(relu(weight @ sketch.values[0] + bias))


def _row(rng: Rng, sketch: Sketch, inputs: bool = False) -> Row:
    """A relation, slack at the middle of the box more often than not."""
    keep = [k == 0 or (not inputs and rng.random() < 0.5) for k in range(len(sketch.values))]
    parts = tuple(
        _numbers(rng, size) if kept else np.zeros(size)
        for size, kept in zip(sketch.sizes, keep, strict=True)
    )
    return parts, float(rng.integers(-16, 5)) / 8.0


def _ball(rng: Rng, sketch: Sketch) -> tuple[str, Floats, float]:
    norm = str(rng.choice(["l1", "l1", "l2", "linf"]))
    share = rng.integers(0, 5, size=len(sketch.lower)) / 4.0
    center = sketch.lower + share * (sketch.upper - sketch.lower)
    return norm, center, float(rng.integers(0, 9)) / 4.0


def _objective(rng: Rng, sketch: Sketch) -> Row:
    last = len(sketch.values) - 1
    parts = tuple(
        _numbers(rng, size) if k == last or rng.random() < 0.5 else np.zeros(size)
        for k, size in enumerate(sketch.sizes)
    )
    return parts, float(rng.integers(-8, 9)) / 8.0


# ---- the enumeration -------------------------------------------------------------------------


@dataclass(frozen=True)
class Truth:
    """The least value, and points (D,) of Fractions that attain it; None where nothing holds.

    least and most differ only for an l2 ball, between whose inner and outer polytopes it lies.
    """

    least: Fraction | None
    most: Fraction | None
    points: tuple[tuple[Fraction, ...], ...]


def enumerated(problem: Drawn) -> Truth:
    """What is true of a problem, by all of its linear pieces."""
    outer, _ = _least(problem, _halfspaces(problem, outer=True))
    inner, points = _least(problem, _halfspaces(problem, outer=False))
    return Truth(outer, inner, points)


def _halfspaces(problem: Drawn, outer: bool) -> list[dict[int, Fraction]]:
    """A ball as rows over the inputs (coordinate k + 1), constant at 0; around or within it."""
    if problem.ball is None:
        return []
    norm, center, radius = problem.ball
    size = len(center)
    if norm == "linf" or (norm == "l2" and outer):
        sides = [
            tuple(s if k == j else 0 for k in range(size)) for j in range(size) for s in (1, -1)
        ]
    else:
        sides = list(itertools.product((1, -1), repeat=size))
    forms = []
    for side in sides:
        form = {k + 1: Fraction(s) for k, s in enumerate(side) if s}
        level = sum(
            (s * Fraction(c) for s, c in zip(side, center.tolist(), strict=True)), Fraction(0)
        )
        form[0] = -level - Fraction(radius)
        forms.append(form)
    return forms


def _least(
    problem: Drawn, ball: Sequence[dict[int, Fraction]]
) -> tuple[Fraction | None, tuple[tuple[Fraction, ...], ...]]:
    sketch = problem.sketch
    inputs = len(sketch.lower)
    network = ExactNetwork(
        (*sketch.stages, ExactStage((), vector([0.0]), False))  # ends as the oracle asks for
    )
    cells, starts = cells_of(
        network, vector(sketch.lower.tolist()), vector(sketch.upper.tolist()), ball
    )
    for row in problem.rows:
        cells = _cut(cells, _form(row, starts))
    if problem.either:
        cells = [
            part
            for options in problem.either
            for part in _all_cut(cells, [_form(row, starts) for row in options])
        ]
    goal = _form(problem.objective, starts)
    best: list[tuple[Fraction, tuple[Fraction, ...]]] = []
    for cell in cells:
        for place, _ in cell:
            value = goal.get(0, Fraction(0)) + sum(
                (c * ratio(place[k], place) for k, c in goal.items() if k), Fraction(0)
            )
            if not best or value <= best[0][0]:
                point = tuple(ratio(n, place) for n in place[1 : inputs + 1])
                best = [(value, point), *(b for b in best if b[0] == value and b[1] != point)]
    if not best:
        return None, ()
    return best[0][0], tuple(point for _, point in best[:4])


def _form(row: Row, starts: Sequence[int]) -> Form:
    parts, constant = row
    form: Form = {0: Fraction(constant)}
    for start, part in zip(starts, parts, strict=False):
        form.update({start + k: Fraction(c) for k, c in enumerate(part.tolist()) if c})
    return form


def _cut(cells: Sequence[Cell], form: Form) -> list[Cell]:
    found = (part_below(cell, form) for cell in cells)
    # the cut appended a coordinate, which nothing speaks of
    return [part for part in found if part]


def _all_cut(cells: Sequence[Cell], forms: Sequence[Form]) -> list[Cell]:
    left = list(cells)
    for form in forms:
        left = _cut(left, form)
    return left


# ---- the question ----------------------------------------------------------------------------

SWITCHES: dict[str, Callable[[Settings], Settings]] = {
    "no trees": lambda s: replace(s, trees=False),
    "no bounds below splits": lambda s: replace(s, refine=False),
    "no groups": lambda s: replace(s, joint=False),
    "no boxes": lambda s: replace(s, boxes=False),
    "no ascent at the root": lambda s: replace(s, root_steps=0),
    "no tightening": lambda s: replace(s, tighten_steps=0),
    "no ascent at nodes": lambda s: replace(s, node_steps=0),
    "no extra ascent": lambda s: replace(s, extra_steps=0),
    "no objective cut": lambda s: replace(s, inside_steps=0),
    "more slack": lambda s: replace(s, slack=16.0),
    "nothing is hopeful": lambda s: replace(s, hope=0.0),
    "single nodes": lambda s: replace(s, batch=1),
    "depth first": lambda s: replace(s, memory=1.0),
    "two threads": lambda s: replace(s, threads=2),
    "the other solver": lambda s: replace(s, oracle=reference),
}
"""Every switch of the search, set away from its default."""


def switched(rng: Rng) -> tuple[Settings, str]:
    """None, one or two switches, and their names."""
    names = rng.choice(list(SWITCHES), size=int(rng.integers(0, 3)), replace=False).tolist()
    settings = Settings()
    for name in names:
        settings = SWITCHES[name](settings)
    return settings, ", ".join(names) or "as it is"


def judged_objective(problem: Drawn, settings: Settings, seed: int, timeout: float = 20.0) -> str:
    """Asks with the enumeration's own points tracked, and judges the answer."""
    truth = enumerated(problem)
    points = tuple(np.array(point, dtype=object) for point in truth.points)
    found = problem.question().solve(timeout, settings=replace(settings, tracked=points), seed=seed)
    return _judged(problem, truth, found)


LEVELS = (1e-3, 0.0, -1e-3)
"""Cutoffs above, at and below the least value, relative to it."""


def judged_cutoff(problem: Drawn, settings: Settings, level: float) -> str:
    """A search without attacks, that takes no candidate; its cutoff is a level of `LEVELS`.

    Where the cutoff is not below the least value it must stay open and keep the points that attain
    it; elsewhere it must not contradict itself.
    """
    truth = enumerated(problem)
    points = tuple(np.array(point, dtype=object) for point in truth.points)
    compiled = problem.question().compile().problem
    box = compiled.box
    cutoff = 1e6
    if truth.most is not None:
        near = float(truth.most)
        cutoff = near + level * (1.0 + abs(near))
    # a search of seconds has gone wrong: these take milliseconds
    candidates = Candidates(lambda points: False, lambda: box, cutoff=lambda: cutoff)
    caller = Caller(Clock(lambda: 60.0), candidates)
    outcome = search(compiled, caller, replace(settings, tracked=points, nodes=40))
    if outcome.reason == "contradiction":
        return "the search contradicted itself"
    if truth.most is None:
        return DECIDED if outcome.status == "closed" else UNKNOWN
    if outcome.status == "closed":
        reached = Fraction(cutoff) >= truth.most
        return f"nothing up to {cutoff!r}, but {float(truth.most)!r}" if reached else DECIDED
    bound = min(outcome.bound, cutoff)
    if bound > -np.inf and Fraction(bound) > truth.most:
        return f"bound {bound!r} above the least value {float(truth.most)!r}"
    # to stay open is right where something is left, and no answer where nothing is
    return DECIDED if Fraction(cutoff) >= truth.most else UNKNOWN


def _judged(problem: Drawn, truth: Truth, found: Solution) -> str:
    sign = -1.0 if problem.largest else 1.0
    value, bound = sign * found.value, sign * found.bound
    if found.reason == "contradiction":
        return "the search contradicted itself"
    if truth.least is None:
        if found.status in ("optimal", "sat"):
            return f"{found.status} with value {found.value!r}, but nothing satisfies it"
        return DECIDED if found.status == "unsat" else UNKNOWN
    if truth.most is not None:
        if found.status == "unsat":
            return f"unsat, but the least value is {float(truth.most)!r}"
        if bound > -np.inf and Fraction(bound) > truth.most:
            return f"bound {bound!r} above the least value {float(truth.most)!r}"
    if np.isfinite(value):
        if Fraction(value) < truth.least:
            return f"value {value!r} below the least value {float(truth.least)!r}"
        wrong = _unsound(problem, value)
        if wrong:
            return wrong
    if found.status == "optimal":
        # value and bound agree, and the bound is right: so is the value
        gap = 2e-4 * max(abs(value), 1e-6) + 1e-9
        return DECIDED if value - bound <= gap else f"optimal, but between {bound!r} and {value!r}"
    if found.status == "unsat":
        return DECIDED if truth.most is None else "unsat"
    return UNKNOWN if found.reason else "unknown without a reason"


def _unsound(problem: Drawn, value: float) -> str:
    """What is wrong with the solution that the variables hold, exactly; "" where nothing is."""
    sketch = problem.sketch
    point = sketch.x.exact
    if point is None:
        return "a value without a solution"
    bounds = zip(sketch.lower.tolist(), point, sketch.upper.tolist(), strict=True)
    if not all(Fraction(low) <= v <= Fraction(high) for low, v, high in bounds):
        return "the solution lies outside its variable's bounds"
    values = [tuple(point)]
    for stage in sketch.stages:
        values.append(stage.value(values))

    def at(row: Row) -> Fraction:
        parts, constant = row
        terms = [
            Fraction(c) * v
            for part, known in zip(parts, values, strict=True)
            for c, v in zip(part.tolist(), known, strict=True)
        ]
        return sum(terms, Fraction(constant))

    if any(at(row) > 0 for row in problem.rows):
        return "the solution breaks a relation"
    if problem.either and not any(all(at(row) <= 0 for row in part) for part in problem.either):
        return "the solution breaks a disjunction"
    if problem.ball is not None and not _in_ball(problem.ball, tuple(point)):
        return "the solution lies outside the ball"
    return "" if at(problem.objective) <= Fraction(value) else "the value is better than true"


def _in_ball(ball: tuple[str, Floats, float], point: Sequence[Fraction]) -> bool:
    norm, center, radius = ball
    step = [abs(v - Fraction(c)) for v, c in zip(point, center.tolist(), strict=True)]
    if norm == "l2":
        return sum((s * s for s in step), Fraction(0)) <= Fraction(radius) ** 2
    size = sum(step, Fraction(0)) if norm == "l1" else max(step)
    return size <= Fraction(radius)

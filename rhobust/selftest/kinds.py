"""The rows of the self-test's table: kinds of problems, each with a function that does a few."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np

from ..bnb.search import Settings
from ..lp.oracle.highs import Oracle, highs, reference
from .faults import SITES, Trigger, run
from .judge import DECIDED, UNKNOWN, Tally, judged
from .objectives import LEVELS, drawn, judged_cutoff, judged_objective, switched
from .planted import planted_problem, tied_problem
from .problem import Problem, Rng, random_problem
from .questions import (
    QUESTIONS,
    Asked,
    Question,
    asked,
    by_blind_search,
    by_objective,
    by_property,
    by_rho,
    by_verify,
)
from .variants import VARIANTS

GAPS = tuple(10.0**-k for k in range(3, 13))
"""How near eps is to rho, relative."""

Round = Callable[[Rng, str], Tally]
"""A few problems of a kind; the text names the round, for those who want to meet it again."""


def any_problem(rng: Rng) -> Problem:
    kind = rng.random()
    if kind < 0.6:
        return random_problem(rng)
    return planted_problem(rng) if kind < 0.8 else tied_problem(rng)


def radius(rng: Rng, problem: Problem) -> float:
    """A radius on either side of rho, at any distance from it."""
    rho = problem.rho
    if not rho:
        return float(rng.random())
    return float(rho * (1 + Fraction(float(rng.choice([-1.0, 1.0]) * 10.0 ** -rng.uniform(0, 4)))))


def noted(tally: Tally, name: str, question: Question, to: Asked) -> str:
    """Asks, notes the judgement, and returns it."""
    judgement = judged(lambda: question(to))
    tally.note(judgement, f"{name}, eps {to.eps!r}")
    return judgement


def around(rng: Rng, name: str, problem: Problem, radii: int) -> Tally:
    """Verdicts at random radii on either side of rho."""
    tally, first = Tally(), asked(problem, 0.0)
    for _ in range(radii):
        noted(tally, name, by_verify, replace(first, eps=radius(rng, problem)))
    return tally


def enumerated(rng: Rng, name: str) -> Tally:
    """Small networks at five radii, against the enumeration."""
    return around(rng, name, random_problem(rng), 5)


def planted(rng: Rng, name: str) -> Tally:
    """Networks made to have a known rho, at three radii."""
    return around(rng, name, planted_problem(rng), 3)


def near_ties(rng: Rng, name: str) -> Tally:
    """eps = rho (1 + d) and rho (1 - d) for all d of `GAPS`."""
    tally, problem = Tally(), any_problem(rng)
    while not problem.rho:
        problem = any_problem(rng)
    first = asked(problem, 0.0)
    for gap in GAPS:
        for sign in (-1, 1):
            eps = float(problem.rho * (1 + sign * Fraction(gap)))
            noted(tally, f"{name}, gap {sign * gap:g}", by_verify, replace(first, eps=eps))
    return tally


def exact_ties(rng: Rng, name: str) -> Tally:
    """eps = rho, which is a float: the label ties at one point, and that is a loss."""
    tally, problem = Tally(), tied_problem(rng)
    noted(tally, name, by_verify, asked(problem, float(problem.rho or 0)))
    return tally


def intervals(rng: Rng, name: str) -> Tally:
    tally = Tally()
    noted(tally, name, by_rho, replace(asked(any_problem(rng), 0.0), timeout=5.0))
    return tally


def properties(rng: Rng, name: str) -> Tally:
    """The same claims as property files, their assertions in any order and form."""
    tally, problem = Tally(), any_problem(rng)
    eps = radius(rng, problem)
    for seed in rng.integers(0, 2**31, size=2).tolist():
        noted(tally, name, by_property, asked(problem, eps, seed=seed))
    return tally


def optima(rng: Rng, name: str) -> Tally:
    tally = Tally()
    noted(tally, name, by_objective, asked(random_problem(rng), float(rng.random())))
    return tally


def objectives(rng: Rng, name: str) -> Tally:
    """Objectives over formulas of every shape, with switches of the search set away from default.

    One in ten is asked as a user would; the others are searches with a cutoff, which are quick.
    """
    tally, problem = Tally(), drawn(rng)
    settings, switches = switched(rng)
    if rng.random() < 0.1:
        judgement = judged(partial(judged_objective, problem, settings, int(rng.integers(2**31))))
        tally.note(judgement, f"{name}, {switches}")
    else:
        level = float(rng.choice(LEVELS))
        judgement = judged(partial(judged_cutoff, problem, settings, level))
        tally.note(judgement, f"{name}, {switches}, cutoff {level:g}")
    return tally


def kept(rng: Rng, name: str) -> Tally:
    """Searches that take no candidate, with the nearest solution tracked, in many ways."""
    tally, problem = Tally(), random_problem(rng)
    for _ in range(4):
        to = asked(problem, radius(rng, problem), any_settings(rng))
        noted(tally, name, by_blind_search, to)
    return tally


def variants(rng: Rng, name: str) -> Tally:
    """One question about a network and others that have the same answer."""
    tally, problem = Tally(), any_problem(rng)
    eps = radius(rng, problem)
    known = replace(problem, planted=problem.rho) if problem.rho else problem
    for change in VARIANTS:
        changed = change(rng, known)
        noted(tally, f"{name}, {change.__name__}", by_verify, asked(changed, eps))
    several = known
    for number in rng.permutation(len(VARIANTS))[:4].tolist():
        several = VARIANTS[number](rng, several)
    noted(tally, f"{name}, several", by_verify, asked(several, eps))
    return tally


def options(rng: Rng, name: str) -> Tally:
    """One question, searched in many ways."""
    tally, problem = Tally(), any_problem(rng)
    eps = radius(rng, problem)
    for _ in range(6):
        settings = any_settings(rng)
        to = asked(problem, eps, settings, int(rng.integers(2**31)))
        noted(tally, f"{name}, {settings}", by_verify, to)
    return tally


def any_settings(rng: Rng) -> Settings:
    """Every switch of the search in any position."""
    oracle: Oracle = highs if rng.random() < 0.8 else reference
    return Settings(
        batch=int(rng.choice([1, 2, 7, 64])),
        root_steps=int(rng.choice([0, 5, 40])),
        tighten_steps=int(rng.choice([0, 2, 8])),
        refine=bool(rng.random() < 0.5),
        joint=bool(rng.random() < 0.5),
        boxes=bool(rng.random() < 0.5),
        node_steps=int(rng.choice([0, 3])),
        extra_steps=int(rng.choice([0, 12])),
        threads=int(rng.choice([1, 1, 2])),
        oracle=oracle,
        trees=bool(rng.random() < 0.5),
        inside_steps=int(rng.choice([0, 10])),
    )


def bare_settings(rng: Rng) -> Settings:
    """Bounds so weak that LPs and splits have to decide."""
    return replace(
        any_settings(rng), root_steps=0, tighten_steps=int(rng.choice([0, 2])), node_steps=0,
        extra_steps=0, threads=1, oracle=highs,
    )  # fmt: skip


def faults(rng: Rng, name: str) -> Tally:
    """One question undisturbed, then a fault at one of the calls that it made, at every site."""
    tally, problem = Tally(), random_problem(rng)
    word = str(rng.choice(list(QUESTIONS)))
    to = replace(
        asked(problem, radius(rng, problem), bare_settings(rng), int(rng.integers(2**31))),
        timeout=1.0,
    )
    for site, kinds in SITES.items():
        counter = Trigger()
        ask = partial(run, QUESTIONS[word], to, site)
        clean = judged(partial(ask, kinds[0], counter, rng))
        if clean not in (DECIDED, UNKNOWN):
            tally.note(clean, f"{name}, {word} undisturbed, eps {to.eps!r}")
        for _ in range(6 if counter.calls else 0):
            kind = str(rng.choice(kinds))
            first = int(rng.random() * counter.calls)
            trigger = Trigger(first, bool(rng.random() < 0.3))
            told = f"{name}, {word}, eps {to.eps!r}, {site} {kind!r} at call {trigger.first}"
            own = np.random.default_rng(int(rng.integers(2**31)))
            judgement = judged(partial(ask, kind, trigger, own))
            tally.note(judgement, told + " and later" * trigger.again)
    return tally


KINDS: dict[str, Round] = {
    "small networks, enumerated": enumerated,
    "planted radii": planted,
    "eps = rho (1 ± d)": near_ties,
    "eps = rho": exact_ties,
    "intervals of rho": intervals,
    "property files": properties,
    "optima": optima,
    "solutions kept": kept,
    "objectives, enumerated": objectives,
    "variants": variants,
    "options and seeds": options,
    "injected faults": faults,
}
"""What is told of each kind, and what does a few problems of it."""


def a_round(number: int, kind: str, seed: int) -> Tally:
    """Round `number` of a kind, the same for the same seed."""
    place = list(KINDS).index(kind)
    rng = np.random.default_rng([seed, place, number])
    return KINDS[kind](rng, f"seed {seed}, round {number}")

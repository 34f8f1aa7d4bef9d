"""The ways in which the program is asked about one problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from ..bnb.caller import Caller, Candidates, Clock
from ..bnb.search import Settings, search
from ..compiler.importers.plain import dense_network
from ..compiler.language.expressions import Variable
from ..compiler.network.graph import Network
from ..compiler.question.claim import Claim
from ..compiler.vnnlib.parse import parse_vnnlib
from ..queries.estimate import rho_estimate
from ..queries.objective.formulation import minimize
from ..queries.problem import Problem as Formulation
from ..queries.rho import rho
from ..queries.solve import solve
from ..queries.verify import verify
from ..witness.property import decimal
from .judge import (
    CONTRADICTION,
    DECIDED,
    UNKNOWN,
    answered,
    estimated,
    measured,
    optimised,
    verified,
)
from .oracle import least_margin, vector
from .problem import Problem, Rng


@dataclass(frozen=True, eq=False)
class Asked:
    """A problem, the radius asked for, and how the search is to go about it."""

    problem: Problem
    network: Network
    eps: float
    settings: Settings
    seed: int = 0
    timeout: float = 20.0


def asked(problem: Problem, eps: float, settings: Settings | None = None, seed: int = 0) -> Asked:
    """The question with the program's own network."""
    network = dense_network(problem.layers, "selftest")
    spent = replace(settings or Settings(), tracked=problem.solutions)
    return Asked(problem, network, eps, spent, seed)


Question = Callable[[Asked], str]
"""Asks, and judges the answer."""


def by_verify(a: Asked) -> str:
    p = a.problem
    found = verify(
        a.network, p.image, a.eps, label=p.label, domain=(p.lower, p.upper), timeout=a.timeout,
        settings=a.settings, seed=a.seed,
    )  # fmt: skip
    return verified(p, a.eps, found)


def by_blind_search(a: Asked) -> str:
    """A search that takes no candidate, and so has to keep a solution to the end."""
    p = a.problem
    claim = Claim.make(a.network, p.image, p.label, domain=(p.lower, p.upper), eps=a.eps)
    compiled, _ = claim.compile()
    box = compiled.box
    caller = Caller(Clock(lambda: a.timeout), Candidates(lambda points: False, lambda: box))
    found = search(compiled, caller, replace(a.settings, nodes=200))
    if found.reason == CONTRADICTION:
        return "the search contradicted itself"
    lost = p.lost_within(a.eps)
    if found.status == "closed":
        return f"closed within {a.eps!r}, but rho is {p.rho}" if lost else DECIDED
    return DECIDED if lost else UNKNOWN


def by_rho(a: Asked) -> str:
    p = a.problem
    found = rho(
        a.network, p.image, label=p.label, domain=(p.lower, p.upper), timeout=a.timeout,
        settings=a.settings, seed=a.seed,
    )  # fmt: skip
    return measured(p, found)


def by_estimate(a: Asked) -> str:
    p = a.problem
    found = rho_estimate(
        a.network,
        p.image,
        label=p.label,
        target="any",
        domain=(p.lower, p.upper),
        timeout=a.timeout,
        oracle=a.settings.oracle,
    )
    return estimated(p, found)


def by_property(a: Asked) -> str:
    text = vnnlib(a.problem, a.eps, np.random.default_rng(a.seed))
    found = solve(a.network, parse_vnnlib(text), a.timeout, a.settings, a.seed)
    return answered(a.problem, a.eps, found)


def by_objective(a: Asked) -> str:
    """The least lead of the label over one rival, within the box and eps."""
    p = a.problem
    rival = (p.label + 1) % p.classes
    low, high = region(p, a.eps)
    # bounds are floats: the nearest ones inside
    lower = np.array([_up(value) for value in low])
    upper = np.array([-_up(-value) for value in high])
    if not (lower <= upper).all():
        lower = upper = p.image
    x = Variable(len(p.image), lower, upper)
    y = a.network(x)
    found = Formulation(minimize(y[p.label] - y[rival])).solve(
        a.timeout, settings=a.settings, seed=a.seed
    )
    least = least_margin(p.exact, vector(lower.tolist()), vector(upper.tolist()), p.label, [rival])
    return optimised(least, found)


def _up(value: Fraction) -> float:
    near = float(value)
    return near if Fraction(near) >= value else float(np.nextafter(near, np.inf))


def region(problem: Problem, eps: float) -> tuple[list[Fraction], list[Fraction]]:
    """The box of inputs within eps, exactly."""
    radius = Fraction(eps)
    image, low, high = (
        [Fraction(v) for v in a.tolist()] for a in (problem.image, problem.lower, problem.upper)
    )
    return (
        [max(a, c - radius) for a, c in zip(low, image, strict=True)],
        [min(b, c + radius) for b, c in zip(high, image, strict=True)],
    )


def vnnlib(problem: Problem, eps: float, rng: Rng) -> str:
    """The claim's negation as a property file, its assertions in random order and form."""
    low, high = region(problem, eps)
    lines = []
    for k, (a, b) in enumerate(zip(low, high, strict=True)):
        one = f"(>= X_{k} {_number(a)})" if rng.random() < 0.5 else f"(<= {_number(a)} X_{k})"
        two = f"(<= X_{k} {_number(b)})" if rng.random() < 0.5 else f"(>= {_number(b)} X_{k})"
        lines += [f"(assert (and {one} {two}))"] if rng.random() < 0.3 else [
            f"(assert {one})", f"(assert {two})"
        ]  # fmt: skip
    own = problem.label
    rivals = [
        f"(>= Y_{k} Y_{own})" if rng.random() < 0.5 else f"(<= (- Y_{own} Y_{k}) 0)"
        for k in range(problem.classes)
        if k != own
    ]
    parts = [f"(and {rivals[k]})" for k in rng.permutation(len(rivals)).tolist()]
    lines.append(f"(assert (or {' '.join(parts)}))")
    names = [f"X_{k}" for k in range(len(low))] + [f"Y_{k}" for k in range(problem.classes)]
    head = [f"(declare-const {name} Real)" for name in names]
    return "\n".join([*head, *(lines[k] for k in rng.permutation(len(lines)).tolist())]) + "\n"


def _number(value: Fraction) -> str:
    return decimal(value)


QUESTIONS: dict[str, Question] = {
    "verify": by_verify,
    "rho": by_rho,
    "estimate": by_estimate,
    "solve": by_property,
    "optimum": by_objective,
}

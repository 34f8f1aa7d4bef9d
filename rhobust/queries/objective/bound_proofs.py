"""Certificates of what a problem's solution says: that there is none, or none beyond a bound.

The claim is a VNN-LIB text about the problem's network, and a search of its own proves it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...bnb.search import Settings
from ...clock import Deadline
from ...compiler.base.errors import LanguageError, RhobustError
from ...compiler.base.evidence import REASON
from ...compiler.language.expressions import Affine
from ...compiler.language.formulas import Formula, Relation, requirements
from ...compiler.language.walk import variables
from ...compiler.network.graph import Network
from ...compiler.question.and_or_tree import Atom, Tree
from ...compiler.vnnlib.from_formulas import stated
from ...compiler.vnnlib.writer import write_vnnlib
from ..certify import loosen
from ..solve import prove
from .formulation import Formulation
from .solution import Solution

OUTWARD = (0.0, 1e-6, 1e-4, 1e-3, 1e-2, 0.1)
"""How far beyond the bound a proof is looked for, as shares of it."""


def proven(
    source: Formulation,
    solution: Solution,
    path: Path,
    timeout: float | None,
    settings: Settings,
    seed: int,
    check: bool = True,
    overwrite: bool = False,
) -> Solution:
    """The solution with what its certificate proves, or why there is none; timeout: seconds."""
    if solution.status == "unsat":
        limits: list[float | None] = [None]
    elif np.isfinite(solution.bound):
        limits = [_beyond(source, solution.bound, share) for share in OUTWARD]
    else:
        return replace(solution, uncertified="no bound was proven")

    def certify(limit: float | None, seconds: float) -> str:
        network, text = question(source, limit)
        return prove(network, text, path, seconds, settings, seed, check, overwrite)

    facts = {"status": solution.status, "bound": solution.bound}
    try:
        limit, reason = loosen(limits, Deadline(timeout), certify, lambda: facts)
    except RhobustError as error:
        return replace(solution, uncertified=str(error))
    if reason == REASON:
        return replace(
            solution, status="unknown", reason=reason, uncertified=reason,
            bound=float("nan") if np.isnan(solution.bound) else -np.inf * _sign(source),
        )  # fmt: skip
    certified = solution.certified if limit is None else limit
    return replace(solution, certified=certified, uncertified=reason)


def _sign(source: Formulation) -> float:
    """1 where the objective is minimised, as a norm is, -1 where it is maximised."""
    return 1.0 if source.objective is None else source.objective.sign


def _beyond(source: Formulation, bound: float, share: float) -> float:
    """A number that is no better than the bound."""
    if source.distance is not None:
        return bound * (1.0 - share)
    assert source.objective is not None
    return bound - source.objective.sign * share * max(1.0, abs(bound))


def question(source: Formulation, limit: float | None) -> tuple[Network, str]:
    """The problem's network and formulas, and that the objective is the limit or better.

    Raises LanguageError for what VNN-LIB cannot say of one network.
    """
    formulas = list(source.formulas)
    if limit is not None:
        formulas.append(_reaches(source, limit))
    needed = list({id(f): f for formula in formulas for f in requirements(formula)}.values())
    named = {name: None for formula in (*needed, *formulas) for name in variables(formula)}
    outputs = [name for name in named if name.source is not None]
    if len(outputs) != 1:
        raise LanguageError(
            f"a certificate speaks of one network, applied once; here are {len(outputs)}"
        )
    (output,) = outputs
    assert output.source is not None
    network = output.source.function
    if not isinstance(network, Network):
        raise LanguageError(f"{output.source.name} is no network")
    # what defines the output is the network's own; other variables that it defines are refused
    y = Affine(output.size, output.affine.terms, (), tuple(needed))
    found = stated(formulas, output.source.argument, y)
    if any(_bits(k) > 53 for k in _coefficients(found.tree)):
        raise LanguageError("a coefficient of a relation is no float64 number")
    return network, write_vnnlib(found)


def _bits(number: int) -> int:
    """Those between the first and the last that is set."""
    return number.bit_length() - (number & -number).bit_length() + 1


def _coefficients(tree: Tree) -> Iterator[int]:
    if isinstance(tree, Atom):
        yield from (abs(k) for _, k in tree.terms)
    else:
        for part in tree.parts:
            yield from _coefficients(part)


def _reaches(source: Formulation, limit: float) -> Formula:
    if source.distance is not None:
        if not limit > 0.0:
            raise LanguageError("that a norm is not below 0 needs no proof")
        return source.distance <= limit
    assert source.objective is not None
    expression = source.objective.expression
    reached: Relation = expression <= limit if source.objective.sign > 0 else expression >= limit
    return reached

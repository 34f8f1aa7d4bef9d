"""The self-test's problems: their answers are what the enumeration says, and nothing else's."""

from __future__ import annotations

import ast
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rhobust.selftest
from rhobust.selftest.oracle import least_distance, vector
from rhobust.selftest.planted import planted_problem, tied_problem
from rhobust.selftest.problem import Problem, logits, random_problem
from rhobust.selftest.variants import VARIANTS, Variant

FOLDER = Path(rhobust.selftest.__file__).parent
ALONE = ("polytopes", "oracle", "problem", "planted", "variants")
seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("name", ALONE)
def test_the_reference_knows_nothing_of_the_engine(name: str) -> None:
    for statement in ast.walk(ast.parse((FOLDER / f"{name}.py").read_text())):
        if isinstance(statement, ast.Import):
            tops = [alias.name.split(".")[0] for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            assert statement.level <= 1, "names a folder above"
            tops = [str(statement.module).split(".")[0]]
            if statement.level == 1:
                assert tops[0] in ALONE
                continue
        else:
            continue
        assert all(top == "numpy" or top in sys.stdlib_module_names for top in tops)


def enumerated(problem: Problem) -> Fraction | None:
    found = least_distance(
        problem.exact, vector(problem.image.tolist()), problem.label,
        vector(problem.lower.tolist()), vector(problem.upper.tolist()),
    )  # fmt: skip
    return None if found is None else found[0]


@settings(max_examples=6, deadline=None)
@given(seeds)
def test_planted_radii_are_those_of_the_enumeration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for family in (planted_problem, tied_problem):
        problem = family(rng)
        # a smaller network of the same design
        while len(problem.image) > 3 or problem.units > 9:
            problem = family(rng)
        assert enumerated(problem) == problem.planted
        # not larger than what any corner shows
        assert problem.rho is not None and problem.rho > 0


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_tied_problems_tie_at_a_float(seed: int) -> None:
    problem = tied_problem(np.random.default_rng(seed))
    assert problem.rho == Fraction(float(problem.rho or 0))
    assert problem.lost_within(float(problem.rho or 0))
    assert not problem.lost_within(float(np.nextafter(float(problem.rho or 0), 0)))


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.__name__)
@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_variants_have_the_same_radius(variant: Variant, seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(rng)
    while problem.units > 6 or len(problem.image) > 3:
        problem = random_problem(rng)
    changed = variant(rng, problem)
    assert enumerated(changed) == enumerated(problem)


def test_breaks_is_exact() -> None:
    eye = np.eye(2)
    problem = Problem(((eye, np.zeros(2)),), np.array([0.5, 0.25]), np.zeros(2), np.ones(2), 0)
    assert problem.rho == Fraction(1, 8)
    assert problem.breaks([0.375, 0.375], 0.125) and problem.breaks([0.0, 1.0], None)
    assert not problem.breaks([0.375, 0.375], float(np.nextafter(0.125, 0)))
    assert not problem.breaks([0.5, 0.25], 1.0) and not problem.breaks([-0.5, 0.5], None)
    assert logits(problem.layers, (Fraction(1), Fraction(2))) == vector([1, 2])
    assert not replace(problem, planted=Fraction(1, 4)).lost_within(0.125)

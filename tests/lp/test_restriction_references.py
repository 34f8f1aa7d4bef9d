"""The restriction in the input variables alone against the program over all layer values."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rhobust as rb
from rhobust.clock import Deadline
from rhobust.compiler.base.arrays import Numbers, exact
from rhobust.compiler.base.tolerances import Tolerances
from rhobust.compiler.question.claim import Claim
from rhobust.lp.oracle.highs import highs_unscaled
from rhobust.lp.restriction.network_region import NetworkRegion
from rhobust.lp.restriction.restrict import restrict
from rhobust.lp.restriction.targets import Rivals
from rhobust.lp.restriction.task import Restricted, Work

from ..reference.restrictions import LayerProgram, layer_program, solve_full, solve_lazily
from ..reference.strategies import Case, bent_cases, cases, tangled_cases

some_cases = st.one_of(cases(), tangled_cases(), bent_cases())


def steady(case: Case, rival: int) -> bool:
    """Whether rounding leaves every unit its piece at the image."""
    claim = Claim.make(case.network, case.image, case.label, rival, 0.0, case.domain)
    problem, _ = claim.within(1.0).compile()
    image = case.image[None]
    both = [
        (stage.pre(problem.values(exact(image)))[0], stage.pre(problem.values(image))[0])
        for stage in problem.stages
        if stage.relu
    ]
    values = case.network.values(exact(image)), case.network.values(image)
    both += [(values[0][node][0], values[1][node][0]) for node in case.network.order]
    return all(_alike(one, other) for one, other in both)


def _alike(true: Numbers, rounded: Numbers) -> bool:
    return all(
        abs(z) > Fraction(1, 10**12) if z else not approximate
        for z, approximate in zip(true, rounded, strict=True)
    )


def program(case: Case, rival: int, tree: bool = False) -> LayerProgram:
    return layer_program(case.network, case.image, case.label, rival, 0.0, case.domain, tree=tree)


def of_the_image(case: Case, rival: int) -> Restricted:
    """The restriction to the region that the network's own choices at the image make."""
    claim = Claim.make(case.network, case.image, case.label, rival, 0.0, case.domain)
    region = NetworkRegion.of(case.network, claim.image)
    (row,), (level,) = Rivals(claim).on(region)
    work = Work(highs_unscaled, Deadline(60.0).remaining, Tolerances())
    return restrict(region, row, float(level), claim.region, work)


@settings(max_examples=20, deadline=None)
@given(some_cases)
def test_three_programs_have_one_optimum(case: Case) -> None:
    rival = next(k for k in range(case.network.output_size) if k != case.label)
    if not steady(case, rival):
        return
    full, lazy = (solve(program(case, rival)) for solve in (solve_full, solve_lazily))
    own = of_the_image(case, rival)
    estimate = rb.rho_estimate(
        case.network, case.image, label=case.label, target=rival, domain=case.domain
    )
    assert full.status == lazy.status == own.status != "stopped"
    if full.status == "none":
        return
    assert own.status == "found"
    # of several regions that meet at the image it may have taken another one
    assert estimate.status == "found" and estimate.rho <= own.rho + 1e-9
    assert lazy.rows <= full.rows
    for found in (full.rho, lazy.rho):
        assert found == pytest.approx(own.rho, abs=1e-6)
    assert full.point is not None
    assert np.abs(full.point - case.image).max() == pytest.approx(full.rho, abs=1e-7)


@settings(max_examples=12, deadline=None)
@given(bent_cases())
def test_keeping_the_winner_alone_is_no_farther(case: Case) -> None:
    """The paper's disjunct of a maximum is a larger region than the tournament's."""
    rival = next(k for k in range(case.network.output_size) if k != case.label)
    winners, pairs = (solve_full(program(case, rival, tree)) for tree in (False, True))
    assert winners.rho <= pairs.rho + 1e-6

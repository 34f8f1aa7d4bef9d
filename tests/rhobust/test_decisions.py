"""verify and rho as their users meet them: monotone, in time, and never without their witness."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust import Verdict, rho, rho_estimate, verify
from rhobust.bnb.search import Settings
from rhobust.compiler.base.arrays import Matrix
from rhobust.compiler.base.errors import InputError
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.question.claim import Claim
from rhobust.queries.engine import FirstFound
from rhobust.witness.label import Validator

from ..reference.strategies import Case, cases, tangled_cases

pytestmark = pytest.mark.slow

LINE = replace(dense_network([([[1.0], [-1.0]], [0.0, 0.0])]), runtime=None)  # logits (x, -x)
some_cases = st.one_of(cases(), tangled_cases())


@settings(max_examples=12, deadline=None)
@given(some_cases, st.lists(st.floats(0.0, 1.5), min_size=2, max_size=4))
def test_a_larger_radius_is_no_easier(case: Case, radii: list[float]) -> None:
    lost = False
    for eps in sorted(radii):
        found = verify(case.network, case.image, eps, label=case.label, domain=case.domain)
        assert not (lost and found.verdict == Verdict.ROBUST)
        lost = lost or found.verdict == Verdict.NOT_ROBUST


@settings(max_examples=12, deadline=None)
@given(some_cases, st.floats(0.05, 1.0), st.integers(1, 30))
def test_a_smaller_budget_changes_no_decided_verdict(case: Case, eps: float, nodes: int) -> None:
    arguments = {"label": case.label, "domain": case.domain}
    full = verify(case.network, case.image, eps, **arguments)  # type: ignore[arg-type]
    short = Settings(nodes=nodes, root_steps=0, batch=1)
    cut = verify(case.network, case.image, eps, settings=short, **arguments)  # type: ignore[arg-type]
    assert cut.verdict in (full.verdict, Verdict.UNKNOWN)
    assert cut.verdict != Verdict.UNKNOWN or cut.reason in ("node_limit", "numerical")
    if full.verdict == Verdict.ROBUST:
        assert full.margin_bound >= 0.0


@settings(max_examples=12, deadline=None)
@given(some_cases, st.integers(1, 20))
def test_a_smaller_budget_widens_an_interval(case: Case, nodes: int) -> None:
    arguments = {"label": case.label, "domain": case.domain}
    full = rho(case.network, case.image, **arguments)  # type: ignore[arg-type]
    short = Settings(nodes=nodes, root_steps=0, batch=1)
    cut = rho(case.network, case.image, settings=short, **arguments)  # type: ignore[arg-type]
    assert cut.lower <= full.upper and full.lower <= cut.upper
    assert cut.lower <= cut.upper and (cut.exact or cut.reason)


def test_a_witness_is_not_lost_to_a_later_candidate() -> None:
    claim = Claim.make(LINE, np.array([0.5]), domain=(-1.0, 1.0))
    finder = FirstFound(claim.within(1.0).compile()[0], Validator(claim.within(1.0)))
    assert finder.accept(np.array([[0.25], [-0.25]]))
    kept = finder.witness
    # its margin is within what is looked at, but it is no witness
    assert finder.accept(np.array([[1e-9]]))
    assert kept is not None and finder.witness is kept


def test_a_tie_that_the_runtime_denies_ends_in_an_open_interval() -> None:
    """At the image the logits are equal, and the runtime sees the label ahead down to -1e-7."""

    def run(inputs: Matrix) -> Matrix:
        return np.column_stack([inputs[:, 0] + 1e-7, -inputs[:, 0]])

    network = replace(LINE, runtime=run)
    # a search without end would last as long as the limit, and end for that reason
    found = rho(network, np.array([0.0]), label=0, domain=(-1.0, 1.0), timeout=600.0)
    assert found.lower == 0.0 and 0.0 < found.upper < 1e-6
    assert not found.exact and found.reason == "numerical"
    decided = verify(network, np.array([0.0]), 1e-8, label=0, domain=(-1.0, 1.0))
    assert (decided.verdict, decided.reason) == (Verdict.UNKNOWN, "numerical")
    assert verify(network, np.array([0.0]), 1e-6, label=0, domain=(-1.0, 1.0)).witness is not None


def test_a_misclassified_image_has_no_distance() -> None:
    for answer in (
        rho(LINE, np.array([-0.5]), label=0, domain=(-1.0, 1.0)),
        rho_estimate(LINE, np.array([-0.5]), label=0, domain=(-1.0, 1.0)),
    ):
        assert answer.witness is not None and answer.witness.distance == 0.0
        assert (answer.label, answer.predicted) == (0, 1)
    assert (
        verify(LINE, np.array([-0.5]), 0.0, label=0, domain=(-1.0, 1.0)).verdict
        == Verdict.NOT_ROBUST
    )


def test_a_domain_without_any_example() -> None:
    found = rho(LINE, np.array([0.5]), domain=(0.25, 1.0))
    assert (found.lower, found.upper, found.exact, found.witness) == (np.inf, np.inf, True, None)
    assert rho_estimate(LINE, np.array([0.5]), domain=(0.25, 1.0)).status == "none_in_region"


def test_what_makes_no_sense_is_refused() -> None:
    image = np.array([0.5])
    with pytest.raises(InputError, match="norm 'l7' is not supported"):
        rho(LINE, image, norm="l7")
    for seconds in (0.0, -1.0, np.nan):
        with pytest.raises(InputError, match="timeout must be a positive number"):
            verify(LINE, image, 0.1, timeout=seconds)
    with pytest.raises(InputError, match="eps must be"):
        verify(LINE, image, -0.1)

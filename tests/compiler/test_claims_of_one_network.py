"""Claims that differ by image and radius are compiled once, to what each compiles to alone."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust.compiler.base.digest import digest
from rhobust.compiler.base.kept import Kept
from rhobust.compiler.base.norms import NormName
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.question.claim import Claim
from rhobust.compiler.steps.compile import compile_formulas

from ..reference.strategies import Case, bent_cases, cases

NORMS: tuple[NormName, ...] = ("linf", "l1", "l2")
RADII = (0.0, 0.1, 0.125, 1 / 3, 1.0)


@settings(max_examples=25, deadline=None)
@given(case=st.one_of(cases(), bent_cases()), data=st.data())
def test_compiled_once_or_alone(case: Case, data: st.DataObject) -> None:
    network = case.network
    domain = case.lower, case.upper
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    for norm in NORMS:
        for _ in range(3):
            image = rng.uniform(case.lower, case.upper)
            claim = Claim.make(
                network, image, case.label, domain=domain, norm=norm,
                eps=data.draw(st.sampled_from(RADII)),
            )  # fmt: skip
            (found, output), (alone, other) = claim.compiled(), claim._compiled()
            assert output == other
            assert digest(found.problem) == digest(alone.problem)
            assert found.problem.unrounded() == alone.problem.unrounded()
            point = rng.uniform(case.lower, case.upper)
            lifted, wanted = found.assignment(point), alone.assignment(point)
            assert [v.name for v in lifted] == [v.name for v in wanted]
            for one, two in zip(lifted.values(), wanted.values(), strict=True):
                assert np.array_equal(one, two)
    assert len(network.compiled) == 3


NETWORK = dense_network([([[1, 0], [0, 1]], [0, 0]), ([[1, -1], [-1, 1]], [0, 0])])


def test_what_differs_otherwise_is_another_claim() -> None:
    network = dense_network([([[1, 0], [0, 1]], [0, 0])])
    image = np.array([0.75, 0.25])
    first = Claim.make(network, image, eps=0.1).compiled()[0]
    again = Claim.make(network, image[::-1], 0, eps=0.2).compiled()[0]
    assert again.problem.stages is first.problem.stages
    for change in ({"label": 1}, {"margin": 0.5}, {"domain": (-1.0, 1.0)}, {"norm": "l2"}):
        made = Claim.make(network, image, **{"eps": 0.1, **change}).compiled()[0]  # type: ignore[arg-type]
        assert made.problem.stages is not first.problem.stages
    assert len(network.compiled) == 5


def test_relations_that_say_more_than_bounds_are_no_other_region() -> None:
    claim = Claim.make(NETWORK, np.array([0.75, 0.25]), eps=0.1)
    compiled, _ = claim.compiled()
    (x,) = compiled.inputs
    assert compiled.elsewhere(x[0] + x[1] <= 1.0) is None
    assert compiled.elsewhere(x[0] < 0.5) is None
    assert compiled.elsewhere(x[0] <= -0.5) is None  # no input is left
    nearer = compiled.elsewhere(x[0] <= 0.5)
    assert nearer is not None
    assert nearer.problem.upper.tolist() == [0.5, 1.0]
    assert nearer.problem.lower.tolist() == [0.0, 0.0]
    y = NETWORK(x)
    whole = compile_formulas([x[0] <= 0.5, y[0] - y[1] <= 0.0], inputs=(x,)).problem
    assert np.array_equal(whole.upper, nearer.problem.upper)


def test_copies_know_nothing() -> None:
    claim = Claim.make(NETWORK, np.array([0.75, 0.25]), eps=0.1)
    claim.compiled()
    assert NETWORK.compiled and NETWORK.order
    for other in (pickle.loads(pickle.dumps(NETWORK)), copy.copy(NETWORK)):
        assert not other.compiled and digest(other.nodes) == digest(NETWORK.nodes)
        assert np.array_equal(other.forward(claim.image[None]), NETWORK.forward(claim.image[None]))


def test_a_few_are_kept() -> None:
    kept = Kept()
    for key in range(Kept.MOST + 3):
        kept.keep(key, key)
    assert list(kept) == list(range(3, Kept.MOST + 3))


@pytest.mark.parametrize("eps", RADII)
def test_radii_beyond_floats_stay_exact(eps: float) -> None:
    """Boxes are rounded outwards, and what they were before is still known."""
    network = dense_network([([[1, 0], [0, 1]], [0, 0])])
    Claim.make(network, np.array([0.5, 0.5]), 0, eps=0.25).compiled()
    claim = Claim.make(network, np.array([0.7, 0.1]), 0, eps=eps, domain=(-2.0, 2.0))
    found, alone = claim.compiled()[0].problem, claim._compiled()[0].problem
    assert np.array_equal(found.lower, alone.lower) and np.array_equal(found.upper, alone.upper)
    assert found.unrounded() == alone.unrounded()

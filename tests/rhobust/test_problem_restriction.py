"""Problems with one disjunct of each disjunction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rhobust as rb
from rhobust.bnb.search import Settings
from rhobust.compiler.base.arrays import exact
from rhobust.compiler.base.errors import LanguageError
from rhobust.compiler.language.evaluator import holds
from rhobust.compiler.language.formulas import And, requirements

from ..reference.oracles import vector
from ..reference.regions import exact_region
from ..reference.strategies import Case, bent_cases, cases


@settings(max_examples=12, deadline=None)
@given(st.one_of(cases(), bent_cases()), st.integers(0, 2**32 - 1))
def test_of_a_network_it_is_linear_and_inside(case: Case, seed: int) -> None:
    x = rb.Variable(case.network.input_size, case.lower, case.upper)
    y = case.network(x)
    rival = next(k for k in range(y.size) if k != case.label)
    lead = y[case.label] - y[rival]
    problem = rb.Problem(rb.minimize(lead), [x <= case.upper])
    small = problem.restriction({x: case.image})
    assert all(not stage.relu for stage in small.compile().problem.stages)
    solution = small.solve(timeout=600, settings=Settings(nodes=200))
    assert solution.status != "unsat"  # the image is a solution, if of a flat region
    if x.value is None:
        return
    # the region of a network has more points only where a window's losers may change places
    region = exact_region(case.network, vector(case.image.tolist()))
    point = x.value
    for row, constant in region.conditions:
        value = sum(float(c) * v for c, v in zip(row, point, strict=True)) + float(constant)
        assert value >= -1e-5
    rng = np.random.default_rng(seed)
    near = case.image + 0.05 * rng.normal(size=len(case.image))
    for place in (case.image, np.clip(near, case.lower, case.upper)):
        # whatever satisfies the restriction satisfies the formulas
        values = problem.compile().assignment(exact(place))
        if holds(And(small.formulas), values):
            assert holds(And((*requirements(x - lead.sum() <= 0.0), *problem.formulas)), values)


def test_by_hand() -> None:
    x = rb.Variable(2, -1.0, 1.0)
    either = rb.Or(x[0] >= 0.5, x[1] >= 0.5)
    problem = rb.Problem(rb.minimize(x[0] + x[1]), [either])
    for point, best in (([0.6, 0.0], -0.5), ([0.0, 0.6], -0.5), ([0.6, 0.6], -0.5)):
        restricted = problem.restriction({x: point})
        assert restricted.solve().value == pytest.approx(best, abs=1e-6)
        assert x.value is not None
        assert x.value[0 if point[0] >= 0.5 else 1] == pytest.approx(0.5, abs=1e-6)
    with pytest.raises(LanguageError, match="no disjunct"):
        problem.restriction({x: [0.0, 0.0]})
    with pytest.raises(LanguageError, match="no value"):
        problem.restriction({})
    with pytest.raises(LanguageError, match="given 1 values"):
        problem.restriction({x: [0.0]})


def test_a_kink_counts_to_the_first_disjunct() -> None:
    x = rb.Variable(3, -1.0, 1.0)
    y = rb.relu(x)
    problem = rb.Problem(rb.minimize(y.sum() - 2.0 * x.sum()), [x <= 1.0])
    small = problem.restriction({x: [0.0, -0.5, 0.5]})
    assert small.solve().value == pytest.approx(-2.0, abs=1e-6)
    assert x.value is not None
    assert x.value.tolist() == pytest.approx([1.0, 0.0, 1.0], abs=1e-6) or x.value[1] <= 0.0

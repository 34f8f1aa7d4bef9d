"""An interval of rho is useful from the first moments on: cheap proofs and attacks come first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

import rhobust as rb
from rhobust.bnb.presolve.plain_proof import plainly_closed
from rhobust.compiler.base.arrays import Bounds
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.question.claim import Claim
from rhobust.queries import rho as radius

from ..reference.trained import digits, trained

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("norm", ["linf", "l1", "l2"])
@pytest.mark.parametrize("hidden", [(2000,), (300,) * 3, (100,) * 6], ids=str)
def test_before_anything_expensive_both_ends_are_known(
    hidden: Sequence[int], norm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, (images, labels) = trained(hidden, steps=30), digits()
    right = network.forward(images).argmax(axis=1) == labels
    image = images[int(np.argmax(right))]
    monkeypatch.setattr(radius, "STAGES", radius.STAGES[:2])
    monkeypatch.setattr(radius, "close", lambda interval: None)
    found = rb.rho(network, image, norm=norm, timeout=600.0)
    assert 0.0 < found.lower <= found.upper < np.inf
    assert found.nodes == found.lps == 0
    # as good as bisection from both sides: the next radii are not proven by the same means
    problem, _ = Claim.make(network, image, norm=norm).within(1.5 * found.lower).compile()
    box = Bounds(problem.lower[None], problem.upper[None])
    assert not plainly_closed(problem, box, lambda: False)


def test_plain_proofs_are_right_and_stop_when_told() -> None:
    line = dense_network([([[1.0], [-1.0]], [0.0, 0.0])])
    for eps, closed in ((0.249, True), (0.25, False), (0.3, False)):
        problem, _ = Claim.make(line, np.array([0.25]), domain=(-1.0, 1.0)).within(eps).compile()
        box = Bounds(problem.lower[None], problem.upper[None])
        assert plainly_closed(problem, box, lambda: False) == closed
    deep = trained((8, 8), steps=0)
    problem, _ = Claim.make(deep, digits()[0][0]).within(1e-6).compile()
    box = Bounds(problem.lower[None], problem.upper[None])
    assert plainly_closed(problem, box, lambda: False)
    problem, _ = Claim.make(deep, digits()[0][0]).within(0.2).compile()
    box = Bounds(problem.lower[None], problem.upper[None])
    assert not plainly_closed(problem, box, lambda: True)

"""Limits of time that are handed on."""

from __future__ import annotations

import numpy as np
import pytest

import rhobust as rb
from rhobust.clock import Deadline
from rhobust.compiler.base.errors import InputError
from rhobust.compiler.base.late import Late, until
from rhobust.compiler.vnnlib.parse import parse_vnnlib
from rhobust.queries import rho as radius
from rhobust.queries.objective import bound_proofs as bounded
from rhobust.queries.objective import least_norm as distance

from .files import model


@pytest.mark.parametrize("now", [0.0, 5.0, 10.0, 11.0, 1e9, np.nan])
def test_a_part_of_what_remains_is_positive(now: float) -> None:
    times = iter([0.0, now, now, now])
    deadline = Deadline(10.0, lambda: next(times))
    seconds = deadline.share(0.5)
    assert seconds > 0.0
    assert seconds == (0.5 * (10.0 - now) if now < 10.0 else 1e-6)
    assert deadline.stop() == (not now < 10.0)


@pytest.mark.parametrize("seconds", [0.0, -1.0, np.nan])
def test_limits_of_callers_are_looked_at(seconds: float) -> None:
    with pytest.raises(InputError, match="timeout must be a positive number"):
        Deadline(seconds)


@pytest.mark.parametrize("looks", range(12))
def test_whoever_is_called_late_says_so(
    looks: int, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The time is up between two looks at the clock, whichever they are."""
    left = 0

    class Late(Deadline):
        def remaining(self) -> float:
            nonlocal left
            left -= 1
            return 1.0 if left > 0 else -0.00035

    folder = tmp_path_factory.mktemp("late")
    network, proof = rb.load(model(folder / "model.onnx", (2,))), folder / "proof.npz"
    image, x = np.array([0.5, 0.25]), rb.Variable(2, 0, 1)
    for module in (radius, distance, bounded):
        if hasattr(module, "Deadline"):
            monkeypatch.setattr(module, "Deadline", Late)
    left = looks
    found = rb.rho(network, image, certificate=proof)
    assert found.lower <= found.upper
    left = looks
    problem = rb.Problem(rb.minimize(rb.norm2(x - image)), [network(x)[0] <= 0.0])
    assert problem.solve().status in ("optimal", "timeout", "unknown", "feasible")
    left = looks
    bound = rb.Problem(rb.minimize(network(x)[0]), [x >= 0.25]).solve(certificate=proof)
    assert bound.status == "optimal"


@pytest.mark.parametrize(
    "asserted", ["(assert (<= X_0 1))" * 6000, "(assert (or (<= X_0 1)))" * 10]
)
def test_a_property_is_read_within_the_limit(asserted: str) -> None:
    text = "(declare-const X_0 Real)" + asserted
    looks = iter([False] * 4 + [True])
    with pytest.raises(Late), until(lambda: next(looks)):
        parse_vnnlib(text)
    assert next(looks, None) is None

"""Certificates of what problems of one's own say: no solution, or none beyond a bound."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rhobust as rb
from rhobust.bnb.check import Checker
from rhobust.compiler.base.errors import InputError
from rhobust.compiler.importers.plain import dense_network
from rhobust.embedded import embedded_images
from rhobust.queries.objective.solution import Solution

from .test_certificates import save

pytestmark = pytest.mark.slow

shared = settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def same(one: Solution, other: Solution) -> bool:
    """But for what was written, and the time."""
    neutral = {"seconds": 0.0, "certified": 0.0, "uncertified": ""}
    return repr(asdict(one) | neutral) == repr(asdict(other) | neutral)


@shared
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(["dense", "conv", "residual"]),
    best=st.sampled_from([rb.minimize, rb.maximize]),
    limit=st.sampled_from([-1.0, 0.0, 5.0]),
)
def test_proofs_of_bounds(tmp_path: Path, seed: int, kind: str, best: object, limit: float) -> None:
    rng = np.random.default_rng(seed)
    model, proof = save(tmp_path / "model.onnx", rng, kind), tmp_path / "proof.npz"
    network, x = rb.load(model), rb.Variable(4, lower=0, upper=1)
    y = network(x)
    weights = rng.normal(size=(1, 3))
    formulas = [rb.norm1(x - 0.5) <= 1.0, rb.Or(y[0] <= limit, x[1] >= y[1] + limit)]
    problem = rb.Problem(best(weights @ y + 0.3), formulas)  # type: ignore[operator]
    plain = problem.solve(timeout=600)
    point = repr(x.value)
    found = problem.solve(timeout=600, certificate=proof)
    assert same(plain, found), "a proof changes nothing"
    assert repr(x.value) == point
    assert found.uncertified == ""
    report = Checker(model).check(proof)
    assert report.accepted, report.reason
    if found.status == "unsat":
        assert math.isnan(found.certified)
    else:
        sign = -1.0 if best is rb.maximize else 1.0
        far = 0.11 * max(1.0, abs(found.bound))
        assert 0.0 <= sign * (found.bound - found.certified) <= far
        assert sign * found.value > sign * found.certified
        with np.load(proof) as stored:
            text = bytes(stored["text"]).decode()
        assert text.count("declare-const") == 7
    proof.unlink()


@pytest.fixture(scope="module")
def digits() -> tuple[rb.Network, rb.Variable, np.ndarray]:
    return rb.load("digits"), rb.Variable(64, 0, 1), embedded_images()[0][0].ravel() / 255.0


def test_the_embedded_network(
    digits: tuple[rb.Network, rb.Variable, np.ndarray], tmp_path: Path
) -> None:
    network, x, image = digits
    proof, y = tmp_path / "proof.npz", network(x)
    checker = Checker(Path(rb.embedded.__file__).parent / "data" / "digits.onnx")
    near = rb.norm_inf(x - image) <= 0.1
    lost = rb.Or(*[y[k] >= y[6] for k in range(10) if k != 6])
    for problem, status in (
        (rb.Problem([near, lost]), "unsat"),
        (rb.Problem(rb.maximize(y[5] - y[6]), [near]), "optimal"),
        (rb.Problem(rb.minimize(rb.norm_inf(x - image)), [lost]), "optimal"),
    ):
        found = problem.solve(timeout=600, certificate=proof)
        assert (found.status, found.uncertified) == (status, "")
        assert status == "unsat" or found.certified == found.bound
        for exact in (False, True):
            report = checker.check(proof, exact=exact)
            assert report.accepted, report.reason
        proof.unlink()


def test_what_has_no_certificate_says_why(
    digits: tuple[rb.Network, rb.Variable, np.ndarray], tmp_path: Path
) -> None:
    network, x, image = digits
    proof, y = tmp_path / "proof.npz", network(x)
    near = rb.norm_inf(x - image) <= 0.01
    alone = rb.Variable(1, 0, 1)
    plain = dense_network([([[1.0], [0.0]], [0.0, 0.5])])(alone)
    for objective, formulas, reason in (
        (y[5], [rb.norm1(x - image) <= 0.1], "l1 norm of 64 elements"),
        (y[5], [rb.norm2(x - image) <= 0.1], "l2 norm is not linear"),
        (rb.relu(y[5]), [near], "neither the input nor the output"),
        (network(x)[5] - y[6], [near], "applied once; here are 2"),
        (network(x + 0.0 * image + 0.001)[5], [near], "must be a variable"),
        (0.3 * y[5] + 0.1 * y[5] + 0.7 * y[6], [near], "no float64 number"),
        (x[5], [near], "here are 0"),
        (plain[0] - plain[1], [alone >= 0.0], "not read from an ONNX file"),
    ):
        problem = rb.Problem(rb.maximize(objective), formulas)
        found = problem.solve(timeout=600, certificate=proof)
        assert found.status == "optimal" and reason in found.uncertified
        assert math.isnan(found.certified) and not proof.exists()
    trivial = rb.Problem(rb.minimize(rb.norm_inf(x - image)), [near])
    assert "needs no proof" in trivial.solve(timeout=600, certificate=proof).uncertified
    sat = rb.Problem([near]).solve(timeout=600, certificate=proof)
    assert (sat.status, sat.uncertified) == ("sat", "no bound was proven")
    with pytest.raises(InputError, match="no folder"):
        rb.Problem([near]).solve(certificate=tmp_path / "no" / "proof.npz")


def test_coefficients_that_no_float_is(tmp_path: Path) -> None:
    """A property with such a coefficient is decided, and said to be uncertified."""
    model = save(tmp_path / "model.onnx", np.random.default_rng(0), "dense")
    names = "".join(f"(declare-const {n} Real)" for n in (*(f"X_{k}" for k in range(4)), "Y_0"))
    boxes = "".join(f"(assert (and (>= X_{k} 0) (<= X_{k} 1)))" for k in range(4))
    question = tmp_path / "question.vnnlib"
    proof = tmp_path / "proof.npz"
    for factor, whole in (("0.12345678901234567890123", False), ("0.123", True)):
        question.write_text(f"{names}{boxes}(assert (>= (+ (* {factor} Y_0) X_0) 1000))")
        found = rb.solve(model, question, certificate=proof)
        assert found.status == "unsat"
        if whole:
            assert found.uncertified == "" and Checker(model).check(proof, question).accepted
        else:
            assert "float64" in found.uncertified and not proof.exists()

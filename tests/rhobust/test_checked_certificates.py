"""No certificate is called written that the checker does not accept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import rhobust as rb
from rhobust.bnb.certificate.encode import part
from rhobust.bnb.check import Checker
from rhobust.cli.app import app
from rhobust.compiler.question.claim import Claim
from rhobust.files import certificate as writing

from .test_certificates import save
from .test_own_certificates import about_a_formula


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("model") / "m.onnx", np.random.default_rng(3), "dense")


PROPERTY = "".join(f"(declare-const X_{k} Real)" for k in range(4)) + "(declare-const Y_0 Real)"
PROPERTY += "".join(f"(assert (and (<= 0 X_{k}) (<= X_{k} 1)))" for k in range(4))
PROPERTY += "(assert (>= Y_0 1000))"


@pytest.fixture
def spoiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written has all atoms the wrong way round."""

    def without(*given: object) -> object:
        header, arrays = part(*given)  # type: ignore[arg-type]
        arrays["atom_value"] = -arrays["atom_value"]
        return header, arrays

    monkeypatch.setattr(writing, "part", without)


@pytest.mark.usefixtures("spoiled")
def test_what_is_refused_is_not_left_behind(model: Path, tmp_path: Path) -> None:
    network, proof, question = rb.load(model), tmp_path / "c.npz", tmp_path / "q.vnnlib"
    question.write_text(PROPERTY)
    found = rb.verify(network, np.full(4, 0.5), 1e-4, certificate=proof)
    assert found.verdict == "ROBUST"
    assert "the checker refuses it: the tree leaves out target" in found.uncertified
    answer = rb.solve(model, question, certificate=proof)
    assert answer.status == "unsat" and "no part covers case 1 of 1" in answer.uncertified
    x = rb.Variable(4, 0, 1)
    best = rb.Problem(rb.maximize(network(x)[0])).solve(certificate=proof, timeout=600)
    assert best.status == "optimal" and "no part covers" in best.uncertified
    size = rb.rho(network, np.full(4, 0.5), certificate=proof, timeout=600)
    assert size.lower == 0.0 or "leaves out target" in size.uncertified
    assert not list(tmp_path.glob("*.npz"))
    done = CliRunner().invoke(
        app, ["solve", str(model), str(question), "--certificate", str(proof)]
    )
    assert done.exit_code == 0 and done.output.startswith("unsat\n") and not proof.exists()
    assert "no certificate: the checker refuses it: " in done.output


@pytest.mark.usefixtures("spoiled")
def test_unchecked_where_asked(model: Path, tmp_path: Path) -> None:
    network, proof, question = rb.load(model), tmp_path / "c.npz", tmp_path / "q.vnnlib"
    question.write_text(PROPERTY)
    checker = Checker(model)
    assert (
        rb.verify(network, np.full(4, 0.5), 1e-4, certificate=proof, check=False).uncertified == ""
    )
    assert not checker.check(proof).accepted
    proof.unlink()
    assert rb.solve(model, question, certificate=proof, check=False).uncertified == ""
    assert not checker.check(proof).accepted
    proof.unlink()
    given = ["solve", str(model), str(question), "--certificate", str(proof), "--no-check"]
    assert CliRunner().invoke(app, given).exit_code == 0 and proof.exists()


def test_the_time_is_up(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = writing.Certificate.robust

    def late(self: writing.Certificate, claim: Claim, _: object) -> str:
        return plain(self, claim, lambda: True)

    monkeypatch.setattr(writing.Certificate, "robust", late)
    found = rb.verify(rb.load(model), np.full(4, 0.5), 1e-4, certificate=tmp_path / "c.npz")
    assert found.verdict == "ROBUST"
    assert found.uncertified.startswith("proven, but the time was up before the checker")
    assert not list(tmp_path.iterdir())


def test_a_model_that_is_gone(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", np.random.default_rng(4), "dense")
    network, proof = rb.load(path), tmp_path / "c.npz"
    path.write_bytes(save(tmp_path / "n.onnx", np.random.default_rng(5), "dense").read_bytes())
    found = rb.verify(network, np.full(4, 0.5), 1e-4, certificate=proof)
    assert "is of another model" in found.uncertified and not proof.exists()
    network = rb.load(path)
    path.unlink()
    found = rb.verify(network, np.full(4, 0.5), 1e-4, certificate=proof)
    assert "cannot read the model" in found.uncertified and not proof.exists()


def test_what_float64_leaves_open_is_checked_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bound of 1e-17 or so: the certificate says itself that it asks for exact arithmetic."""
    reports = []
    plain = Checker.check

    def told(self: Checker, *given: object, **more: object) -> object:
        reports.append(plain(self, *given, **more))  # type: ignore[arg-type]
        return reports[-1]

    monkeypatch.setattr(Checker, "check", told)
    assert about_a_formula(31402, tmp_path) == "proven, accepted"
    first, second, third = reports  # the last one is the question's own, without an option
    assert "leaf 0 is not closed; --exact may close it" in first.text() and not first.exact
    assert second.accepted and third.accepted and second.exact and third.exact
    assert third.text().endswith(" s, in exact arithmetic")


@pytest.mark.parametrize("name, value", [("MOST_EXACT", 0), ("EXACT_SECONDS", -1.0)])
def test_exact_arithmetic_has_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: float
) -> None:
    """Then the refusal tells how to check the certificate nevertheless."""
    monkeypatch.setattr(writing, name, value)
    told = about_a_formula(31402, tmp_path)
    assert told.endswith("the checker refuses it: leaf 0 is not closed; --exact may close it")

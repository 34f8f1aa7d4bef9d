"""Whatever is proven of small nasty networks is certified, and the checker accepts it.

As a program: `python -m tests.rhobust.test_own_certificates KIND FIRST END [--exact]` runs seeds
and counts what came of them; KIND is networks, formulas or optima.
"""

from __future__ import annotations

import re
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import rhobust as rb
from rhobust.bnb.check import Checker
from rhobust.compiler.base.errors import RhobustError
from rhobust.compiler.language.formulas import Formula

from .nasty import Writer, question, save_network
from .test_certificates import save

LIMIT = 60.0
"""Seconds for a question: far more than any takes, on a machine that does much else besides."""
KNOWN = ("no float64 number", "needs no proof")
"""Why a proof may have no certificate; see the end of docs/certificate.md."""


def about_a_network(seed: int, folder: Path, exact: bool = False) -> str:
    """What came of a question about a nasty network."""
    rng = np.random.default_rng([seed, 77])
    inputs, _ = save_network(rng, folder / "m.onnx")
    asked, proof = question(rng, inputs), folder / "c.npz"
    try:
        found = rb.verify(
            rb.load(folder / "m.onnx"), asked.image, asked.eps, domain=(asked.low, asked.high),
            norm=asked.norm, timeout=LIMIT, certificate=proof,
        )  # fmt: skip
    except RhobustError as error:
        return f"not asked: {str(error).split(':')[-1]}"
    if found.verdict != "ROBUST":
        return f"{found.verdict} {found.reason}".strip()
    if found.uncertified:
        return f"proven, uncertified: {found.uncertified}"
    return _judged(Checker(folder / "m.onnx"), proof, exact)


def about_a_formula(seed: int, folder: Path, exact: bool = False) -> str:
    """What came of a random VNN-LIB text about a small network, nasty at times."""
    rng = np.random.default_rng([seed, 5])
    sizes = save_network(rng, folder / "m.onnx", nasty=rng.random() < 0.15)
    proof, text = folder / "c.npz", folder / "q.vnnlib"
    try:
        network = rb.load(folder / "m.onnx")
        reach = float(np.abs(network.forward(rng.uniform(-1.5, 1.5, (64, sizes[0])))).max())
        text.write_text(Writer(rng, *sizes, min(reach, 1e30) or 1.0).text())
        found = rb.solve(network, text, timeout=LIMIT, certificate=proof)
    except RhobustError as error:
        return f"not asked: {str(error).split(':')[-1]}"
    if found.status != "unsat":
        return f"{found.status} {found.reason}".strip()
    if found.uncertified:
        return f"proven, uncertified: {found.uncertified}"
    return _judged(Checker(folder / "m.onnx"), proof, exact, text)


def about_an_optimum(seed: int, folder: Path, exact: bool = False) -> str:
    """What came of an objective over a small network, or of a norm."""
    rng = np.random.default_rng([seed, 12])
    kind = str(rng.choice(["dense", "conv", "residual"]))
    model, proof = save(folder / "m.onnx", rng, kind), folder / "c.npz"
    network, x = rb.load(model), rb.Variable(4, lower=0, upper=1)
    y, limit = network(x), float(rng.choice([-1.0, 0.0, 1.0, 5.0]))
    formulas: list[Formula] = [rb.Or(y[0] <= limit, x[1] >= y[1] + limit)]
    if rng.random() < 0.7:
        formulas.append(rb.norm1(x - 0.5) <= 1.0)
    weights = rng.integers(-8, 9, (1, 3)) / 8.0 if rng.random() < 0.5 else rng.normal(size=(1, 3))
    best: object = (rb.minimize if rng.random() < 0.5 else rb.maximize)(weights @ y + 0.3)
    if rng.random() < 0.2:
        best = rb.minimize(rb.norm_inf(x - 0.1))
    problem = rb.Problem(best, formulas)  # type: ignore[arg-type]
    found = problem.solve(timeout=LIMIT, certificate=proof)
    if found.status not in ("optimal", "unsat"):
        return found.status
    if found.uncertified:
        return f"proven, uncertified: {found.uncertified}"
    return _judged(Checker(model), proof, exact)


def _judged(checker: Checker, proof: Path, exact: bool, text: Path | None = None) -> str:
    report = checker.check(proof, text, exact)
    proof.unlink()
    return "proven, accepted" if report.accepted else f"proven, REFUSED: {report.reason}"


KINDS: dict[str, Callable[[int, Path, bool], str]] = {
    "networks": about_a_network, "formulas": about_a_formula, "optima": about_an_optimum,
}  # fmt: skip


def good(outcome: str) -> bool:
    """Whether what was proven was certified, or cannot be."""
    what, _, reason = outcome.partition(", uncertified: ")
    return "REFUSED" not in what and (not reason or any(known in reason for known in KNOWN))


@pytest.mark.parametrize(("kind", "count"), [("networks", 24), ("formulas", 12), ("optima", 2)])
def test_proofs_are_certified(tmp_path: Path, kind: str, count: int) -> None:
    outcomes = [KINDS[kind](seed, tmp_path, False) for seed in range(count)]
    assert not [item for item in enumerate(outcomes) if not good(item[1])]
    assert outcomes.count("proven, accepted") > count // 4


@pytest.mark.parametrize(("kind", "seed"), [("networks", 16564), ("formulas", 35128)])
def test_leaves_closed_within_rounding_are_proven_by_another_search(
    tmp_path: Path, kind: str, seed: int
) -> None:
    assert KINDS[kind](seed, tmp_path, False) == "proven, accepted"


@pytest.mark.parametrize("seed", [12917, 13839, 14088])
def test_proofs_with_rows_beyond_1e30_are_certified(tmp_path: Path, seed: int) -> None:
    assert about_a_network(seed, tmp_path) == "proven, accepted"


def test_a_leaf_that_relaxed_a_unit_known_to_be_active_is_certified(tmp_path: Path) -> None:
    assert about_a_network(27477, tmp_path) == "proven, accepted"


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "count"), [("networks", 2000), ("formulas", 1000), ("optima", 300)]
)
def test_many_proofs_are_certified(tmp_path: Path, kind: str, count: int) -> None:
    outcomes = [KINDS[kind](seed, tmp_path, False) for seed in range(1000, 1000 + count)]
    assert not [item for item in enumerate(outcomes) if not good(item[1])]


def main(kind: str, first: str, end: str, exact: str = "") -> None:
    global LIMIT
    counts, LIMIT = Counter[str](), 1000.0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(int(first), int(end)):
            try:
                outcome = KINDS[kind](seed, Path(folder), bool(exact))
            except Exception as error:  # told with its seed, and the campaign goes on
                outcome = f"{type(error).__name__}: {error}"[:200]
            counts[re.sub(r"\d+", "#", outcome)] += 1
            if not good(outcome) or "Error" in outcome:
                print(seed, outcome, flush=True)
            if seed % 500 == 499:
                print(seed + 1, dict(counts.most_common()), flush=True)
    print("done", dict(counts.most_common()), flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(*sys.argv[1:])

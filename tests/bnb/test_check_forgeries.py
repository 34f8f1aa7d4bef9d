"""No forged certificate is accepted unless the sentence printed about it is true.

As a program: `python -m tests.bnb.test_check_forgeries FIRST END COUNT` makes COUNT forgeries of
each seed's certificates.
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

import rhobust as rb
from rhobust.bnb.check import Checker

from .certificates import Files, halving, network, robust, save, splitting
from .forgeries import Forger, Judge


def read(path: Path) -> Files:
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return json.loads(arrays.pop("header").tobytes()), arrays


class Case:
    """A network, an image, and about how far the label is the greatest output."""

    def __init__(self, path: Path, random: np.random.Generator) -> None:
        self.path = path
        while True:
            self.net = network(random, [2, 3, 3])
            self.image = random.integers(2, 7, 2) / 8.0
            values = self.net.outputs(self.image[None])[0]
            self.label = int(values.argmax())
            self.targets = [k for k in range(3) if k != self.label]
            if 0.02 < self.widest("linf") < 0.5:
                break
        self.digest = self.net.save(path)

    def widest(self, norm: str) -> float:
        sides = [np.linspace(0.0, 1.0, 65)] * 2
        points = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
        values = self.net.outputs(points)
        lost = values[:, self.label] <= values[:, self.targets].max(axis=1)
        order = {"linf": np.inf, "l1": 1, "l2": 2}[norm]
        away = np.linalg.norm(points[lost] - self.image, order, axis=1)
        return float(away.min(initial=1.0)) - 1 / 64

    def claim(self, eps: float) -> Files:
        return robust(self.net, self.digest, self.image, self.label, self.targets, eps)


TIES = (
    "(assert (and (> (- X_0 X_1) 1) (>= Y_0 -1000)))",
    "(assert (and (> Y_0 Y_1) (<= Y_0 Y_1)))",
    "(assert (and (> Y_2 Y_1) (<= Y_2 Y_1)))",
)
"""What only strictness excludes, over 0 <= X_0 <= 1 and 0 <= X_1 <= 1/2."""


def certificates(folder: Path, seed: int) -> tuple[list[Case], list[Files]]:
    """Two models; proofs of true claims about them, and trees that do not prove false ones."""
    cases, found = [], []
    for number in range(2):
        own = folder / str(number)
        own.mkdir(exist_ok=True)
        random = np.random.default_rng([seed, number])
        case = Case(own / "m.onnx", random)
        cases.append(case)
        near, far = 0.8 * case.widest("linf"), case.widest("linf") + 1 / 16
        found += [splitting(case.claim(eps), case.net, refine=eps == near) for eps in (near, far)]
        found.append(halving(case.claim(near / 2.0), 4, random))
        loaded, proof, question = rb.load(case.path), own / "c.npz", own / "q.vnnlib"
        for norm in ("linf", "l1", "l2"):
            eps = 0.9 * case.widest(norm)
            verdict = rb.verify(loaded, case.image, eps, norm=norm, certificate=proof, timeout=60)
            if verdict.verdict == "ROBUST" and not verdict.uncertified:
                found.append(read(proof))
        points = np.stack(np.meshgrid(*[np.linspace(0, 1, 65)] * 2), axis=-1).reshape(-1, 2)
        most = float(case.net.outputs(points)[:, 0].max())
        names = [f"(declare-const {name} Real)" for name in ("X_0", "X_1", "Y_0", "Y_1", "Y_2")]
        boxes = [f"(assert (and (<= 0 X_{k}) (<= X_{k} {top})))" for k, top in ((0, 1), (1, 0.5))]
        for limit in (most + 0.25, most / 2.0):
            text = f"(assert (or (>= Y_0 {limit!r}) (and (< X_0 0) (> Y_1 0))))"
            question.write_text("".join((*names, *boxes, text)))
            answer = rb.solve(loaded, question, certificate=proof, timeout=60)
            if answer.status == "unsat" and not answer.uncertified:
                found.append(read(proof))
        for tie in TIES:
            question.write_text("".join((*names, *boxes, tie)))
            answer = rb.solve(loaded, question, certificate=proof, timeout=60)
            assert answer.status == "unsat" and not answer.uncertified, answer
            found.append(read(proof))
    assert any("rational" in header["parts"][0] for header, _ in found)
    return cases, found


def survivors(folder: Path, seed: int, count: int) -> Counter[str]:
    """How many forgeries were accepted and refused; each one accepted is told truly."""
    cases, bases = certificates(folder, seed)
    checkers = [Checker(case.path) for case in cases]
    judge = Judge({case.digest: case.net for case in cases})
    rng = np.random.default_rng([seed, 9])
    forger, counts, plain = Forger(rng, bases), Counter[str](), len(bases)
    assert plain >= 8
    for number in range(count):
        data = forger.forged()
        mine = [c for c in cases if c.digest in str(forger.header)]
        place = cases.index(mine[0]) if mine and rng.random() < 0.9 else int(rng.integers(2))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            report = checkers[place].check(BytesIO(data), exact=rng.random() < 0.1)
        counts["accepted" if report.accepted else "refused"] += 1
        if report.accepted:
            judge.know(data)
            wrong = judge.false(report.statement)
            assert not wrong, (seed, number, wrong, report.statement)
    return counts


def test_forgeries(tmp_path: Path) -> None:
    counts = survivors(tmp_path, 1, 300)
    assert counts["accepted"] > 10 and counts["refused"] > 100


def test_the_judge_finds_what_is_false(tmp_path: Path) -> None:
    """Sentences about radii and properties that fail."""
    cases, bases = certificates(tmp_path, 1)
    case = cases[0]
    judge, checker = Judge({case.digest: case.net}), Checker(case.path)
    told = 0
    for header, arrays in bases:
        path = tmp_path / "c.npz"
        if header["model"]["sha256"] != case.digest:
            continue
        report = checker.check(save(path, (header, arrays)))
        if not report.accepted:
            continue
        judge.know(path.read_bytes())
        assert judge.false(report.statement) == ""
        if header["claim"]["kind"] == "robust":
            eps = float.fromhex(header["claim"]["eps"])
            for size in (1.3 * eps, 4.0 * eps):
                wide = report.statement.replace(eps.hex(), size.hex())
                told += judge.false(wide) != ""
            swapped = report.statement.replace(f"output {case.label} is", "output 7 is")
            swapped = swapped.replace(f"outputs {case.targets[0]}", f"outputs {case.label}")
            swapped = swapped.replace("output 7 is", f"output {case.targets[0]} is")
            assert judge.false(swapped) != ""
    assert told >= 5


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10, 20))
def test_many_forgeries(tmp_path: Path, seed: int) -> None:
    survivors(tmp_path, seed, 2000)


def main(first: str, end: str, count: str) -> None:
    total = Counter[str]()
    for seed in range(int(first), int(end)):
        with tempfile.TemporaryDirectory() as folder:
            total += survivors(Path(folder), seed, int(count))
        print(seed + 1, dict(total), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

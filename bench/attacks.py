"""Many random attacks, whose successes are judged again by rationals and by onnxruntime alone.

    python -m bench.attacks --images 1000000 --seed 0

Counts, for each method, images attacked, labels lost, examples outside of their ball or domain in
rational arithmetic, and examples that a session of onnxruntime of its own gives the old label. Both
counts have to be 0; the exit status says whether they are.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import onnxruntime

import rhobust as rb
from rhobust.attacks.methods import METHODS, Attack
from rhobust.attacks.methods.fgsm import Fgsm
from rhobust.attacks.methods.fmn import Fmn
from rhobust.attacks.methods.noise import Noise
from rhobust.attacks.methods.pgd import Pgd
from rhobust.attacks.methods.square import Square
from rhobust.compiler.base.arrays import Matrix, Vector, exact
from rhobust.compiler.base.norms import NormKind
from rhobust.embedded import NAMES, embedded_file, embedded_images
from rhobust.queries.attack import attack_batch
from rhobust.results import AttackResult

PORTION = 2000
"""Images under one question."""

ATTACKS: tuple[Attack, ...] = (Fgsm(), Pgd(8), Pgd(5, restarts=2), Fmn(20), Square(20), Noise(3))
SLOWER: dict[str, int] = {"lbfgs": 20, "restriction": 20, "descent": 4}
"""How many images the methods that take one by one get in every round of all."""

LARGEST = {NormKind.LINF: 0.4, NormKind.L2: 2.0, NormKind.L1: 12.0}


class Judge:
    """Rationals for membership, and a session of onnxruntime that nothing else uses."""

    def __init__(self, name: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(embedded_file(name)), options)
        self.input = self.session.get_inputs()[0]

    def outside(self, result: AttackResult, image: Vector, low: float, high: float) -> bool:
        """Whether an example is not in its ball and the domain, exactly."""
        assert result.witness is not None
        x, limit = exact(result.witness.point), min(result.eps, result.distance)
        inside = all(Fraction(low) <= v <= Fraction(high) for v in x)
        return not (inside and NormKind(result.norm).within(x - exact(image), Fraction(limit)))

    def refused(self, result: AttackResult, rivals: list[int], margin: float) -> bool:
        """Whether onnxruntime leaves the label its lead."""
        assert result.witness is not None
        sides = [side if isinstance(side, int) else 1 for side in self.input.shape]
        row = result.witness.point.astype(np.float32).reshape(sides)
        y = self.session.run(None, {self.input.name: row})[0].reshape(-1).astype(np.float64)
        return not max(y[rival] for rival in rivals) >= y[result.label] + margin


def question(rng: np.random.Generator, count: int, images: Matrix) -> dict[str, Any]:
    """Images between the embedded ones, with noise, and a radius, a norm, targets and a margin."""
    one, other = rng.integers(0, len(images), (2, count))
    share = rng.choice([0.0, 0.2, 0.5], (count, 1)) * rng.random((count, 1))
    mixed = images[one] + share * (images[other] - images[one])
    mixed += rng.choice([0.0, 0.02]) * rng.normal(size=mixed.shape)
    low, high = (0.0, 1.0) if rng.random() < 0.8 else (-0.25, 1.5)
    norm = NormKind(rng.choice(list(NormKind)))
    targets = [int(t) for t in rng.choice(10, 3, replace=False)] if rng.random() < 0.2 else None
    return {
        "images": np.clip(mixed, low, high), "norm": norm, "domain": (low, high),
        "eps": float(LARGEST[norm] * 10.0 ** rng.uniform(-2.0, 0.0)), "target": targets,
        "margin": float(rng.choice([0.0, 0.0, 0.5])), "minimal": bool(rng.random() < 0.1),
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=np.inf)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    pixels, _ = embedded_images()
    images = pixels.reshape(len(pixels), -1) / 255.0
    networks = {name: (rb.load(name), Judge(name)) for name in NAMES}
    counts: dict[str, Counter[str]] = {}
    begin, done = time.perf_counter(), 0
    while done < given.images and time.perf_counter() - begin < given.seconds:
        round_ = [(attack, PORTION) for attack in ATTACKS]
        round_ += [(METHODS[name](), count) for name, count in SLOWER.items()]
        for attack, count in round_:
            network, judge = networks[str(rng.choice(NAMES))]
            asked = question(rng, count, images)
            if asked["norm"] not in attack.norms:
                asked["norm"], asked["eps"] = NormKind.LINF, min(asked["eps"], 0.4)
            points, targets = asked.pop("images"), asked.pop("target")
            labels = np.argmax(network.forward(points), axis=1)
            if targets is not None:  # a label is no target of its own
                keep = ~np.isin(labels, targets)
                points, labels = points[keep], labels[keep]
            results = attack_batch(
                network, points, labels, asked.pop("eps"), method=attack, timeout=None,
                target="any" if targets is None else targets, seed=given.seed + done, **asked,
            )  # fmt: skip
            told = counts.setdefault(attack.name, Counter())
            for result, point in zip(results, points, strict=True):
                told["attacked"] += 1
                told["unsettled"] += bool(result.reason)
                if not result.success:
                    continue
                rivals = targets or [k for k in range(10) if k != result.label]
                told["lost"] += 1
                told["outside"] += judge.outside(result, point, *asked["domain"])
                told["refused"] += judge.refused(result, rivals, asked["margin"])
            done += len(points)
    print(f"{'method':12}{'attacked':>10}{'lost':>10}{'outside':>9}{'refused':>9}{'unsettled':>11}")
    total: Counter[str] = Counter()
    for name, told in counts.items():
        total.update(told)
        print(_row(name, told))
    print(_row("all", total), f"  {time.perf_counter() - begin:.0f} s")
    return int(bool(total["outside"] or total["refused"]))


def _row(name: str, told: Counter[str]) -> str:
    cells = [told["attacked"], told["lost"], told["outside"], told["refused"], told["unsettled"]]
    widths = (10, 10, 9, 9, 11)
    return f"{name:12}" + "".join(f"{n:>{w},}" for n, w in zip(cells, widths, strict=True))


if __name__ == "__main__":
    sys.exit(main())

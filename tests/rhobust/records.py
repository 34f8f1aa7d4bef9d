"""Records of a test set as tests make them up: plausible, and consistent with a true rho."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rhobust.results import Verdict
from rhobust.store.record import Decision, Record, Run


def record(
    index: int,
    lower: float,
    upper: float,
    *decisions: Decision,
    label: int = 1,
    predicted: int | None = None,
    attack: float | None = None,
) -> Record:
    """One image by its interval and its decisions."""
    return Record(
        index, f"image {index}", label, label if predicted is None else predicted, lower, upper,
        decisions, attack_distance=attack,
    )  # fmt: skip


def made(
    count: int,
    seed: int = 0,
    eps: Sequence[float] = (0.05, 0.1),
    images: np.ndarray | None = None,
    classes: int = 10,
    wrong: float = 0.04,
    doubtful: float = 0.1,
    differ: int = 0,
) -> list[Record]:
    """Records whose true rho is log-normal around 0.1; images (N, D) are kept with witnesses.

    wrong: the share of misclassified images; doubtful: of those whose interval is wide.
    differ: another number gives other intervals of other rho on the same images.
    """
    draw = np.random.default_rng(seed)
    own = np.random.default_rng([seed, differ])
    found = []
    for index in range(count):
        label = int(draw.integers(classes))
        rho = float(draw.lognormal(math.log(0.1), 0.5))
        if differ:
            rho *= float(own.lognormal(0.05, 0.1))
        missed, open_, gain = own.random() < wrong, own.random() < doubtful, own.random(3)
        predicted = (label + 1) % classes if missed else label
        image = None if images is None else images[index].astype(np.float64)
        if missed:
            chosen = tuple(Decision(one, Verdict.NOT_ROBUST, seconds=0.01) for one in eps)
            found.append(
                Record(index, f"image {index}", label, predicted, 0.0, 0.0, chosen, image=image)
            )
            continue
        lower = rho * (1.0 - 0.4 * gain[0]) if open_ else rho
        upper = rho * (1.0 + 0.4 * gain[1]) if open_ else rho
        attack = upper * (1.0 + 0.3 * gain[2])
        witness = None
        if image is not None:
            step = own.choice([-1.0, 1.0], image.shape) * upper
            witness = np.clip(image + step, 0.0, 1.0)
        found.append(
            Record(
                index,
                f"image {index}",
                label,
                predicted,
                lower,
                upper,
                tuple(_decided(one, lower, upper, attack, own) for one in eps),
                rho_estimate=1.05 * upper,
                attack_distance=attack,
                attack_method="pgd",
                witness=witness,
                witness_label=(label + 3) % classes,
                image=image,
                seconds=float(own.exponential(2.0)),
                nodes=int(own.integers(1, 2000)),
                lps=int(own.integers(0, 50)),
            )  # fmt: skip
        )
    return found


def _decided(
    eps: float, lower: float, upper: float, attack: float, draw: np.random.Generator
) -> Decision:
    seconds, nodes = float(draw.exponential(1.0)), int(draw.integers(1, 500))
    if lower > eps:
        return Decision(eps, Verdict.ROBUST, "", 0.1, False, seconds, nodes)
    if upper <= eps:
        return Decision(eps, Verdict.NOT_ROBUST, "", -math.inf, attack <= eps, seconds, nodes)
    return Decision(eps, Verdict.UNKNOWN, "timeout", -0.3, False, seconds, nodes)


def run(
    id: str = "made", /, count: int = 0, shape: Sequence[int] = (28, 28), **card: object
) -> Run:
    """A run as evaluation describes it."""
    question: dict[str, object] = {
        "model": "0" * 64, "norm": "linf", "domain": [0.0, 1.0], "target": "any", "margin": 0.0,
        "eps": [0.05, 0.1], "rho": True, "attacks": ["pgd"], "timeout": 60.0, "seed": 0,
        "engine": "0.1.0",
    }  # fmt: skip
    model: dict[str, object] = {
        "name": "digits", "path": "digits.onnx", "digest": "0" * 64,
        "layers": [
            {"name": "dense_1", "kind": "Dense", "size": 50},
            {"name": "relu_1", "kind": "ReLU", "size": 50},
            {"name": "dense_2", "kind": "Dense", "size": 10},
        ],
        "input_shape": list(shape), "outputs": 10, "relus": 50, "notes": [],
    }  # fmt: skip
    data: dict[str, object] = {
        "source": "images.npz", "count": count, "shape": list(shape), "digest": "1" * 64,
        "divisor": 255.0,
    }  # fmt: skip
    return Run(
        id, question, {**model, **card}, data, tuple(range(count)), "2026-01-01T00:00:00Z",
        "rhobust evaluate digits.onnx --data images.npz --eps 0.1",
        {"rhobust": "0.1.0", "python": "3.11", "system": "Linux", "processor": "x86_64"},
    )  # fmt: skip

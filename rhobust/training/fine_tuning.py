"""Fine-tuning on examples that an algorithm finds (Bastani et al. 2016, section 5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..attacks.methods import Attack
from ..compiler.base.arrays import Matrix, Vector
from ..compiler.base.errors import InputError
from ..compiler.importers.torch.module import from_torch
from ..compiler.shown.numbers import digits
from ..compiler.shown.record import Result
from ..compiler.shown.told import Told, count
from ..data import Images
from ..queries.attack import attack_batch
from ..results import AttackResult
from ..witness.many import outputs
from .history import History
from .images import tensors
from .torch_library import library
from .trainer import train

CONFIDENCE = {"restriction": 3.0, "lbfgs": 0.15, "pgd": 0.0}
"""Algorithms, and by how much an example's label leads unless said: the paper's for the first two,
section 6.1.
"""


@dataclass(frozen=True, slots=True, repr=False)
class Round(Result):
    """What one round found: images attacked, examples found, their mean distance (l-inf), and how
    many are still examples once every pixel is rounded to a multiple of 1/255 of the domain.
    """

    number: int
    attacked: int
    found: int
    rounded: int
    distance: float
    history: History

    def _told(self) -> Told:
        facts = (
            ("", f"examples of {self.found:,} of {count(self.attacked, 'image')}"),
            ("mean distance", digits(self.distance)),
        )
        return Told(f"Round {self.number}", facts)


def fine_tune(
    module: Any,
    images: Images | npt.ArrayLike,
    labels: npt.ArrayLike | None = None,
    *,
    algorithm: str | Attack = "restriction",
    rounds: int = 1,
    eps: float | str | None = None,
    confidence: float | None = None,
    grid: bool = False,
    count: int | None = None,
    epochs: int = 5,
    rate: float = 1e-4,
    batch: int = 128,
    seed: int = 0,
    domain: tuple[float, float] = (0.0, 1.0),
    timeout: float = 10.0,
    checkpoint: str | Path | None = None,
    progress: Callable[[int, int, int], None] = lambda number, done, found: None,
) -> tuple[Any, tuple[Round, ...]]:
    """Trains a module further, in place, on the images and on nearest examples of them.

    Each of the rounds attacks the original images, as the module is by then, and trains it on both
    at a reduced rate: examples of one round are not those of the next.  algorithm: restriction (the
    convex restriction to the image's linear region, for the second most probable label), lbfgs or
    pgd, or an attack made in `rhobust.attacks.methods`.  eps: look no further than this.
    confidence: by how much an example's logit has to lead, 3 for restriction, 0.15 for lbfgs.
    grid: train on examples of whole pixels only, 0 to 255 over the domain.  count: attack so many
    of the images, chosen by the seed.  timeout: seconds for an image.  progress: told of the round,
    images attacked and examples found.  Other arguments are those of `train`.
    """
    torch = library()
    name = algorithm if isinstance(algorithm, str) else algorithm.name
    if name == algorithm and name not in CONFIDENCE:
        known = ", ".join(CONFIDENCE)
        raise InputError(f"no algorithm is called {algorithm!r}; there are: {known}")
    if not rounds > 0:
        raise InputError(f"rounds must be positive, not {rounds}")
    margin = CONFIDENCE.get(name, 0.0) if confidence is None else confidence
    given, target = tensors(torch, images, labels, domain)
    rng = np.random.default_rng(seed)
    some = rng.permutation(len(given))[: len(given) if count is None else count]
    told: list[Round] = []
    for number in range(1, rounds + 1):
        network = from_torch(module.eval(), given.shape[1:])
        rows = given[some].flatten(1).numpy().astype(np.float64)
        wanted = target[some].numpy()
        results, examples = list[AttackResult](), 0
        for start in range(0, len(rows), 64):
            part = attack_batch(
                network, rows[start : start + 64], wanted[start : start + 64], eps,
                domain=domain, target="second" if name == "restriction" else "any",
                margin=margin, method=algorithm, minimal=True, seed=seed + number,
                timeout=timeout,
            )  # fmt: skip
            results += part
            examples += sum(result.success for result in part)
            progress(number, len(results), examples)
        here = [k for k, result in enumerate(results) if result.success and result.distance > 0.0]
        points = np.array([_point(results[k]) for k in here]).reshape(len(here), rows.shape[1])
        distances = [results[k].distance for k in here]
        pixels = on_grid(points, domain)
        kept = np.zeros(0, dtype=bool)
        if here:
            kept = outputs(network, pixels).argmax(axis=1) != wanted[here]
        used = pixels[kept] if grid else points
        own = wanted[here][kept] if grid else wanted[here]
        more = torch.from_numpy(used.astype(np.float32)).reshape(-1, *given.shape[1:])
        both = torch.cat([given, more.clamp(*domain)]).numpy()
        module, history = train(
            module, both, np.concatenate([target.numpy(), own]), epochs=epochs, rate=rate,
            batch=batch, seed=seed + number, domain=domain, checkpoint=checkpoint,
        )  # fmt: skip
        mean = float(np.mean(distances)) if distances else float("nan")
        told.append(Round(number, len(rows), len(here), int(kept.sum()), mean, history))
    return module, tuple(told)


def on_grid(points: Matrix, domain: tuple[float, float]) -> Matrix:
    """Points (N, D) with every number rounded to a multiple of 1/255 of the domain."""
    low, high = domain
    found: Matrix = low + np.rint((points - low) / (high - low) * 255.0) / 255.0 * (high - low)
    return found


def _point(result: AttackResult) -> Vector:
    assert result.witness is not None
    return result.witness.point

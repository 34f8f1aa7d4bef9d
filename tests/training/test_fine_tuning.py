"""Fine-tuning on found examples: what it finds is one, and it is found less near afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rhobust as rb
from rhobust.attacks.methods.lbfgs import Lbfgs
from rhobust.compiler.base.errors import InputError

torch: Any = pytest.importorskip("torch")

from rhobust.training.fine_tuning import CONFIDENCE, on_grid  # noqa: E402

from .test_training import equal, weights  # noqa: E402


def trained() -> tuple[Any, Any, Any]:
    """A network of the embedded digits, as plain training leaves it."""
    digits = rb.data.digits()
    pixels = (digits.values.reshape(-1, 64) / 255.0).astype(np.float32)
    torch.manual_seed(0)
    made = torch.nn.Sequential(
        torch.nn.Linear(64, 24), torch.nn.ReLU(), torch.nn.Linear(24, 10)
    )  # fmt: skip
    made, _ = rb.training.train(made, pixels, digits.labels, epochs=40, batch=20, rate=1e-2)
    return made, pixels, digits.labels


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", CONFIDENCE)
def test_examples_are_farther_away_afterwards(algorithm: str) -> None:
    made, pixels, labels = trained()
    made, rounds = rb.training.fine_tune(
        made, pixels, labels, algorithm=algorithm, rounds=2, count=30, epochs=15, rate=3e-3,
        batch=20, confidence=0.1,
    )  # fmt: skip
    first, second = rounds
    assert (first.number, first.attacked, second.number) == (1, 30, 2)
    assert 5 < first.found <= 30 and 0 <= first.rounded <= first.found
    assert second.distance > 1.05 * first.distance
    assert first.to_dict()["history"]["method"] == "plain"


def test_rounding_keeps_what_leads_by_much() -> None:
    """An example with a lead survives; one at the border need not."""
    shares = []
    for confidence in (0.0, 2.0):
        made, pixels, labels = trained()
        _, (only,) = rb.training.fine_tune(
            made, pixels, labels, count=40, epochs=1, confidence=confidence, grid=True
        )
        shares.append(only.rounded / max(1, only.found))
    assert shares[1] > 0.95 > shares[0]


def test_it_is_the_same_for_the_same_seed() -> None:
    found = []
    for seed in (1, 1, 2):
        made, pixels, labels = trained()
        made, _ = rb.training.fine_tune(made, pixels, labels, count=20, epochs=1, seed=seed)
        found.append(weights(made))
    assert equal(found[0], found[1]) and not equal(found[0], found[2])


def test_an_attack_with_parameters_of_its_own() -> None:
    """One with those of its name finds the same; with too few it finds none."""
    rows = np.random.default_rng(0).uniform(0.2, 0.8, (4, 6)).astype(np.float32)
    found = []
    for algorithm in ("lbfgs", Lbfgs(), Lbfgs(weights=2)):
        torch.manual_seed(1)
        made = torch.nn.Sequential(torch.nn.Linear(6, 3))
        labels = made(torch.from_numpy(rows)).argmax(1).numpy()
        _, (only,) = rb.training.fine_tune(made, rows, labels, algorithm=algorithm, epochs=1)
        found.append((only.found, only.distance))
    assert found[0] == found[1] and found[0][0] == 4 > found[2][0]


def test_the_grid() -> None:
    points = np.array([[0.0, 0.5, 1.0, 0.1]])
    assert (on_grid(points, (0.0, 1.0)) * 255.0 == np.array([[0.0, 128.0, 255.0, 26.0]])).all()
    assert (on_grid(points * 2.0 - 1.0, (-1.0, 1.0))[0, :3:2] == [-1.0, 1.0]).all()


def test_arguments_that_make_no_sense() -> None:
    made, pixels, labels = trained()
    with pytest.raises(InputError, match="no algorithm"):
        rb.training.fine_tune(made, pixels, labels, algorithm="fgsm")
    with pytest.raises(InputError, match="rounds"):
        rb.training.fine_tune(made, pixels, labels, rounds=0)

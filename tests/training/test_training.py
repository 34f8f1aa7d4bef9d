"""Training: every method learns, seeds repeat, checkpoints go on, and bad arguments are told."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rhobust as rb
import rhobust.training.methods as package
from rhobust.compiler.base.errors import InputError
from rhobust.training.methods import METHODS
from rhobust.training.schedule import Schedule

torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn

EPS = 0.05


def images(count: int = 120) -> tuple[Any, Any]:
    """Two bright halves, and neither."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, count)
    pixels = rng.uniform(0.0, 0.5, (count, 1, 4, 4)).astype(np.float32)
    for label, columns in ((0, slice(0, 2)), (1, slice(2, 4))):
        pixels[labels == label, :, :, columns] += 0.5
    return pixels, labels


def module(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Dropout(0.1),
        nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 3),
    )  # fmt: skip


def weights(made: Any) -> list[Any]:
    return [tensor.clone() for tensor in made.state_dict().values()]


def equal(one: list[Any], other: list[Any]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_every_file_has_a_method() -> None:
    folder = Path(str(package.__file__)).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "batch"}
    assert {inspect.getmodule(m).__name__.split(".")[-1] for m in METHODS.values()} == files  # type: ignore[union-attr]


@pytest.mark.parametrize("method", METHODS)
def test_a_method_learns_and_its_network_is_ours(method: str, tmp_path: Path) -> None:
    pixels, labels = images()
    made, history = rb.training.train(
        module(), pixels, labels, method, eps=EPS, epochs=12, batch=32, rate=1e-2, seed=1
    )
    assert len(history.epochs) == 12 and history.best == 12 and not made.training
    assert history.epochs[-1].accuracy > 0.9
    network = rb.from_torch(made, (1, 4, 4))
    network.save(tmp_path / "m.onnx")
    answer = rb.verify(tmp_path / "m.onnx", pixels[0], 0.01, label=int(labels[0]), timeout=60)
    assert answer.verdict == rb.Verdict.ROBUST


class Viewed(nn.Module):  # type: ignore[misc]
    """Convolutions whose numbers are viewed in the order of rows."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(1, 4, 3, padding=1), nn.Linear(64, 3)

    def forward(self, x: Any) -> Any:
        return self.last(torch.relu(self.first(x)).view(x.size(0), -1))


@pytest.mark.parametrize("method", ["plain", "ibp", "sabr"])
def test_a_module_may_view_its_numbers_in_rows(method: str) -> None:
    pixels, labels = images()
    made, history = rb.training.train(Viewed(), pixels, labels, method, epochs=1, warmup=0.0)
    assert len(history.epochs) == 1
    assert all(weight.is_contiguous() for weight in made.parameters())


def test_the_accuracy_is_that_of_the_images_as_the_loss_saw_them() -> None:
    """With a rate next to zero the network stays as it is."""
    pixels, labels = images()
    made = module().eval()
    made[3] = nn.Identity()  # dropout
    natural = float((made(torch.from_numpy(pixels)).argmax(1).numpy() == labels).mean())
    for method in ("plain", "fgsm", "mixed", "trades", "ibp", "crown-ibp"):
        _, history = rb.training.train(made, pixels, labels, method, epochs=1, rate=1e-12)
        assert history.epochs[0].accuracy == natural, method


def test_proven_training_proves_more() -> None:
    """Of the same network from the same start, on images that it has not seen."""
    pixels, labels = images(240)
    proven = {}
    for method in ("plain", "ibp"):
        made, _ = rb.training.train(
            module(), pixels[:160], labels[:160], method, eps=0.22, epochs=30, batch=32, rate=1e-2
        )
        network = rb.from_torch(made, (1, 4, 4))
        verdicts = [
            rb.verify(network, pixels[k], 0.2, label=int(labels[k]), timeout=60).verdict
            for k in range(160, 200)
        ]
        proven[method] = verdicts.count(rb.Verdict.ROBUST)
    assert proven["ibp"] > proven["plain"] + 5


@pytest.mark.parametrize("method", ["noise", "mixed", "sabr"])
def test_the_same_seed_gives_the_same_weights_where_training_was_cut(
    method: str, tmp_path: Path
) -> None:
    pixels, labels = images()
    path = tmp_path / "checkpoint"

    def run(seed: int, **more: Any) -> list[Any]:
        made, _ = rb.training.train(
            module(), pixels, labels, method, eps=EPS, epochs=4, batch=32, seed=seed, **more
        )
        return weights(made)

    whole = run(3)
    assert equal(whole, run(3)) and not equal(whole, run(4))

    def cut(epoch: Any, epochs: int) -> None:
        if epoch.number in (1, 3):
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run(3, checkpoint=path, progress=cut)
    other = inspect.signature(rb.training.train)  # a checkpoint is of one question
    assert "rate" in other.parameters
    with pytest.raises(InputError, match="other training"):
        run(4, checkpoint=path)
    assert equal(whole, run(3, checkpoint=path)) and not path.exists()


def test_early_stop_keeps_the_best_weights() -> None:
    pixels, labels = images()
    rng = np.random.default_rng(1)
    tested = images(60)[0], rng.integers(0, 3, 60)  # labels that nobody can learn
    made, history = rb.training.train(
        module(), pixels, labels, epochs=40, batch=32, rate=1e-2, validation=tested, patience=2
    )
    assert history.stopped and len(history.epochs) == history.best + 2
    losses = [epoch.validation_loss for epoch in history.epochs if epoch.validation_loss]
    assert min(losses) == losses[history.best - 1]
    assert history.to_dict()["best"] == history.best and '"plain"' in history.to_json()
    with torch.no_grad():
        logits = made(torch.from_numpy(tested[0]))
    loss = nn.functional.cross_entropy(logits, torch.from_numpy(tested[1]))
    assert abs(float(loss) - min(losses)) < 1e-5


def test_radius_and_rate() -> None:
    schedule = Schedule(100, 0.1, 1.0, 0.1, 0.6, (0.5, 0.8))
    shares = [schedule.share(step) for step in range(100)]
    assert shares[:9] == [0.0] * 9 and shares[59:] == [1.0] * 41
    assert shares == sorted(shares) and abs(schedule.share(34) - 0.5) < 1e-9
    assert [round(schedule.rate_at(s), 6) for s in (0, 49, 50, 79, 80)] == [1, 1, 0.1, 0.1, 0.01]
    assert Schedule(10, 0.1, 1.0, 0.0, 0.0, ()).share(0) == 1.0
    annealed = Schedule(100, 0.1, 1.0, 0.0, 0.0, (), 0.2)
    rates = [annealed.rate_at(step) for step in range(101)]
    assert rates[:21] == [1.0] * 21 and rates == sorted(rates, reverse=True)
    assert abs(rates[60] - 0.5) < 1e-9 and abs(rates[100]) < 1e-9


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"method": "fast"}, "no method is called"),
        ({"eps": -1.0}, "eps"),
        ({"eps": float("nan")}, "eps"),
        ({"epochs": 0}, "epochs"),
        ({"rate": float("nan")}, "rate"),
        ({"options": {"alhpa": 1.0}}, "no option"),
        ({"labels": np.zeros(3, dtype=int)}, "do not fit"),
        ({"labels": np.full(120, 0.5)}, "whole numbers"),
        ({"images": np.full((120, 1, 4, 4), 2.0)}, "outside the domain"),
        ({"images": np.full((120, 1, 4, 4), np.nan)}, "not finite"),
        ({"module": 3}, "no torch"),
    ],
)
def test_arguments_that_make_no_sense(change: dict[str, Any], told: str) -> None:
    pixels, labels = images()
    given = {"module": module(), "images": pixels, "labels": labels, "epochs": 1, **change}
    with pytest.raises(InputError, match=told):
        rb.training.train(**given)


def test_a_loss_that_is_no_number_is_told() -> None:
    pixels, labels = images()
    with pytest.raises(InputError, match="loss of epoch"):
        rb.training.train(module(), pixels, labels, epochs=40, rate=1e30, clip=1e30)


@pytest.mark.parametrize("name", ["digits", "digits_conv"])
def test_an_imported_network_is_a_module_again(name: str) -> None:
    network = rb.load(name)
    made = rb.training.module_of(network)
    points = np.random.default_rng(0).random((5, 64))
    with torch.no_grad():
        found = made(torch.from_numpy(points.astype(np.float32)).reshape(-1, *network.input_shape))
    assert np.allclose(found.numpy(), network.forward(points), atol=1e-4)
    assert sum(p.numel() for p in made.parameters()) > 3000
    digits = rb.data.digits()
    pixels = np.stack([digits.vector(k) for k in range(50)]).reshape(-1, *network.input_shape)
    tuned, _ = rb.training.train(made, pixels, digits.labels[:50], "fgsm", eps=0.05, epochs=2)
    assert rb.from_torch(tuned, network.input_shape).output_size == 10

"""Table 1 of Bastani et al. 2016: LeNet, fine-tuned on examples that two algorithms find.

    RHOBUST_DATA=... python -m bench.tables.bastani [--quick] [--out FOLDER] [--only lenet ...]

Five networks each: the original one, and one and two rounds of fine-tuning on examples found by
the baseline (L-BFGS-B) and by the convex restriction (A_LP).  Each is judged by the baseline, by
A_LP, by PGD, and by proofs: how many test images have an example within 20/255 (the adversarial
frequency), and how near these are (the severity, in pixels of 0..255).  Figure 3 is drawn from the
same distances.  Needs torch, scikit-learn and MNIST under RHOBUST_DATA.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found, unused-ignore]

import rhobust as rb
from rhobust.attacks.methods import Attack
from rhobust.attacks.methods.lbfgs import Lbfgs
from rhobust.compiler.base.arrays import Vector
from rhobust.data import Images
from rhobust.files.atomic import write_text
from rhobust.metrics import Curve, curve, frequency, severity
from rhobust.report.curve import draw_curves

from .caffe import solved
from .judge import EPS, Judge
from .kept import Kept
from .models import fresh, images, read, write
from .page import Page, arguments, between, folder, percent

FURTHEST = 30 / 255
"""Of examples that A_LP looks for to fine-tune on."""
FINDERS: dict[str, str | Attack] = {
    "lbfgs": Lbfgs(steps=30, weights=8),
    "restriction": "restriction",
}
"""The baseline with fewer steps: many images are asked."""
CONFIDENCE = {"lbfgs": 0.15, "restriction": 3.0}
TUNED = {"lbfgs": "baseline", "restriction": "A_LP"}
JUDGES = {
    "penalised": "baseline", "restriction": "A_LP", "penalised-any": "baseline, any label",
    "restriction-any": "A_LP, any label", "iterated": "A_LP, iterated", "pgd": "PGD",
}  # fmt: skip
"""Columns; a case names those that it has."""


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of network.

    epochs, batch, rate: of the training from nothing; iterations: of Caffe's training in the place
    of epochs, where these are 0; rounds: of fine-tuning;
    attacked: training images that a round of fine-tuning looks for examples of, by the baseline and
    by A_LP; further: epochs and rate of each round; kept: how many of the training images it goes
    on with, beside the examples; judged: test images for the estimates; judges: of `JUDGES`;
    proven: images with proofs, seconds for each; exact: whether proofs at EPS can be expected;
    radii: at which the share of images with a proof is told; largest: up to which Figure 3 goes.
    """

    network: str
    data: str
    told: str
    epochs: int
    batch: int
    iterations: int
    rate: float
    rounds: int
    attacked: tuple[int, int]
    further: tuple[int, float]
    kept: int
    judged: int
    judges: tuple[str, ...]
    proven: int
    seconds: float
    exact: bool
    radii: tuple[int, ...]
    largest: float


LENET = Case(
    "lenet", "mnist", "LeNet on MNIST (Caffe's layers: maximum pools, one layer of ReLUs)",
    3, 128, 0, 2e-3, 2, (40, 500), (1, 1e-3), 3000, 300,
    ("penalised", "restriction", "restriction-any", "pgd"), 0, 4.0, False, (), EPS,
)  # fmt: skip
CASES = (
    LENET,
    replace(
        LENET, network="lenet-caffe", told="The same layers, trained as Caffe's example does",
        epochs=0, batch=64, iterations=10_000, rounds=0, proven=100, radii=(1, 2, 3, 4, 6),
        judges=("penalised", "restriction", "restriction-any", "iterated", "pgd"),
    ),
    Case(
        "digits", "digits", "A small convolutional network (8 × 8 digits), where ρ is exact",
        40, 64, 0, 2e-3, 2, (100, 100), (20, 5e-4), 1437, 100, tuple(JUDGES), 100, 10.0, True, (),
        30 / 255,
    ),
)  # fmt: skip
QUICK: dict[str, Any] = {
    "attacked": (5, 20), "kept": 500, "judged": 20, "proven": 5, "seconds": 1.0, "iterations": 200,
}  # fmt: skip


def trained(case: Case, out: Path, kept: Kept) -> list[tuple[str, Path]]:
    """The five networks, those made that are not there yet."""
    train, _ = images(case.data)
    path = out / f"{case.network}.onnx"
    kept.made(path, partial(first, case, train, path))
    found = [("original", path)]
    for algorithm, told in TUNED.items():
        before = path
        for number in range(1, case.rounds + 1):
            after = out / f"{case.network}-{told}-{number}.onnx"
            kept.made(after, partial(tuned, case, train, algorithm, number, before, after))
            found.append((f"{told}, T = {number}", after))
            before = after
    return found


def first(case: Case, train: Images, path: Path) -> None:
    """The original network."""
    if not case.epochs:
        solved(train, path, case.batch, case.iterations)
        return
    module, _ = rb.training.train(
        fresh(case.network), train, epochs=case.epochs, batch=case.batch, rate=case.rate,
        checkpoint=path.with_suffix(".checkpoint"),
    )  # fmt: skip
    write(module, path, train.shape)


def tuned(
    case: Case, train: Images, algorithm: str, number: int, before: Path, after: Path
) -> None:
    """One round of fine-tuning, from one file to another, and what it found in a third."""
    epochs, rate = case.further
    module, (told,) = rb.training.fine_tune(
        read(case.network, before), train.take(slice(case.kept)), rounds=1,
        algorithm=FINDERS[algorithm], count=case.attacked[list(CONFIDENCE).index(algorithm)],
        epochs=epochs, rate=rate, confidence=CONFIDENCE[algorithm], seed=number,
        checkpoint=after.with_suffix(".checkpoint"), eps=None if algorithm == "lbfgs" else FURTHEST,
    )  # fmt: skip
    shown = f"{told.attacked} attacked, {told.found} found, {told.rounded} on whole pixels"
    write_text(after.with_suffix(".txt"), f"{shown}, mean distance {255 * told.distance:.1f}\n")
    write(module, after, train.shape)


@dataclass(frozen=True, slots=True)
class Row:
    """One network: distances (N,) by judge without misclassified images, and ends of ρ (M, 2)."""

    name: str
    accuracy: float
    found: dict[str, Vector]
    ends: Vector


def rows(case: Case, out: Path, kept: Kept) -> list[Row]:
    """All networks, judged."""
    _, test = images(case.data)
    case = replace(case, judged=min(case.judged, len(test)), proven=min(case.proven, len(test)))
    made = []
    for name, path in trained(case, out, kept):
        judge = Judge(case, kept, path, test)
        every = {method: judge.distances(method) for method in ("pgd", *case.judges)}
        found = {method: every[method][every[method] > 0.0] for method in case.judges}
        ends = np.array([pair for pair in judge.proven() if pair != (0.0, 0.0)]).reshape(-1, 2)
        made.append(Row(name, judge.accuracy(), found, ends))
        shown = ", ".join(f"{one} {shares(found[one])[0]}" for one in case.judges)
        print(f"{name}: {shown}, proven {shares(ends)[0]}", flush=True)
    return made


def shares(ends: Vector) -> list[str]:
    """Frequency and severity by ends of rho, (N, 2), or by estimates (N,)."""
    if not len(ends):
        return ["–", "–"]
    if ends.ndim == 1:
        mean = severity(ends, EPS).estimate
        return [percent(frequency(ends, EPS).lower), pixels(mean, mean)]
    phi, mu = frequency(ends, EPS), severity(ends, EPS)
    return [between(phi.lower, phi.upper), pixels(mu.lower, mu.upper)]


def pixels(lower: float | None, upper: float | None) -> str:
    if lower is None or upper is None:
        return "–"
    if upper - lower < 1e-3 / 255:
        return f"{255 * upper:.1f}"
    return f"{255 * lower:.1f} to {255 * upper:.1f}"


def tables(page: Page, case: Case, made: list[Row]) -> None:
    """Frequency, severity, and, where proofs do not reach ε, what they do reach."""
    judges = [JUDGES[method] for method in case.judges]
    told = [(row, [shares(row.found[one]) for one in case.judges]) for row in made]
    page.table(
        ("network", "accuracy", *(f"φ {name}" for name in judges), "φ proven"),
        [
            [row.name, percent(row.accuracy, 2), *(one[0] for one in cells), shares(row.ends)[0]]
            for row, cells in told
        ],
    )
    page.table(
        ("network", *(f"µ {name}" for name in judges), "µ proven"),
        [[row.name, *(one[1] for one in cells), shares(row.ends)[1]] for row, cells in told],
    )
    if case.radii:
        page.text(
            "Share of images with an example within smaller radii, in pixels of 0..255: from those "
            "with an example to those without a proof; and the mean of the proven lower ends of ρ."
        )
        page.table(
            ("network", *(f"{radius} px" for radius in case.radii), "mean lower end of ρ, px"),
            [
                [
                    row.name,
                    *(
                        between((row.ends[:, 1] <= eps).mean(), (row.ends[:, 0] < eps).mean())
                        for eps in (radius / 255 for radius in case.radii)
                    ),
                    f"{255 * row.ends[:, 0].mean():.2f}",
                ]
                for row in made
                if len(row.ends)
            ],
        )


def curves(out: Path, case: Case, made: list[Row]) -> list[Path]:
    """Figure 3: how many images have an example within eps, as two algorithms see it."""
    drawn = []
    for method, told in (("penalised", "baseline"), ("restriction", "ALP")):
        path = out / f"{case.network}-{told}.png"
        some: list[tuple[str, Curve]] = [(row.name, curve(row.found[method])) for row in made]
        draw_curves(path, some, marks=[EPS], largest=case.largest)
        drawn.append(path)
    return drawn


def main(given: Sequence[str] | None = None) -> None:
    parser = arguments(__doc__, "bastani")
    parser.add_argument("--only", nargs="*", choices=[case.network for case in CASES])
    chosen = parser.parse_args(given)
    torch.set_num_threads(1)
    out = folder(chosen, "bastani")
    kept = Kept(out)
    page = Page("bastani", "Bastani et al. 2016, Table 1 and Figure 3")
    for case in CASES:
        if chosen.only and case.network not in chosen.only:
            continue
        if chosen.quick:
            case = replace(case, **QUICK, epochs=case.epochs // 4)
        made = rows(case, out, kept)
        page.heading(case.told)
        page.text(
            f"""ε = 20/255; frequency φ (share of test images with an example within ε) and severity
            µ (mean distance of these, in pixels) by the first {case.judged} test images; *proven*:
            ends for the first {case.proven} of them, with {case.seconds:g} s for a question. Images
            that the network misclassifies are left out: with them at distance 0 the severities of
            the paper would not be possible.""",
        )
        tables(page, case, made)
        told = [
            f"{name}: {path.with_suffix('.txt').read_text().strip()}"
            for name, path in trained(case, out, kept)[1:]
        ]
        if told:
            page.items(*told)
        for path in curves(out, case, made):
            page.figure(path, f"Images with an example within ε, as {path.stem} sees it")
    page.differs(
        "LeNet is Caffe's, trained by the settings of its script with PyTorch. A round of "
        "fine-tuning attacks some of the training images, as the lists say, and goes on with some "
        "of them, in the place of all 60,000.",
        "*Baseline* is that of the paper: the weight of the loss is searched for, the last minimum "
        "counts, and the target is the second most probable label. *Baseline, any label* keeps the "
        "nearest point in l∞ of all that it passes, and draws it towards the image. Both are asked "
        "of the images for which PGD finds an example within the radius that the figure goes to.",
        "*A_LP* is that of the paper: the region of the image, the second most probable label. "
        "*Any label* takes the nearest of all of them, *iterated* goes on to neighbouring regions, "
        "of images for which PGD finds an example; the paper has neither.",
        "PGD looks for any label; what it finds is brought nearer by FMN.",
        "What PGD finds is shown, so its frequency is a lower end of the true one; the proven "
        "columns enclose it, and are exact where one number is given.",
        "Distances are those of real-valued points; the paper rounds examples to whole pixels for "
        "fine-tuning, which the lists count.",
    )
    page.write(out, kept)


if __name__ == "__main__":
    main()

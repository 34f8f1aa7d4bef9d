"""Six models under four attacks, with what is proven; and curves of randomized smoothing.

    RHOBUST_DATA=... python -m bench.tables.defences [--quick] [--out FOLDER] [--only digits ...]

Table 1 and Figure 1 of a report on attacks and defences, on a small convolutional network: plain
training, FGSM, PGD in l-infinity and in l2, both mixed, and Gaussian noise with smoothing, each
under noise, FGSM, PGD in l-infinity and PGD in l2.  The columns of `rhobust matrix` are its own;
the smoothed model is attacked by gradients of its mean logits.  Needs torch and scikit-learn.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch  # type: ignore[import-not-found, unused-ignore]

import rhobust as rb
from rhobust import matrix
from rhobust.attacks.models import TorchModel
from rhobust.evaluation.asked import model_digest
from rhobust.files.atomic import save, write_text
from rhobust.matrix.cells import Cell
from rhobust.report.certified import draw_accuracy
from rhobust.report.matrix import text
from rhobust.smoothing import Smoothed
from rhobust.smoothing.accuracy import Accuracy, of_radii

from .kept import Kept
from .models import fresh, images, read, write
from .page import Page, arguments, folder, percent
from .smoothing_attack import accuracy_under

MODELS = ("plain", "fgsm", "pgd-linf", "pgd-l2", "mixed", "noise")
ATTACKS = ("noise", "fgsm", "pgd", "pgd-l2")


@dataclass(frozen=True, slots=True)
class Case:
    """train: the first images that are trained on, 0 for all. linf, l2, sigma: radii of training
    and of the attacks; verified: the radius of the proofs, on the first `proven` test images with
    seconds for each. attacked: test images of the other columns. sigmas, counts: of the curves.
    """

    data: str
    told: str
    train: int
    epochs: int
    linf: float
    l2: float
    sigma: float
    verified: float
    attacked: int
    proven: int
    seconds: float
    sigmas: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()


CASES = (
    Case(
        "digits", "Handwritten digits, 8 × 8", 0, 60, 0.15, 0.8, 0.25, 0.1, 100, 50, 20.0,
        (0.12, 0.25, 0.5), (100, 1000),
    ),
    Case("mnist", "MNIST, 28 × 28", 10000, 3, 0.2, 2.0, 0.5, 0.05, 200, 30, 10.0),
    Case("cifar10", "CIFAR-10, 32 × 32", 0, 8, 8 / 255, 0.5, 0.12, 2 / 255, 200, 30, 10.0),
)  # fmt: skip


def radius(case: Case, method: str) -> float:
    return {"pgd-l2": case.l2, "noise": case.sigma}.get(method, case.linf)


def trained(case: Case, out: Path, kept: Kept, method: str, eps: float, name: str) -> Path:
    """A network's file, made if it is not there yet."""
    path = out / f"{case.data}-{name}.onnx"

    def make() -> None:
        train, _ = images(case.data)
        some = train.take(slice(case.train or None))
        module, _ = rb.training.train(
            fresh(f"conv-{case.data}"), some, method=method, eps=eps, epochs=case.epochs, batch=64,
            rate=2e-3, options={"eps_l2": case.l2}, checkpoint=path.with_suffix(".checkpoint"),
        )  # fmt: skip
        write(module, path, train.shape)

    return kept.made(path, make)


def filled(case: Case, out: Path, kept: Kept) -> list[matrix.Matrix]:
    """What `rhobust matrix` says: attacks on many test images, proofs on fewer of them."""
    _, test = images(case.data)
    save(out / f"{case.data}.npz", {"images": test.values, "labels": test.labels})
    paths = [trained(case, out, kept, name, radius(case, name), name) for name in MODELS]
    models = "".join(
        f"[[models]]\nname = {json.dumps(name)}\npath = {json.dumps(path.name)}\n"
        for name, path in zip(MODELS, paths, strict=True)
    )
    names = ", ".join(json.dumps(name) for name in ATTACKS)
    found = []
    for part, count, columns in (
        (
            "attacks", case.attacked, f"attacks = [{names}]\nattack_eps = {{noise = {case.linf}, "
            f"fgsm = {case.linf}, pgd = {case.linf}, pgd-l2 = {case.l2}}}\n",
        ),
        ("proofs", case.proven, f"verified = [{case.verified}]\ntimeout = {case.seconds}\n"),
    ):  # fmt: skip
        path = out / f"{case.data}-{part}.toml"
        whole = (
            f'{models}[data]\nimages = "{case.data}.npz"\nlayout = "nchw"\ncount = {count}\n'
            f'[columns]\n{columns}[output]\nstore = "{case.data}.sqlite"\n'
        )
        write_text(path, whole)
        asked = {"what": "matrix", "config": whole, "models": [sha(path) for path in paths]}
        held = kept.get(asked, partial(_filled, path))
        cells = tuple(tuple(Cell(*cell) for cell in row) for row in held["cells"])
        found.append(
            matrix.Matrix(tuple(held["rows"]), tuple(held["columns"]), cells, held["images"])
        )
    return found


def sha(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _filled(path: Path) -> dict[str, object]:
    """A matrix as JSON holds it."""
    found = matrix.fill(matrix.read(path), told=_told)
    cells = [[[one.lower, one.upper, one.proven, one.note] for one in row] for row in found.cells]
    return {
        "rows": found.rows, "columns": found.columns, "cells": cells, "images": found.images
    }  # fmt: skip


def _told(row: str, column: str, cell: Cell) -> None:
    print(f"{row}: {column} {text(column, cell)}", flush=True)


def smoothed_row(case: Case, out: Path, kept: Kept, copies: int, n: int = 200) -> list[str]:
    """The smoothed model under the same attacks, on so many noisy copies or (0) on the network."""
    path = out / f"{case.data}-noise.onnx"
    _, test = images(case.data)
    count = min(case.attacked, len(test))
    network = rb.load(path)
    smoothed = Smoothed(network, case.sigma)
    model = TorchModel(read(f"conv-{case.data}", path), test.shape)
    rows = np.stack([test.vector(k) for k in range(count)])
    labels = np.asarray(test.labels[:count])
    cells = []
    for method in (None, *ATTACKS):
        eps = case.l2 if method == "pgd-l2" else case.linf
        asked = {
            "what": "smoothed", "model": model_digest(network), "data": test.digest(), "eps": eps,
            "method": method, "sigma": case.sigma, "count": count, "n": n,
        }  # fmt: skip
        if not copies:
            asked["through"] = "the network below"

        def make(method: str | None = method, eps: float = eps) -> float:
            return accuracy_under(smoothed, model, method, eps, rows, labels, n, copies=copies)

        cells.append(f"{percent(kept.get(asked, make))} *")
    return cells


def curves(case: Case, out: Path, kept: Kept) -> Path:
    """Figure 1: certified accuracy by radius, for several sigma and counts of noisy images."""
    _, test = images(case.data)
    count = min(60, len(test))
    found: list[tuple[str, Accuracy]] = []
    middle = case.sigmas[len(case.sigmas) // 2]
    for sigma in case.sigmas:
        path = trained(case, out, kept, "noise", sigma, f"noise-{sigma}")
        network = rb.load(path)
        for n in case.counts if sigma == middle else case.counts[-1:]:
            smoothed = Smoothed(network, sigma)

            def make(index: list[int], n: int = n, smoothed: Smoothed = smoothed) -> list[float]:
                made = [smoothed.certify(test.vector(k), 100, n, 0.001, index=k) for k in index]
                return [
                    one.radius if one.label == int(test.labels[k]) else -1.0
                    for k, one in zip(index, made, strict=True)
                ]

            asked = {
                "what": "certified", "model": model_digest(network), "data": test.digest(),
                "sigma": sigma, "n": n,
            }  # fmt: skip
            radii = kept.each(asked, range(count), make)
            own = [one for one in radii if one >= 0.0]
            found.append((f"σ = {sigma}, N = {n}", of_radii(own, count, [0.001] * count)))
    drawn = out / f"{case.data}-smoothing.png"
    draw_accuracy(drawn, found)
    return drawn


def main(given: Sequence[str] | None = None) -> None:
    parser = arguments(__doc__, "defences")
    parser.add_argument("--only", nargs="*", choices=[case.data for case in CASES])
    chosen = parser.parse_args(given)
    torch.set_num_threads(1)
    out = folder(chosen, "defences")
    kept = Kept(out)
    page = Page("defences", "Six models, four attacks, and what is proven")
    for case in CASES:
        if chosen.only and case.data not in chosen.only:
            continue
        if chosen.quick:
            case = replace(
                case, train=500, epochs=max(1, case.epochs // 6), attacked=20, proven=3,
                seconds=1.0, counts=case.counts[:1],
            )  # fmt: skip
        attacked, proven = filled(case, out, kept)
        page.heading(case.told)
        page.text(
            f"{attacked.images} test images under attacks, {proven.images} for proofs with "
            f"{case.seconds:g} s each. Trained for l∞ {case.linf:.3g}, l2 {case.l2:g}, noise of "
            f"σ = {case.sigma:g}. * marks estimates: a better attack may break more. The smoothed "
            "model is the one below with labels counted among 200 noisy copies; images on which it "
            "abstains count as lost."
        )
        head = ("model", *attacked.columns, *proven.columns[1:])
        table = [
            [name, *map(text, attacked.columns, first), *map(text, proven.columns[1:], second[1:])]
            for name, first, second in zip(
                attacked.rows, attacked.cells, proven.cells, strict=True
            )
        ]  # fmt: skip
        missing = ["–"] * (len(head) - 2 - len(ATTACKS))
        for name, copies in (
            ("noise, smoothed", 16),
            ("the same, examples of the network below", 0),
        ):
            table.append([name, *smoothed_row(case, out, kept, copies), *missing])
        page.table(head, table)
        if case.sigmas:
            path = curves(case, out, kept)
            page.figure(path, "Certified accuracy by radius, σ and the number of noisy images")
    page.differs(
        "The report trains a convolutional network on all of CIFAR-10; here the networks are small "
        "enough for proofs, and CIFAR-10 is 6,000 images decoded from JPEG copies for training and "
        "300 exact ones for tests, so natural accuracy there is low.",
        "PGD and FGSM are those of `rhobust attack`, with validated examples; PGD uses momentum "
        "and falling steps and stops at the first success.",
        "The smoothed model is attacked by PGD on the mean logits of 16 noisy copies, since its "
        "own labels have no gradient; FGSM and noise likewise. Examples made for the network below "
        "it, as a simple evaluation would use them, are the last row: they show how much of a "
        "smoothed model's lead is the attack's weakness.",
    )
    page.write(out, kept)


if __name__ == "__main__":
    main()

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
from rhobust.compiler.base.arrays import Vector
from rhobust.data import Images
from rhobust.evaluation.asked import model_digest
from rhobust.files.atomic import write_text
from rhobust.metrics import Curve, curve, frequency, severity
from rhobust.queries.attack import attack_batch
from rhobust.report.curve import draw_curves

from .kept import Kept
from .models import fresh, images, read, write
from .page import Page, arguments, between, folder, percent

EPS, FURTHEST = 20 / 255, 30 / 255
"""Of Table 1, and of examples that A_LP looks for to fine-tune on."""
CONFIDENCE = {"lbfgs": 0.15, "restriction": 3.0}
JUDGES = ("lbfgs", "restriction", "pgd")
TUNED = {"lbfgs": "baseline", "restriction": "A_LP"}


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of network.

    epochs, batch, rate: of the training from nothing; attacked: training images that a round of
    fine-tuning looks for examples of, by the baseline and by A_LP; further: epochs and rate of each
    round; kept: how many of the training images it goes on with, beside the examples; judged: test
    images for the estimates; proven: those that are asked exactly, with seconds for
    each; largest: radius up to which Figure 3 goes.
    """

    network: str
    data: str
    told: str
    epochs: int
    batch: int
    rate: float
    attacked: tuple[int, int]
    further: tuple[int, float]
    kept: int
    judged: int
    proven: int
    seconds: float
    largest: float


CASES = (
    Case(
        "lenet", "mnist", "LeNet on MNIST (as Caffe has it: maximum pools, one layer of ReLUs)",
        3, 128, 2e-3, (40, 500), (1, 1e-3), 3000, 40, 0, 2.0, EPS,
    ),
    Case(
        "digits", "digits", "A small convolutional network (8 × 8 digits), where ρ is exact",
        40, 64, 2e-3, (100, 100), (20, 5e-4), 1437, 100, 100, 10.0, 30 / 255,
    ),
)  # fmt: skip
QUICK: dict[str, Any] = {"attacked": (5, 20), "judged": 20, "proven": 5, "seconds": 1.0}


def trained(case: Case, out: Path, kept: Kept) -> list[tuple[str, Path]]:
    """The five networks, those made that are not there yet."""
    train, _ = images(case.data)
    path = out / f"{case.network}.onnx"
    kept.made(path, partial(first, case, train, path))
    found = [("original", path)]
    for algorithm, told in TUNED.items():
        before = path
        for number in (1, 2):
            after = out / f"{case.network}-{told}-{number}.onnx"
            kept.made(after, partial(tuned, case, train, algorithm, number, before, after))
            found.append((f"{told}, T = {number}", after))
            before = after
    return found


def first(case: Case, train: Images, path: Path) -> None:
    """The original network."""
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
        read(case.network, before), train.take(slice(case.kept)), algorithm=algorithm, rounds=1,
        count=case.attacked[list(CONFIDENCE).index(algorithm)], epochs=epochs, rate=rate,
        confidence=CONFIDENCE[algorithm], seed=number, checkpoint=after.with_suffix(".checkpoint"),
        eps=None if algorithm == "lbfgs" else FURTHEST,
    )  # fmt: skip
    shown = f"{told.attacked} attacked, {told.found} found, {told.rounded} on whole pixels"
    write_text(after.with_suffix(".txt"), f"{shown}, mean distance {255 * told.distance:.1f}\n")
    write(module, after, train.shape)


@dataclass
class Judge:
    """What is found out of one network."""

    case: Case
    kept: Kept
    path: Path
    test: Images

    def __post_init__(self) -> None:
        self.network = rb.load(self.path)
        self.asked = {"model": model_digest(self.network), "data": self.test.digest()}

    def accuracy(self) -> float:
        def make() -> float:
            wide = self.test.values.reshape(len(self.test), -1)
            right = 0
            for start in range(0, len(wide), 500):
                logits = self.network.forward(wide[start : start + 500] / 255.0)
                labels = self.test.labels[start : start + 500]
                right += int((np.asarray(logits).argmax(axis=1) == labels).sum())
            return right / len(wide)

        return float(self.kept.get({**self.asked, "what": "accuracy"}, make))

    def distances(self, method: str) -> Vector:
        """Of the nearest example of each image that a method finds, inf where it finds none."""
        asked = {**self.asked, "what": "distance", "method": method, "largest": self.case.largest}
        if method == "lbfgs":
            asked["box"] = "domain"
        make = self._restricted if method == "restriction" else partial(self._attacked, method)
        found = self.kept.each(asked, range(self.case.judged), make)
        return np.array([np.inf if one is None else one for one in found])

    def _restricted(self, index: list[int]) -> list[float | None]:
        found = [
            rb.rho_estimate(
                self.network, self.test.vector(k), label=int(self.test.labels[k]), timeout=60.0,
                max_eps=self.case.largest,
            ).distance
            for k in index
        ]  # fmt: skip
        return [None if one == np.inf else one for one in found]

    def _attacked(self, method: str, index: list[int]) -> list[float | None]:
        """PGD looks no further than `largest`; the baseline is asked where PGD found something.

        The baseline minimises l2 in the whole domain: with a radius it would stay in the l∞ ball,
        as that of the paper does not.
        """
        some, radius = index, None if method == "lbfgs" else self.case.largest
        if method == "lbfgs":
            near = self.distances("pgd")
            some = [k for k in index if near[k] < np.inf]
        if not some:
            return [None] * len(index)
        rows = np.stack([self.test.vector(k) for k in some])
        answers = attack_batch(
            self.network, rows, self.test.labels[some], radius, method=method, minimal=True,
            timeout=60.0,
        )  # fmt: skip
        found = {k: one.distance for k, one in zip(some, answers, strict=True) if one.success}
        return [found.get(k) for k in index]

    def proven(self) -> list[tuple[float, float]]:
        """Ends of rho of each image: exact where the time allowed."""
        asked = {**self.asked, "what": "proven", "eps": EPS, "seconds": self.case.seconds}
        found = self.kept.each(asked, range(self.case.proven), self._proven, size=5)
        return [(lower, np.inf if upper is None else upper) for lower, upper in found]

    def _proven(self, index: list[int]) -> list[tuple[float, float | None]]:
        """A proof at EPS or a witness first; then, with a witness, the least distance."""
        ends = list[tuple[float, float | None]]()
        for k in index:
            image, label = self.test.vector(k), int(self.test.labels[k])
            asked: Any = {"label": label, "timeout": self.case.seconds}
            answer = rb.verify(self.network, image, EPS, **asked)
            if answer.verdict is rb.Verdict.ROBUST:
                ends.append((float(np.nextafter(EPS, 1.0)), None))
                continue
            if answer.verdict is rb.Verdict.UNKNOWN:
                ends.append((0.0, None))
                continue
            found = rb.rho(self.network, image, **asked)
            assert answer.witness is not None
            ends.append((found.lower, min(found.upper, answer.witness.distance)))
        return ends


def rows(case: Case, out: Path, kept: Kept) -> tuple[list[list[str]], dict[str, dict[str, Vector]]]:
    """A row for each network, and all distances by network and method."""
    _, test = images(case.data)
    case = replace(case, judged=min(case.judged, len(test)), proven=min(case.proven, len(test)))
    table, distances = list[list[str]](), dict[str, dict[str, Vector]]()
    for name, path in trained(case, out, kept):
        judge = Judge(case, kept, path, test)
        found = {method: judge.distances(method) for method in JUDGES}
        ends = judge.proven()
        found = {method: one[one > 0.0] for method, one in found.items()}
        distances[name] = found
        ends = [pair for pair in ends if pair != (0.0, 0.0)]
        phi, mu = zip(*map(shares, (*found.values(), np.array(ends))), strict=True)
        table.append([name, percent(judge.accuracy(), 2), *phi, *mu])
        print(" | ".join(table[-1]), flush=True)
    return table, distances


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


HEAD = (
    "network", "accuracy", "φ baseline", "φ A_LP", "φ PGD", "φ proven", "µ baseline", "µ A_LP",
    "µ PGD", "µ proven",
)  # fmt: skip


def curves(out: Path, case: Case, distances: dict[str, dict[str, Vector]]) -> list[Path]:
    """Figure 3: how many images have an example within eps, as two algorithms see it."""
    made = []
    for method, told in (("lbfgs", "baseline"), ("restriction", "ALP")):
        path = out / f"{case.network}-{told}.png"
        some: list[tuple[str, Curve]] = [
            (name, curve(found[method])) for name, found in distances.items()
        ]
        draw_curves(path, some, marks=[EPS], largest=case.largest)
        made.append(path)
    return made


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
            case = replace(case, **QUICK, epochs=max(1, case.epochs // 4))
        table, distances = rows(case, out, kept)
        page.heading(case.told)
        asked = f"*proven* by {case.proven} with {case.seconds:g} s for a question"
        if not case.proven:
            asked = "without proofs"
        page.text(
            f"""ε = 20/255; frequency φ (share of test images with an example within ε) and severity
            µ (mean distance of these, in pixels) by {case.judged} test images of the data set,
            {asked}. Images that the network misclassifies are left out: with them at distance 0 the
            severities of the paper would not be possible.""",
        )
        page.table(HEAD, table)
        page.items(*(
            f"{name}: {path.with_suffix('.txt').read_text().strip()}"
            for name, path in trained(case, out, kept)[1:]
        ))  # fmt: skip
        for path in curves(out, case, distances):
            page.figure(path, f"Images with an example within ε, as {path.stem} sees it")
    page.differs(
        "LeNet is trained here by Adam in a few epochs on MNIST with pixels in [0, 1]; the paper's "
        "is Caffe's, trained by its script. A round of fine-tuning attacks some of the training "
        "images, as the lists say, in the place of all 60,000.",
        "The baseline bisects the weight of the loss, keeps the nearest point in l∞ of all that it "
        "passes, and draws it towards the image: it is stronger than one that takes the last "
        "minimum. It is asked of the images for which PGD finds an example within the radius that "
        "the figure goes to.",
        "PGD looks for the nearest example by bisection of the radius, and for any label; A_LP, as "
        "in the paper, for the second most probable label alone.",
        "What PGD finds is shown, so its frequency is a lower end of the true one; the proven "
        "columns enclose it, and are exact where one number is given.",
    )
    page.write(out, kept)


if __name__ == "__main__":
    main()

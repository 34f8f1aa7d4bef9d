"""The network in network of Bastani et al. 2016: what an estimate costs, and what it says.

    RHOBUST_DATA=... RHOBUST_MODELS=... python -m bench.tables.nin [--quick] [--out FOLDER]

The cost by the network of the paper's size with random weights (`python -m bench.nin` writes it;
left out where it is missing); adversarial frequency and severity by one of an eighth of the width,
trained on the CIFAR-10 images at hand.  Needs torch and CIFAR-10 under RHOBUST_DATA.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found, unused-ignore]

import rhobust as rb

from ..workloads import MODELS, NIN
from .bastani import Case, first, shares
from .judge import EPS, Judge
from .kept import Kept
from .models import images
from .page import Page, arguments, folder, percent

JUDGES = {"penalised": "baseline (L-BFGS-B)", "restriction": "A_LP", "pgd": "PGD"}
CASE = Case(
    "nin", "cifar10", "", 10, 64, 0, 2e-3, 0, (0, 0), (1, 1e-3), 0, 60, tuple(JUDGES), 30, 3.0,
    True, (), EPS,
)  # fmt: skip
TIMED = 3


def timed(index: list[int]) -> list[dict[str, Any]]:
    """Seconds of the convex restriction below EPS, on the network of the paper's size."""
    network = rb.load(MODELS / NIN)
    with np.load(MODELS / "nin_images.npz") as arrays:
        rows, labels = arrays["images"], arrays["labels"]
    answers = []
    for k in index:
        wall, busy = time.perf_counter(), time.process_time()
        found = rb.rho_estimate(network, rows[k], label=int(labels[k]), max_eps=EPS, timeout=300.0)
        answers.append({
            "status": found.status, "wall": time.perf_counter() - wall,
            "busy": time.process_time() - busy,
        })  # fmt: skip
    return answers


def judged(page: Page, case: Case, out: Path, kept: Kept) -> None:
    """Accuracy, frequency and severity of the small network, by three judges and by proof."""
    train, test = images(case.data)
    path = out / "nin-small.onnx"
    kept.made(path, partial(first, case, train, path))
    judge = Judge(case, kept, path, test)
    table = []
    for method, name in JUDGES.items():
        found = judge.distances(method)
        found = found[found > 0.0]
        table.append([name, str(len(found)), *shares(found)])
    ends = np.array([pair for pair in judge.proven() if pair != (0.0, 0.0)])
    table.append(["proven", str(len(ends)), *shares(ends)])
    page.text(
        f"Trained: {sum(p.size for p in _weights(path))} weights, accuracy "
        f"{percent(judge.accuracy())} on {len(test)} test images. ε = 20/255; of the first "
        f"{case.judged} test images those that are classified correctly, *proven* of the first "
        f"{case.proven} with {case.seconds:g} s for a question."
    )
    page.table(("judge", "images", "φ", "µ, pixels"), table)


def _weights(path: Path) -> list[Any]:
    import onnx
    from onnx import numpy_helper

    return [numpy_helper.to_array(one) for one in onnx.load(path).graph.initializer]


def main(given: Sequence[str] | None = None) -> None:
    chosen = arguments(__doc__, "nin").parse_args(given)
    torch.set_num_threads(1)
    out = folder(chosen, "nin")
    kept = Kept(out)
    page = Page("nin", "Bastani et al. 2016: network in network")
    if (MODELS / NIN).exists():
        count = 1 if chosen.quick else TIMED
        asked = {"what": "nin timed", "eps": EPS}
        found = kept.each(asked, range(count), timed, size=1)
        page.text("ρ̂ of one image below 20/255, the paper's network (23 layers, 0.97 million "
                  "weights, random here: the cost does not depend on them):")  # fmt: skip
        rows = [
            [str(k), one["status"], f"{one['busy']:.1f} s", f"{one['wall']:.1f} s"]
            for k, one in enumerate(found)
        ]
        page.table(("image", "status", "processor", "wall"), rows)
    case = replace(CASE, epochs=1, judged=10, proven=2) if chosen.quick else CASE
    judged(page, case, out, kept)
    page.differs(
        "The paper's network is trained on all of CIFAR-10. At hand are 6,000 images decoded from "
        "JPEG copies: a narrow network is trained on these, and its accuracy says nothing of "
        "NiN's.",
        "The timed network has random weights: a row costs the same whatever they are; how many "
        "rows are needed may differ.",
        "Misclassified images are left out of frequency and severity.",
    )
    page.write(out, kept)


if __name__ == "__main__":
    main()

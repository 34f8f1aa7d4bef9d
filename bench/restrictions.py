"""The convex restriction in three forms, side by side on LeNet and MNIST test images.

    python -m bench.restrictions [--index A:B] [--seconds S] [--skip-full]

own: `rb.rho_estimate`, rows in the input variables alone, made when they are violated.  paper: the
scheme of Bastani et al. 2016, section 4: all layer values are variables, equalities stand from the
start, inequalities are added when they are violated.  full: the same with every row from the
start.  All by HiGHS on one thread; the other two by its interior-point method, which is much the
faster one there.  Each image is asked for the second most probable label, and for a tenth
of the way to it (a margin of -0.9 of the lead), where the region mostly holds an example.

Prints a line for each question, then ratios; optima that differ by more than 1e-6 end in status 1.
Needs `bench.lenet`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import replace

import numpy as np

import rhobust as rb
from tests.reference.layers import Floats
from tests.reference.restrictions import Solved, layer_program, solve_full, solve_lazily

from .workloads import DATA, LENET, MNIST, MODELS

EQUAL = 1e-6


def own(network: rb.Network, image: Floats, label: int, target: int | str, margin: float) -> Solved:
    begun = time.perf_counter()
    found = rb.rho_estimate(
        network, image, label=label, target=target, margin=margin, timeout=600.0
    )
    spent = time.perf_counter() - begun
    status = {"found": "found", "none_in_region": "none"}.get(found.status, "stopped")
    return Solved(status, found.rho, None, found.rows, found.rounds, spent)


def agree(one: Solved, other: Solved) -> bool:
    """Whether two optima are the same; a run that was stopped says nothing."""
    if "stopped" in (one.status, other.status):
        return True
    if one.status != other.status:
        return False
    return one.status == "none" or abs(one.rho - other.rho) <= EQUAL


def compared(
    network: rb.Network, image: Floats, label: int, share: float, seconds: float, full: bool
) -> dict[str, Solved]:
    """The answers of all forms to one question: a margin of minus `share` of the lead."""
    logits = network.forward(image[None])[0]
    target = max((k for k in range(len(logits)) if k != label), key=lambda k: float(logits[k]))
    margin = -share * float(logits[label] - logits[target])
    answers = {"own": own(network, image, label, target, margin)}
    forms = {"paper": solve_lazily, **({"full": solve_full} if full else {})}
    for name, solve in forms.items():
        begun = time.perf_counter()
        program = layer_program(network, image, label, target, margin)
        found = solve(program, seconds, "ipm")
        answers[name] = replace(found, seconds=time.perf_counter() - begun)
    return answers


def main() -> None:
    parser = argparse.ArgumentParser(description="Three forms of the convex restriction on LeNet.")
    parser.add_argument("--index", default="0:10", help="images A:B of the MNIST test set")
    parser.add_argument("--seconds", type=float, default=300.0, help="limit of each reference")
    parser.add_argument("--skip-full", action="store_true", help="the paper's form alone")
    chosen = parser.parse_args()
    network = rb.load(MODELS / LENET)
    with np.load(DATA / MNIST) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    first, end = map(int, chosen.index.split(":"))
    own(network, images[first].reshape(-1) / 255.0, int(labels[first]), "second", 0.0)  # compiles
    ratios: dict[str, list[float]] = {}
    wrong = 0
    for index in range(first, end):
        for share in (0.0, 0.9):
            image = images[index].reshape(-1) / 255.0
            answers = compared(
                network, image, int(labels[index]), share, chosen.seconds, not chosen.skip_full
            )
            told = [f"image {index}", "tenth" if share else "whole"]
            for name, found in answers.items():
                told.append(
                    f"{name} {found.status} {found.rho:.7f} in {found.seconds:.3f} s "
                    f"({found.rows} rows, {found.rounds} rounds)"
                )
                if name != "own":
                    wrong += not agree(answers["own"], found)
                    ratio = found.seconds / answers["own"].seconds
                    ratios.setdefault(f"{name}, {told[1]}", []).append(ratio)
            print("; ".join(told), flush=True)
    for name, found_ratios in sorted(ratios.items()):
        print(f"{name}: median ratio to own {statistics.median(found_ratios):.1f}")
    print(f"{wrong} optima differ by more than {EQUAL:g}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

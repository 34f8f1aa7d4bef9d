"""How far estimates are above rho: the mean of rho-hat / rho over images whose rho is exact.

    python -m bench.quality digits | wk17a [--rho rho.jsonl] [--hats hats.jsonl] [--out all.jsonl]

rho comes from the JSON lines of `rhobust rho` or `rhobust verify` (--rho), or else from the
workload digits_rho or wk17a_rho_10.  Estimates are those of a file that `rhobust estimate` wrote
(--hats), or else each of `FORMS`.  One below a proven lower end is a defect and ends in status 1.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import rhobust as rb
from rhobust.compiler.base.arrays import Indices, Vector
from rhobust.compiler.shown.record import finite
from rhobust.embedded import embedded_images

from .workloads import DATA, MNIST, WK17A, run

Row = dict[str, Any]
Form = Callable[[rb.Network, Vector, int], float]


def iterated(network: rb.Network, image: Vector, label: int) -> float:
    found = rb.rho_estimate(network, image, label=label, target="any", iterate=True).iterated
    assert found is not None
    return found.rho


FORMS: dict[str, Form] = {
    "second label": lambda network, x, label: rb.rho_estimate(network, x, label=label).rho,
    "all labels": lambda network, x, label: (
        rb.rho_estimate(network, x, label=label, target="any").rho
    ),
    "all labels, iterated": iterated,
}
SLACK = 1e-6
"""Of an LP's optimum."""


def subject(name: str) -> tuple[rb.Network, Vector, Indices]:
    """The network, its images (B, D) and labels (B,)."""
    if name == "digits":
        images, labels = embedded_images()
        return rb.load("digits"), images.reshape(len(images), -1) / 255.0, labels
    with np.load(DATA / MNIST) as arrays:
        images, labels = arrays["images"], arrays["labels"].astype(np.int64)
    return rb.load(DATA / WK17A), images.reshape(len(images), -1) / 255.0, labels


def lines(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def proven(name: str, path: Path | None) -> list[Row]:
    """What is known about rho."""
    if path is not None:
        return lines(path)
    with tempfile.TemporaryDirectory() as folder:
        workload = "digits_rho" if name == "digits" else "wk17a_rho_10"
        return run(workload, Path(folder) / "rho.jsonl", Path(__file__).resolve().parent.parent)


def compare(form: str, hats: dict[int, float], rows: list[Row]) -> int:
    """Prints the ratios of one form, and returns how many estimates lie below what is proven."""
    both = [(hats[row["index"]], row) for row in rows if row["index"] in hats]
    wrong = [row["index"] for hat, row in both if not hat >= (row["rho_lower"] or 0.0) - SLACK]
    exact = [(hat, row["rho_upper"]) for hat, row in both if row.get("exact") and row["rho_upper"]]
    ratios = sorted(hat / rho for hat, rho in exact if np.isfinite(hat))
    told = f"{form}: {len(both)} images, {sum(np.isfinite(hat) for hat, _ in both)} with an example"
    if ratios:
        places = [ratios[int(share * (len(ratios) - 1))] for share in (0.5, 0.9)]
        told += (
            f"; rho-hat / rho on {len(ratios)} of {len(exact)} with exact rho > 0: mean "
            f"{statistics.mean(ratios):.3f}, median {places[0]:.3f}, 90 % within {places[1]:.3f}, "
            f"largest {ratios[-1]:.3f}"
        )
    open_ends = [
        (hat / row["rho_upper"], hat / row["rho_lower"])
        for hat, row in both
        if np.isfinite(hat) and row.get("exact") is False and row["rho_lower"] and row["rho_upper"]
    ]
    if open_ends:
        low, high = (statistics.mean(side) for side in zip(*open_ends, strict=True))
        told += f"; on {len(open_ends)} with open rho the mean is between {low:.3f} and {high:.3f}"
    print(f"{told}; {len(wrong)} below what is proven {wrong or ''}".rstrip(), flush=True)
    return len(wrong)


def main() -> None:
    parser = argparse.ArgumentParser(description="rho-hat / rho on images with exact rho.")
    parser.add_argument("name", choices=["digits", "wk17a"])
    parser.add_argument("--rho", type=Path, help="JSON lines of rhobust rho or verify")
    parser.add_argument("--hats", type=Path, help="JSON lines of rhobust estimate")
    parser.add_argument("--out", type=Path, help="write index, rho and all estimates here")
    chosen = parser.parse_args()
    rows = proven(chosen.name, chosen.rho)
    found: dict[str, dict[int, float]] = {}
    if chosen.hats is not None:
        given = {row["index"]: row["rho_estimate"] for row in lines(chosen.hats)}
        hats = {k: np.inf if hat is None else float(hat) for k, hat in given.items()}
        found[chosen.hats.name] = hats
    else:
        network, images, labels = subject(chosen.name)
        for form, estimate in FORMS.items():
            places = [row["index"] for row in rows]
            found[form] = {k: estimate(network, images[k], int(labels[k])) for k in places}
    wrong = sum([compare(form, hats, rows) for form, hats in found.items()])
    if chosen.out is not None:
        with chosen.out.open("w", encoding="utf-8") as file:
            for row in rows:
                record = {key: row.get(key) for key in ("index", "rho_lower", "rho_upper", "exact")}
                for form, hats in found.items():
                    record[form] = finite(hats.get(row["index"], np.inf))
                file.write(json.dumps(record) + "\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

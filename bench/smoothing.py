"""Randomized smoothing: its speed, how often it is wrong, how few samples are enough, its curves.

    python -m bench.smoothing speed | failures | sequential | attack | curves [--model MODEL]

`failures` and `sequential` end in status 1 where anything is wrong more often than alpha allows (by
four standard deviations of the simulation). The model of `speed` and `curves` is digits_conv, or
wk17a with RHOBUST_DATA.
"""

from __future__ import annotations

import argparse
import sys
from time import perf_counter

import numpy as np

import rhobust as rb
from rhobust.compiler.base.arrays import Indices, Vector
from rhobust.smoothing import ABSTAIN, Smoothed, accuracy
from rhobust.smoothing.binomial import clopper_pearson
from rhobust.smoothing.sequential import _bets, wealth

from .workloads import DATA, MNIST, WK17A

ALPHA, FIXED = 0.001, 10_000


def subject(name: str) -> tuple[rb.Network, Vector, Indices]:
    """The network, its images (N, D) and labels (N,)."""
    if name != "wk17a":
        images = rb.data.digits()
        flat = images.values.reshape(len(images), -1) / 255.0
        return rb.load(name), flat, images.labels
    with np.load(DATA / MNIST) as arrays:
        values, labels = arrays["images"], arrays["labels"].astype(np.int64)
    return rb.load(DATA / WK17A), values.reshape(len(values), -1) / 255.0, labels


def speed(model: str) -> bool:
    """Noisy images a second, and of what the time consists."""
    network, images, _ = subject(model)
    count = 200_000 if network.work < 100_000 else 20_000
    for grid in (None, 255):
        smoothed = Smoothed(network, 0.25, grid=grid)
        source, labels = smoothed._source(images[0], 0, 0)
        labels(source.draw(4096))
        rates = []
        for _ in range(3):
            begin = perf_counter()
            smoothed.tally(images[0], count)
            rates.append(count / (perf_counter() - begin))
        begin = perf_counter()
        for _ in range(0, count, 4096):
            rows = source.draw(4096)
        drawn = perf_counter() - begin
        begin = perf_counter()
        for _ in range(0, count, 4096):
            labels(rows)
        named = perf_counter() - begin
        told = ", ".join(f"{rate:,.0f}" for rate in rates)
        print(
            f"{model}, grid {grid}: {told} noisy images a second; noise {1e6 * drawn / count:.2f} "
            f"us, labels {1e6 * named / count:.2f} us each"
        )
    return True


def failures(model: str) -> bool:
    """Simulated certificates whose radius is too large, beside alpha times their number."""
    rng, fine, count = np.random.default_rng(0), True, 100_000
    for alpha in (0.001, 0.05):
        for n in (100, 1000, FIXED):
            for p in (0.55, 0.8, 0.99, 0.9999):
                seen, times = np.unique(rng.binomial(n, p, count), return_counts=True)
                too_high = [clopper_pearson(k, n, alpha) > p for k in seen.tolist()]
                wrong = int(times[too_high].sum())
                fine &= wrong <= count * alpha + 4.0 * (count * alpha) ** 0.5
                print(f"alpha {alpha}, n {n}, p {p}: {wrong} of {count} wrong")
    # with real noise: the half space x_0 < 1, whose radius at the origin is 1
    for grid in (None, 255):
        half = Smoothed(lambda rows: (rows[:, 0] < 1.0).astype(np.int64), 1.0, 2, grid=grid)
        count, alpha = 20_000, 0.01
        found = [half.certify(np.zeros(2), 1, 500, alpha, index=k) for k in range(count)]
        # on the grid the label changes at x_0 = 1 - 1/510, where the rounded sum becomes 1
        true = 1.0 if grid is None else 1.0 - 0.5 / grid
        wrong = sum(one.label == 1 and one.radius > true for one in found)
        fine &= wrong <= count * alpha + 4.0 * (count * alpha) ** 0.5
        print(f"real noise, grid {grid}, alpha {alpha}: {wrong} of {count} wrong")
    return fine


def sequential(model: str) -> bool:
    """Samples until an answer, and how often it is wrong."""
    network, images, labels = subject("digits_conv")
    radius, fine = 0.25, True
    for grid in (None, 255):
        samples: list[int] = []
        answers: list[bool | None] = []
        agree = 0
        for sigma in (0.15, 0.2, 0.25, 0.3, 0.4):
            smoothed = Smoothed(network, sigma, grid=grid)
            for index, image in enumerate(images):
                got = smoothed.certify_at(
                    image, radius, FIXED, ALPHA, label=int(labels[index]), index=index
                )
                samples.append(got.samples)
                answers.append(got.certified)
                if index < 40:  # what a fixed number says, which may abstain where p is near
                    fixed = smoothed.certify(image, 100, FIXED, ALPHA, index=index)
                    own = fixed.radius >= radius and fixed.label == labels[index]
                    agree += own == (got.certified is True)
        share = np.mean(samples) / FIXED
        print(
            f"grid {grid}, radius {radius}, alpha {ALPHA}: {len(samples)} points, mean "
            f"{np.mean(samples):.0f}, median {np.median(samples):.0f} samples, {share:.1%} of "
            f"{FIXED}; yes {answers.count(True)}, no {answers.count(False)}, open "
            f"{answers.count(None)}; {agree} of 200 as a fixed number"
        )
        fine &= bool(share <= 0.2)
    rng, count = np.random.default_rng(1), 100_000
    for limit in (0.5, 0.8413, 0.9772):
        for alpha in (0.001, 0.05):
            above, below = (_first(limit, alpha, side) for side in (True, False))
            exact = [
                _exactly(limit, least, side) for least, side in ((above, True), (below, False))
            ]
            wrong = _simulated(rng, limit, above, count)
            fine &= max(exact) <= alpha and wrong <= count * alpha + 4 * (count * alpha) ** 0.5
            print(
                f"p at the limit {limit}, alpha {alpha}, up to {FIXED} samples: yes in {wrong} of "
                f"{count}; exactly: yes {exact[0]:.3g}, no {exact[1]:.3g}"
            )
    return fine


def _first(limit: float, alpha: float, above: bool) -> Indices:
    """(FIXED + 1,): successes from which on (failures, for `below`) the bet is won, by samples."""
    bets, needed = _bets(limit, above), -np.log(alpha)
    low = np.zeros(FIXED + 1, dtype=np.int64)
    high = np.arange(FIXED + 1) + 1
    trials = np.arange(FIXED + 1)
    while (low < high).any():  # won by more, too
        middle = np.minimum((low + high) // 2, trials)
        hits = middle if above else trials - middle
        won = wealth(bets, hits, trials - hits) >= needed
        high = np.where(won & (low < high), middle, high)
        low = np.where(~won & (low < high), middle + 1, low)
    return high


def _exactly(limit: float, least: Indices, above: bool) -> float:
    """The probability that the bet is ever won, by the distribution of counts at each step."""
    p, total, walk = limit if above else 1.0 - limit, 0.0, np.ones(1)
    for trials in range(1, FIXED + 1):
        walk = np.append(walk * (1.0 - p), 0.0) + np.append(0.0, walk * p)
        total += walk[least[trials] :].sum()
        walk[least[trials] :] = 0.0
    return float(total)


def _simulated(rng: np.random.Generator, p: float, least: Indices, count: int) -> int:
    """How many of some walks ever win."""
    won = 0
    for _ in range(0, count, 500):
        hits = np.cumsum(rng.random((500, FIXED), dtype=np.float32) < p, axis=1, dtype=np.int32)
        won += int((hits >= least[1:]).any(axis=1).sum())
    return won


def attack(model: str) -> bool:
    """Certificates that a classifier of low bits makes false, of noise in float32 and on a grid."""

    def low_bits(rows: Vector) -> Indices:
        fine = rows.astype(np.float64) * 2.0**25
        sees = (np.abs(rows) < 0.25) & (fine != np.rint(fine))
        return np.asarray(sees.any(axis=1), dtype=np.int64)

    for grid in (None, 2, 254):
        smoothed = Smoothed(low_bits, 0.5, 2, grid=grid)
        false = certified = 0
        for index in range(200):
            here, there = np.full(8, 0.5), np.zeros(8)
            label, radius = smoothed.certify(here, 100, FIXED, ALPHA, index=index)
            other = smoothed.predict(there, FIXED, ALPHA, index=index)
            reaches = label != ABSTAIN and radius > np.linalg.norm(here - there)
            certified += reaches
            false += reaches and other not in (label, ABSTAIN)
        print(f"grid {grid}: {certified} of 200 certificates reach the other point, {false} false")
    return True


def curves(model: str) -> bool:
    """Certified accuracy by sigma and by N."""
    network, images, labels = subject(model)
    some, large = (100, 100_000) if model != "wk17a" else (50, FIXED)
    for sigma in (0.12, 0.25, 0.5):
        for n in sorted({1000, FIXED, large}):
            begin = perf_counter()
            smoothed = Smoothed(network, sigma, grid=255)
            found = [smoothed.certify(images[i], 100, n, ALPHA, index=i) for i in range(some)]
            got = accuracy(found, labels[:some])
            told = ", ".join(f"{got(r):.3f} at {r}" for r in (0.0, 0.1, 0.25, 0.5, 0.75, 1.0))
            print(
                f"{model}, sigma {sigma}, n {n}: {told}; mean radius {got.mean:.4f}; "
                f"{perf_counter() - begin:.1f} s"
            )
    return True


TASKS = {
    "speed": speed, "failures": failures, "sequential": sequential, "attack": attack,
    "curves": curves,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--model", default="digits_conv")
    given = parser.parse_args()
    return 0 if TASKS[given.task](given.model) else 1


if __name__ == "__main__":
    sys.exit(main())

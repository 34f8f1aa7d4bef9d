"""Noise on a grid: its distribution, how it is sampled, and what floating point cannot do to it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhobust.compiler.base.errors import InputError
from rhobust.smoothing import ABSTAIN, Smoothed
from rhobust.smoothing.grid import MOST, pixels, table
from rhobust.smoothing.noise import Discrete
from rhobust.smoothing.normal import cdf

SCALES = st.sampled_from([(0.001, 255), (0.12, 255), (0.25, 255), (1.0, 3), (0.5, 1)])


@given(SCALES)
def test_the_table_is_the_rounded_normal_distribution(scale: tuple[float, int]) -> None:
    made = table(*scale)
    limits = [0, *map(int, made.limits.tolist()), 1 << 64]
    distance = Fraction(0)
    for k in range(-made.reach, made.reach + 1):
        share = Fraction(limits[k + made.reach + 1] - limits[k + made.reach], 1 << 64)
        ends = [cdf((k + Fraction(half, 2)) / made.sigma) for half in (-1, 1)]
        distance += max(abs(share - (ends[1][i] - ends[0][1 - i])) for i in (0, 1))
    beyond = 2 * (1 - cdf((made.reach + Fraction(1, 2)) / made.sigma)[0])
    assert (distance + beyond) / 2 <= made.difference < Fraction(1, 2**50)


@given(SCALES, st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=200))
def test_sixteen_bits_and_all_bits_tell_the_same(
    scale: tuple[float, int], words: list[int]
) -> None:
    made = table(*scale)
    near = [int(limit) + step for limit in made.limits.tolist() for step in (-1, 0, 1)]
    word = np.array([*words, *near], dtype=np.uint64)
    first, more = (word >> np.uint64(48)).astype(np.uint16), word & np.uint64((1 << 48) - 1)
    by_all = made.entry(first, more)
    expected = [sum(limit <= w for limit in made.limits.tolist()) for w in word.tolist()[:50]]
    assert by_all[:50].tolist() == [count - made.reach for count in expected]
    by_first = made.cells[first]
    assert ((by_first == by_all) | (by_first == MOST)).all()


def test_samples_follow_the_table() -> None:
    """Chi-squared over 2 million entries; a thousandth of all seeds would fail."""
    from scipy.stats import chi2

    made = table(1.0, 3)
    draw = Discrete(np.zeros(1000, dtype=np.int32), made, 0, 0, 0).draw(2000)
    steps = np.rint(draw * 3).astype(int)
    assert np.array_equal((steps / np.float32(3)).astype(np.float32), draw)
    edges = np.diff([0.0, *(made.limits / 2.0**64), 1.0]) * steps.size
    seen = np.bincount(steps.reshape(-1) + made.reach, minlength=len(edges))
    often = edges > 10
    statistic = ((seen - edges)[often] ** 2 / edges[often]).sum()
    assert statistic < chi2.ppf(0.999, often.sum() - 1)


@pytest.mark.parametrize("size", [1, 3, 64])
def test_however_many_are_drawn_at_once_the_noise_is_the_same(size: int) -> None:
    made, image = table(0.25, 255), np.arange(size, dtype=np.int32)
    whole = Discrete(image, made, 1, 2, 0).draw(41)
    source = Discrete(image, made, 1, 2, 0)
    parts = [source.draw(count) for count in (1, 2, 30, 5, 3)]
    assert np.array_equal(np.concatenate(parts), whole)
    assert not np.array_equal(Discrete(image, made, 1, 3, 0).draw(41), whole)
    assert not np.array_equal(Discrete(image, made, 1, 2, 1).draw(41), whole)


def test_images_must_lie_on_the_grid() -> None:
    whole = np.arange(256)
    for kind in (np.float32, np.float64):
        image = (whole / 255.0).astype(kind).astype(np.float64)
        assert pixels(image, 255).tolist() == whole.tolist()
    with pytest.raises(InputError, match=r"holds 0\.5, which is no multiple of 1/255"):
        pixels(np.array([0.2, 0.5]), 255)
    with pytest.raises(InputError, match="steps of 1/255"):
        table(20.0, 255)
    with pytest.raises(InputError, match="finer than 1/1048576"):
        table(1e-5, 10**7)
    with pytest.raises(InputError, match="steps of 1/1"):
        table(0.1, 1)


def low_bits(rows: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """1 where a number near 0 is no multiple of 2^-25.

    Float32 numbers next to -1/2 are multiples of 2^-25 or more, so all sums of 1/2 and such a one
    are, while those of 0 and a small one need not be: the classifier sees which it was.
    """
    near = np.abs(rows) < 0.25
    fine = rows.astype(np.float64) * 2.0**25
    return np.asarray((near & (fine != np.rint(fine))).any(axis=1), dtype=np.int64)


def test_the_attack_on_low_bits_breaks_float_noise_and_not_noise_on_a_grid() -> None:
    """After Voracek & Hein 2023, section 3: a false certificate of ordinary smoothing."""
    here, there = np.full(8, 0.5), np.zeros(8)
    apart = float(np.linalg.norm(here - there))
    ordinary = Smoothed(low_bits, 0.5, 2)
    label, radius = ordinary.certify(here, 100, 10_000, 0.001)
    other, _ = ordinary.certify(there, 100, 10_000, 0.001, index=1)
    assert (label, other) == (0, 1) and radius > apart + 0.1  # certified, and false

    # the same on the grid of 1/2: every certificate holds at every point of the grid in reach
    for grid in (2, 8, 254):
        sound = Smoothed(low_bits, 0.5, 2, grid=grid)
        for first, second in ((here, there), (there, here)):
            label, radius = sound.certify(first, 100, 10_000, 0.001)
            assert label == ABSTAIN or radius <= apart or sound.predict(second, 10_000) == label
        shares = [sound.tally(x, 10_000)[0] / 10_000 for x in (here, there)]
        # and the theorem's bound between the two: Phi^-1(p) moves by at most |here - there| / sigma
        from scipy.stats import norm

        lead = np.abs(np.diff(norm.ppf(np.clip(shares, 1e-4, 1.0 - 1e-4))))
        assert lead <= apart / 0.5 + 0.2

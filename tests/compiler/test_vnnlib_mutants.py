"""Altered VNN-LIB files are refused, or mean here what the grammar says they mean."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import pytest

from rhobust.compiler.base.errors import PropertyError
from rhobust.compiler.question.property_boxes import Part
from rhobust.compiler.vnnlib.parse import read_vnnlib

from . import vnnlib_grammar as grammar
from .vnnlib_mutants import mutant

SECONDS = 600.0
"""Far more than any of the files takes."""
VALUES = [Fraction(text) for text in ("-1", "-0.5", "-1/3", "0", "0.1", "0.25", "1", "1.5", "2")]


def judged(seed: int, path: Path) -> str:
    """refused or accepted; fails where an accepted file has another meaning."""
    data = mutant(seed)
    path.write_bytes(data)
    start = time.monotonic()
    try:
        found = read_vnnlib(path)
        parts = found.parts
    except PropertyError:
        return "refused"
    finally:
        assert time.monotonic() - start < SECONDS
    text = data.decode("utf-8-sig")
    names = grammar.names(text)
    inputs, outputs = (sorted((n for n in names if n[0] == side), key=_position) for side in "XY")
    assert (found.inputs, found.outputs) == (len(inputs), len(outputs))
    rng = random.Random(seed)
    for _ in range(20):
        point = {name: rng.choice(VALUES) for name in names}
        x, y = [point[name] for name in inputs], [point[name] for name in outputs]
        true = grammar.holds(text, point)
        assert found.holds(x, y) == true
        if true:
            assert any(_inside(part, x) for part in parts)
    return "accepted"


def _position(name: str) -> list[int]:
    return [int(number) for number in re.findall("[0-9]+", name)]


def _inside(part: Part, x: list[Fraction]) -> bool:
    ends = zip(part.lower.tolist(), x, part.upper.tolist(), strict=True)
    return all(low <= value <= high for low, value, high in ends)


def check(seeds: Iterable[int], folder: Path) -> Counter[str]:
    counts = Counter[str]()
    for seed in seeds:
        try:
            counts[judged(seed, folder / "mutant.vnnlib")] += 1
        except Exception as error:
            raise AssertionError(f"seed {seed}: {type(error).__name__} {error}") from error
    return counts


def test_altered_properties_are_refused_or_mean_the_same(tmp_path: Path) -> None:
    counts = check(range(400), tmp_path)
    assert counts["accepted"] > 100 and counts["refused"] > 100


@pytest.mark.long
def test_ten_thousand_altered_properties(tmp_path: Path) -> None:
    print(check(range(10_000), tmp_path))

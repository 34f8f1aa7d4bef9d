"""Plain statements, and whatever else stands there, are read as the strict reader reads them."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust.compiler.base.errors import PropertyError
from rhobust.compiler.question.and_or_tree import Tree
from rhobust.compiler.question.property import Property
from rhobust.compiler.vnnlib.names import Names
from rhobust.compiler.vnnlib.parse import parse_vnnlib, read_text
from rhobust.compiler.vnnlib.plain import Plain

from .vnnlib_mutants import mutant

DATA = Path(os.environ.get("RHOBUST_DATA", "no-data")) / "vnncomp"


def strictly(text: str) -> Property | str:
    """What the strict reader alone says of a text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Plain, "read", lambda self, start, found: start)
        return said(text)


def said(text: str) -> Property | str:
    try:
        return parse_vnnlib(text, "text")
    except PropertyError as error:
        return str(error)


def compare(text: str) -> Property | str:
    """Both readings are equal, to the order of the parts and the rounding of the boxes."""
    found, wanted = said(text), strictly(text)
    assert found == wanted
    if isinstance(found, Property) and isinstance(wanted, Property):
        assert getattr(found.tree, "parts", ()) == getattr(wanted.tree, "parts", ())
        assert found.networks == wanted.networks
        assert np.array_equal(found.lower, wanted.lower)
        assert np.array_equal(found.upper, wanted.upper)
    return found


SPACES = st.sampled_from([" ", "  ", "\n", "\t", "\r\n", "\u00a0", " ; X_9 (\n"])
NUMBERS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=6).map(str),
    st.sampled_from(
        [
            "0", "-0.0", "00.10", "1.", ".5", "+.5", "1e3", "-1E-2", "0.1" + "0" * 70, "9" * 61,
            "1" * 30, "1.5.2", "-", "--1", "1_0", "\u0663", "nan", "Y_0", "X_1", "X_01", "0x1",
            "1" * 400, "0." + "3" * 59,
        ]
    ),
)  # fmt: skip
INDICES = st.one_of(
    st.integers(0, 4).map(str), st.sampled_from(["01", "7", "-1", "", "1234567890"])
)


@st.composite
def statements(draw: st.DrawFn) -> str:
    """A statement that may be plain, its spaces drawn."""
    relation = draw(st.sampled_from(["<=", ">=", "<=", ">=", "<", ">", "=", "==", "=<"]))
    side, index = draw(st.sampled_from(["X", "X", "X", "Y", "Z"])), draw(INDICES)
    number = draw(NUMBERS)
    form = draw(st.integers(0, 12))
    words = {
        0: f"( declare-const {side}_{index} Real )",
        1: f"(declare-const {side}_{index} Real)",
        2: f"(declare-const {side}_{index} Int)",
        3: f"(declare-fun {side}_{index} () Real)",
        4: f"(assert (or (and ({relation} {side}_{index} {number})) (<= X_0 0.5)))",
        5: f"(assert ({relation} {number} {side}_{index}))",
        6: f"(assert ({relation} {side}_{index} {number} {number}))",
        7: f"(assert ({relation} {side}_{index} {number})",
    }.get(form, f"(assert ({relation} {side}_{index} {number}))")
    words = words.replace("(", " ( ").replace(")", " ) ") if draw(st.booleans()) else words
    first, *rest = words.strip().split(" ")
    return first + "".join(draw(SPACES) + word if word else "" for word in rest)


@settings(max_examples=150, deadline=None)
@given(count=st.integers(0, 3), listed=st.lists(statements(), max_size=12), end=SPACES)
def test_read_alike(count: int, listed: list[str], end: str) -> None:
    declared = [f"(declare-const X_{i} Real)" for i in range(count)]
    compare(end.join([*declared, "(declare-const Y_0 Real)", *listed]) + end)


@settings(max_examples=100, deadline=None)
@given(
    count=st.integers(1, 4),
    bounds=st.lists(
        st.tuples(
            st.integers(0, 3), st.sampled_from(["<=", ">="]), st.integers(-(10**25), 10**25),
            st.integers(0, 30),
        ),
        max_size=20,
    ),
)  # fmt: skip
def test_bounds_are_exact(count: int, bounds: list[tuple[int, str, int, int]]) -> None:
    """And boxes are the nearest floats outside."""
    lines = [f"(declare-const X_{i} Real)" for i in range(4)]
    for index, relation, number, places in bounds:
        digits = str(abs(number)).rjust(places + 1, "0")
        text = f"{digits[: len(digits) - places]}.{digits[len(digits) - places :]}"
        sign = "-" if number < 0 else ""
        lines.append(f"(assert ({relation} X_{index % count} {sign}{text}))")
    found = compare("\n".join(lines))
    assert isinstance(found, Property)
    for index, ends in found.input_bounds.items():
        low, high = found.lower[index], found.upper[index]
        below = [end for end in ends if np.isfinite(low) and end >= low]
        above = [end for end in ends if np.isfinite(high) and end <= high]
        assert not np.isfinite(low) or min(end - low for end in below) >= 0
        assert not np.isfinite(high) or min(high - end for end in above) >= 0
        assert not np.isfinite(low) or any(end < np.nextafter(low, np.inf) for end in below)
        assert not np.isfinite(high) or any(end > np.nextafter(high, -np.inf) for end in above)


@pytest.mark.parametrize("seed", range(150))
def test_altered_files_are_read_alike(seed: int) -> None:
    try:
        text = mutant(seed).decode("utf-8-sig")
    except UnicodeDecodeError:
        return
    compare(text)


def test_most_of_a_file_is_plain() -> None:
    """Else nothing would be gained: the strict reader gets the last list alone."""
    rng = random.Random(0)
    lines = ["; a picture", "(declare-const Y_0 Real)"]
    lines += [f"(declare-const X_{i} Real)" for i in range(50)]
    for i in range(50):
        lines.append(f"; pixel {i}")
        lines.append(f"(assert (<= X_{i} {rng.random()}))")
        lines.append(f"(assert (>= X_{i} -{rng.random():.8f}))")
    lines.append("(assert (<= Y_0 0.5))")
    text = "\n".join(lines)
    asserted: list[Tree] = []
    assert text[Plain(text, Names()).read(0, asserted) :].strip() == lines[-1]
    assert len(asserted) == 100
    compare(text)


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="RHOBUST_DATA does not name the benchmark data")
@pytest.mark.parametrize("name", ["acasxu", "mnist_fc", "oval21", "nn4sys", "ml4acopf"])
def test_benchmark_files_are_read_alike(name: str) -> None:
    files = sorted((DATA / name / "vnnlib").rglob("*.vnnlib*"))
    for path in [*files[:2], *files[-1:]]:
        compare(read_text(Path(path)))

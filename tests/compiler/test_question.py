"""Digests of questions: the same in every process, and another for every change."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from rhobust.compiler.base.digest import UNASKED, differences, digest, question
from rhobust.compiler.vnnlib.parse import parse_vnnlib


@dataclass(frozen=True)
class Asked:
    radius: float
    name: str = field(default="", metadata=UNASKED)
    square: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "square", self.radius**2)


DIFFERENT = [
    None, False, True, 0, 1, -1, 2**70, 0.0, -0.0, 1.0, float("inf"), "", "1", "ab", b"ab", (), [],
    (1, 2), (2, 1), ((1,), 2), (1, (2,)), ("a", "b"), ("ab",), Fraction(1, 3), Fraction(2, 3),
    {"a": 1}, {"a": 2}, np.zeros(2), np.zeros((1, 2)), np.zeros((2, 1)), np.zeros(2, np.float32),
    np.zeros(2, np.int64), np.zeros(0), np.array([0.0, 1e-320]), np.array([Fraction(1, 3)]),
    np.float32(1.0), np.int64(1), sparse.csr_array(np.eye(2)), sparse.csr_array(np.eye(2)[::-1]),
    Asked(1.0), Asked(2.0), 10**5 * "a",
]  # fmt: skip


def test_no_two_values_have_one_digest() -> None:
    found = [digest(value) for value in DIFFERENT]
    assert len(set(found)) == len(found)
    assert found == [digest(value) for value in DIFFERENT]


def test_order_in_memory_does_not_matter() -> None:
    array = np.arange(12.0).reshape(3, 4)
    assert digest(array) == digest(np.asfortranarray(array)) == digest(array[:, ::-1][:, ::-1])


def test_fields_that_are_not_asked_or_follow_from_others() -> None:
    assert digest(Asked(1.0, "a")) == digest(Asked(1.0, "b"))
    assert question(asked=Asked(1.0), eps=0.5).keys() == {"asked.radius", "eps"}


def test_what_cannot_be_walked_is_refused() -> None:
    for unknown in (object(), {1, 2}, lambda: 0):
        with pytest.raises(TypeError, match="no digest"):
            digest((unknown,))


def test_values_deeper_than_the_stack() -> None:
    deep: tuple[object, ...] = ()
    for _ in range(10 * sys.getrecursionlimit()):
        deep = (deep,)
    assert digest(deep) != digest((deep,))
    while deep:
        deep = deep[0]  # type: ignore[assignment]


def test_differences_are_named() -> None:
    one, other = question(a=1, b=2), question(a=1, b=3, c=4)
    assert differences(one, other) == ["b", "c"] and not differences(one, dict(one))


NAMES = "".join(f"(declare-const {name} Real)" for name in ("X_0", "Y_0", "Y_1"))
TEXT = (
    f"{NAMES}(assert (or (and (<= X_0 1) (>= X_0 0)) (<= Y_0 Y_1) (and (<= Y_0 3) (>= Y_1 0.1))))"
)


def test_a_property_has_one_digest_in_all_processes() -> None:
    program = (
        "import sys; from rhobust.compiler.vnnlib.parse import parse_vnnlib\n"
        "from rhobust.compiler.base.digest import digest\n"
        "print(digest(parse_vnnlib(sys.argv[1])), end='')"
    )
    other = subprocess.run(
        [sys.executable, "-c", program, TEXT],
        env={**os.environ, "PYTHONHASHSEED": "7"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert other.stdout == digest(parse_vnnlib(TEXT))

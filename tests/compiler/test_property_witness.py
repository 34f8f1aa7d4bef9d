"""Witnesses of properties stand inside the property's own bounds, exactly."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.vnnlib.parse import parse_vnnlib
from rhobust.witness.property import PropertyValidator, decimal

IDENTITY = dense_network([(np.eye(1), np.zeros(1))])


def text(low: str, high: str) -> str:
    return f"""
(declare-const X_0 Real)
(declare-const Y_0 Real)
(assert (>= X_0 {low}))
(assert (<= X_0 {high}))
(assert (<= Y_0 1000000.0))
"""


def accepted(low: str, high: str, point: float) -> Fraction | None:
    asked = parse_vnnlib(text(low, high), "box.vnnlib")
    (part,) = asked.parts
    validator = PropertyValidator([IDENTITY], asked, part.lower, part.upper)
    found = validator.check(np.array([point]))
    return None if found is None else found.inputs[0]


def test_a_decimal_between_a_float32_number_and_the_next_float64() -> None:
    """Sixteen digits of a float32 number may lie above it by less than a float64 can tell."""
    low = "0.01666666939854622"
    assert Fraction(float(np.float32(float(low)))) < Fraction(low)
    found = accepted(low, "0.5", 0.0)
    assert found is not None and found >= Fraction(low)
    mirrored = accepted("-0.5", f"-{low}", 0.0)
    assert mirrored is not None and mirrored <= -Fraction(low)


@given(
    st.floats(-8, 8, width=32), st.floats(2.0**-6, 4, width=32), st.integers(8, 20), st.booleans()
)
def test_an_attack_at_the_edge_is_a_witness(
    start: float, width: float, digits: int, above: bool
) -> None:
    """The box's corners are where attacks end, whatever digits the bounds were printed with."""
    low, high = f"{start:.{digits}f}", f"{start + width:.{digits}f}"
    found = accepted(low, high, 100.0 if above else -100.0)
    assert found is not None
    assert Fraction(low) <= found <= Fraction(high)
    # one float32 number off the end at most
    end = Fraction(high) - found if above else found - Fraction(low)
    assert end <= Fraction(float(np.spacing(np.float32(abs(float(found)))))) * 2


def test_decimals_are_exact() -> None:
    assert decimal(Fraction(1, 8)) == "0.125"

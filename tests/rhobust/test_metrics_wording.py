"""Accuracies in words, as the commands end with them."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from rhobust import metrics
from rhobust.cli.app import app
from rhobust.metrics.intervals import Distances
from rhobust.metrics.wording import closing, percent, robust_accuracy

runner = CliRunner()


def test_a_hundred_images_by_hand() -> None:
    """96 with their label: 2 proven at 0.1, 9 open, 85 with an example."""
    lower = np.array([0.0] * 4 + [0.1] * 2 + [0.05] * 9 + [0.0] * 85)
    upper = np.array([0.0] * 4 + [math.inf] * 2 + [math.inf] * 9 + [0.1] * 85)
    correct = np.arange(100) >= 4
    beyond = np.isin(np.arange(100), [4, 5])
    known = Distances(lower, upper, correct, beyond)
    assert closing(known, [0.1]) == (
        "clean accuracy 96.0 %, robust accuracy between 2.0 % and 11.0 % at 0.1 (9 of 100 "
        "undecided)"
    )
    assert closing(known, [0.1, 0.0], "target second").splitlines()[1] == (
        "clean accuracy 96.0 %, robust accuracy between 11.0 % and 96.0 % at 0 (85 of 100 "
        "undecided; target second)"
    )
    assert closing(known) == (
        "clean accuracy 96.0 %, median rho between 0 and 0.1001, mean rho at least 0.006500"
    )


def test_exact_distances_by_hand() -> None:
    rho = np.array([0.0, 0.1, 0.2, 0.5])
    known = Distances(rho, rho, rho > 0.0)
    assert closing(known) == "clean accuracy 75.0 %, median rho 0.1000, mean rho 0.2000"
    assert closing(known, [0.15]) == (
        "clean accuracy 75.0 %, robust accuracy 50.0 % at 0.15 (proven)"
    )
    assert metrics.mean(known) == (0.2, 0.2)
    nowhere = Distances(np.array([math.inf]), np.array([math.inf]), np.array([True]))
    assert closing(nowhere) == "clean accuracy 100.0 %, median rho inf, mean rho inf"


@given(st.integers(1, 1000).flatmap(
    lambda n: st.tuples(st.integers(0, n), st.integers(0, n), st.just(n))
))  # fmt: skip
def test_shares_are_rounded_outwards(counts: tuple[int, int, int]) -> None:
    least, most, images = min(counts[:2]), max(counts[:2]), counts[2]
    text = robust_accuracy(least, most, images, 0.1)
    told = [Fraction(one) / 100 for one in re.findall(r"([\d.]+) %", text)]
    if least < most:
        slack = Fraction(1, 10**8)
        low, high = told
        assert low <= Fraction(least, images) + slack
        assert Fraction(most, images) <= high + slack
        assert f"({most - least:,} of {images:,} undecided)" in text
    else:
        assert len(told) == 1 and text.endswith("(proven)")
    assert percent(0.3) == "30.0 %" and percent(0.9999, math.ceil) == "100.0 %"


def test_commands_end_with_the_accuracy_of_several_images() -> None:
    def last(*arguments: str) -> str:
        found = runner.invoke(app, [*arguments, "--index", "0:4"])
        assert found.exit_code == 0, found.output
        return found.stdout.splitlines()[-1]

    assert last("verify", "digits", "--eps", "0.05") == (
        "clean accuracy 100.0 %, robust accuracy 100.0 % at 0.05 (proven)"
    )
    told = last("verify", "digits", "--eps", "0.05", "--target", "second")
    assert told.endswith("at 0.05 (proven; target second)")
    # the three others have rho 0.2011, 0.2120 and 0.2348, and this one 0.1086
    assert last("rho", "digits", "--eps", "0.15") == (
        "clean accuracy 100.0 %, robust accuracy 75.0 % at 0.15 (proven)"
    )
    single = runner.invoke(app, ["verify", "digits", "--eps", "0.05", "--index", "0"])
    assert "accuracy" not in single.stdout

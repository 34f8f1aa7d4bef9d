"""The radius of a share is the largest one at which it is proven, as bisection can tell."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rhobust as rb
from rhobust.clock import Interrupted
from rhobust.compiler.base.errors import InputError
from rhobust.data import digits
from rhobust.evaluation.tune import Tried, Tuned, _bisected, _reached, tune


class Known:
    """Images whose rho is known: each is robust below it."""

    def __init__(self, rho: list[float], open_: float = 0.0) -> None:
        self.rho, self.open = np.array(rho), open_
        self.asked: list[float] = []

    def at(self, eps: float) -> Tried:
        self.asked.append(eps)
        proven = np.mean(self.rho * (1.0 - self.open) > eps)
        return Tried(eps, float(proven), float(np.mean(self.rho > eps)))


def found(known: Any, share: float, largest: float = 1.0, tolerance: float = 0.01) -> Any:
    return _bisected(known, share, largest, tolerance, lambda one: None)


@given(
    st.lists(st.floats(1e-4, 2.0), min_size=1, max_size=20),
    st.sampled_from([0.1, 0.5, 0.9, 1.0]),
    st.sampled_from([0.5, 0.1, 0.01]),
)
def test_the_radius_is_the_quantile_of_rho(rho: list[float], share: float, near: float) -> None:
    known = Known(rho)
    tuned = found(known, share, tolerance=near)
    for one in tuned.tried:
        assert (one.lower >= share) == (tuned.eps is not None and one.eps <= tuned.eps)
    assert tuned.eps is not None and known.at(tuned.eps).lower >= share
    if tuned.above is None:
        assert tuned.eps == 1.0
    else:
        assert known.at(tuned.above).lower < share and tuned.refuted
        gap = tuned.above - tuned.eps
        assert gap <= near * tuned.above or gap < 2e-3 * tuned.above
    assert len(tuned.tried) <= 30


def test_what_is_open_is_not_refuted() -> None:
    tuned = found(Known([0.1] * 10, open_=0.2), 0.9)
    assert tuned.eps < 0.08 <= tuned.above < 0.081 and not tuned.refuted


@given(st.integers(1, 10_000), st.integers(1, 1000), st.data())
def test_the_last_bit_of_a_share_does_not_matter(
    count: int, thousandths: int, data: st.DataObject
) -> None:
    """3 of 30 may fail where 0.9 are asked for, though 1 - 0.9 is less than 3 / 30 in floats."""
    failed = data.draw(st.integers(0, count))
    wanted = Fraction(count - failed, count) >= Fraction(thousandths, 1000)
    assert _reached(1.0 - failed / count, thousandths / 1000) == wanted
    assert _reached((count - failed) / count, thousandths / 1000) == wanted


def test_a_share_that_no_radius_reaches() -> None:
    tuned = found(Known([0.0, 0.5]), 0.9)
    assert tuned.eps is None and tuned.refuted and tuned.above < 1e-6


def test_the_largest_radius_ends_the_search() -> None:
    tuned = found(Known([5.0]), 1.0, largest=0.3)
    assert (tuned.eps, tuned.above) == (0.3, None)
    assert found(Known([5.0]), 1.0, largest=1e-5).eps == 1e-5


def test_the_end_of_the_time_is_told() -> None:
    class Late(Known):
        def at(self, eps: float) -> Tried:
            one = super().at(eps)
            late = len(self.asked) == 3
            return Tried(eps, 0.0, 1.0, "timeout") if late else one

    tuned = found(Late([0.5]), 1.0)
    assert tuned.reason == "timeout" and len(tuned.tried) == 3 and not tuned.refuted


def test_an_interruption_tells_what_is_known() -> None:
    class Stopped(Known):
        def at(self, eps: float) -> Tried:
            if len(self.asked) == 4:
                raise Interrupted(None)
            return super().at(eps)

    with pytest.raises(Interrupted) as error:
        found(Stopped([0.1] * 3), 1.0)
    tuned = error.value.result
    assert isinstance(tuned, Tuned) and tuned.reason == "interrupted" and len(tuned.tried) == 4
    assert tuned.eps is not None and tuned.eps < 0.1 <= (tuned.above or 1.0)


def test_the_time_is_for_all_radii() -> None:
    tuned = tune("digits", digits(), share=0.9, index=range(4), total_timeout=1e-6)
    assert tuned.reason == "timeout" and len(tuned.tried) == 1 and tuned.eps is None


@pytest.mark.slow
def test_the_radius_of_the_digits(tmp_path: Path) -> None:
    heard: list[float] = []
    options: dict[str, Any] = {"index": range(12), "timeout": 30, "tolerance": 0.1}
    tuned = tune(
        "digits", digits(), share=0.75, store=tmp_path / "r.sqlite",
        tried=lambda one: heard.append(one.eps), **options,
    )  # fmt: skip
    assert tuned.eps is not None and tuned.above is not None and tuned.refuted
    assert heard == [one.eps for one in tuned.tried]
    at = rb.evaluate("digits", digits(), eps=[tuned.eps, tuned.above], index=range(12))
    assert at.robust(tuned.eps)[0] >= 0.75 > at.robust(tuned.above)[1]
    again = tune("digits", digits(), share=0.75, store=tmp_path / "r.sqlite", **options)
    assert (again.eps, again.above) == (tuned.eps, tuned.above)


@pytest.mark.parametrize(
    "more",
    [
        {"share": 0.0}, {"share": 1.1}, {"share": math.nan}, {"share": 0.9, "tolerance": 0.0},
        {"share": 0.9, "largest": 0.0}, {"share": 0.9, "largest": math.inf},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        tune("digits", digits(), **more)

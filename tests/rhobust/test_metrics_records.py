"""Accuracy of records: by hand, against a count by cases, and true whatever rho is."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhobust import metrics
from rhobust.compiler.base.errors import InputError
from rhobust.evaluation import Evaluation
from rhobust.metrics.intervals import distances
from rhobust.results import Verdict
from rhobust.store.record import Decision, Record

from .records import made, record, run

ROBUST, LOST, OPEN = Verdict.ROBUST, Verdict.NOT_ROBUST, Verdict.UNKNOWN


def five() -> list[Record]:
    """Proven at 0.1, lost, open, misclassified, and free of examples anywhere."""
    return [
        record(0, 0.0, math.inf, Decision(0.1, ROBUST), attack=math.inf),
        record(1, 0.02, 0.08, Decision(0.1, LOST, attacked=False), attack=0.12, label=2),
        record(2, 0.05, 0.3, Decision(0.1, OPEN, "timeout"), attack=0.3),
        record(3, 0.0, 0.0, Decision(0.1, LOST), label=2, predicted=0),
        record(4, math.inf, math.inf, Decision(0.1, ROBUST), attack=math.inf),
    ]


# ---- by hand ---------------------------------------------------------------------------------


def test_accuracy_by_hand() -> None:
    found = metrics.accuracy(five(), 0.1)
    assert (found.images, found.unknown) == (5, 1)
    assert (found.clean.least, found.clean.most) == (4, 4)
    assert (found.robust.least, found.robust.most) == (2, 3)
    assert (found.robust.lower, found.robust.upper) == (0.4, 0.6)
    assert (found.error.least, found.error.most) == (2, 3)
    assert found.attacked is not None and found.attacked.least == found.attacked.most == 4
    assert metrics.accuracy(five(), 0.12).attacked == metrics.accuracy(five(), 0.2).attacked
    assert metrics.radii(five()) == (0.1,)


def test_a_ball_without_examples_holds_none_on_its_edge() -> None:
    proven = [record(0, 0.1, math.inf, Decision(0.1, ROBUST))]
    assert metrics.frequency(proven, 0.1).upper == 0.0
    assert metrics.frequency(proven, math.nextafter(0.1, 1.0)).upper == 1.0
    interval = [record(0, 0.1, math.inf)]  # rho may be 0.1 itself
    assert metrics.frequency(interval, 0.1).upper == 1.0
    assert metrics.curve(proven)(0.1).upper == 0.0 and metrics.curve(proven)(0.2).upper == 1.0
    assert distances(proven).lower.tolist() == [0.1]
    assert metrics.severity(proven, 0.2).lower == 0.1


def test_classes_are_counted_apart() -> None:
    found = metrics.by_class(five(), 0.1)
    assert list(found) == [1, 2]
    assert (found[1].images, found[1].robust.least, found[1].robust.most) == (3, 2, 3)
    assert (found[2].images, found[2].clean.least, found[2].robust.most) == (2, 1, 0)


def test_no_attack_is_no_accuracy_under_attacks() -> None:
    quiet = [replace(one, attack_distance=None) for one in five()]
    assert metrics.accuracy(quiet, 0.1).attacked is None
    loud = [*quiet[1:], record(7, 0.0, 0.05, Decision(0.1, LOST, attacked=True))]
    found = metrics.accuracy(loud, 0.1).attacked
    assert found is not None and found.least == 3


@pytest.mark.parametrize(
    "one",
    [
        record(7, 0.2, 0.1),
        record(7, 0.0, 0.05, Decision(0.1, ROBUST)),
        record(7, 0.0, math.inf, Decision(0.1, ROBUST), Decision(0.05, LOST)),
        record(7, 0.1, 0.1, Decision(0.1, ROBUST)),
    ],
)
def test_what_contradicts_itself_is_refused_by_name(one: Record) -> None:
    with pytest.raises(InputError, match="image 7"):
        metrics.accuracy([record(0, 0.1, 0.2), one], 0.1)


def test_what_is_no_number_is_refused() -> None:
    for lower, upper in ((math.nan, 0.1), (0.1, math.nan), (-0.1, 0.1)):
        with pytest.raises(InputError, match="not a number"):
            metrics.accuracy([record(0, lower, upper, Decision(0.3, LOST))], 0.1)
    with pytest.raises(InputError, match="no results"):
        metrics.accuracy([], 0.1)


def test_an_exact_rho_may_be_rounded_across() -> None:
    one = [record(0, math.nextafter(0.1, 1.0), 0.1)]
    assert metrics.accuracy(one, 0.1).robust.most == 0
    assert metrics.accuracy(one, 0.09).robust.least == 1


def test_quantiles_by_hand() -> None:
    rho = np.array([[0.1, 0.2], [0.3, 0.3], [0.2, math.inf], [0.0, 0.0]])
    assert metrics.quantile(rho, 0.25) == (0.0, 0.0)
    assert metrics.quantile(rho, 0.5) == (0.1, 0.2)
    assert metrics.quantile(rho, 1.0) == (0.3, math.inf)
    for share in (0.0, 1.1, math.nan):
        with pytest.raises(InputError, match="share"):
            metrics.quantile(rho, share)


def test_evaluations_are_read_as_their_records() -> None:
    records = tuple(made(30, 1))
    found = Evaluation(records, run(count=30))
    assert metrics.accuracy(found, 0.1) == metrics.accuracy(records, 0.1)
    assert metrics.by_class(found, 0.1) == metrics.by_class(iter(records), 0.1)
    assert metrics.radii(found) == (0.05, 0.1)
    assert metrics.frequency(found, 0.1) == metrics.frequency(records, 0.1)
    assert metrics.fit(found)[0].family == metrics.fit(records)[0].family


# ---- properties ------------------------------------------------------------------------------


@given(st.integers(1, 40), st.integers(0, 10**6), st.sampled_from([0.0, 0.04, 0.05, 0.1, 0.2]))
def test_the_truth_lies_between(count: int, seed: int, eps: float) -> None:
    """Against rho drawn inside each interval, counted one by one."""
    records = made(count, seed, wrong=0.2, doubtful=0.5)
    found = metrics.accuracy(records, eps)
    draw = np.random.default_rng(seed)
    rho = [one.rho_lower + draw.random() * (one.rho_upper - one.rho_lower) for one in records]
    robust = sum(one > eps for one in rho)
    assert found.robust.least <= robust <= found.robust.most
    assert found.error.least <= count - robust <= found.error.most
    assert found.robust.least + found.error.most == count == found.robust.most + found.error.least
    assert found.unknown == found.robust.most - found.robust.least
    assert found.clean.least == sum(one.correct for one in records) >= found.robust.most
    assert found.attacked is None or found.attacked.least >= found.robust.least
    share = metrics.frequency(records, eps)
    assert share.lower == found.error.lower and share.upper == found.error.upper
    least, most = metrics.quantile(records)
    assert least <= sorted(rho)[math.ceil(count / 2) - 1] <= most


@given(st.integers(1, 30), st.integers(0, 10**6))
def test_classes_add_up(count: int, seed: int) -> None:
    records = made(count, seed, classes=3, wrong=0.2)
    whole, parts = metrics.accuracy(records, 0.1), metrics.by_class(records, 0.1).values()
    assert sum(part.images for part in parts) == count
    assert sum(part.robust.least for part in parts) == whole.robust.least
    assert sum(part.error.least for part in parts) == whole.error.least

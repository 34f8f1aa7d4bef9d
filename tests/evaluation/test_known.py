"""What is known of an image only grows, is never wrong, and bears no contradiction."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhobust.bnb.settings import Settings
from rhobust.compiler.base.errors import Contradiction
from rhobust.evaluation.asked import Asked
from rhobust.evaluation.image.known import Known
from rhobust.results import Verdict, VerifyResult
from rhobust.store.joined import joined
from rhobust.witness.label import Witness

EPS = (0.01, 0.05, 0.1, 0.2, 0.4)
ASKED = Asked("linf", (0.0, 1.0), "any", 0.0, EPS, False, False, (), 60.0, 0, Settings())

facts = st.lists(
    st.tuples(st.sampled_from(["proven", "shown", "asked"]), st.floats(0.0, 1.0)), max_size=12
)


def witness(distance: float) -> Witness:
    return Witness(np.full(2, distance), distance, 5, 0.0, 0.0)


def asked(known: Known, eps: float, rho: float) -> None:
    """The answer of an honest search at a radius."""
    verdict = Verdict.ROBUST if eps < rho else Verdict.NOT_ROBUST
    found = None if verdict is Verdict.ROBUST else witness(rho)
    known.verified(VerifyResult(verdict, "", found, 0.1, 3, 3, eps, 1.0, 2, 1))


def grown(told: list[tuple[str, float]], rho: float) -> Known:
    """What is known after facts about an image with this rho."""
    known = Known(0, "0", 3, 3)
    for kind, share in told:
        before = [known.verdict(eps) for eps in EPS]
        if kind == "proven":
            known.proven(0.999 * share * rho, 0.5)
        elif kind == "shown":
            known.shown(witness(rho * (1.0 + share)))
        elif known.next(ASKED) is not None:
            asked(known, known.next(ASKED) or 0.0, rho)
        after = [known.verdict(eps) for eps in EPS]
        for old, new in zip(before, after, strict=True):
            assert old in (Verdict.UNKNOWN, new)
    return known


@given(facts, st.floats(1e-3, 1.0))
def test_verdicts_are_true_and_stay(told: list[tuple[str, float]], rho: float) -> None:
    known = grown(told, rho)
    record = known.record(ASKED, None)
    assert record.rho_lower <= rho <= record.rho_upper
    for one in record.decisions:
        truth = Verdict.ROBUST if one.eps < rho else Verdict.NOT_ROBUST
        assert one.verdict in (truth, Verdict.UNKNOWN)
        assert (one.reason != "") == (one.verdict is Verdict.UNKNOWN)
        if one.verdict is Verdict.ROBUST:
            assert one.margin_bound >= 0.0
    assert known.done(ASKED) == (not known.open(ASKED))


@given(st.floats(1e-3, 1.0))
def test_three_questions_decide_five_radii(rho: float) -> None:
    known, count = Known(0, "0", 3, 3), 0
    while (eps := known.next(ASKED)) is not None:
        asked(known, eps, rho)
        count += 1
    assert known.done(ASKED) and count <= 3


@given(facts, facts, st.floats(1e-3, 1.0))
def test_what_two_runs_know_is_joined(
    one: list[tuple[str, float]], other: list[tuple[str, float]], rho: float
) -> None:
    first, second = (grown(told, rho).record(ASKED, None) for told in (one, other))
    both = joined(first, second)
    assert both.rho_lower == max(first.rho_lower, second.rho_lower) <= rho
    assert both.rho_upper == min(first.rho_upper, second.rho_upper) >= rho
    learnt = Known(0, "0", 3, 3)
    learnt.learn([first, second])
    again = learnt.record(ASKED, None)
    assert (again.rho_lower, again.rho_upper) == (both.rho_lower, both.rho_upper)
    for mine, theirs in zip(again.decisions, both.decisions, strict=True):
        assert theirs.verdict in (mine.verdict, Verdict.UNKNOWN)


def test_what_excludes_each_other_is_refused() -> None:
    known = Known(0, "0", 3, 3)
    known.proven(0.1, 0.2)
    known.shown(witness(0.2))
    with pytest.raises(Contradiction):
        known.shown(witness(0.1))  # the ball that was proven is closed
    known = Known(0, "0", 3, 3)
    known.shown(witness(0.05))
    with pytest.raises(Contradiction):
        known.proven(0.1, 0.2)
    known.withdraw()
    record = known.record(ASKED, None)
    assert {one.verdict for one in record.decisions} == {Verdict.UNKNOWN}
    assert {one.reason for one in record.decisions} == {"contradiction"}
    assert (record.rho_lower, record.rho_upper) == (0.0, 0.05)


def test_a_search_that_contradicts_itself_is_withdrawn_by_its_caller() -> None:
    known = Known(0, "0", 3, 3)
    result = VerifyResult(Verdict.UNKNOWN, "contradiction", None, -math.inf, 3, 3, 0.1, 1.0, 2, 1)
    with pytest.raises(Contradiction):
        known.verified(result)


def test_a_bound_at_a_larger_radius_holds_at_a_smaller_one() -> None:
    known = Known(0, "0", 3, 3)
    late = VerifyResult(Verdict.UNKNOWN, "timeout", None, -0.5, 3, 3, 0.2, 1.0, 2, 1)
    known.verified(late)
    known.proven(0.05, 0.3)
    told = {one.eps: (one.verdict, one.margin_bound) for one in known.record(ASKED, None).decisions}
    assert told[0.01] == told[0.05] == (Verdict.ROBUST, 0.3)
    assert told[0.1] == told[0.2] == (Verdict.UNKNOWN, -0.5)
    assert told[0.4] == (Verdict.UNKNOWN, -math.inf)
    assert known.next(ASKED) in (0.1, 0.4)  # not 0.2 again
    assert replace(ASKED, rho=True) != ASKED and not known.done(replace(ASKED, rho=True))

"""The search on conjunctions and disjunctions of atoms, against the enumeration of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust.bnb.caller import Caller, Candidates, Clock
from rhobust.bnb.leaves import rational as exact_leaf
from rhobust.bnb.nodes import disjunctions as choices
from rhobust.bnb.search import Outcome, Settings, search
from rhobust.compiler.base.arrays import Bounds, Matrix, Numbers
from rhobust.compiler.problem import Problem
from rhobust.compiler.steps.compile import compile_formulas

from .formulas import All, Any, Question, Tree, on_edge, random_question, stated, tied
from .test_search import FAULTS, LAZY

pytestmark = pytest.mark.slow

CLEAR = Fraction(1, 10**6)
"""Gaps below this may be left open."""

questions = st.integers(0, 2**32 - 1).map(lambda k: random_question(np.random.default_rng(k)))
close = st.builds(on_edge, questions, st.sampled_from([-1, 1]))
"""Questions that are just answered by some input, or just not."""
ties = st.builds(tied, questions)
"""Questions whose closure is met at a point or an edge, and nowhere inside."""
effort = st.builds(
    lambda base, batch, boxes: replace(base, batch=batch, boxes=boxes),
    st.sampled_from([LAZY, Settings()]), st.sampled_from([1, 3, 64]), st.booleans(),
)  # fmt: skip
widths = st.sampled_from([1, 2, 256])
"""Nodes that the choices of the root may become: with few, the search has to make them."""


def never(points: Matrix) -> bool:
    return False


def fractions(points: Matrix) -> list[list[Fraction]]:
    finite = points[np.isfinite(points).all(axis=1)]
    return [[Fraction(v) for v in row] for row in finite.tolist()]


def asked(
    problem: Problem, accept: Callable[[Matrix], bool], spent: Settings, cutoff: float, widest: int
) -> Outcome:
    box = Bounds(problem.lower[None], problem.upper[None])
    caller = Caller(Clock(lambda: 60.0), Candidates(accept, lambda: box, cutoff=lambda: cutoff))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choices, "WIDEST_ROOT", widest)
        return search(problem, caller, spent)


def compiled(question: Question, objective: bool) -> Problem:
    formulas, goal, x = stated(question)
    return compile_formulas(formulas, goal if objective else None, (x,)).problem


def bounded(outcome: Outcome, least: Fraction) -> None:
    """The bound is proven, and exact where the search went down to nodes that no split decides."""
    assert outcome.bound <= least
    if outcome.reason == "numerical":
        assert outcome.bound >= least - CLEAR


# ---- feasibility -----------------------------------------------------------------------------


def check(question: Question, outcome: Outcome, accepting: bool) -> str:
    """What was answered, after it was found to be right."""
    least = question.least_violation()
    if outcome.status == "closed":
        assert not question.answered(), "an input satisfies the tree"
        assert outcome.reason == "" and not outcome.statistics.numerical
    elif outcome.status == "open":
        assert outcome.reason in ("node_limit", "numerical")
        assert least is not None
        # where no atom need hold, no sum of them has a value
        if frozenset() not in question.branches():
            assert outcome.bound <= least
            # within a ball a leaf is decided by its distance, which tells no least value
            if question.ball is None:
                bounded(outcome, least)
    else:
        assert outcome.status == "accepted" and accepting
    return outcome.status


def decided(question: Question, outcome: Outcome, accepting: bool) -> str:
    status = check(question, outcome, accepting)
    least = question.least_violation()
    if least is None or least > CLEAR:
        assert status == "closed"
    elif least < -CLEAR and accepting and question.ball is None:
        # the nearest point may stand on a ball's edge, which no float need lie on
        assert status == "accepted"
    return status


@settings(max_examples=12, deadline=None)
@given(st.one_of(questions, close), effort, widths)
def test_a_search_over_choices_ends_with_the_answer(
    question: Question, spent: Settings, widest: int
) -> None:
    def accept(points: Matrix) -> bool:
        return any(map(question.holds, fractions(points)))

    problem = compiled(question, False)
    decided(question, asked(problem, accept, spent, 0.0, widest), True)


@settings(max_examples=12, deadline=None)
@given(st.one_of(questions, close), effort, widths, st.integers(0, 12))
def test_what_is_left_open_is_bounded(
    question: Question, spent: Settings, widest: int, nodes: int
) -> None:
    problem = compiled(question, False)
    decided(question, asked(problem, never, spent, 0.0, widest), False)
    short = replace(spent, batch=1, nodes=nodes)
    check(question, asked(problem, never, short, 0.0, widest), False)


def test_trees_without_any_atom_left() -> None:
    """Always true, never true, and both beside an atom that the plain bounds rule out."""
    box = (Fraction(-1),), (Fraction(1),)
    rows = (Fraction(2), Fraction(1)), (Fraction(-2), Fraction(1))  # x + 2 > 0 and x - 2 < 0
    nothing, all_of, any_of = (Fraction(0), Fraction(1)), All(()), Any(())
    trees: list[tuple[Tree, str]] = [
        (all_of, "always"), (any_of, "never"), (0, "never"), (1, "always"),
        (Any((0, all_of)), "always"), (All((1, any_of)), "never"), (Any((0, 1)), "always"),
        (All((1, Any((0, any_of)))), "never"), (All((0, 1)), "never"),
        (Any((All((0, 1)), All((1, Any((0, 1)))))), "always"),
    ]  # fmt: skip
    for tree, least in trees:
        question = Question(*box, (), rows, (False, False), tree, nothing)
        problem = compiled(question, False)
        for spent in (LAZY, Settings()):
            for widest in (1, 256):
                found = asked(problem, never, spent, 0.0, widest)
                assert found.status == ("closed" if least == "never" else "open"), tree
                taken = asked(problem, lambda points: len(points) > 0, spent, 0.0, widest)
                assert taken.status == ("closed" if least == "never" else "accepted"), tree


def test_a_ball_that_misses_the_box_holds_no_candidate() -> None:
    low, high = (Fraction(0),) * 2, (Fraction(1),) * 2
    nothing = (Fraction(0),) * 3
    for radius, met in [(Fraction(3, 4), False), (Fraction(1), True), (Fraction(5, 4), True)]:
        # every single input can be as near to -1/2 as the radius says
        ball = (Fraction(-1, 2),) * 2, radius
        question = Question(low, high, (), (nothing,), (False,), 0, nothing, ball)
        assert (question.least_violation() is not None) == met

        def accept(points: Matrix, question: Question = question) -> bool:
            return any(map(question.holds, fractions(points)))

        outcome = asked(compiled(question, False), accept, Settings(), 0.0, 256)
        assert (outcome.status == "accepted") == met


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("objective", [False, True])
def test_a_wrong_solver_makes_no_wrong_answer(fault: str, objective: bool) -> None:
    for k in range(8):
        question = random_question(np.random.default_rng([1, k]))
        gap, least = question.least_violation(), question.least()
        if gap is None or frozenset() in question.branches():
            continue
        question = on_edge(question, -1 if k % 2 else 1) if not objective else question
        cutoff = cut(question, -0.0625 if k % 2 else 0.0625) if objective else 0.0
        spent = replace(LAZY, oracle=FAULTS[fault], nodes=100, boxes=k % 4 > 1)
        outcome = asked(compiled(question, objective), never, spent, cutoff, 256)
        bound = least if objective else question.least_violation()
        assert outcome.status in ("closed", "open")
        if bound is not None and outcome.status == "closed":
            assert bound > Fraction(cutoff)
        elif bound is not None:
            assert outcome.bound <= bound


def cut(question: Question, shift: float) -> float:
    """A cutoff beside the least objective, or near what the objective is somewhere."""
    least = question.least()
    return shift + float(
        question.row(question.objective, question.lower) if least is None else least
    )


shifts = st.sampled_from([-1.0, -0.0625, -1e-5, 0.0, 1e-5, 0.0625, 1.0])


# ---- ties, in rational arithmetic ------------------------------------------------------------


def exactly(
    question: Question, spent: Settings, widest: int, cutoff: float | None = None
) -> Outcome:
    """The outcome when exact points are accepted."""

    def good(point: list[Fraction]) -> bool:
        below = cutoff is None or question.row(question.objective, point) <= Fraction(cutoff)
        return below and question.holds(point)

    def accept(points: Matrix) -> bool:
        return any(map(good, fractions(points)))

    def accept_exact(point: Numbers) -> bool:
        # what is handed over is a solution, not only one up to rounding
        assert good(point.tolist())
        return True

    problem = compiled(question, cutoff is not None)
    box = Bounds(problem.lower[None], problem.upper[None])
    level = 0.0 if cutoff is None else cutoff
    candidates = Candidates(accept, lambda: box, cutoff=lambda: level, accept_exact=accept_exact)
    caller = Caller(Clock(lambda: 60.0), candidates)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choices, "WIDEST_ROOT", widest)
        return search(problem, caller, spent)


@settings(max_examples=125, deadline=None)
@given(st.one_of(ties, questions, close), effort, widths)
def test_every_question_is_decided(question: Question, spent: Settings, widest: int) -> None:
    outcome = exactly(question, spent, widest)
    assert outcome.status == ("accepted" if question.answered() else "closed")


@settings(max_examples=15, deadline=None)
@given(st.one_of(ties, questions), effort, widths, shifts)
def test_every_cutoff_is_decided(
    question: Question, spent: Settings, widest: int, shift: float
) -> None:
    cutoff = cut(question, shift)
    outcome = exactly(question, spent, widest, cutoff)
    known = question.answered(Fraction(cutoff))
    assert outcome.status == ("accepted" if known else "closed")


def test_a_tie_that_is_no_float() -> None:
    """3 x = 1, and 3 x < 1 with 3 x >= 1."""
    rows = (Fraction(-1), Fraction(3)), (Fraction(1), Fraction(-3))
    for strict, status in ((False, "accepted"), (True, "closed")):
        question = Question(
            (Fraction(0),),
            (Fraction(1),),
            (),
            rows,
            (strict, False),
            All((0, 1)),
            (Fraction(0),) * 2,
        )
        outcome = exactly(question, Settings(), 256)
        assert outcome.status == status and outcome.statistics.exact == int(strict)


LIMITS = ["LARGEST_FORMS", "LARGEST_SYSTEM", "MOST_EXCHANGES", "MOST_ROUNDS"]


@pytest.mark.parametrize("limit", LIMITS)
def test_what_is_too_large_stays_open(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (Fraction(-1), Fraction(3)), (Fraction(1), Fraction(-3))
    question = Question(
        (Fraction(0),), (Fraction(1),), (), rows, (True, False), All((0, 1)), (Fraction(0),) * 2
    )
    monkeypatch.setattr(exact_leaf, limit, 0)
    outcome = exactly(question, Settings(), 256)
    assert (outcome.status, outcome.reason) == ("open", "numerical")


# ---- the least objective ---------------------------------------------------------------------


def limited(question: Question, outcome: Outcome, cutoff: float, accepting: bool) -> str:
    """What was answered about an objective at most `cutoff`, after it was found to be right."""
    least = question.least()
    if outcome.status == "closed":
        assert not question.answered(Fraction(cutoff))
        assert outcome.reason == "" and not outcome.statistics.numerical
    elif outcome.status == "open":
        assert outcome.reason in ("node_limit", "numerical")
        if least is not None:
            bounded(outcome, least)
    else:
        assert outcome.status == "accepted" and accepting
    return outcome.status


@settings(max_examples=12, deadline=None)
@given(questions, effort, widths, shifts)
def test_objectives_above_the_cutoff_are_excluded_and_no_others(
    question: Question, spent: Settings, widest: int, shift: float
) -> None:
    cutoff = cut(question, shift)

    def accept(points: Matrix) -> bool:
        return any(
            question.holds(point) and question.row(question.objective, point) <= Fraction(cutoff)
            for point in fractions(points)
        )

    problem = compiled(question, True)
    status = limited(question, asked(problem, accept, spent, cutoff, widest), cutoff, True)
    least, gap = question.least(), question.least_violation()
    if (least is None and (gap is None or gap > CLEAR)) or (
        least is not None and least > Fraction(cutoff) + CLEAR
    ):
        assert status == "closed"
    elif question.answered(Fraction(cutoff)):
        assert status != "closed"


@settings(max_examples=12, deadline=None)
@given(questions, effort, widths, shifts, st.integers(0, 12))
def test_the_bound_of_an_open_search_is_below_the_least_objective(
    question: Question, spent: Settings, widest: int, shift: float, nodes: int
) -> None:
    problem, cutoff = compiled(question, True), cut(question, shift)
    limited(question, asked(problem, never, spent, cutoff, widest), cutoff, False)
    short = replace(spent, batch=1, nodes=nodes)
    limited(question, asked(problem, never, short, cutoff, widest), cutoff, False)


@settings(max_examples=12, deadline=None)
@given(questions, effort, widths)
def test_the_least_objective_is_found_from_its_candidates(
    question: Question, spent: Settings, widest: int
) -> None:
    """Every candidate that satisfies the tree lowers the cutoff, and the search goes on."""
    best = [1e6]

    def better(points: Matrix) -> bool:
        for point in fractions(points):
            if question.holds(point):
                best[0] = min(best[0], float(question.row(question.objective, point)) - 1e-6)
        return False

    problem = compiled(question, True)
    box = Bounds(problem.lower[None], problem.upper[None])
    caller = Caller(Clock(lambda: 60.0), Candidates(better, lambda: box, cutoff=lambda: best[0]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choices, "WIDEST_ROOT", widest)
        outcome = search(problem, caller, spent)
    least = question.least()
    if outcome.status == "closed":
        assert not question.answered(Fraction(best[0]))
    else:
        assert outcome.status == "open"
        if least is not None:
            # nothing is said of objectives above the cutoff
            assert min(outcome.bound, best[0]) <= least

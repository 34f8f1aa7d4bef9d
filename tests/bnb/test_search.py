"""The search: right or open whatever its budget, its solver and its caller do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust import Verdict, rho, rho_estimate, verify
from rhobust.bnb import search as module
from rhobust.bnb.bound_batch import node_pass, tighten
from rhobust.bnb.caller import Caller, Candidates, Clock
from rhobust.bnb.nodes.batch import Block
from rhobust.bnb.nodes.forms import multipliers, spread
from rhobust.bnb.nodes.frontier import Frontier
from rhobust.bnb.nodes.split import children
from rhobust.bnb.root import root_nodes
from rhobust.bnb.search import Outcome, Settings, search
from rhobust.bnb.state import State
from rhobust.compiler.base.arrays import Bounds, Matrix, Vector
from rhobust.compiler.problem import Problem
from rhobust.lp.oracle.highs import Answer, Oracle, Program, Solver, highs, no_answer, reference

from ..reference import oracles
from ..reference.strategies import Case, cases, random_case, tangled_case, tangled_cases
from .problems import compiled, exact_points, exact_pre, unread_problem
from .test_multi_neuron import groups_of

pytestmark = pytest.mark.slow

LAZY = Settings(
    batch=3, root_steps=0, tighten_steps=0, node_steps=0, extra_steps=0, joint=False, boxes=False
)  # fmt: skip
"""Almost no ascent: as much as possible is left to the tree and to the LPs at its leaves."""


@dataclass
class Asked:
    """A claim at one radius, its compiled problem, and the exact answer."""

    case: Case
    eps: float
    problem: Problem = field(init=False)
    box: Bounds = field(init=False)
    least: Fraction = field(init=False)

    def __post_init__(self) -> None:
        self.problem, self.box = compiled(self.case, self.eps)
        self.least = self.least_in(self.box)

    def least_in(self, box: Bounds) -> Fraction:
        low, high = (oracles.vector(edge[0].tolist()) for edge in (box.lower, box.upper))
        return oracles.least_margin(self.case.exact, low, high, self.case.label)

    def distance(self) -> float:
        case = self.case
        found = oracles.least_distance(case.exact, case.center, case.label, *case.bounds)
        return np.inf if found is None else float(found[0])

    def exactly(self, points: Matrix) -> bool:
        """Accepts a point when it breaks the claim in rationals."""
        return any(
            oracles.margin_at(self.case.exact, oracles.vector(point), self.case.label) <= 0
            for point in points[np.isfinite(points).all(axis=1)].tolist()
        )

    def caller(
        self, accept: Callable[[Matrix], bool] | None = None, seconds: float = 60.0
    ) -> Caller:
        candidates = Candidates(accept or self.exactly, lambda: self.box)
        return Caller(Clock(lambda: seconds), candidates)


def asked(case: Case, share: float) -> Asked:
    """A radius beside the least distance if there is one."""
    found = oracles.least_distance(case.exact, case.center, case.label, *case.bounds)
    if found is None or found[0] == 0:
        return Asked(case, share)
    return Asked(case, float(found[0]) * (0.5 + share))


def right(question: Asked, outcome: Outcome) -> None:
    """Nothing that is not so."""
    if outcome.status == "closed":
        assert question.least > 0 and outcome.reason == ""
        assert 0 <= outcome.bound <= question.least
    elif outcome.status == "open":
        assert outcome.reason in ("timeout", "node_limit", "numerical")
        assert outcome.bound <= question.least
    else:
        assert outcome.status == "accepted" and question.least <= 0


def decided(question: Asked, outcome: Outcome) -> None:
    right(question, outcome)
    if not Fraction(-1, 10**6) <= question.least <= Fraction(1, 10**9):
        assert outcome.status == ("closed" if question.least > 0 else "accepted")


some_cases = st.one_of(tangled_cases(), cases())
shares = st.sampled_from([0.1, 0.45, 0.499, 0.501, 0.6, 1.5])
effort = st.builds(
    lambda lazy, batch, refine, joint, boxes: replace(
        LAZY if lazy else Settings(), batch=batch, refine=refine, joint=joint, boxes=boxes
    ),
    st.booleans(), st.sampled_from([1, 2, 64]), st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(some_cases, shares, effort)
def test_a_search_ends_with_the_answer(case: Case, share: float, spent: Settings) -> None:
    question = asked(case, share)
    decided(question, search(question.problem, question.caller(), spent))


@settings(max_examples=12, deadline=None)
@given(some_cases, shares, effort)
def test_without_a_candidate_accepted_nothing_false_is_closed(
    case: Case, share: float, spent: Settings
) -> None:
    question = asked(case, share)
    outcome = search(question.problem, question.caller(lambda points: False), spent)
    right(question, outcome)
    assert outcome.status == ("open" if outcome.reason else "closed")
    assert question.least > 0 or outcome.reason == "numerical"


@settings(max_examples=12, deadline=None)
@given(some_cases, shares, effort)
def test_a_frontier_short_of_memory_changes_no_answer(
    case: Case, share: float, spent: Settings
) -> None:
    class Short(Frontier):
        def __init__(self, template: Block, memory: float) -> None:
            super().__init__(template, memory)
            self.largest = 1

    question = asked(case, share)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "Frontier", Short)
        decided(question, search(question.problem, question.caller(), spent))


# ---- budgets ---------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(some_cases, shares, st.integers(0, 40), st.booleans())
def test_a_deadline_leaves_what_was_proven(
    case: Case, share: float, looks: int, lazy: bool
) -> None:
    """The time is up when the clock has been looked at so many times."""
    question = asked(case, share)
    left = iter([1.0] * looks)
    clock = Clock(lambda: next(left, 0.0))
    caller = Caller(clock, Candidates(question.exactly, lambda: question.box))
    outcome = search(question.problem, caller, LAZY if lazy else Settings())
    right(question, outcome)
    assert outcome.reason in ("", "timeout", "numerical")
    assert question.least > 0 or outcome.status != "closed"


def test_a_deadline_in_the_past_stops_at_once() -> None:
    case = tangled_case(np.random.default_rng(9))
    question = asked(case, 0.499)
    caller = Caller(Clock(lambda: -1.0), Candidates(question.exactly, lambda: question.box))
    outcome = search(question.problem, caller, LAZY)
    assert (outcome.status, outcome.reason) == ("open", "timeout")
    assert outcome.statistics.lps == 0
    found = verify(case.network, case.image, question.eps, domain=case.domain, timeout=1e-9)
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "timeout")


@settings(max_examples=12, deadline=None)
@given(some_cases, shares, st.integers(0, 12), st.booleans())
def test_a_node_limit_leaves_what_was_proven(
    case: Case, share: float, nodes: int, failing: bool
) -> None:
    question = asked(case, share)
    oracle = FAULTS["failed"] if failing else highs
    spent = replace(LAZY, batch=1, nodes=nodes, oracle=oracle)
    right(question, search(question.problem, question.caller(), spent))
    right(question, search(question.problem, question.caller(lambda points: False), spent))


@settings(max_examples=12, deadline=None)
@given(some_cases, shares, st.integers(0, 12), st.booleans())
def test_least_distances_of_open_searches_are_proven(
    case: Case, share: float, nodes: int, failing: bool
) -> None:
    question = asked(case, share)
    oracle = FAULTS["failed"] if failing else highs
    spent = replace(LAZY, batch=1, nodes=nodes, oracle=oracle)
    caller = question.caller(lambda points: False)
    caller.candidates.distance_from = case.image, case.lower, case.upper
    outcome = search(question.problem, caller, spent)
    right(question, outcome)
    distance = question.distance()
    if outcome.status == "open" and distance <= question.eps:
        assert outcome.proven_distance <= distance * (1 + 1e-12)
    elif outcome.status == "closed":
        assert outcome.proven_distance == np.inf


@settings(max_examples=12, deadline=None)
@given(some_cases, st.sampled_from([0.6, 1.5]), st.integers(1, 5))
def test_a_region_may_shrink_on_the_way(case: Case, share: float, often: int) -> None:
    """What is closed is closed for the region as it was last."""
    question = asked(case, share)
    center = case.image[None]
    boxes = [question.box]

    def shrink(points: Matrix) -> bool:
        if len(boxes) <= often:
            old = boxes[-1]
            boxes.append(
                Bounds(center + 0.8 * (old.lower - center), center + 0.8 * (old.upper - center))
            )
        return False

    caller = Caller(Clock(lambda: 60.0), Candidates(shrink, lambda: boxes[-1]))
    outcome = search(question.problem, caller, LAZY)
    if outcome.status == "closed":
        assert question.least_in(boxes[-1]) > 0
    else:
        assert outcome.status == "open" and outcome.bound <= question.least_in(boxes[-1])


def test_progress_and_counts() -> None:
    told: list[tuple[int, int, float]] = []
    for k in range(30):
        question = asked(tangled_case(np.random.default_rng([11, k])), 0.499)
        caller = question.caller()
        caller.listeners.progress = lambda closed, still_open, least: told.append(
            (closed, still_open, least)
        )
        before = len(told)
        outcome = search(question.problem, caller, LAZY)
        counts = [closed for closed, _, _ in told[before:]]
        assert counts == sorted(counts) and max(counts, default=0) <= outcome.statistics.nodes
    assert len(told) > 10 and all(still_open >= 0 for _, still_open, _ in told)


@settings(max_examples=12, deadline=None)
@given(tangled_cases(), st.integers(0, 12))
def test_the_first_candidate_accepted_ends_the_search(case: Case, turn: int) -> None:
    question = asked(case, 1.5)
    for joint in (False, True):
        turns = iter(range(1000))
        caller = question.caller(lambda points, turns=turns: next(turns) == turn)  # type: ignore[misc]
        outcome = search(question.problem, caller, replace(LAZY, joint=joint))
        looked = next(turns)
        assert (outcome.status == "accepted") == (looked == turn + 1)
        assert looked <= turn + 1


@pytest.mark.parametrize("constant", [False, True])
def test_stages_that_nothing_reads(constant: bool) -> None:
    problem = unread_problem(constant)
    box = Bounds(problem.lower[None], problem.upper[None])
    for level, status in ((0.0, "closed"), (-0.25, "open"), (-0.5, "open")):
        cut = replace(problem, offset=np.array([level]))
        caller = Caller(Clock(lambda: 60.0), Candidates(lambda points: False, lambda: box))
        for spent in (LAZY, Settings()):
            assert search(cut, caller, spent).status == status


def test_an_attack_that_settles_the_question_ends_it() -> None:
    for k in range(60):
        question = asked(random_case(np.random.default_rng([12, k])), 0.6)
        caller = question.caller(lambda points: False)
        seen: list[list[int]] = []

        def attack(open_atoms: Vector, seen: list[list[int]] = seen) -> bool:
            seen.append(open_atoms.tolist())
            return True

        caller.candidates.attack = attack  # type: ignore[assignment]
        outcome = search(question.problem, caller, Settings())
        if seen:
            assert outcome.status == "accepted"
            return
    raise AssertionError("no attack was asked for")


# ---- faults ----------------------------------------------------------------------------------


class Faulty:
    """A solver whose answers are spoiled."""

    def __init__(self, solver: Solver, spoil: Callable[[Answer], Answer]) -> None:
        self.solver, self.spoil = solver, spoil

    def add_rows(self, rows: Matrix, lower: Vector, upper: Vector) -> None:
        self.solver.add_rows(rows, lower, upper)

    def set_columns(self, lower: Vector, upper: Vector) -> None:
        self.solver.set_columns(lower, upper)

    def set_cost(self, cost: Vector) -> None:
        self.solver.set_cost(cost)

    def solve(self, seconds: float) -> Answer:
        return self.spoil(self.solver.solve(seconds))


def faulty(spoil: Callable[[Answer], Answer], base: Oracle = highs) -> Oracle:
    def build(program: Program) -> Solver:
        return Faulty(base(program), spoil)

    return build


def _random(answer: Answer) -> Answer:
    rng = np.random.default_rng(len(answer.point))
    return replace(
        answer,
        value=float(rng.normal()),
        point=rng.normal(size=len(answer.point)),
        row_duals=10 * rng.normal(size=len(answer.row_duals)),
        column_duals=10 * rng.normal(size=len(answer.column_duals)),
    )


def _intermittent() -> Callable[[Answer], Answer]:
    turns = iter(range(10**9))
    return lambda answer: answer if next(turns) % 2 else no_answer("failed")


def _raising(answer: Answer) -> Answer:
    raise RuntimeError("the solver broke down")


def _mistaken(program: Program) -> Solver:
    """Calls the node's program infeasible, and is honest about the one that has to prove it."""
    answer = highs(program)
    return answer if program.cost.any() else Faulty(answer, lambda _: no_answer("infeasible"))


FAULTS: dict[str, Oracle] = {
    "failed": faulty(lambda answer: no_answer("failed")),
    "infeasible": faulty(lambda answer: no_answer("infeasible")),
    "unbounded": faulty(lambda answer: no_answer("unbounded")),
    "stopped": faulty(lambda answer: no_answer("stopped")),
    "no such status": faulty(lambda answer: no_answer("solved")),
    "every other fails": faulty(_intermittent()),
    "nan": faulty(
        lambda a: replace(
            a,
            value=np.nan,
            point=a.point * np.nan,
            row_duals=a.row_duals * np.nan,
            column_duals=a.column_duals * np.nan,
        )  # fmt: skip
    ),
    "nan duals": faulty(lambda a: replace(a, row_duals=a.row_duals * np.nan)),
    "nan point": faulty(lambda a: replace(a, point=a.point * np.nan)),
    "infinite": faulty(
        lambda a: replace(a, value=np.inf, row_duals=np.where(a.row_duals == 0, -np.inf, np.inf))
    ),
    "opposite duals": faulty(lambda a: replace(a, value=-a.value, row_duals=-a.row_duals)),
    "no duals": faulty(lambda a: replace(a, row_duals=0 * a.row_duals)),
    "huge duals": faulty(lambda a: replace(a, value=1e9, row_duals=-1e12 - a.row_duals)),
    "random": faulty(_random),
    "empty by mistake": _mistaken,
    "promising": faulty(lambda a: replace(a, value=1e6)),
    "reference": reference,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_solver_makes_no_wrong_answer(fault: str) -> None:
    unknown = 0
    for k in range(5):
        rng = np.random.default_rng([13, k])
        draw = random_case if k % 3 == 0 else tangled_case
        question = asked(draw(rng), float(rng.choice([0.3, 0.49, 0.51, 1.0])))
        case, spent = question.case, replace(LAZY, oracle=FAULTS[fault], nodes=100)
        for accept in (question.exactly, lambda points: False):
            right(question, search(question.problem, question.caller(accept, 600.0), spent))
        found = verify(
            case.network, case.image, question.eps, label=case.label, domain=case.domain,
            settings=spent, timeout=600.0,
        )  # fmt: skip
        exact = oracles.least_margin(case.exact, *case.box(question.eps), case.label)
        unknown += found.verdict == Verdict.UNKNOWN
        assert found.margin_bound <= exact
        assert found.verdict == Verdict.UNKNOWN or (found.verdict == Verdict.ROBUST) == (exact > 0)
    assert unknown <= (0 if fault == "reference" else 4)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_solver_keeps_every_interval_valid(fault: str) -> None:
    for k in range(2):
        case = (random_case if k % 2 else tangled_case)(np.random.default_rng([14, k]))
        exact = oracles.least_distance(case.exact, case.center, case.label, *case.bounds)
        found = rho(
            case.network, case.image, label=case.label, domain=case.domain, timeout=2.0,
            settings=replace(LAZY, oracle=FAULTS[fault], nodes=100),
        )  # fmt: skip
        assert found.lower <= found.upper
        if exact is None:
            assert found.upper == np.inf
        else:
            assert Fraction(found.lower) <= exact[0]
            assert found.upper == np.inf or exact[0] <= Fraction(found.upper)
        estimate = rho_estimate(
            case.network,
            case.image,
            label=case.label,
            target="any",
            domain=case.domain,
            timeout=2.0,
            oracle=FAULTS[fault],
        )
        if estimate.witness is not None:
            point = oracles.vector(estimate.witness.point.tolist())
            assert oracles.margin_at(case.exact, point, case.label) <= 0


def test_a_solver_that_raises_is_made_up_for_in_rationals() -> None:
    made_up = 0
    for k in range(3):
        question = asked(tangled_case(np.random.default_rng([15, k])), 0.49)
        spent = replace(LAZY, oracle=faulty(_raising))
        outcome = search(question.problem, question.caller(), spent)
        right(question, outcome)
        made_up += outcome.statistics.exact
    assert made_up


# ---- groups of units bounded together --------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(tangled_cases(), shares, st.integers(0, 2**32 - 1))
def test_bounds_with_groups_are_sound_for_all_multipliers(
    case: Case, share: float, seed: int
) -> None:
    """What the groups add is no more than what the triangles lose, at the root and below."""
    question, rng = asked(case, share), np.random.default_rng(seed)
    spent = Settings(root_steps=10, boxes=False)
    of = State.of(question.problem, question.caller(lambda points: False), spent)
    with np.errstate(all="ignore"):
        block, _ = root_nodes(of)
        if not len(block) or groups_of(of) is None:
            return
        for _ in range(4):
            if rng.random() < 0.6:
                block.alpha = rng.random(block.alpha.shape)
            if rng.random() < 0.6:
                block.beta = np.where(block.phase != 0, rng.random(block.beta.shape), 0.0)
            nodes = spread(block, of.units, question.box)
            found = node_pass(of, block, nodes, np.arange(len(block)), multipliers(block, of.units))
            if not block.depth.any():
                # the root nodes are the whole region, one for each target
                assert Fraction(float(found.value.min())) <= question.least
            for point in exact_points(rng, question.box, 6):
                pre = exact_pre(of.problem, point)
                own = [z for stage in pre[:-1] for z in stage]
                for b, phases in enumerate(block.phase.tolist()):
                    if all(s * z >= 0 for s, z in zip(phases, own, strict=True)):
                        lead = pre[-1][int(np.argmax(block.gamma[b]))]
                        # the reduced rows may be off by their radius
                        slack = Fraction(1, 10**9)
                        assert Fraction(float(found.value[b])) <= lead + slack
            free = [np.flatnonzero(row == 0) for row in block.phase]
            if not all(len(some) for some in free):
                return
            block.split_on = np.array([int(rng.choice(some)) for some in free])
            block = children(block)
            tighten(of, block)
            block = block.take(np.flatnonzero(~(block.lower > block.upper).any(axis=1))[:8])
            if not len(block):
                return

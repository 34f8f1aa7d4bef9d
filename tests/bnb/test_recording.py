"""What a search notes changes nothing, and something closes every leaf of what is written."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
from hypothesis import given, settings

from rhobust.bnb.caller import Listeners
from rhobust.bnb.certificate.encode import Arrays, part
from rhobust.bnb.certificate.recorder import DEAD, LEAF, NONE, Recorder
from rhobust.bnb.search import Outcome, Settings, search

from ..reference.strategies import Case, tangled_case
from .test_search import LAZY, Asked, asked, effort, shares, some_cases


def recorded(question: Asked, spent: Settings) -> tuple[Outcome, Recorder]:
    recorder = Recorder(question.problem)
    return search(question.problem, replace_recorder(question, recorder), spent), recorder


def replace_recorder(question: Asked, recorder: Recorder) -> Any:
    return replace(question.caller(), listeners=Listeners(recorder=recorder))


def encoded(question: Asked, recorder: Recorder) -> tuple[dict[str, Any], Arrays]:
    stages = question.problem.stages
    return part(recorder, len(stages), stages[-1].size)


@settings(max_examples=15, deadline=None)
@given(some_cases, shares, effort)
def test_notes_change_nothing_and_are_whole(case: Case, share: float, spent: Settings) -> None:
    question = asked(case, share)
    plain = search(question.problem, question.caller(), spent)
    outcome, recorder = recorded(question, spent)
    assert asdict(outcome) == asdict(plain)
    if outcome.status == "closed":
        header, arrays = encoded(question, recorder)
        whole(header, arrays)


def whole(header: dict[str, Any], arrays: Arrays) -> None:
    """Children side by side behind their parents, all numbers within their arrays."""
    split, first, row = (arrays[name].tolist() for name in ("split", "first", "row"))
    units = len(arrays["kept"])
    rows = len(arrays["alpha32"]) + len(arrays["alpha64"])
    assert arrays["alpha32"].shape[1] == arrays["alpha64"].shape[1] == units
    assert len(arrays["gamma_start"]) == len(arrays["beta_start"]) == rows + 1
    assert (arrays["gamma_value"] >= 0).all() and (arrays["beta_value"] >= 0).all()
    assert (np.diff(arrays["kept"]) > 0).all()
    assert sum(layer["units"] for layer in header["layers"]) == len(arrays["units"])
    seen = [0]
    for node, by in enumerate(split):
        assert (by == LEAF) or row[node] != DEAD
        if by != LEAF:
            count = 2 if by >= 0 else len(header["choices"][-2 - by])
            seen.extend(range(first[node], first[node] + count))
            assert first[node] > node
            assert by < units + len(arrays["low"])
        assert NONE <= row[node] < rows or row[node] == DEAD
    assert sorted(seen) == list(range(len(split)))


def test_a_leaf_of_an_lp_keeps_the_row_that_cut_its_box() -> None:
    """The LP was solved on the box that the node's own row had cut: both are in the certificate."""
    both = 0
    for seed in (14, 22, 28, 29):
        question = asked(tangled_case(np.random.default_rng([7, seed])), 0.45)
        outcome, recorder = recorded(question, replace(LAZY, batch=1, boxes=True))
        if outcome.status == "closed" and outcome.statistics.lps:
            _, arrays = encoded(question, recorder)
            second = arrays["also"] >= 0
            assert (arrays["row"][second] >= 0).all()
            assert (arrays["also"][second] >= len(arrays["alpha32"])).all()
            both += int(second.sum())
    assert both

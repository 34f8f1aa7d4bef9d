"""Leaves that rationals alone close: certified, checked, and refused where anything is off."""

from __future__ import annotations

import copy
import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

import rhobust as rb
from rhobust.bnb.check import Checker, Report
from rhobust.bnb.checker.exact.leaf import Leaves, _Leaf
from rhobust.bnb.checker.model import Model, Tensor
from rhobust.bnb.checker.rounded.ball import Ball

from .certificates import Files, Network, save
from .test_check_forgeries import read

INNER, OUTER = [[1.0, 0.0], [-1.0, 0.0], [1.0, -1.0]], [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
FOLDED = Network([np.array(INNER), np.array(OUTER)], [np.zeros(3), np.zeros(2)])
"""|x0| and max(x0 - x1, 0)."""


def text(low: str, high: str, *assertions: str) -> str:
    names = "".join(f"(declare-const {name} Real)" for name in ("X_0", "X_1", "Y_0", "Y_1"))
    boxes = "".join(f"(assert (and (>= X_{k} {low}) (<= X_{k} {high})))" for k in (0, 1))
    return names + boxes + "".join(f"(assert {assertion})" for assertion in assertions)


def certified(folder: Path, question: str) -> Files:
    """The certificate of an unsat that the checker accepts, with a leaf in rationals."""
    FOLDED.save(folder / "m.onnx")
    (folder / "q.vnnlib").write_text(question)
    proof = folder / "c.npz"
    answer = rb.solve(folder / "m.onnx", folder / "q.vnnlib", certificate=proof, timeout=600)
    assert answer.status == "unsat" and not answer.uncertified
    files = read(proof)
    assert "rational" in files[0]["parts"][0]
    assert checked(folder, files).accepted
    return files


def checked(folder: Path, files: Files, exact: bool = False) -> Report:
    return Checker(folder / "m.onnx").check(save(folder / "c.npz", files), exact=exact)


def about(files: Files, question: str) -> Files:
    """The same proof of another property."""
    header, arrays = copy.deepcopy(files[0]), dict(files[1])
    header["claim"]["sha256"] = hashlib.sha256(question.encode()).hexdigest()
    arrays["text"] = np.frombuffer(question.encode(), dtype=np.uint8)
    return header, arrays


def leaf(files: Files, cases: list[list[Any]]) -> Files:
    """A proof that is one leaf, closed in rationals."""
    header, arrays = copy.deepcopy(files[0]), dict(files[1])
    header["parts"][0]["rational"] = [[0, cases]]
    for name, value in (("split", -1), ("first", 0), ("row", -1), ("also", -1), ("origin", -1)):
        arrays[f"p0/{name}"] = np.array([value])
    arrays["p0/tighten"] = np.zeros(1, dtype=np.uint8)
    return header, arrays


@pytest.mark.parametrize("exact", [False, True])
def test_a_strict_tie_is_certified(tmp_path: Path, exact: bool) -> None:
    files = certified(tmp_path, text("-1", "1", "(< Y_0 0)"))
    assert checked(tmp_path, files, exact).accepted
    wider = about(files, text("-1", "1", "(<= Y_0 0)"))  # which x0 = 0 satisfies
    assert "not closed" in checked(tmp_path, wider, exact).reason


def test_ends_and_levels_count_exactly(tmp_path: Path) -> None:
    """x0 - x1 > 1/4 where both lie within 1/8 of 0: whatever admits more has a solution."""
    strict = "(and (> Y_1 0.25) (<= Y_0 0.125))"
    files = certified(tmp_path, text("-0.125", "0.125", strict))
    for low, high in (("-0.125", "0.12500000000000000001"), ("-0.12500000000000000001", "0.125")):
        assert not checked(tmp_path, about(files, text(low, high, strict))).accepted
    for level, good in (("0.25", True), ("0.24999999999999999999", False)):
        told = about(files, text("-0.125", "0.125", f"(and (> Y_1 {level}) (<= Y_0 0.125))"))
        assert checked(tmp_path, told).accepted == good


def test_units_without_a_phase_have_a_case_each(tmp_path: Path) -> None:
    """y0 = |x0| < 0: x0 and -x0 may have either sign."""
    files = certified(tmp_path, text("-1", "1", "(< Y_0 0)"))
    assert files[1]["p0/units"].tolist() == [0, 1, 2] == files[1]["p0/kept"].tolist()
    atom = [[0, "1"]]
    cases: list[list[Any]] = [
        [[[0, 1], [1, 1]], [], atom],  # x0 - x0 < 0
        [[[0, 1], [1, -1]], [[0, "1"]], atom],  # x0 < 0 and -x0 <= 0
        [[[0, -1], [1, 1]], [[1, "1"]], atom],  # -x0 < 0 and x0 <= 0
        [[[0, -1], [1, -1]], [], atom],  # 0 < 0
    ]
    assert checked(tmp_path, leaf(files, cases)).accepted
    for gone in range(4):
        assert not checked(tmp_path, leaf(files, [*cases[:gone], *cases[gone + 1 :]])).accepted
    for place, rows in ((1, []), (1, [[0, "1/2"]]), (1, [[0, "-1"]]), (2, [[0, "0"]])):
        other = copy.deepcopy(cases)
        other[1][place] = rows
        assert not checked(tmp_path, leaf(files, other)).accepted


def test_atoms_that_a_node_does_not_ask_for_are_refused(tmp_path: Path) -> None:
    files = certified(tmp_path, text("-1", "1", "(or (< Y_0 0) (< Y_1 0))"))
    header = copy.deepcopy(files[0])
    swapped = 0
    for _, cases in header["parts"][0]["rational"]:
        for case in cases:
            case[2] = [[1 - atom, weight] for atom, weight in case[2]]
            swapped += len(case[2])
    assert swapped and not checked(tmp_path, (header, files[1])).accepted


numbers = st.integers(-8, 8).map(lambda k: k / 4.0)


@given(st.data())
def test_the_least_value_over_box_and_l1_ball(data: st.DataObject) -> None:
    """Against a linear program."""
    size = data.draw(st.integers(1, 4))
    several = st.lists(numbers, min_size=size, max_size=size)
    low, center, slope = (np.array(data.draw(several)) for _ in range(3))
    high = low + np.abs(np.array(data.draw(several)))
    radius = abs(data.draw(numbers))
    model = Model("m", "", [Tensor(size)])
    part: Any = type("P", (), {"ball": Ball("l1", center, radius), "sharp": [], "ends": ({}, {})})
    part.literals = list
    leaves = Leaves(model, part, {}, [], {}, None)
    exact = [np.array([Fraction(v) for v in ends.tolist()], dtype=object) for ends in (low, high)]
    own = _Leaf(leaves, [], exact[0], exact[1], np.zeros(0), np.zeros(0, dtype=np.int64))
    fixed = low == high
    form = [Fraction(float(slope[fixed] @ low[fixed])), *map(Fraction, slope[~fixed].tolist())]
    found = own._least(np.array(form, dtype=object))
    eye, one = np.eye(size), np.ones((1, size))
    rows = np.block([[eye, -eye], [-eye, -eye], [np.zeros((1, size)), one]])
    limits = np.concatenate([center, -center, [radius]])
    bounds = [*zip(low, high, strict=True), *[(0.0, None)] * size]
    judged = linprog(np.append(slope, np.zeros(size)), rows, limits, bounds=bounds)
    if found is None:
        assert judged.status == 2
    else:
        assert judged.status == 0 and abs(float(found) - judged.fun) < 1e-9

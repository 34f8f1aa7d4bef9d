"""ONNX's own tests of its operators: refused, or equal to what is expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from .node_cases import cases, fine, operators, told

QUICK = ["Clip", "Div", "Gather", "Pad", "ReduceSum", "Reshape", "Where"]


def equal(path: Path, kinds: list[str]) -> int:
    answers = {}
    for number, case in enumerate(cases(kinds)):
        answers[case.name, number] = told(case, path)
    wrong = {name: answer for name, answer in answers.items() if not fine(answer)}
    assert not wrong
    return sum(answer == ("equal", "equal") for answer in answers.values())


def test_operators_are_those_of_the_standard(tmp_path: Path) -> None:
    assert equal(tmp_path / "m.onnx", QUICK) > 40


@pytest.mark.long
def test_all_operators_are_those_of_the_standard(tmp_path: Path) -> None:
    assert equal(tmp_path / "m.onnx", operators()) > 400

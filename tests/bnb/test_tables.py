"""The tables of tighteners and of branching rules: every file of a folder stands in its table."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest

from rhobust.bnb import branching, tighten
from rhobust.bnb.branching import RULES
from rhobust.bnb.certificate.recorder import Recorder
from rhobust.bnb.state import BranchingRule, Changes, Tightener
from rhobust.bnb.tighten import TIGHTENERS

from .problems import unread_problem


def classes(folder: ModuleType, base: type) -> Iterator[type]:
    """What the files of a folder make of a base class."""
    assert folder.__file__ is not None
    for path in Path(folder.__file__).parent.glob("*.py"):
        module = importlib.import_module(f"{folder.__name__}.{path.stem}")
        for found in vars(module).values():
            own = isinstance(found, type) and found.__module__ == module.__name__
            if own and issubclass(found, base):
                yield found


def test_every_tightener_and_every_rule_stands_in_its_table() -> None:
    assert set(classes(tighten, Tightener)) == set(TIGHTENERS)
    assert set(classes(branching, BranchingRule)) == set(RULES)


@pytest.mark.parametrize("kind", TIGHTENERS)
def test_a_tightener_says_what_it_does(kind: type[Tightener]) -> None:
    assert kind.step and kind.__doc__ and kind.changes
    assert set(kind.changes) <= set(get_args(Changes))


def test_certificates_know_the_tighteners_that_a_checker_repeats() -> None:
    flags = [kind.flag for kind in TIGHTENERS if kind.flag]
    assert flags == list(Recorder(unread_problem(False)).flags)

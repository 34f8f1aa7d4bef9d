"""Records and runs for tests of the store, and what hypothesis makes of them."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np
from hypothesis import strategies as st

from rhobust.results import Verdict
from rhobust.store import Decision, Record, Run
from rhobust.store.record import Looked

IMAGE = np.arange(6) / 255.0


def run(id: str = "a" * 16, indices: tuple[int, ...] = tuple(range(1000))) -> Run:
    return Run(id, {"eps": [0.1], "rho": False}, {"name": "n"}, {"source": "s"}, indices, "now")


def record(index: int = 0, verdict: Verdict = Verdict.ROBUST, **more: Any) -> Record:
    lower = 0.1 if verdict is Verdict.ROBUST else 0.0
    upper = 0.05 if verdict is Verdict.NOT_ROBUST else math.inf
    reason = "timeout" if verdict is Verdict.UNKNOWN else ""
    given: dict[str, Any] = {
        "index": index, "name": f"image {index}", "label": 3, "predicted": 3, "rho_lower": lower,
        "rho_upper": upper, "decisions": (Decision(0.1, verdict, reason),), "image": IMAGE,
    }  # fmt: skip
    return Record(**{**given, **more})


def same(one: Record | Looked, other: Record | Looked, without: tuple[str, ...] = ()) -> bool:
    """Whether two agree in every field, NaN and the signs of zeros included."""
    for item in fields(one):
        if item.name in without:
            continue
        first, second = getattr(one, item.name), getattr(other, item.name)
        if isinstance(first, np.ndarray):
            if not isinstance(second, np.ndarray) or first.tobytes() != second.tobytes():
                return False
        elif first != second:
            return False
    return True


numbers = st.floats(0.0, allow_nan=False)
"""Infinite ones, too."""
vectors = st.one_of(
    st.lists(st.integers(0, 255), min_size=1, max_size=9).map(lambda v: np.array(v) / 255.0),
    st.lists(st.floats(width=32), min_size=1, max_size=9).map(np.array),
    st.lists(st.floats(), min_size=1, max_size=9).map(np.array),
)
counts = st.integers(0, 2**62)


@st.composite
def decisions(draw: st.DrawFn) -> tuple[Decision, ...]:
    radii = draw(st.lists(st.floats(0.0, 10.0), max_size=3, unique=True))
    return tuple(
        Decision(
            eps, draw(st.sampled_from(Verdict)), draw(st.text(max_size=5).filter(printable)),
            draw(st.floats(allow_nan=False)), draw(st.booleans()), draw(numbers), draw(counts),
            draw(counts),
        )
        for eps in sorted(radii)
    )  # fmt: skip


def printable(text: str) -> bool:
    """Texts that a database keeps: no NUL, no half of a pair of surrogates."""
    return "\0" not in text and text.isprintable()


texts = st.text(max_size=8).filter(printable)
records = st.builds(
    Record,
    index=st.integers(0, 2**40),
    name=texts,
    label=st.integers(0, 999),
    predicted=st.integers(0, 999),
    rho_lower=numbers,
    rho_upper=numbers,
    decisions=decisions(),
    rho_estimate=st.none() | numbers,
    attack_distance=st.none() | numbers,
    attack_method=texts,
    witness=st.none() | vectors,
    witness_label=st.none() | st.integers(0, 999),
    image=st.none() | vectors,
    certificate=texts,
    uncertified=texts,
    certified_radius=st.none() | numbers,
    seconds=numbers,
    nodes=counts,
    lps=counts,
)
looks = st.builds(
    Looked,
    index=st.integers(0, 2**40),
    rho_lower=numbers,
    rho_upper=numbers,
    bounds=st.lists(st.tuples(numbers, numbers), max_size=3).map(tuple),
    rho_estimate=st.none() | numbers,
    attack_distance=st.none() | numbers,
    attack_method=texts,
    witness=st.none() | vectors,
    witness_label=st.none() | st.integers(0, 999),
    hardness=st.floats(allow_nan=False),
    seconds=numbers,
)

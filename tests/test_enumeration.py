"""The engine against the enumeration of all phase patterns in rational arithmetic.

A decided verdict that contradicts it is a failure, and so is an undecided one, except where the
least margin of the region is 0 up to rounding (`touching`): there a proof is impossible or too fine
for floats, and the witnesses may be few points, none of which is a float32 number.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from math import inf

import numpy as np
import pytest

from rhobust import Verdict, rho, rho_estimate, verify
from rhobust.compiler.question.claim import Target
from rhobust.witness.label import Witness

from .reference.oracles import (
    ExactStage,
    least_distance,
    least_distance_on_region,
    least_margin,
    margin_at,
)
from .reference.strategies import Case, bent_case, random_case, tangled_case

pytestmark = pytest.mark.slow

SLOPPY = Fraction(1, 10**6)
"""What `exact` allows between the ends of an interval."""


def touching(least: Fraction) -> bool:
    """Whether the least margin is so near to 0 that no verdict is due."""
    return Fraction(-1, 10**6) <= least <= Fraction(1, 10**12)


BENT = (2, 3)
"""Streams of networks with leaky ReLUs, clips, absolute values and maxima."""
CHUNKS = [
    *(pytest.param(0, chunk, 15, id=f"{chunk}") for chunk in range(2)),
    *(pytest.param(1, chunk, 50, id=f"long{chunk}", marks=pytest.mark.long) for chunk in range(40)),
    *(pytest.param(2, chunk, 10, id=f"bent{chunk}") for chunk in range(3)),
    *(
        pytest.param(3, chunk, 50, id=f"bentlong{chunk}", marks=pytest.mark.long)
        for chunk in range(8)
    ),
]
chunks = pytest.mark.parametrize(("stream", "chunk", "size"), CHUNKS)


@dataclass(frozen=True)
class Question:
    """A case, the targets asked for, the rivals they mean, and the margin."""

    case: Case
    target: Target
    rivals: tuple[int, ...]
    margin: float

    def least_margin(self, eps: float | Fraction) -> Fraction:
        low, high = self.case.box(eps)
        case = self.case
        return least_margin(case.exact, low, high, case.label, self.rivals, Fraction(self.margin))

    def least_distance(self) -> Fraction | None:
        case = self.case
        found = least_distance(
            case.exact, case.center, case.label, *case.bounds, self.rivals, Fraction(self.margin)
        )
        return None if found is None else found[0]

    def check(self, witness: Witness | None, eps: float | Fraction | None) -> Fraction:
        """The exact distance of a witness, after everything promised of it was looked at."""
        assert witness is not None
        case = self.case
        point = [Fraction(value) for value in witness.point.tolist()]
        distance = max(abs(x - c) for x, c in zip(point, case.center, strict=True))
        assert eps is None or distance <= Fraction(eps)
        assert all(
            a <= x <= b for a, x, b in zip(case.bounds[0], point, case.bounds[1], strict=True)
        )
        assert witness.label in self.rivals
        margin = Fraction(self.margin)
        value = margin_at(case.exact, point, case.label, [witness.label], margin)
        assert value <= 0
        assert abs(value - Fraction(witness.margin)) <= Fraction(witness.radius)
        assert distance <= Fraction(witness.distance) <= distance * (1 + Fraction(1, 2**50))
        if case.network.runtime is not None:
            logits = case.network.runtime(witness.point[None])[0]
            rivals = logits[list(self.rivals)]
            assert (logits[case.label] - rivals + self.margin <= 0).any()
        return distance


def question(rng: np.random.Generator, bent: bool) -> Question:
    """A random case and what to ask about it."""
    if bent:
        case = bent_case(rng)
    else:
        case = tangled_case(rng) if rng.random() < 0.25 else random_case(rng)
    classes = case.network.output_size
    others = [k for k in range(classes) if k != case.label]
    margin = 0.0
    if rng.random() < 0.3:
        margin = float(rng.choice([0.0625, 0.25, 0.1, -0.03125, -0.1]))
    kind = rng.random()
    if kind < 0.6:
        return Question(case, "any", tuple(others), margin)
    if kind < 0.75:
        one = int(rng.choice(others))
        return Question(case, one, (one,), margin)
    if kind < 0.85:
        some = rng.choice(others, int(rng.integers(1, len(others) + 1)), replace=False)
        rivals = tuple(int(k) for k in some)
        return Question(case, rivals, rivals, margin)
    logits = case.network.forward(case.image[None])[0]
    second = max(others, key=lambda k: float(logits[k]))
    return Question(case, "second", (second,), margin)


def at_kink(case: Case) -> bool:
    """Whether rounding decides the phase of a unit at the image: its argument is 0 but for that."""
    values: list[tuple[Fraction, ...]] = [case.center]
    for stage in case.exact.stages:
        gaps: list[Fraction] = []
        if isinstance(stage, ExactStage):
            for z, bend in zip(stage.before(values), stage.activations, strict=False):
                gaps += [z - kink for kink, _ in bend.kinks]
        else:
            gaps = [values[a][i] - values[b][j] for (a, i), (b, j) in stage.pairs]
        if any(0 < abs(gap) < Fraction(1, 10**12) for gap in gaps):
            return True
        values.append(stage.value(values))
    return False


def several_regions(case: Case) -> bool:
    """Whether several linear regions meet at the image, or so nearly that the estimate takes them
    for such: two arguments of a maximum are equal, or an argument is where its function bends.
    """
    values: list[tuple[Fraction, ...]] = [case.center]
    for stage in case.exact.stages:
        if isinstance(stage, ExactStage):
            pres = zip(stage.before(values), stage.activations, strict=False)
            gaps = [z - kink for z, bend in pres for kink, _ in bend.kinks]
        else:
            gaps = [values[a][i] - values[b][j] for (a, i), (b, j) in stage.pairs]
        if any(abs(gap) <= Fraction(1, 10**6) for gap in gaps):
            return True
        values.append(stage.value(values))
    return False


def numbered(stream: int, chunk: int, size: int) -> list[tuple[Question, np.random.Generator]]:
    """The questions of a chunk, each with a generator of its own."""
    generators = [np.random.default_rng([stream, chunk, k]) for k in range(size)]
    return [(question(rng, stream in BENT), rng) for rng in generators]


def radii(distance: Fraction | None, rng: np.random.Generator) -> list[float]:
    """Radii around the least distance, and one at random."""
    if distance is None or distance == 0:
        return [float(rng.random()) * 2.0]
    exact = float(distance)
    some = [exact * (1 - 1e-3), exact * (1 + 1e-3), float(rng.random()) * 2.0 * exact]
    return [*some, exact] if rng.random() < 0.2 else some


@chunks
def test_verify(stream: int, chunk: int, size: int) -> None:
    tally: Counter[str] = Counter()
    for number, (asked, rng) in enumerate(numbered(stream, chunk, size)):
        case = asked.case
        for eps in radii(asked.least_distance(), rng):
            least = asked.least_margin(eps)
            found = verify(
                case.network, case.image, eps, label=case.label, target=asked.target,
                margin=asked.margin, domain=case.domain, timeout=60.0,
            )  # fmt: skip
            name = (number, eps, float(least))
            tally[found.verdict] += 1
            if found.verdict == Verdict.ROBUST:
                assert least > 0, name
                assert 0 <= found.margin_bound <= least, name
                assert found.witness is None, name
            elif found.verdict == Verdict.NOT_ROBUST:
                assert least <= 0, name
                asked.check(found.witness, eps)
            else:
                assert found.reason and found.witness is None, name
                assert found.margin_bound <= least, name
                assert touching(least), name
    print(f"\nverify {stream}.{chunk}: {dict(tally)}")
    assert tally[Verdict.UNKNOWN] <= size // 3
    assert tally[Verdict.ROBUST] and tally[Verdict.NOT_ROBUST]


@chunks
def test_rho(stream: int, chunk: int, size: int) -> None:
    tally: Counter[str] = Counter()
    for number, (asked, _) in enumerate(numbered(stream, chunk, size)):
        case = asked.case
        distance = asked.least_distance()
        found = rho(
            case.network, case.image, label=case.label, target=asked.target,
            margin=asked.margin, domain=case.domain, timeout=60.0,
        )  # fmt: skip
        name = (number, None if distance is None else float(distance), found.lower, found.upper)
        assert 0 <= found.lower <= found.upper, name
        if distance is None:
            assert found.witness is None and found.upper == inf, name
        else:
            assert found.lower < inf and Fraction(found.lower) <= distance, name
            if found.upper < inf:
                assert asked.check(found.witness, None) >= distance, name
                assert found.witness is not None and found.witness.distance == found.upper, name
        tally["exact" if found.exact else "open"] += 1
        if not found.exact:
            assert found.reason, name
            # nothing within the domain, but by less than any float bound can tell
            if distance is None:
                assert asked.least_margin(1e6) <= Fraction(1, 10**12), name
                continue
            # only a condition that holds nowhere around, or the spacing of float32 numbers beside a
            # tiny radius, can keep the interval open
            narrow = found.upper - found.lower <= SLOPPY and distance < Fraction(1, 1000)
            assert narrow or touching(asked.least_margin(distance + SLOPPY)), name
    print(f"\nrho {stream}.{chunk}: {dict(tally)}")
    assert tally["open"] <= 2


@chunks
def test_estimate(stream: int, chunk: int, size: int) -> None:
    tally: Counter[str] = Counter()
    for number, (asked, rng) in enumerate(numbered(stream, chunk, size)):
        case = asked.case
        distance, margin = asked.least_distance(), Fraction(asked.margin)
        on_region = least_distance_on_region(
            case.exact, case.center, case.label, *case.bounds, asked.rivals, margin
        )
        lazy = bool(rng.random() < 0.8)
        found = rho_estimate(
            case.network, case.image, label=case.label, target=asked.target,
            margin=asked.margin, domain=case.domain, timeout=60.0, lazy=lazy,
        )  # fmt: skip
        tally[found.status] += 1
        tally["at kink"] += at_kink(case)
        name = (number, None if on_region is None else float(on_region), found.rho, found.status)
        if at_kink(case):
            continue
        if several_regions(case):
            # the oracle keeps the network's own choices, the estimate may take another region
            assert on_region is None or found.rho <= on_region + 1e-6, name
            if found.status == "found":
                assert distance is not None and found.rho >= distance - 1e-6, name
                if found.witness is not None:
                    assert asked.check(found.witness, None) >= distance, name
            tally["several"] += 1
            continue
        if on_region is None:
            assert found.status == "none_in_region" and found.rho == inf, name
            continue
        assert distance is not None and distance <= on_region, name
        assert found.status == "found" and abs(found.rho - on_region) <= 1e-6, name
        if found.witness is not None:
            assert asked.check(found.witness, None) >= distance, name
    print(f"\nestimate {stream}.{chunk}: {dict(tally)}")
    assert tally["found"] and tally["none_in_region"] and tally["several"] <= 3 * size // 4

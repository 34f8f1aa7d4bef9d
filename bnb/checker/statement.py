"""What a certificate proves, in words that hold every number exactly, and as facts to compare.

Numbers stand as the shortest decimal that reads back as the same float64, and in hexadecimal;
arrays by their size, range and SHA-256. What is said of nothing, or of one point, is told as such.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from .arithmetic import Array, compared_sum

NORMS = {"linf": "in each coordinate", "l1": "in the l1 norm", "l2": "in the l2 norm"}
POWERS = {"l1": 1, "l2": 2}  # of the norm that is a sum of powers of distances
Bounds = tuple[dict[int, Fraction], dict[int, Fraction]]  # by input


@dataclass(frozen=True, slots=True)
class Statement:
    """sentences: what was proven. facts: the same by the names of `expectation`; arrays are
    float64 (D,). region: "empty", "point", "degenerate" where some inputs have one value, or ""."""

    sentences: tuple[str, ...]
    facts: dict[str, Any]
    region: str

    def told(self) -> dict[str, Any]:
        """The facts as JSON holds them, exactly."""
        return {**{name: _plain(fact) for name, fact in self.facts.items()}, "region": self.region}


def digest(array: Array) -> str:
    """The SHA-256 of numbers as little-endian float64."""
    return hashlib.sha256(np.ascontiguousarray(array, dtype="<f8").tobytes()).hexdigest()


def _plain(fact: Any) -> Any:
    if isinstance(fact, float):
        return fact.hex()
    if isinstance(fact, tuple):
        return [_plain(item) for item in fact]
    if not isinstance(fact, np.ndarray):
        return fact
    if len(set(fact.tolist())) == 1:
        return float(fact[0]).hex()
    ends = {"least": float(fact.min()).hex(), "greatest": float(fact.max()).hex()}
    return {"size": len(fact), **ends, "sha256": digest(fact)}


def both(value: float) -> str:
    """A number as a decimal that reads back, and in hexadecimal."""
    return f"{value!r} ({value.hex()})"


def _array(array: Array) -> str:
    least, greatest = float(array.min()), float(array.max())
    return f"{both(least)} to {both(greatest)}, sha256 {digest(array)}"


def robust(claim: dict[str, Any], image: Array, low: Array, high: Array, outputs: int) -> Statement:
    """The statement of a claim with label, targets, margin, eps and norm; image, low, high (D,)."""
    eps, label = claim["eps"], claim["label"]
    targets = claim["targets"]
    every = set(targets) == set(range(outputs)) - {label}
    named = f"output{'s' if len(targets) > 1 else ''} {', '.join(map(str, targets))}"
    size = len(image)
    count = _fixed(image, low, high, eps, claim["norm"])
    told = {
        "empty": "This region is empty: nothing is said of any input",
        "point": "This region is one single point",
        "degenerate": f"In this region {count} of {size} inputs have one value only",
    }
    region = "empty" if count < 0 else "point" if count == size else "degenerate" if count else ""
    sentences = [
        f"For every real input within {both(eps)}, {NORMS[claim['norm']]}, of the image, and "
        f"within the domain: output {label}{_more(claim)} is greater than {named}"
        f"{f' (all others of {outputs})' if every else ''}",
        *_surroundings(image, low, high),
        *([told[region]] if region else []),
    ]
    return Statement(tuple(sentences), _facts("robust", claim, image, low, high), region)


def lost(claim: dict[str, Any], image: Array, low: Array, high: Array, point: Array) -> Statement:
    """The statement that an input, point (D,), gives the first of the claim's targets at least as
    much as the label."""
    eps, label, target = claim["eps"], claim["label"], claim["targets"][0]
    sentences = [
        f"One input is within {both(eps)}, {NORMS[claim['norm']]}, of the image, and within the "
        f"domain, and there output {label}{_more(claim)} is not greater than output {target}",
        f"Input: {_array(point)}",
        *_surroundings(image, low, high),
    ]
    facts = _facts("witness", claim, image, low, high) | {"point": point}
    return Statement(tuple(sentences), facts, "")


def _more(claim: dict[str, Any]) -> str:
    return "" if claim["margin"] == 0.0 else f", with {both(claim['margin'])} added to it,"


def _surroundings(image: Array, low: Array, high: Array) -> tuple[str, str]:
    """The image and the domain."""
    if len({*low.tolist()}) == len({*high.tolist()}) == 1:
        domain = f"every input from {both(float(low[0]))} to {both(float(high[0]))}"
    else:
        domain = f"lower ends of the inputs {_array(low)}; upper ends {_array(high)}"
    size = len(image)
    numbers = f"{size} float64 number{'s' if size > 1 else ''}"
    return f"Image: {numbers}, {_array(image)}", f"Domain: {domain}"


def _facts(
    kind: str, claim: dict[str, Any], image: Array, low: Array, high: Array
) -> dict[str, Any]:
    return {
        "kind": kind, "label": claim["label"], "targets": sorted(set(claim["targets"])),
        "margin": claim["margin"], "eps": claim["eps"], "norm": claim["norm"], "image": image,
        "domain": (low, high),
    }  # fmt: skip


def _fixed(image: Array, low: Array, high: Array, eps: float, norm: str) -> int:
    """How many inputs have one value in domain and ball; -1 where these leave nothing. Exact."""
    radius = np.full(len(image), eps)
    below, above = compared_sum(image, radius, low), compared_sum(image, -radius, high)
    if np.any(low > high) or np.any(below < 0) or np.any(above > 0):
        return -1
    fixed = (low == high) | (eps == 0.0)
    if norm == "linf":
        fixed |= (below == 0) | (above == 0)
    else:
        far = np.flatnonzero((image < low) | (image > high))
        steps = [
            max(Fraction(a) - Fraction(x), Fraction(x) - Fraction(b))
            for x, a, b in zip(*(v[far].tolist() for v in (image, low, high)), strict=True)
        ]
        power = POWERS[norm]
        away, limit = sum(step**power for step in steps), Fraction(eps) ** power
        if away > limit:
            return -1
        fixed |= away == limit
    return int(fixed.sum())


def of_property(text: bytes, cases: Sequence[Bounds | None], inputs: int) -> Statement:
    """The statement about a VNN-LIB text; cases: the bounds on single inputs of each case of its
    disjunctive normal form, None where it contradicts itself."""
    name = hashlib.sha256(text).hexdigest()
    several = "" if len(cases) == 1 else "s"
    sentences = [
        "No real input satisfies all assertions of the VNN-LIB property with "
        f"sha256 {name} ({len(text)} bytes, {len(cases)} case{several})"
    ]
    left = [case for case in cases if case is not None]
    points = sum(
        all(low.get(j) == high.get(j) is not None for j in range(inputs)) for low, high in left
    )
    region = "" if left else "empty"
    if not left:
        sentences.append("The property contradicts itself, whatever the network is")
    elif len(left) < len(cases):
        count = len(cases) - len(left)
        sentences.append(f"Of these, {count} contradict{'s' * (count == 1)} itself by its bounds")
    if left and points:
        region = "point" if points == len(left) else "degenerate"
        sentences.append(f"In {points} case{'s' * (points > 1)} the inputs are one single point")
    lows = [value for low, _ in left for value in low.values()]
    highs = [value for _, high in left for value in high.values()]
    if lows and highs:
        sentences.append(f"Inputs are bounded by numbers from {min(lows)} to {max(highs)}")
    return Statement(tuple(sentences), {"kind": "property", "property": name}, region)

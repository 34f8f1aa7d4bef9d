"""What a certificate claims, and whether its parts cover all of the claim's negation."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from .archive import Archive
from .arithmetic import LIMIT, Array, at_most_sum, require
from .model import Model
from .rounded.ball import Ball
from .statement import NORMS, Bounds, Statement, of_property, robust
from .vnnlib import Conjunction, Literal, parse

Key = tuple[tuple[int, Fraction], ...]


@dataclass(slots=True)
class Branch:
    """Atoms that hold, and choices of each of which a branch holds."""

    atoms: tuple[int, ...]
    choices: tuple[int, ...]


@dataclass(slots=True)
class Part:
    """A box (D,), atoms `value . v[index] + offset <= 0`, a formula of them; and the ball that the
    claim speaks of, where it does."""

    low: Array
    high: Array
    start: Array
    index: Array
    value: Array
    offset: Array
    root: Branch
    choices: list[list[Branch]]
    ball: Ball | None = None

    @property
    def atoms(self) -> int:
        return len(self.offset)


def _whole(item: Any, end: int, what: str) -> int:
    require(type(item) is int and 0 <= item < end, what)
    return int(item)


def number(item: Any, what: str) -> float:
    """A finite number of the header, a hexadecimal float."""
    require(isinstance(item, str) and "0x" in item and len(item) < 40, what)
    value = float.fromhex(item)
    require(abs(value) <= LIMIT, what)
    return value


def read_part(archive: Archive, header: Any, prefix: str, model: Model) -> Part:
    """A part's box and formula; choices may name each other, but not in a circle."""
    inputs, width = model.inputs, model.inputs + model.outputs
    low = archive.take(prefix + "low", "f", (inputs,)).astype(np.float64)
    high = archive.take(prefix + "high", "f", (inputs,)).astype(np.float64)
    require(np.all(low <= high), "a part's box is empty")
    index = archive.indices(prefix + "atom_index", (None,), 0, width)
    value = archive.take(prefix + "atom_value", "f", (len(index),)).astype(np.float64)
    offset = archive.take(prefix + "offset", "f", (None,)).astype(np.float64)
    start = archive.starts(prefix + "atom_start", len(offset), len(index))
    places = np.repeat(np.arange(len(offset)), np.diff(start)) * width + index
    require(len(np.unique(places)) == len(places), "an atom names a variable twice")
    choices = header["choices"]
    require(isinstance(choices, list), "choices")

    def branch(item: Any) -> Branch:
        require(isinstance(item, list) and len(item) == 2, "a branch's form")
        atoms = tuple(_whole(atom, len(offset), "a branch's atoms") for atom in item[0])
        return Branch(atoms, tuple(_whole(n, len(choices), "a branch's choices") for n in item[1]))

    formula = [[branch(item) for item in branches] for branches in choices]
    _check_order(formula)
    return Part(low, high, start, index, value, offset, branch(header["root"]), formula)


def _check_order(choices: list[list[Branch]]) -> None:
    """Refuses circles, by taking away choices that name none of those left."""
    below = [{n for branch in branches for n in branch.choices} for branches in choices]
    above: list[list[int]] = [[] for _ in choices]
    for n, named in enumerate(below):
        for m in named:
            above[m].append(n)
    ready, done = [n for n, named in enumerate(below) if not named], 0
    while ready:
        n, done = ready.pop(), done + 1
        for m in above[n]:
            below[m].discard(n)
            if not below[m]:
                ready.append(m)
    require(done == len(choices), "choices in a circle")


def _key(literal: Literal) -> tuple[Key, Fraction]:
    """Equal for positive multiples, and the offset on that scale."""
    size = abs(literal.terms[0][1])
    return tuple((place, value / size) for place, value in literal.terms), literal.offset / size


def _atom(part: Part, atom: int) -> Literal:
    entries = slice(part.start[atom], part.start[atom + 1])
    pairs = zip(part.index[entries].tolist(), part.value[entries].tolist(), strict=True)
    terms = tuple((place, Fraction(value)) for place, value in sorted(pairs) if value != 0.0)
    return Literal(terms, Fraction(float(part.offset[atom])))


def holds(
    part: Part, literals: Sequence[Literal], atoms: list[tuple[Key, Fraction] | bool]
) -> bool:
    """Whether the literals make the root branch true.  Rule: implied atom."""
    given: dict[Key, Fraction] = {}
    for literal in literals:
        if literal.terms:
            key, offset = _key(literal)
            given[key] = max(offset, given.get(key, offset))
    known: dict[int, bool] = {}

    def atom_true(atom: int) -> bool:
        wanted = atoms[atom]
        if isinstance(wanted, bool):
            return wanted
        return wanted[0] in given and wanted[1] <= given[wanted[0]]

    def choice_true(choice: int) -> bool:
        if choice not in known:
            known[choice] = any(branch_true(branch) for branch in part.choices[choice])
        return known[choice]

    def branch_true(branch: Branch) -> bool:
        return all(map(atom_true, branch.atoms)) and all(map(choice_true, branch.choices))

    return branch_true(part.root)


def _prepared(part: Part) -> list[tuple[Key, Fraction] | bool]:
    literals = [_atom(part, atom) for atom in range(part.atoms)]
    return [_key(item) if item.terms else item.offset <= 0 for item in literals]


def check_robust(
    archive: Archive, claim: dict[str, Any], model: Model, parts: list[Part]
) -> Statement:
    """The statement of a `robust` claim, whose negation the part covers.  Rule: cover."""
    inputs, outputs = model.inputs, model.outputs
    norm = claim["norm"]
    require(norm in NORMS, "a norm that is not linf, l1 or l2")
    label = _whole(claim["label"], outputs, "the label")
    require(isinstance(claim["targets"], list) and claim["targets"], "the targets")
    targets = [_whole(item, outputs, "a target") for item in claim["targets"]]
    require(label not in targets, "the label is a target")
    margin, eps = number(claim["margin"], "the margin"), number(claim["eps"], "eps")
    require(eps >= 0.0, "a negative radius")
    require(margin == 0.0 or not model.ordered, "a margin of a model that ends with a softmax")
    image, lowest, highest = (
        archive.take(name, "f", (inputs,)).astype(np.float64)
        for name in ("image", "domain_low", "domain_high")
    )
    require(len(parts) == 1, "a robust claim has one part")
    part = parts[0]
    size = np.full(inputs, eps)
    # the part's box reaches as far as the domain or as image -+ eps, which are exact numbers
    inner = part.low > lowest
    require(at_most_sum(image[inner], -size[inner], part.low[inner]), "the box is too small")
    inner = part.high < highest
    require(at_most_sum(-image[inner], -size[inner], -part.high[inner]), "the box is too small")
    if norm != "linf":
        part.ball = Ball(norm, image, eps)
    atoms = _prepared(part)
    for target in targets:
        terms = sorted([(inputs + label, Fraction(1)), (inputs + target, Fraction(-1))])
        case = Literal(tuple(terms), Fraction(margin))
        require(holds(part, [case], atoms), f"the tree leaves out target {target}")
    read = {"label": label, "targets": targets, "margin": margin, "eps": eps, "norm": norm}
    return robust(read, image, lowest, highest, outputs)


def check_property(
    text: bytes, claim: dict[str, Any], model: Model, parts: list[Part]
) -> Statement:
    """The statement of a `property` claim, whose cases the parts cover.  Rule: cover."""
    digest = hashlib.sha256(text).hexdigest()
    require(claim["sha256"] == digest, "the property's sha256 is another")
    prepared = [_prepared(part) for part in parts]
    boxes = [_exact_box(part) for part in parts]
    cases = parse(text.decode(), model.inputs, model.outputs)
    known = not model.ordered or all(
        _compares(item, model.inputs) for case in cases for item in case
    )
    require(known, "a property about the values of a model that ends with a softmax")
    bounds: list[Bounds | None] = []
    for number, case in enumerate(cases):
        low, high, empty = _box(case, model.inputs)
        if empty or any(item.false for item in case):
            bounds.append(None)
            continue
        bounds.append((low, high))
        covered = any(
            _inside(box, low, high) and holds(part, case, atoms)
            for part, atoms, box in zip(parts, prepared, boxes, strict=True)
        )
        require(covered, f"no part covers case {number + 1} of {len(cases)} of the property")
    return of_property(text, bounds, model.inputs)


def _compares(literal: Literal, inputs: int) -> bool:
    """Whether a literal speaks of no outputs but of which of two is greater."""
    mine = [place >= inputs for place, _ in literal.terms]
    opposite = sum(factor for _, factor in literal.terms) == 0 == literal.offset
    return not any(mine) or (all(mine) and len(mine) == 2 and opposite)


def _exact_box(part: Part) -> list[tuple[Fraction, Fraction]]:
    pairs = zip(part.low.tolist(), part.high.tolist(), strict=True)
    return [(Fraction(low), Fraction(high)) for low, high in pairs]


def _box(case: Conjunction, inputs: int) -> tuple[dict[int, Fraction], dict[int, Fraction], bool]:
    """The bounds on single inputs, coefficient * x + offset <= 0; and whether they exclude each
    other, strict ones at equal numbers, too."""
    low: dict[int, Fraction] = {}
    high: dict[int, Fraction] = {}
    open_: set[tuple[int, Fraction]] = set()
    for literal in case:
        if len(literal.terms) != 1 or literal.terms[0][0] >= inputs:
            continue
        place, factor = literal.terms[0]
        limit = -literal.offset / factor
        if factor > 0:
            high[place] = min(limit, high.get(place, limit))
        else:
            low[place] = max(limit, low.get(place, limit))
        if literal.strict:
            open_.add((place, limit))
    empty = any(
        low[j] > high[j] or (low[j] == high[j] and (j, low[j]) in open_)
        for j in set(low) & set(high)
    )
    return low, high, empty


def _inside(
    box: list[tuple[Fraction, Fraction]], low: dict[int, Fraction], high: dict[int, Fraction]
) -> bool:
    """Whether the bounds keep each input in the part's box."""
    return all(
        j in low and j in high and below <= low[j] and high[j] <= above
        for j, (below, above) in enumerate(box)
    )

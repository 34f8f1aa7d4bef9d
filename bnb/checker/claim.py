"""What a certificate claims, and whether its parts cover all of the claim's negation."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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
    claim speaks of, where it does.

    sharp, ends: what the claim says of atoms and of the box, exactly; only where `rational` asks.
    """

    low: Array
    high: Array
    start: Array
    index: Array
    value: Array
    offset: Array
    root: Branch
    choices: list[list[Branch]]
    ball: Ball | None = None
    rational: bool = False
    sharp: list[Literal] = field(default_factory=list)
    ends: Bounds = field(default_factory=lambda: ({}, {}))

    @property
    def atoms(self) -> int:
        return len(self.offset)

    def literals(self) -> list[Literal]:
        """The atoms in rationals."""
        found = []
        for offset, *ends in zip(self.offset.tolist(), self.start, self.start[1:], strict=False):
            entries = slice(*ends)
            pairs = zip(self.index[entries].tolist(), self.value[entries].tolist(), strict=True)
            terms = tuple((place, Fraction(value)) for place, value in sorted(pairs) if value)
            found.append(Literal(terms, Fraction(offset)))
        return found


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
    """A part's box and formula."""
    inputs, width = model.inputs, model.inputs + model.outputs
    low, high = (archive.floats(prefix + name, inputs) for name in ("low", "high"))
    require(np.all(low <= high), "a part's box is empty")
    index = archive.indices(prefix + "atom_index", (None,), 0, width)
    value = archive.floats(prefix + "atom_value", len(index))
    offset = archive.floats(prefix + "offset", None)
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
    part = Part(low, high, start, index, value, offset, branch(header["root"]), formula)
    part.rational = "rational" in header
    return part


def _key(literal: Literal) -> tuple[Key, Fraction]:
    """Equal for positive multiples, and the offset on that scale."""
    size = abs(literal.terms[0][1])
    return tuple((place, value / size) for place, value in literal.terms), literal.offset / size


def holds(part: Part, literals: Sequence[Literal], atoms: Sequence[Literal]) -> bool:
    """Whether literals make the root branch true; atoms: those of the part.  Rule: implied atom.

    Refuses choices in a circle where it meets them.
    """
    offsets: dict[Key, Fraction] = {}
    for literal in literals:
        if literal.terms:
            key, offset = _key(literal)
            offsets[key] = max(offset, offsets.get(key, offset))
    known: dict[int, bool | None] = {}  # None: it is being asked

    def atom_true(atom: int) -> bool:
        if not atoms[atom].terms:
            return atoms[atom].offset <= 0
        key, offset = _key(atoms[atom])
        return key in offsets and offset <= offsets[key]

    def choice_true(choice: int) -> bool:
        if choice not in known:
            known[choice] = None
            known[choice] = any(branch_true(branch) for branch in part.choices[choice])
        found = known[choice]
        require(found is not None, "choices in a circle")
        return bool(found)

    def branch_true(branch: Branch) -> bool:
        return all(map(atom_true, branch.atoms)) and all(map(choice_true, branch.choices))

    return branch_true(part.root)


def sharpen(part: Part, cases: Sequence[Sequence[Literal]], regions: Sequence[Bounds]) -> None:
    """What holds of a part's atoms and box in each case that it covers, for leaves in rationals.

    Atoms that no literal of a case implies are not true in it.  Rule: sharp atom.
    """
    offsets: dict[Key, tuple[Fraction, bool]] = {}
    for literals in cases:
        own: dict[Key, tuple[Fraction, bool]] = {}
        for literal in literals:
            if literal.terms:
                key, offset = _key(literal)
                own[key] = max((offset, literal.strict), own.get(key, (offset, False)))
        for key, found in own.items():
            offsets[key] = min(found, offsets.get(key, found))
    for atom in part.literals():
        if atom.terms and _key(atom)[0] in offsets:
            offset, strict = offsets[_key(atom)[0]]
            atom = replace(atom, offset=offset * abs(atom.terms[0][1]), strict=strict)
        part.sharp.append(atom)
    for own_end, side, widest in ((part.ends[0], 0, min), (part.ends[1], 1, max)):
        for j in set.intersection(*(set(region[side]) for region in regions)):
            own_end[j] = widest(region[side][j] for region in regions)


@dataclass(frozen=True, slots=True)
class About:
    """What a claim about an image names: output `label` plus `margin` against the targets, within
    eps of the image and between `lowest` and `highest`, each (D,)."""

    label: int
    targets: list[int]
    margin: float
    eps: float
    norm: str
    image: Array
    lowest: Array
    highest: Array


def about(archive: Archive, claim: dict[str, Any], model: Model) -> About:
    """Reads what a claim names; refuses what makes no sense."""
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
    names = ("image", "domain_low", "domain_high")
    image, lowest, highest = (archive.floats(name, inputs) for name in names)
    return About(label, targets, margin, eps, norm, image, lowest, highest)


def check_robust(
    archive: Archive, claim: dict[str, Any], model: Model, parts: list[Part]
) -> Statement:
    """The statement of a `robust` claim, whose negation the part covers.  Rule: cover."""
    inputs = model.inputs
    asked = about(archive, claim, model)
    image, eps = asked.image, asked.eps
    require(len(parts) == 1, "a robust claim has one part")
    part = parts[0]
    # the part's box reaches as far as the domain or as image -+ eps, which are exact numbers
    for sign, end, own in ((1.0, asked.lowest, part.low), (-1.0, -asked.highest, -part.high)):
        inner, size = own > end, np.full(inputs, -eps)
        covered = at_most_sum(sign * image[inner], size[inner], own[inner])
        require(covered, "the box is too small")
    if asked.norm != "linf":
        part.ball = Ball(asked.norm, image, eps)
    atoms, cases = part.literals(), []
    for target in asked.targets:
        terms = [(inputs + asked.label, Fraction(1)), (inputs + target, Fraction(-1))]
        case = Literal(tuple(sorted(terms)), Fraction(asked.margin))
        require(holds(part, [case], atoms), f"the tree leaves out target {target}")
        cases.append([case])
    if part.rational:
        ends = (image, asked.lowest, asked.highest)
        several = zip(*(end.tolist() for end in ends), strict=True)
        exact = [[Fraction(value) for value in values] for values in several]
        low = {j: max(a, x - Fraction(eps)) for j, (x, a, _) in enumerate(exact)}
        high = {j: min(b, x + Fraction(eps)) for j, (x, _, b) in enumerate(exact)}
        sharpen(part, cases, [(low, high)])
    return robust(told(asked), image, asked.lowest, asked.highest, model.outputs)


def told(asked: About) -> dict[str, Any]:
    """What a statement takes of it, by the names of a header."""
    return {name: getattr(asked, name) for name in ("label", "targets", "margin", "eps", "norm")}


def check_property(
    text: bytes, claim: dict[str, Any], model: Model, parts: list[Part]
) -> Statement:
    """The statement of a `property` claim, whose cases the parts cover.  Rule: cover."""
    digest = hashlib.sha256(text).hexdigest()
    require(claim["sha256"] == digest, "the property's sha256 is another")
    atoms = [part.literals() for part in parts]
    boxes = [
        [(Fraction(low), Fraction(high)) for low, high in zip(*ends, strict=True)]
        for ends in ((part.low.tolist(), part.high.tolist()) for part in parts)
    ]
    cases = parse(text.decode(), model.inputs, model.outputs)
    known = not model.ordered or all(
        _compares(item, model.inputs) for case in cases for item in case
    )
    require(known, "a property about the values of a model that ends with a softmax")
    regions: list[Bounds | None] = []
    mine: list[list[tuple[Conjunction, Bounds]]] = [[] for _ in parts]
    for count, case in enumerate(cases, start=1):
        region = _box(case, model.inputs)
        if any(item.false for item in case):
            region = None
        regions.append(region)
        if region is None:
            continue
        several = enumerate(zip(parts, atoms, boxes, strict=True))
        covers = (
            k for k, (part, own, box) in several if _inside(box, *region) and holds(part, case, own)
        )
        k = next(covers, -1)
        require(k >= 0, f"no part covers case {count} of {len(cases)} of the property")
        mine[k].append((case, region))
    for part, covered in zip(parts, mine, strict=True):
        if part.rational and covered:
            sharpen(part, *zip(*covered, strict=True))
    return of_property(text, regions, model.inputs)


def _compares(literal: Literal, inputs: int) -> bool:
    """Whether a literal speaks of no outputs but of which of two is greater."""
    mine = [place >= inputs for place, _ in literal.terms]
    opposite = sum(factor for _, factor in literal.terms) == 0 == literal.offset
    return not any(mine) or (all(mine) and len(mine) == 2 and opposite)


def _box(case: Conjunction, inputs: int) -> Bounds | None:
    """The bounds on single inputs, coefficient * x + offset <= 0; None where they exclude each
    other, strict ones at equal numbers, too."""
    low: dict[int, Fraction] = {}
    high: dict[int, Fraction] = {}
    open_: set[tuple[int, Fraction]] = set()
    for literal in case:
        if len(literal.terms) == 1 and literal.terms[0][0] < inputs:
            ((place, factor),) = literal.terms
            limit = -literal.offset / factor
            if factor > 0:
                high[place] = min(limit, high.get(place, limit))
            else:
                low[place] = max(limit, low.get(place, limit))
            if literal.strict:
                open_.add((place, limit))
    for place in set(low) & set(high):
        if low[place] > high[place] or (low[place] == high[place] and (place, low[place]) in open_):
            return None
    return low, high


def _inside(
    box: list[tuple[Fraction, Fraction]], low: dict[int, Fraction], high: dict[int, Fraction]
) -> bool:
    """Whether the bounds keep each input in the part's box."""
    return all(
        j in low and j in high and below <= low[j] and high[j] <= above
        for j, (below, above) in enumerate(box)
    )

"""Inputs that lose a label: within the claim's region, and evaluated again."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from .archive import Archive
from .arithmetic import Array, compared_sum, require
from .claim import About, Branch, Part, about, told
from .exact.point import output
from .exact.whole import exactly
from .model import Model
from .rounded.root import Root, atom_rows
from .statement import POWERS, Statement, lost


def check_witness(
    archive: Archive, claim: dict[str, Any], model: Model, parts: list[Part]
) -> Statement:
    """The statement of a `witness` claim, whose input lies in the region and loses the label."""
    require(not parts, "a witness has no parts")
    asked = about(archive, claim, model)
    point = archive.floats("point", model.inputs)
    require(inside(asked, point), "the input is not within the region")
    target = overtaking(asked, model, point)
    read = told(asked) | {"targets": [target]}
    statement = lost(read, asked.image, asked.lowest, asked.highest, point)
    statement.facts["targets"] = sorted(set(asked.targets))
    return statement


def inside(asked: About, point: Array) -> bool:
    """Whether a point (D,) lies in the domain and within eps of the image, exactly.

    Rule: membership.
    """
    image, radius = asked.image, np.full(len(point), asked.eps)
    if not (np.all(asked.lowest <= point) and np.all(point <= asked.highest)):
        return False
    if asked.norm == "linf":
        above, below = compared_sum(image, radius, point), compared_sum(image, -radius, point)
        return bool(np.all(above >= 0) and np.all(below <= 0))
    power = POWERS[asked.norm]
    pairs = zip(image.tolist(), point.tolist(), strict=True)
    away = sum(abs(Fraction(a) - Fraction(b)) ** power for a, b in pairs)
    return bool(away <= Fraction(asked.eps) ** power)


def overtaking(asked: About, model: Model, point: Array) -> int:
    """A target whose output is at least the label's with the margin; refuses where there is none.

    By bounds over the one point, which rounding alone keeps apart; in whole numbers where these
    leave it open.  Rule: value.
    """
    count = len(asked.targets)
    places = np.array([[model.inputs + t, model.inputs + asked.label] for t in asked.targets])
    margin = np.full(count, -asked.margin)
    part = Part(
        point, point, 2 * np.arange(count + 1), places.reshape(-1), np.tile([1.0, -1.0], count),
        margin, Branch((), ()), [],
    )  # fmt: skip
    root = Root(model, point, point)
    root.propagate()
    lead = root.least(*root.backward(*atom_rows(root, part)))
    if np.any(lead >= 0.0):
        return asked.targets[int(np.argmax(np.where(lead >= 0.0, lead, -np.inf)))]
    part.value, part.offset = -part.value, -margin
    behind = root.least(*root.backward(*atom_rows(root, part)))
    require(not np.all(behind > 0.0), "the input keeps the label")
    exact = output(model, point)
    found = exactly(np.array([asked.margin]))
    power = max(exact.power, found.power)
    values, more = exact.over(power), found.over(power)[0]
    leads = [values[target] - values[asked.label] - more for target in asked.targets]
    best = max(range(count), key=leads.__getitem__)
    require(leads[best] >= 0, "the input keeps the label")
    return asked.targets[best]

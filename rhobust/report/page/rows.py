"""The table of all images as compact JSON, a list for each column, for the page's script."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN
from typing import Any

from ...compiler.shown.numbers import digits
from ...store.record import Record
from ..findings.gathered import Findings
from ..findings.numbers import radius
from ..findings.status import MEANING, WORDS, Status, statuses
from .pictures import Pictures


def table(findings: Findings, pictures: Pictures) -> dict[str, Any]:
    """What the script needs of every image.

    Numbers have the digits that are shown, rounded outward; infinite ones are the texts inf and
    -inf, and null is what is not known.
    """
    records, known = findings.records, findings.known
    named = any(one.name not in ("", str(one.index)) for one in records)
    columns: dict[str, list[Any]] = {
        "image": [one.index for one in records],
        "label": [one.label for one in records],
        "predicted": [one.predicted for one in records],
        "lower": [_down(value) for value in known.lower.tolist()],
        "upper": [_up(value) for value in known.upper.tolist()],
        "seconds": [round(one.seconds, 2) for one in records],
        "nodes": [one.nodes for one in records],
    }
    optional: dict[str, Callable[[Record], Any]] = {
        "attack": lambda one: _near(one.attack_distance),
        "estimate": lambda one: _near(one.rho_estimate),
        "certified": lambda one: _down(one.certified_radius),
        "other": lambda one: one.witness_label,
        "method": lambda one: one.attack_method or None,
    }
    for key, value in optional.items():
        column = [value(one) for one in records]
        if any(one is not None for one in column):
            columns[key] = column
    if named:
        columns["name"] = [one.name for one in records]
    found = [statuses(known, eps).tolist() for eps in findings.radii]
    reasons: dict[str, int] = {}
    why = [
        [
            -1 if one is None or not one.reason else reasons.setdefault(one.reason, len(reasons))
            for one in (record.at(eps) for record in records)
        ]
        for eps in findings.radii
    ]
    bounds = [
        [
            None if one is None or not math.isfinite(one.margin_bound) else _down(one.margin_bound)
            for one in (record.at(eps) for record in records)
        ]
        for eps in findings.radii
    ]
    return {
        "radii": [radius(eps) for eps in findings.radii],
        "words": [WORDS[one] for one in Status],
        "meaning": [MEANING[one] for one in Status],
        "columns": columns,
        "status": found,
        "reasons": list(reasons),
        "why": why,
        "margins": bounds,
        "certificates": {str(one.index): one.certificate for one in records if one.certificate},
        "uncertified": {str(one.index): one.uncertified for one in records if one.uncertified},
        "pictures": {str(k): list(one) for k, one in pictures.images.items()},
    }


def _down(value: float | None) -> float | str | None:
    return _number(value, ROUND_FLOOR)


def _up(value: float | None) -> float | str | None:
    return _number(value, ROUND_CEILING)


def _near(value: float | None) -> float | str | None:
    return _number(value, ROUND_HALF_EVEN)


def _number(value: float | None, rounding: str) -> float | str | None:
    if value is None or math.isnan(value):
        return None
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return float(digits(value, rounding))

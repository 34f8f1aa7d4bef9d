"""The claim that a reader has in mind, to be compared with the one that a certificate proves.

A JSON object; what it does not name is not compared. Numbers are JSON's (taken as the float64 next
to them) or hexadecimal floats in quotes. Arrays are lists, of any nesting, in row-major order; one
number, where all are equal; or the SHA-256 of their little-endian float64 numbers.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .arithmetic import Array
from .statement import NORMS, digest

NAMES = (
    "kind", "model", "label", "targets", "margin", "eps", "norm", "image", "domain", "point",
    "property",
)  # fmt: skip
KINDS = ("robust", "witness", "property")
IGNORED = ("region",)  # told with the facts, so that a report's claim can be an expectation
HASH = re.compile("[0-9a-f]{64}")
MOST_BYTES = 2**28
ANY = "any"  # of the targets: all outputs but the label
END = object()  # null may stand in a list


class Unreadable(Exception):
    """The expectation is not of the form above, with the reason."""


def read_expectation(path: Path) -> dict[str, Any]:
    """The facts that a JSON file expects; Unreadable where they are in no form to compare."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES)
        found = json.loads(data, object_pairs_hook=_once)
    except (OSError, ValueError, RecursionError) as error:
        raise Unreadable(f"is no JSON: {error}") from error
    _need(isinstance(found, dict), "is no JSON object")
    _need(set(found) - set(IGNORED), "expects nothing; name some of " + ", ".join(NAMES))
    for name, item in found.items():
        if name not in IGNORED:
            known = f"expects {name!r}, which no claim has; known: {', '.join(NAMES)}"
            _need(name in NAMES, known)
            _read(name, item)
    return dict(found)


def _need(fact: object, reason: str) -> None:
    if not fact:
        raise Unreadable(reason)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return dict(pairs)


def _read(name: str, item: Any) -> Any:
    """What JSON says of a fact, to be compared with it; Unreadable where that cannot be."""
    match name:
        case "margin" | "eps":
            return _number(item)
        case "image" | "point":
            return _array(item)
        case "domain":
            pair = isinstance(item, list) and len(item) == 2
            _need(pair, "the domain is a pair: lower ends, upper ends")
            return tuple(map(_array, item))
        case "targets":
            whole = isinstance(item, list) and item and all(type(k) is int for k in item)
            _need(whole or item == ANY, 'the targets are a list of outputs, or "any"')
            return sorted(set(item)) if whole else item
        case "label":
            _need(type(item) is int, "the label is a whole number")
        case _:
            _need(isinstance(item, str), f"{name} is a text")
    if name == "norm":
        _need(item in NORMS, f"the norm is one of {', '.join(NORMS)}")
    elif name == "model":
        _need(HASH.fullmatch(item), "the model is given by the SHA-256 of its file, unpacked")
    elif name == "kind":
        _need(item in KINDS, f"the kind is one of {', '.join(KINDS)}")
    elif name == "property" and not HASH.fullmatch(item):
        return hashlib.sha256(item.encode()).hexdigest()
    return item


def _number(item: Any) -> float:
    told = f"{str(item)[:40]!r} is no number"
    hexadecimal = isinstance(item, str) and "0x" in item
    plain = isinstance(item, int | float) and not isinstance(item, bool)
    _need(hexadecimal or plain, told)
    try:
        value = float.fromhex(item) if hexadecimal else float(item)
    except (ValueError, OverflowError) as error:
        raise Unreadable(f"{told} of float64") from error
    _need(abs(value) < np.inf, f"{str(item)[:40]!r} is not finite")
    return value


def _array(item: Any) -> str | float | Array:
    """A hash, a number for all elements, or the elements (D,)."""
    if isinstance(item, Mapping):
        item = item.get("sha256")
    if isinstance(item, str) and HASH.fullmatch(item):
        return item
    if not isinstance(item, list):
        return _number(item)
    flat, rest = [], [iter(item)]
    while rest:
        entry = next(rest[-1], END)
        if entry is END:
            rest.pop()
        elif isinstance(entry, list):
            rest.append(iter(entry))
        else:
            flat.append(_number(entry))
    return np.array(flat)


def _same(wanted: Any, fact: Any) -> bool:
    if isinstance(fact, tuple):
        return all(map(_same, wanted, fact))
    if not isinstance(fact, np.ndarray):
        return bool(wanted == fact)
    if isinstance(wanted, str):
        return wanted == digest(fact)
    return np.shape(wanted) in ((), fact.shape) and bool(np.all(fact == wanted))


def difference(expected: Mapping[str, Any], facts: Mapping[str, Any], outputs: int) -> str:
    """In what the facts of a claim are not those expected, "" where they are; outputs: K."""
    for name in NAMES:
        if name in expected:
            if name not in facts:
                return f"a claim with {name} is expected"
            wanted = _read(name, expected[name])
            if name == "targets" and wanted == ANY:
                wanted = [k for k in range(outputs) if k != facts["label"]]
            if not _same(wanted, facts[name]):
                return f"another {name} is expected"
    return ""

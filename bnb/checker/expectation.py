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
    "kind", "model", "label", "targets", "margin", "eps", "norm", "image", "domain", "property",
)  # fmt: skip
IGNORED = ("region",)  # told with the facts, so that a report's claim can be an expectation
HASH = re.compile("[0-9a-f]{64}")
MOST_BYTES = 2**28
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
    if not isinstance(found, dict):
        raise Unreadable("is no JSON object")
    if not set(found) - set(IGNORED):
        raise Unreadable("expects nothing; name some of " + ", ".join(NAMES))
    for name, item in found.items():
        if name in IGNORED:
            continue
        if name not in NAMES:
            raise Unreadable(f"expects {name!r}, which no claim has; known: {', '.join(NAMES)}")
        _check(name, item)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return dict(pairs)


def _check(name: str, item: Any) -> None:
    """Refuses a value that nothing could be equal to by its form."""
    if name in ("margin", "eps"):
        _number(item)
    elif name == "image":
        _array(item)
    elif name == "domain":
        if not isinstance(item, list) or len(item) != 2:
            raise Unreadable("the domain is a pair: lower ends, upper ends")
        for end in item:
            _array(end)
    elif name == "targets":
        whole = isinstance(item, list) and item and all(type(k) is int for k in item)
        if not whole and item != "any":
            raise Unreadable('the targets are a list of outputs, or "any"')
    elif name == "label":
        if type(item) is not int:
            raise Unreadable("the label is a whole number")
    elif not isinstance(item, str):
        raise Unreadable(f"{name} is a text")
    elif name == "norm" and item not in NORMS:
        raise Unreadable(f"the norm is one of {', '.join(NORMS)}")
    elif name == "model" and not HASH.fullmatch(item):
        raise Unreadable("the model is given by the SHA-256 of its file, unpacked")
    elif name == "kind" and item not in ("robust", "property"):
        raise Unreadable("the kind is robust or property")


def _number(item: Any) -> float:
    try:
        if isinstance(item, str) and "0x" in item:
            value = float.fromhex(item)
        elif isinstance(item, int | float) and not isinstance(item, bool):
            value = float(item)
        else:
            raise Unreadable(f"{str(item)[:40]!r} is no number")
    except (ValueError, OverflowError) as error:
        raise Unreadable(f"{str(item)[:40]!r} is no number of float64") from error
    if not abs(value) < np.inf:
        raise Unreadable(f"{str(item)[:40]!r} is not finite")
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


def _same(item: Any, fact: Array) -> bool:
    expected = _array(item)
    if isinstance(expected, str):
        return expected == digest(fact)
    if isinstance(expected, float):
        return bool(np.all(fact == expected))
    return len(expected) == len(fact) and bool(np.all(fact == expected))


def difference(expected: Mapping[str, Any], facts: Mapping[str, Any], outputs: int) -> str:
    """In what the facts of a claim are not those expected, "" where they are; outputs: K."""
    for name in NAMES:
        if name not in expected:
            continue
        item, fact = expected[name], facts.get(name)
        if fact is None:
            return f"a claim with {name} is expected"
        if name in ("margin", "eps"):
            same = _number(item) == fact
        elif name == "image":
            same = _same(item, fact)
        elif name == "domain":
            same = all(_same(*pair) for pair in zip(item, fact, strict=True))
        elif name == "targets":
            others = sorted(set(range(outputs)) - {facts["label"]})
            same = (others if item == "any" else sorted(set(item))) == fact
        elif name == "property" and not HASH.fullmatch(item):
            same = hashlib.sha256(item.encode()).hexdigest() == fact
        else:
            same = item == fact
        if not same:
            return f"another {name} is expected"
    return ""

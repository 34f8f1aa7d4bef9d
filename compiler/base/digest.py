"""What a question is, field by field: what is kept of one answers that one and no other.

Values are walked down to their numbers, dataclasses by all their fields. So a field that is added
later belongs to the question, unless it is marked with `UNASKED`; what cannot be walked is refused.
"""

from __future__ import annotations

import hashlib
import struct
import sys
from collections.abc import Iterable, Mapping
from dataclasses import Field, fields, is_dataclass
from enum import Enum
from fractions import Fraction
from functools import singledispatch
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from .later import sparse

Question: TypeAlias = Mapping[str, str]
"""A digest for each field of what is asked, by its name."""

UNASKED: Mapping[str, Any] = MappingProxyType({"asked": False})
"""Metadata of a dataclass's field that no answer depends on, such as a name or a limit of time."""


def question(**asked: object) -> Question:
    """The digests of some values; those of a dataclass are told apart by its fields.

    Raises TypeError for a value of a type whose content is not known.
    """
    found: dict[str, str] = {}
    for name, value in asked.items():
        parts = {name: value}
        if is_dataclass(value):
            parts = {f"{name}.{field.name}": getattr(value, field.name) for field in _asked(value)}
        found |= {key: digest(part) for key, part in parts.items()}
    return found


def differences(one: Question, other: Question) -> list[str]:
    """The names of what is not the same in both."""
    return [name for name in dict.fromkeys([*one, *other]) if one.get(name) != other.get(name)]


def digest(value: object) -> str:
    """SHA-256 of all that a value holds, the same in every process."""
    sha = hashlib.sha256()
    # explicitly, for a property's tree can be deeper than Python's stack; a str is told as it is
    stack: list[object] = [value]
    while stack:
        last = stack.pop()
        head, parts = _content(last)
        inner = list(parts)
        # type, length and number of parts before the content: no two values are told alike
        told = type(last).__name__.encode()
        sha.update(struct.pack("<QQQ", len(told), memoryview(head).nbytes, len(inner)) + told)
        sha.update(head)
        stack.extend(reversed(inner))
    return sha.hexdigest()


def _asked(value: Any) -> list[Field[Any]]:
    """The fields that define a dataclass: not those it makes of the others, nor the unasked."""
    return [item for item in fields(value) if item.init and item.metadata.get("asked", True)]


Content: TypeAlias = tuple[Any, Iterable[object]]
"""Bytes, and values that belong to them."""


@singledispatch
def _content(value: object) -> Content:
    if is_dataclass(value) and not isinstance(value, type):
        names = [item.name for item in _asked(value)]
        return "\n".join(names).encode(), [getattr(value, name) for name in names]
    # where nobody has loaded that library, no value is of its types
    if "scipy.sparse" in sys.modules and isinstance(value, sparse.csr_array | sparse.csr_matrix):
        return b"", (value.shape, value.indptr, value.indices, value.data)
    raise TypeError(f"no digest of a {type(value).__name__} is known")


@_content.register
def _(value: None) -> Content:
    return b"", ()


@_content.register
def _(value: Enum) -> Content:
    return value.name.encode(), ()


@_content.register
def _(value: int) -> Content:
    return str(int(value)).encode(), ()


@_content.register
def _(value: float) -> Content:
    return struct.pack("<d", value), ()


@_content.register
def _(value: str) -> Content:
    return value.encode("utf-8", "surrogatepass"), ()


@_content.register
def _(value: bytes) -> Content:
    return value, ()


@_content.register
def _(value: Fraction) -> Content:
    return f"{value.numerator:x}/{value.denominator:x}".encode(), ()


@_content.register(list)
@_content.register(tuple)
def _(value: list[object] | tuple[object, ...]) -> Content:
    return b"", value


@_content.register(dict)
def _(value: dict[object, object]) -> Content:
    return b"", [part for pair in value.items() for part in pair]


@_content.register(np.generic)
def _(value: Any) -> Content:
    return b"", (value.item(),)


@_content.register(np.ndarray)
def _(value: Any) -> Content:
    if value.dtype.hasobject:
        return repr(value.shape).encode(), value.reshape(-1).tolist()
    return np.ascontiguousarray(value), (value.dtype.str, value.shape)

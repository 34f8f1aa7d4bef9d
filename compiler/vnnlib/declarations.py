"""Declarations of VNN-LIB: constants of version 1, tensors and networks of version 2."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from ..question.property import Port, Signature
from .tokens import Refused, Word

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
KINDS = ("real", "float16", "bfloat16", "float32", "float64")
WHOLE = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
"""Types of outputs and hidden tensors alone: inputs are real numbers."""
LARGEST = 2**24
"""Elements of all inputs, and of all outputs."""


@dataclass(frozen=True)
class Constant:
    """declare-const: one variable of version 1."""

    word: Word


@dataclass(frozen=True)
class Declared:
    """declare-input, declare-output or declare-hidden: keyword."""

    keyword: str
    port: Port


@dataclass(frozen=True)
class Likeness:
    """equal-to or isomorphic-to."""

    kind: str
    network: str


@dataclass(frozen=True)
class DeclaredNetwork:
    """declare-network; `model` names the network it is like."""

    signature: Signature
    ports: tuple[Declared, ...]
    model: str


def constant(arguments: Sequence[object]) -> Constant:
    """(declare-const X_0 Real)."""
    match arguments:
        case [Word() as word, Word(text="Real")]:
            return Constant(word)
        case [Word() as word, Word() as sort]:
            raise Refused(f"{word.text} has the sort {sort.text}; only Real is supported", sort)
        case _:
            raise Refused("a declaration is (declare-const X_0 Real)")


def port(keyword: str, arguments: Sequence[object]) -> Declared:
    """(declare-input X float32 [1,784] "node")."""
    match arguments:
        case [Word() as word, Word() as kind, Word() as shape]:
            node = Word('""', 0)
        case [Word() as word, Word() as kind, Word() as shape, Word() as node]:
            pass
        case _:
            raise Refused(f"a declaration is ({keyword} NAME TYPE [SHAPE])")
    if not NAME.fullmatch(word.text):
        raise Refused(f"{word.text[:40]!r} is no name of a tensor", word)
    known = KINDS if keyword == "declare-input" else (*KINDS, *WHOLE)
    if kind.text.lower() not in known:
        raise Refused(
            f"{word.text} has the element type {kind.text}; supported: {', '.join(known)}", kind
        )
    if not node.text.startswith('"'):
        raise Refused("the name of a node stands in double quotes", node)
    sizes = numbers_in(shape)
    if not 0 < prod(sizes) <= LARGEST:
        raise Refused(f"the shape {shape.text} has no element, or more than {LARGEST}", shape)
    tensor = Port(word.text, kind.text.lower(), sizes, node.text[1:-1])
    if keyword == "declare-hidden" and not tensor.node:
        raise Refused(f"{word.text} is hidden and needs the name of its tensor in the model", word)
    return Declared(keyword, tensor)


def numbers_in(word: Word) -> tuple[int, ...]:
    """The numbers of [0,3]."""
    inside = word.text[1:-1].strip()
    if not word.text.startswith("[") or not re.fullmatch(r"[0-9\s,]*", inside):
        raise Refused(f"{word.text[:40]!r} is not of the form [1,784]", word)
    fields = [field.strip() for field in inside.split(",")] if inside else []
    if len(fields) > 64 or not all(re.fullmatch("[0-9]{1,9}", field) for field in fields):
        raise Refused(f"{word.text[:40]!r} is not of the form [1,784]", word)
    return tuple(map(int, fields))


def network(arguments: Sequence[object]) -> DeclaredNetwork:
    """(declare-network NAME (equal-to OTHER) (declare-input ...) ... (declare-output ...) ...)."""
    match arguments:
        case [Word() as word, *rest]:
            pass
        case _:
            raise Refused("(declare-network ...) needs a name")
    if not NAME.fullmatch(word.text):
        raise Refused(f"{word.text[:40]!r} is no name of a network", word)
    likeness = [part for part in rest if isinstance(part, Likeness)]
    ports = tuple(part for part in rest if isinstance(part, Declared))
    if len(likeness) + len(ports) < len(rest) or len(likeness) > 1:
        raise Refused(
            f"network {word.text} may hold one (equal-to ...) or (isomorphic-to ...), and "
            "(declare-input ...), (declare-hidden ...) and (declare-output ...)"
        )
    inputs, outputs, hidden = (
        tuple(declared.port for declared in ports if declared.keyword == f"declare-{side}")
        for side in ("input", "output", "hidden")
    )
    if not inputs or not outputs:
        raise Refused(f"network {word.text} needs an input and an output", word)
    if len({bool(port.node) for port in (*inputs, *outputs)}) > 1:
        raise Refused(f"network {word.text} names the nodes of some tensors only; name all", word)
    like = {part.kind: part.network for part in likeness}
    signature = Signature(
        word.text, inputs, outputs, like.get("equal-to", ""), like.get("isomorphic-to", ""), hidden
    )
    return DeclaredNetwork(signature, ports, likeness[0].network if likeness else "")

"""The names of a VNN-LIB file and the variables they stand for."""

from __future__ import annotations

import re

from ..question.and_or_tree import Place
from ..question.property import Port, Signature
from .declarations import LARGEST, Constant, DeclaredNetwork, numbers_in
from .tokens import Refused, Word

FLAT = re.compile(r"([XY])_(0|[1-9][0-9]{0,8})")
"""An input or output of version 1."""


class Names:
    """All declarations so far, and the place of each variable."""

    def __init__(self) -> None:
        self.flat: dict[Place, int] = {}  # where each variable of version 1 is declared
        self.networks: list[Signature] = []
        self.tensors: dict[str, tuple[bool, int, tuple[int, ...]]] = {}
        self.sizes = [0, 0]

    def add(self, declaration: Constant | DeclaredNetwork) -> None:
        version_1 = isinstance(declaration, Constant)
        if self.networks if version_1 else self.flat:
            raise Refused("declare-const and declare-network do not go together")
        if isinstance(declaration, Constant):
            self._add_constant(declaration.word)
        else:
            self._add_network(declaration)

    def _add_constant(self, word: Word) -> None:
        match = FLAT.fullmatch(word.text)
        if match is None:
            raise Refused(
                f"{word.text[:40]!r} is neither an input X_0, X_1, ... nor an output Y_0, Y_1, ..."
            )
        place = Place(match[1] == "Y", int(match[2]))
        if place in self.flat:
            raise Refused(f"{word.text} is declared twice")
        self.declare(place, word.offset)

    def declare(self, place: Place, offset: int) -> None:
        """Adds a variable of version 1 that is not declared yet."""
        self.flat[place] = offset
        self.sizes[place.output] += 1

    def _add_network(self, declared: DeclaredNetwork) -> None:
        signature = declared.signature
        if any(known.name == signature.name for known in self.networks):
            raise Refused(f"network {signature.name} is declared twice")
        if declared.model:
            model = next((known for known in self.networks if known.name == declared.model), None)
            if model is None:
                raise Refused(f"network {declared.model} is not declared before; declare it first")
            # an isomorphic network may compute in numbers of another type
            typed = bool(signature.equal_to)
            if _form(model, typed) != _form(signature, typed):
                what = "type or shape" if typed else "shape"
                raise Refused(
                    f"network {signature.name} should be like {model.name}, but their tensors "
                    f"differ in {what}"
                )
        sides = [(False, port) for port in signature.inputs]
        sides += [(True, port) for port in (*signature.outputs, *signature.hidden)]
        for output, port in sides:
            if port.name in self.tensors:
                raise Refused(f"{port.name} is declared twice")
            self.tensors[port.name] = (output, self.sizes[output], port.shape)
            self.sizes[output] += port.size
            if self.sizes[output] > LARGEST:
                raise Refused(f"the tensors have more than {LARGEST} elements")
        self.networks.append(signature)

    def place(self, word: Word, index: Word | None) -> Place | None:
        """The variable that `X_3`, or `X[0,3]`, names; None for a name that is not declared."""
        if word.text in self.tensors:
            output, start, shape = self.tensors[word.text]
            indices = numbers_in(index) if index is not None else ()
            offset, inside = 0, len(indices) == len(shape)
            for i, n in zip(indices, shape, strict=False):
                offset, inside = offset * n + i, inside and i < n
            if not inside:
                given = index.text if index is not None else "without an index"
                raise Refused(f"{word.text} of shape {list(shape)} has no element {given}", word)
            return Place(output, start + offset)
        match = FLAT.fullmatch(word.text)
        if match is None or index is not None:
            return None
        place = Place(match[1] == "Y", int(match[2]))
        return place if place in self.flat else None

    def finished(self) -> tuple[Signature, ...]:
        """The networks, once all is declared."""
        if self.networks:
            return tuple(self.networks)
        if not self.flat:
            raise Refused("nothing is declared; is the file cut off?")
        for (output, element), offset in self.flat.items():
            if element >= self.sizes[output]:
                side = "Y" if output else "X"
                lacking = next(i for i in range(element) if (output, i) not in self.flat)
                word = Word(f"{side}_{element}", offset)
                raise Refused(
                    f"{word.text} is declared, but {side}_{lacking} is not; declare them all", word
                )
        inputs, outputs = (
            (Port(name, "real", (size,)),) if size else ()
            for name, size in zip("XY", self.sizes, strict=True)
        )
        return (Signature("", inputs, outputs),)


def _form(network: Signature, typed: bool) -> list[list[tuple[str, tuple[int, ...]]]]:
    return [
        [(port.kind if typed else "", port.shape) for port in side]
        for side in (network.inputs, network.outputs)
    ]

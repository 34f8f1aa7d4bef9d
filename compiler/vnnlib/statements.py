"""What the lists of a VNN-LIB file say, each from its words and the lists in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from ..question.and_or_tree import FALSE, TRUE, AllOf, AnyOf, Atom, Tree
from .declarations import (
    Constant,
    Declared,
    DeclaredNetwork,
    Likeness,
    constant,
    network,
    port,
)
from .names import Names
from .terms import Linear, arithmetic, connective, number, relation
from .tokens import Refused, Word

ARITHMETIC = ("+", "-", "*", "/")
RELATIONS = ("<=", ">=", "<", ">", "=", "==", "!=", "distinct")
CONNECTIVES = ("and", "or", "not", "=>")
NEUTRAL = ("set-logic", "set-info", "set-option", "check-sat", "get-model")
"""SMT-LIB commands that leave the meaning of the assertions as it is."""
DECLARATIONS = ("declare-const", "declare-fun", "declare-network", "declare-input")
SUPPORTED = (
    *ARITHMETIC, *RELATIONS, *CONNECTIVES, "assert", *DECLARATIONS, "declare-output",
    "declare-hidden",
)  # fmt: skip


@dataclass(frozen=True)
class Assertion:
    tree: Tree


@dataclass(frozen=True)
class Nothing:
    """A list without meaning of its own: the arguments of declare-fun, a neutral command."""

    command: bool


Value: TypeAlias = (
    Linear | Tree | Assertion | Constant | Declared | DeclaredNetwork | Likeness | Nothing
)


class Statements:
    """Gives lists their values; it knows the names declared so far."""

    def __init__(self) -> None:
        self.names = Names()

    def value(self, items: Sequence[Word | Value]) -> Value:
        if not items:
            return Nothing(command=False)
        head, *arguments = items
        if not isinstance(head, Word):
            raise Refused("a list begins with the name of what it says; is a ( too many?")
        keyword = head.text
        if keyword in ARITHMETIC:
            return arithmetic(keyword, self._terms(keyword, arguments))
        if keyword in RELATIONS:
            return relation(keyword, self._terms(keyword, arguments))
        if keyword in CONNECTIVES:
            return connective(keyword, self._formulas(keyword, arguments))
        if keyword == "assert":
            formulas = self._formulas(keyword, arguments)
            if len(formulas) != 1:
                raise Refused(f"(assert ...) takes one formula, not {len(formulas)}")
            return Assertion(formulas[0])
        return self._statement(head, arguments)

    def _statement(self, head: Word, arguments: Sequence[Word | Value]) -> Value:
        match head.text, arguments:
            case "declare-const", _:
                return constant(arguments)
            case "declare-fun", [name, Nothing(command=False), *rest]:
                return constant([name, *rest])
            case "declare-fun", _:
                raise Refused(
                    "only functions without arguments are supported: (declare-fun X_0 () Real)"
                )
            case ("declare-input" | "declare-output" | "declare-hidden") as keyword, _:
                return port(keyword, arguments)
            case "declare-network", _:
                return network(arguments)
            case ("equal-to" | "isomorphic-to") as kind, [Word() as name]:
                return Likeness(kind, name.text)
            case "vnnlib-version", [Word() as version]:
                if not re.fullmatch(r"<?[12]\.[0-9]{1,3}>?", version.text):
                    raise Refused(
                        f"version {version.text[:20]} is not supported; 1.0, 2.0", version
                    )
                return Nothing(command=True)
            case ("equal-to" | "isomorphic-to" | "vnnlib-version") as keyword, _:
                raise Refused(f"({keyword} ...) takes one word", head)
            case keyword, _ if keyword in NEUTRAL:
                return Nothing(command=True)
            case keyword, _:
                listed = ", ".join(SUPPORTED)
                raise Refused(f"{keyword[:40]!r} is not supported; supported: {listed}", head)

    def _operands(self, arguments: Sequence[Word | Value]) -> list[Value]:
        """Words as numbers, variables or truth values; a bracket indexes the word before it."""
        out: list[Value] = []
        position = 0
        while position < len(arguments):
            item = arguments[position]
            position += 1
            if not isinstance(item, Word):
                out.append(item)
                continue
            index = arguments[position] if position < len(arguments) else None
            if isinstance(index, Word) and index.text.startswith("["):
                position += 1
            else:
                index = None
            out.append(self._operand(item, index))
        return out

    def _operand(self, word: Word, index: Word | None) -> Linear | Tree:
        place = self.names.place(word, index)
        if place is not None:
            return Linear({place: Fraction(1)}, Fraction(0))
        if index is None:
            value = number(word)
            if value is not None:
                return Linear({}, value)
            if word.text in ("true", "false"):
                return TRUE if word.text == "true" else FALSE
        if word.text.lstrip("+-").lower() in ("nan", "inf", "infinity"):
            raise Refused(f"{word.text} is no finite number; leave a missing bound out", word)
        raise Refused(f"{word.text[:40]!r} is not declared before; declare it, or correct it", word)

    def _terms(self, keyword: str, arguments: Sequence[Word | Value]) -> list[Linear]:
        operands = self._operands(arguments)
        terms = [operand for operand in operands if isinstance(operand, Linear)]
        if not terms or len(terms) < len(operands):
            raise Refused(f"({keyword} ...) relates numbers and terms, and nothing else")
        return terms

    def _formulas(self, keyword: str, arguments: Sequence[Word | Value]) -> list[Tree]:
        operands = self._operands(arguments)
        formulas = [operand for operand in operands if isinstance(operand, Atom | AllOf | AnyOf)]
        if not formulas or len(formulas) < len(operands):
            raise Refused(f"({keyword} ...) takes formulas such as (<= X_0 1), and nothing else")
        return formulas

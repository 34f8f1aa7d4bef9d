"""VNN-LIB from its grammar alone: a reader and an evaluator that share nothing with ours.

A text is a list of expressions, of which each is a word or a list; of version 2.0 one network is
known, with tensors of two axes. All raise `Unclear` for what the grammar does not say.
"""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from typing import TypeAlias

Expression: TypeAlias = "str | list[Expression]"

WORD = re.compile(r"\s+|;[^\n]*|([()]|\[[^\[\]();]*\]|[^\s();\[\]]+|.)")
NAME = re.compile(r"[XY]_(?:0|[1-9][0-9]*)")
NUMERAL = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?")
NEUTRAL = ("set-logic", "set-info", "set-option", "check-sat", "get-model", "vnnlib-version")
RELATIONS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt, "=": operator.eq,
    "==": operator.eq, "!=": operator.ne, "distinct": operator.ne,
}  # fmt: skip


class Unclear(Exception):
    """What the grammar does not say."""


def read(text: str) -> list[Expression]:
    """The expressions of a text."""
    open_: list[list[Expression]] = [[]]
    for match in WORD.finditer(text):
        word = match[1]
        if word == "(":
            open_.append([])
        elif word == ")":
            if len(open_) == 1:
                raise Unclear("a ) without its (")
            closed = open_.pop()
            open_[-1].append(closed)
        elif word and word[0] == "[" and open_[-1] and isinstance(open_[-1][-1], str):
            open_[-1].append(f"{open_[-1].pop()}{''.join(word.split())}")
        elif word:
            open_[-1].append(word)
    if len(open_) > 1:
        raise Unclear("a ( is never closed")
    return open_[0]


def names(text: str) -> list[str]:
    """The variables declared, in their order."""
    found: list[str] = []
    for statement in read(text):
        match statement:
            case ["declare-const", str(name), "Real"] | ["declare-fun", str(name), [], "Real"]:
                if not NAME.fullmatch(name) or name in found:
                    raise Unclear(name)
                found.append(name)
            case ["declare-network", str(), *tensors] if not found:
                found = [name for tensor in tensors for name in _elements(tensor)]
            case [str(keyword), *_] if keyword in ("assert", *NEUTRAL):
                pass
            case _:
                raise Unclear(statement)
    return found


def _elements(tensor: Expression) -> list[str]:
    match tensor:
        case ["declare-input" | "declare-output", str(name), str(kind)]:
            shape = re.fullmatch(r"(?:float32|real|Real)\[(\d+),(\d+)\]", kind)
            if shape and re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name):
                rows, columns = int(shape[1]), int(shape[2])
                return [f"{name}[{i},{j}]" for i in range(rows) for j in range(columns)]
    raise Unclear(tensor)


def holds(text: str, point: Mapping[str, Fraction]) -> bool:
    """Whether all assertions are true of the values; a name counts after its declaration."""
    known: dict[str, Fraction] = {}
    truths = []
    for statement in read(text):
        match statement:
            case ["declare-const" | "declare-fun", str(name), *_]:
                known[name] = point[name]
            case ["declare-network", *_]:
                known |= point
            case ["assert", formula]:
                truths.append(truth(formula, known))
            case ["assert", *_]:
                raise Unclear(statement)
    return all(truths)


def truth(formula: Expression, known: Mapping[str, Fraction]) -> bool:
    match formula:
        case "true" | "false":
            return formula == "true"
        case [str(symbol), *terms] if symbol in RELATIONS and len(terms) > 1:
            values = [value(term, known) for term in terms]
            if symbol in ("!=", "distinct") and len(values) > 2:
                raise Unclear(formula)
            return all(itertools.starmap(RELATIONS[symbol], itertools.pairwise(values)))
        case ["not", part]:
            return not truth(part, known)
        case ["and", _, *_]:
            return all([truth(part, known) for part in formula[1:]])
        case ["or", _, *_]:
            return any([truth(part, known) for part in formula[1:]])
        case ["=>", _, *_]:
            # to the right: a => (b => c)
            *given, last = [truth(part, known) for part in formula[1:]]
            return last or not all(given)
        case _:
            raise Unclear(formula)


FUNCTIONS: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
}  # fmt: skip


def value(term: Expression, known: Mapping[str, Fraction]) -> Fraction:
    match term:
        case str():
            return _word(term, known)
        case ["-", part]:
            return -value(part, known)
        case [str(symbol), *parts] if symbol in FUNCTIONS and parts:
            return _computed(symbol, [value(part, known) for part in parts])
        case _:
            raise Unclear(term)


def _word(word: str, known: Mapping[str, Fraction]) -> Fraction:
    if word in known:
        return known[word]
    if not NUMERAL.fullmatch(word):
        raise Unclear(word)
    return Fraction(word)


def _computed(symbol: str, values: Sequence[Fraction]) -> Fraction:
    try:
        return reduce(FUNCTIONS[symbol], values)
    except ZeroDivisionError as error:
        raise Unclear("a division by zero") from error

"""VNN-LIB 1.0 to a disjunctive normal form over exact rationals.

A literal is `sum of coefficient * variable + offset <= 0`; `<` is read as `<=`, and `not (a <= 0)`
as `-a <= 0`, which only enlarges the set that is to be shown empty.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .arithmetic import require

Term = dict[int, Fraction]  # -1 is the constant
Conjunction = tuple["Literal", ...]
MOST_LITERALS = 3_000_000
TOKEN = re.compile(r";[^\n]*|([()])|([^\s();|\"]+)|\s+")
NAME = re.compile(r"([XY])_(0|[1-9][0-9]{0,8})")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Literal:
    """Sum of coefficient * v[variable] + offset <= 0 over v = (x, y); variables ascend."""

    terms: tuple[tuple[int, Fraction], ...]
    offset: Fraction


def parse(text: str, inputs: int, outputs: int) -> list[Conjunction]:
    """The property's disjunctive normal form."""
    reader = _Reader(inputs, outputs)
    assertions = []
    for command in _expressions(text):
        require(isinstance(command, list) and command, "a property's command is no list")
        if command[0] == "declare-const":
            require(len(command) == 3 and command[2] == "Real", "a declaration of another form")
            reader.declare(command[1])
        else:
            require(command[0] == "assert" and len(command) == 2, f"command {command[0]}")
            assertions.append(reader.formula(command[1], True))
    return _product(assertions)


def _expressions(text: str) -> list[Any]:
    stack: list[list[Any]] = [[]]
    position = 0
    while position < len(text):
        match = TOKEN.match(text, position)
        require(match, f"the property's text at character {position}")
        assert match is not None
        position = match.end()
        if match[1] == "(":
            stack.append([])
            require(len(stack) <= 100, "a property that is nested too deeply")
        elif match[1] == ")":
            require(len(stack) > 1, "a parenthesis is closed that was not opened")
            done = stack.pop()
            stack[-1].append(done)
        elif match[2]:
            stack[-1].append(match[2])
    require(len(stack) == 1, "a parenthesis is not closed")
    return stack[0]


def _product(parts: list[list[Conjunction]]) -> list[Conjunction]:
    """The conjunction of formulas that are in disjunctive normal form; single ones first."""
    common = tuple(literal for part in parts if len(part) == 1 for literal in part[0])
    found: list[Conjunction] = [common]
    for part in parts:
        if len(part) != 1:
            size = sum(len(new) for new in part) * len(found)
            size += len(part) * sum(len(old) for old in found)
            require(size <= MOST_LITERALS, "a property with too many cases")
            found = [old + new for old in found for new in part]
    return found


class _Reader:
    def __init__(self, inputs: int, outputs: int) -> None:
        self.inputs, self.outputs = inputs, outputs
        self.names: dict[str, int] = {}

    def declare(self, name: Any) -> None:
        match = NAME.fullmatch(name) if isinstance(name, str) else None
        require(match and name not in self.names, f"declaration of {name}")
        assert match is not None
        number, count = int(match[2]), self.inputs if match[1] == "X" else self.outputs
        require(number < count, f"the model has no {name}")
        self.names[name] = number + (0 if match[1] == "X" else self.inputs)

    def formula(self, item: Any, positive: bool) -> list[Conjunction]:
        require(isinstance(item, list) and item and isinstance(item[0], str), "a formula's form")
        head, *rest = item
        if head == "not":
            require(len(rest) == 1, "not of several formulas")
            return self.formula(rest[0], not positive)
        if head == "=>":
            require(len(rest) == 2, "an implication's form")
            return self.formula(["or", ["not", rest[0]], rest[1]], positive)
        if head in ("and", "or"):
            parts = [self.formula(part, positive) for part in rest]
            if (head == "and") == positive:
                return _product(parts)
            return [case for part in parts for case in part]
        require(head in ("<=", ">=", "<", ">", "=") and len(rest) >= 2, f"{head} in a formula")
        terms = [self.term(part) for part in rest]
        pairs = list(zip(terms, terms[1:], strict=False))
        parts = [_compare(head, left, right, positive) for left, right in pairs]
        return _product(parts) if positive else [case for part in parts for case in part]

    def term(self, item: Any) -> Term:
        if isinstance(item, str):
            if item in self.names:
                return {self.names[item]: Fraction(1)}
            require(NUMBER.fullmatch(item), f"{item[:40]!r} is no number and was not declared")
            return {-1: Fraction(item)}
        require(item and item[0] in ("+", "-", "*") and len(item) > 1, "a term's form")
        first, *rest = [self.term(part) for part in item[1:]]
        if item[0] == "-" and not rest:
            return {place: -value for place, value in first.items()}
        total = dict(first)
        for other in rest:
            if item[0] == "*":
                left, right = (total, other) if set(other) == {-1} else (other, total)
                require(set(right) == {-1}, "a product of variables")
                total = {place: value * right[-1] for place, value in left.items()}
            else:
                sign = 1 if item[0] == "+" else -1
                for place, value in other.items():
                    total[place] = total.get(place, Fraction(0)) + sign * value
        return total


def _compare(head: str, left: Term, right: Term, positive: bool) -> list[Conjunction]:
    """left - right <= 0, or its negation; an equality is two literals, its negation two cases."""
    below, above = _literal(left, right), _literal(right, left)
    if head == "=":
        return [(below, above)] if positive else [(below,), (above,)]
    return [(below if (head[0] == "<") == positive else above,)]


def _literal(left: Term, right: Term) -> Literal:
    places = sorted({place for place in (*left, *right) if place >= 0})
    terms = [(place, left.get(place, Fraction(0)) - right.get(place, 0)) for place in places]
    offset = left.get(-1, Fraction(0)) - right.get(-1, 0)
    return Literal(tuple(term for term in terms if term[1] != 0), offset)

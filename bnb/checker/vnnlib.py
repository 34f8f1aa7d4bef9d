"""VNN-LIB 1.0, and 2.0 about one network, to a disjunctive normal form over exact rationals.

A literal is `sum of coefficient * variable + offset <= 0`, or `< 0` where it is strict. Of strict
ones nothing is asked but whether they contradict each other on their own: elsewhere they count as
`<=`, which only enlarges the set that is to be shown empty.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .arithmetic import needed, require

Term = dict[int, Fraction]  # -1 is the constant
Conjunction = tuple["Literal", ...]
MOST_LITERALS = 3_000_000  # of all cases, written out: memory
TOKEN = re.compile(r';[^\n]*|([()])|([^\s();|"]+|"[^"]*"|\|[^|]*\|)|\s+')
NAME = re.compile(r"([XY])_(0|[1-9][0-9]{0,8})")
ELEMENT = re.compile(r"([A-Za-z][A-Za-z0-9_]*)\[([0-9]{1,9}(?:,[0-9]{1,9})*)\]")
KINDS = ("real", "float16", "bfloat16", "float32", "float64")
"""Types of tensors in version 2; what no real numbers satisfy, none of these do."""
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
MOST_DIGITS = 2000  # of a numeral, and its largest exponent
MOST_BITS = 2**16  # of a numerator or denominator on the way
NEUTRAL = ("set-logic", "set-info", "set-option", "check-sat", "get-model", "vnnlib-version")


@dataclass(frozen=True, slots=True)
class Literal:
    """Sum of coefficient * v[variable] + offset <= 0, or < 0, over v = (x, y); variables ascend."""

    terms: tuple[tuple[int, Fraction], ...]
    offset: Fraction
    strict: bool = False

    @property
    def false(self) -> bool:
        """Whether it speaks of no variable, and is not true."""
        return not self.terms and (self.offset > 0 or (self.strict and self.offset == 0))


def parse(text: str, inputs: int, outputs: int) -> list[Conjunction]:
    """The property's disjunctive normal form."""
    reader = _Reader(inputs, outputs)
    assertions = []
    for command in _expressions(text):
        require(isinstance(command, list) and command, "a property's command is no list")
        match command:
            case ["declare-const", name, "Real"] | ["declare-fun", name, [], "Real"]:
                reader.declare(name)
            case ["declare-network", str(), ["declare-input", *given], ["declare-output", *made]]:
                require(not reader.tensors and not reader.names, "several networks declared")
                reader.tensor(given, 0, inputs)
                reader.tensor(made, inputs, outputs)
            case ["assert", formula]:
                assertions.append(reader.formula(formula, True))
            case [head, *_]:
                require(head in NEUTRAL, f"command {str(head)[:40]!r}, or its form")
    return _joined(assertions, True)


def _expressions(text: str) -> list[Any]:
    stack: list[list[Any]] = [[]]
    position = 0
    while position < len(text):
        match = needed(TOKEN.match(text, position), f"the property's text at {position}")
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


def _joined(parts: list[list[Conjunction]], every: bool) -> list[Conjunction]:
    """The conjunction, or disjunction, of formulas that are lists of cases; single ones first."""
    if not every:
        return [case for part in parts for case in part]
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
        self.tensors: dict[str, tuple[int, tuple[int, ...]]] = {}

    def declare(self, name: Any) -> None:
        new = isinstance(name, str) and name not in self.names and not self.tensors
        match = needed(NAME.fullmatch(name) if new else None, f"declaration of {name}")
        first, count = (0, self.inputs) if match[1] == "X" else (self.inputs, self.outputs)
        require(int(match[2]) < count, f"the model has no {name}")
        self.names[name] = first + int(match[2])

    def tensor(self, words: list[Any], first: int, count: int) -> None:
        """NAME TYPE [SHAPE]: the model's whole input or output, elements in row-major order."""
        require(len(words) > 2 and all(isinstance(word, str) for word in words), "a tensor's form")
        name, kind, *sizes = words
        match = needed(ELEMENT.fullmatch(name + "".join(sizes)), f"the shape of {name[:40]}")
        require(match[1] == name and name not in self.tensors, f"declaration of {name[:40]}")
        require(kind.lower() in KINDS, f"the type {kind[:40]}")
        shape = tuple(map(int, match[2].split(",")))
        require(math.prod(shape) == count, f"{name[:40]} has not the {count} numbers of the model")
        self.tensors[name] = first, shape

    def element(self, match: re.Match[str]) -> int:
        """The number of X[0,2] among all variables."""
        first, shape = needed(self.tensors.get(match[1]), f"{match[1][:40]!r} was not declared")
        index = [int(field) for field in match[2].split(",")]
        fits = len(index) == len(shape) and all(k < n for k, n in zip(index, shape, strict=True))
        require(fits, f"the element {match[0][:60]}")
        flat = 0
        for k, size in zip(index, shape, strict=True):
            flat = flat * size + k
        return first + flat

    def formula(self, item: Any, positive: bool) -> list[Conjunction]:
        if item in ("true", "false"):
            return [()] if (item == "true") == positive else []
        require(isinstance(item, list) and item and isinstance(item[0], str), "a formula's form")
        head, *rest = item
        if head == "not":
            require(len(rest) == 1, "not of several formulas")
            return self.formula(rest[0], not positive)
        if head == "=>":
            require(rest, "an implication's form")
            given = [["not", part] for part in rest[:-1]]
            return self.formula(["or", *given, rest[-1]], positive)
        if head in ("and", "or"):
            parts = [self.formula(part, positive) for part in rest]
            return _joined(parts, (head == "and") == positive)
        require(head in RELATIONS and len(rest) >= 2, f"{head[:40]!r} in a formula")
        terms = [self.term(part) for part in rest]
        relation, same = RELATIONS[head]
        require(same or len(rest) == 2, f"{head} of more than two terms")
        positive = positive == same
        pairs = zip(terms, terms[1:], strict=False)
        return _joined([_compare(relation, *pair, positive) for pair in pairs], positive)

    def term(self, item: Any) -> Term:
        if isinstance(item, str):
            if item in self.names:
                return {self.names[item]: Fraction(1)}
            if match := ELEMENT.fullmatch(item):
                return {self.element(match): Fraction(1)}
            return {-1: _number(item)}
        require(item and item[0] in ("+", "-", "*", "/") and len(item) > 1, "a term's form")
        head, parts = item[0], [self.term(part) for part in item[1:]]
        if head in "+-":
            signed = [(1 if head == "+" else -1, part) for part in parts]
            return _sum(signed if len(parts) == 1 else [(1, parts[0]), *signed[1:]])
        if head == "*":
            factor = Fraction(1)
            for part in parts:
                if _constant(part):
                    factor = _short(factor * part.get(-1, 0))
            several = [part for part in parts if not _constant(part)]
            require(len(several) <= 1 or not factor, "a product of variables")
            return _sum([(factor, part) for part in several[:1] or [{-1: Fraction(1)}]])
        require(len(parts) > 1, "a quotient of one term")
        first, *divisors = parts
        for part in divisors:
            require(_constant(part) and part.get(-1), "a quotient by a variable or by 0")
            first = _sum([(1 / part[-1], first)])
        return first


def _constant(term: Term) -> bool:
    return not set(term) - {-1}


def _sum(parts: Iterable[tuple[Fraction | int, Term]]) -> Term:
    """The sum of factor * term, without what is 0."""
    total: Term = {}
    for factor, term in parts:
        for place, value in term.items():
            total[place] = _short(total.get(place, Fraction(0)) + factor * value)
    return {place: value for place, value in total.items() if value}


RELATIONS = {
    "<=": ("<=", True), "<": ("<", True), ">=": (">=", True), ">": (">", True), "=": ("=", True),
    "==": ("=", True), "!=": ("=", False), "distinct": ("=", False),
}  # fmt: skip
"""Each relation as one of five, or as what holds where one of them does not."""


def _number(word: str) -> Fraction:
    match = needed(NUMBER.fullmatch(word), f"{word[:40]!r} is no number and was not declared")
    good = len(match[1]) <= MOST_DIGITS and abs(int((match[2] or "e0")[1:])) <= MOST_DIGITS
    require(good, f"a number of too many digits: {word[:40]}")
    return Fraction(word)


def _short(value: Fraction) -> Fraction:
    size = max(value.numerator.bit_length(), value.denominator.bit_length())
    require(size <= MOST_BITS, "a number of too many bits arises")
    return value


def _compare(head: str, left: Term, right: Term, positive: bool) -> list[Conjunction]:
    """left - right <= 0, or its negation; an equality is two literals, its negation two cases."""
    if head == "=":
        below, above = (_literal(*pair, not positive) for pair in ((left, right), (right, left)))
        return [(below, above)] if positive else [(below,), (above,)]
    pair = (left, right) if (head[0] == "<") == positive else (right, left)
    return [(_literal(*pair, (len(head) == 1) == positive),)]


def _literal(left: Term, right: Term, strict: bool) -> Literal:
    places = sorted({place for place in (*left, *right) if place >= 0})
    terms = [(place, left.get(place, Fraction(0)) - right.get(place, 0)) for place in places]
    offset = left.get(-1, Fraction(0)) - right.get(-1, 0)
    return Literal(tuple(term for term in terms if term[1] != 0), offset, strict)

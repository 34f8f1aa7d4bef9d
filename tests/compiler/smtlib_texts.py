"""A plain evaluator of SMT-LIB scripts over QF_LRA; it shares nothing with the writer."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

Expression: TypeAlias = "str | list[Expression]"
Point: TypeAlias = Mapping[str, Fraction]

RELATIONS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, "=": operator.eq,
}  # fmt: skip


def parse(text: str) -> list[Expression]:
    """The commands of a script."""
    stack: list[list[Expression]] = [[]]
    for token in re.findall(r"[()]|[^\s()]+", text):
        if token == "(":
            stack.append([])
        elif token == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    assert len(stack) == 1, "brackets do not match"
    return stack[0]


@dataclass
class Script:
    """Names in order of declaration, definitions, assertions and the other commands."""

    text: str
    names: list[str] = field(default_factory=list)
    definitions: dict[str, Expression] = field(default_factory=dict)
    assertions: list[Expression] = field(default_factory=list)
    commands: list[Expression] = field(default_factory=list)

    def __post_init__(self) -> None:
        for command in parse(self.text):
            match command:
                case ["declare-const", str(name), "Real"]:
                    self._new(name)
                    self.names.append(name)
                case ["define-fun", str(name), [], "Real", value]:
                    self._new(name)
                    self._known(value)
                    self.definitions[name] = value
                case ["assert", formula]:
                    self._known(formula)
                    self.assertions.append(formula)
                case _:
                    self.commands.append(command)

    def _new(self, name: str) -> None:
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name), name
        assert name not in self.names and name not in self.definitions, f"{name} is there twice"

    def _known(self, expression: Expression) -> None:
        """Whether everything that an expression speaks of stands before it."""
        if isinstance(expression, list):
            for part in expression[1:]:
                self._known(part)
        elif expression[0].isalpha() and expression not in ("true", "false"):
            assert expression in self.names or expression in self.definitions, expression

    def value(self, name: str, point: Point) -> Fraction:
        """The value of a name that is defined."""
        return self._term(name, self._all(point))

    def holds(self, point: Point) -> bool:
        known = self._all(point)
        return all([self._truth(formula, known) for formula in self.assertions])

    def _all(self, point: Point) -> dict[str, Fraction]:
        known = {name: point[name] for name in self.names}
        for name, value in self.definitions.items():
            known[name] = self._term(value, known)
        return known

    def _term(self, term: Expression, known: Point) -> Fraction:
        if isinstance(term, str):
            assert term in known or term.isdigit(), f"{term} is no numeral"
            return known[term] if term in known else Fraction(int(term))
        head, *parts = term
        match head, parts:
            case "ite", [condition, then, other]:
                chosen = then if self._truth(condition, known) else other
                return self._term(chosen, known)
            case "-", [part]:
                return -self._term(part, known)
            case "+", [_, _, *_]:
                return sum((self._term(part, known) for part in parts), Fraction(0))
            case "*", [factor, str(name)]:
                assert name in known
                return constant(factor) * known[name]
            case "/", _:
                return constant(term)
        raise AssertionError(f"{term} is no linear term")

    def _truth(self, formula: Expression, known: Point) -> bool:
        if isinstance(formula, str):
            return {"true": True, "false": False}[formula]
        head, *parts = formula
        if head in ("and", "or"):
            assert parts
            found = [self._truth(part, known) for part in parts]
            return all(found) if head == "and" else any(found)
        left, right = parts
        return RELATIONS[str(head)](self._term(left, known), self._term(right, known))


def constant(term: Expression) -> Fraction:
    """m, (- m), (/ m n) or (/ (- m) n): the rational coefficients of QF_LRA."""
    match term:
        case ["/", top, str(bottom)]:
            return constant(top) / int(bottom)
        case ["-", str(numeral)]:
            return Fraction(-int(numeral))
        case str(numeral):
            assert numeral.isdigit()
            return Fraction(int(numeral))
    raise AssertionError(f"{term} is no rational")

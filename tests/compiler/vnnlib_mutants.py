"""Altered VNN-LIB texts: tokens exchanged, left out, repeated, other numbers, other nesting."""

from __future__ import annotations

import random
import re
from functools import cache

TOKEN = re.compile(r"\s+|;[^\n]*\n?|[()]|[^\s();]+")
WORDS = (
    "(", ")", "and", "or", "not", "=>", "<=", ">=", "<", ">", "=", "==", "!=", "distinct", "+",
    "-", "*", "/", "X_0", "X_1", "X_2", "Y_0", "Y_1", "X_9", "true", "false", "assert",
    "declare-const", "declare-fun", "Real", "Int", "set-logic", "check-sat", "()", "; or\n", "0",
    "1", "-1", "0.5", "3e-1", "-.5", "2.", "1e400", "1e99999", "nan", "-inf", "0x10", "1/2", "'",
    "[0]", "|X_0|", '"', "ite", "let", "(and)", "(or false)", "(not true)", "(- X_0)", "(/ 1 3)",
)  # fmt: skip
ALIKE = (
    ("and", "or", "=>", "not"), ("<=", ">=", "<", ">", "=", "==", "!=", "distinct"),
    ("+", "-", "*", "/"), ("X_0", "X_1", "X_2", "Y_0", "Y_1", "0.5", "-2"),
    ("and", "or"), ("<=", ">=", "<", ">", "=", "=="), ("+", "-"),
    WORDS[2:21],
)  # fmt: skip
NUMBERS = ("0", "-0.0", "1", "0.25", "-2", "1e-3", "+3", "1e3", "07", "0.1", "12345678901234567890")
NUMBER = re.compile(r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?")


def _number(rng: random.Random) -> str:
    return rng.choice(("-1", "-0.5", "0", "0.25", "0.1", "1.0", "1.5E0", "2", "25e-2", "1e-05"))


def _term(rng: random.Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.5:
        return rng.choice((_number(rng), f"X_{rng.randrange(3)}", f"Y_{rng.randrange(2)}"))
    inner = _term(rng, depth - 1)
    match rng.randrange(4):
        case 0:
            return f"(- {inner})"
        case 1:
            return f"({rng.choice('+-')} {inner} {_term(rng, depth - 1)} {_number(rng)})"
        case 2:
            return f"(* {_number(rng)} {inner})"
        case _:
            return f"(/ {inner} {rng.choice(('2', '-0.5', '4'))})"


def _formula(rng: random.Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.4:
        sign = rng.choice(("<=", ">=", "<=", ">=", "<", ">", "=", "!="))
        return f"({sign} {_term(rng, 2)} {_term(rng, 2)})"
    parts = [_formula(rng, depth - 1) for _ in range(rng.choice((1, 2, 2, 3)))]
    symbol = rng.choice(("and", "or", "and", "or", "not", "=>"))
    return f"({symbol} {parts[0] if symbol == 'not' else ' '.join(parts)})"


def text(rng: random.Random) -> str:
    """A file that is read: bounds of all inputs, and some formulas."""
    lines = ["; a property", "(set-logic QF_LRA)"]
    lines += [f"(declare-const {name} Real)" for name in ("X_0", "X_1", "X_2", "Y_0", "Y_1")]
    lines += [f"(assert (>= X_{i} -1)) (assert (<= X_{i} {rng.choice('12')}))" for i in range(3)]
    lines += [f"(assert {_formula(rng, 3)})" for _ in range(rng.randrange(1, 4))]
    return "\n".join(lines) + "\n"


def text_2(rng: random.Random) -> str:
    """The same in version 2, of one network with named tensors."""
    said = re.sub(r"\(declare-const [^)]*\)\n", "", text(rng))
    said = re.sub("([XY])_([0-9])", r"\1[0,\2]", said)
    return f"""(vnnlib-version <2.0>)
(declare-network f
    (declare-input X float32 [1,3])
    (declare-output Y float32 [1,2])
)
{said}"""


@cache
def sources(version: int) -> tuple[str, ...]:
    rng = random.Random(0)
    return tuple((text if version == 1 else text_2)(rng) for _ in range(400))


def _closing(tokens: list[str], start: int) -> int:
    """Where the list that opens at `start` ends."""
    depth = 0
    for position in range(start, len(tokens)):
        depth += (tokens[position] == "(") - (tokens[position] == ")")
        if depth == 0:
            return position
    return len(tokens) - 1


def _changed(rng: random.Random, tokens: list[str]) -> None:
    at = rng.randrange(len(tokens))
    lists = [k for k, token in enumerate(tokens) if token == "("]
    match rng.randrange(13):
        case 0:
            del tokens[at]
        case 1:
            tokens.insert(at, f" {rng.choice(WORDS)} ")
        case 2:
            tokens[at] = f" {rng.choice(WORDS)} "
        case 3:
            other = rng.randrange(len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        case 4 | 5 | 11 | 12:
            alike = rng.choice(ALIKE)
            same = [k for k, token in enumerate(tokens) if token in alike]
            if same:
                tokens[rng.choice(same)] = rng.choice(alike)
        case 6 | 7:
            numbers = [k for k, token in enumerate(tokens) if NUMBER.fullmatch(token)]
            if numbers:
                tokens[rng.choice(numbers)] = rng.choice(NUMBERS)
        case 8 if lists:  # a list once more, somewhere
            start = rng.choice(lists)
            tokens[at:at] = tokens[start : _closing(tokens, start) + 1]
        case 9 if lists:  # a list inside another
            start = rng.choice(lists)
            end = _closing(tokens, start) + 1
            depth = rng.choice((1, 1, 2, 120))
            around = rng.choice(("and", "or", "not", "-", "assert"))
            tokens[start:end] = [f"({around} "] * depth + tokens[start:end] + [")"] * depth
        case _ if lists:  # two lists exchanged, or one left out
            start, other = sorted((rng.choice(lists), rng.choice(lists)))
            end, last = _closing(tokens, start) + 1, _closing(tokens, other) + 1
            if end <= other:
                middle = tokens[other:last] + tokens[end:other] + tokens[start:end]
                tokens[start:last] = middle
            else:
                del tokens[start:end]


def mutant(seed: int) -> bytes:
    """An altered VNN-LIB file; of eight one has other bytes, the rest other tokens."""
    rng = random.Random(seed)
    source = rng.choice(sources(2 if seed % 10 == 9 else 1))
    if seed % 8 == 0:
        changed = bytearray(source.encode())
        for _ in range(rng.choice((1, 1, 3))):
            at = rng.randrange(len(changed))
            match rng.randrange(3):
                case 0:
                    changed[at] ^= 1 << rng.randrange(8)
                case 1:
                    del changed[at : at + rng.choice((1, 5, 50))]
                case _:
                    changed[at:at] = changed[at : at + rng.choice((1, 5, 50))]
        return bytes(changed)
    tokens = TOKEN.findall(source)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if tokens:
            _changed(rng, tokens)
    return "".join(tokens).encode()

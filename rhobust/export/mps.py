"""Mixed-integer linear programs as MPS text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..compiler.base.arrays import Mask, Vector
from ..compiler.base.later import sparse


@dataclass(frozen=True, eq=False)
class MixedProgram:
    """minimise cost @ v + constant over row_lower <= rows @ v <= row_upper, lower <= v <= upper.

    integral (n,): columns that take whole numbers only. Every row has one bound, or two equal ones.
    """

    cost: Vector
    constant: float
    lower: Vector
    upper: Vector
    integral: Mask
    rows: sparse.csr_array
    row_lower: Vector
    row_upper: Vector
    columns: tuple[str, ...]
    row_names: tuple[str, ...]


def write_mps(program: MixedProgram, name: str = "rhobust") -> str:
    """The program in free MPS, its numbers with all their digits.

    The objective's constant stands on the right-hand side of its row, negated, as CPLEX, Gurobi,
    SCIP and HiGHS read it.
    """
    return "\n".join(_lines(program, name)) + "\n"


def _lines(program: MixedProgram, name: str) -> Iterator[str]:
    yield f"NAME {name}"
    yield "ROWS"
    yield " N objective"
    lower, upper = program.row_lower.tolist(), program.row_upper.tolist()
    level = []
    for row, low, high in zip(program.row_names, lower, upper, strict=True):
        kind = "E" if low == high else "L" if low == -np.inf else "G"
        assert kind != "G" or high == np.inf, f"row {row} has two bounds"
        level.append(low if kind == "G" else high)
        yield f" {kind} {row}"
    yield "COLUMNS"
    yield from _columns(program)
    yield "RHS"
    if program.constant:
        yield f" RHS objective {-program.constant!r}"
    for row, number in zip(program.row_names, level, strict=True):
        if number:
            yield f" RHS {row} {number!r}"
    yield "BOUNDS"
    bounds = zip(program.columns, program.lower.tolist(), program.upper.tolist(), strict=True)
    for (column, low, high), whole in zip(bounds, program.integral.tolist(), strict=True):
        if whole and (low, high) == (0.0, 1.0):
            yield f" BV BOUND {column}"
        elif low == high:
            yield f" FX BOUND {column} {low!r}"
        else:
            yield f" MI BOUND {column}" if low == -np.inf else f" LO BOUND {column} {low!r}"
            yield f" PL BOUND {column}" if high == np.inf else f" UP BOUND {column} {high!r}"
    yield "ENDATA"


def _columns(program: MixedProgram) -> Iterator[str]:
    """The matrix by columns, whole ones between markers."""
    matrix = sparse.csc_array(program.rows)
    starts, rows, data = (part.tolist() for part in (matrix.indptr, matrix.indices, matrix.data))
    whole = False
    for k, column in enumerate(program.columns):
        if bool(program.integral[k]) != whole:
            whole = not whole
            yield f" MARKER 'MARKER' '{'INTORG' if whole else 'INTEND'}'"
        cost = float(program.cost[k])
        if cost or starts[k] == starts[k + 1]:
            yield f" {column} objective {cost!r}"  # a column has to be named once
        for place in range(starts[k], starts[k + 1]):
            yield f" {column} {program.row_names[rows[place]]} {data[place]!r}"
    if whole:
        yield " MARKER 'MARKER' 'INTEND'"

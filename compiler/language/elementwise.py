"""What a formula says of each element: one reading of it for all writers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, assert_never

from ..base.errors import LanguageError
from .formulas import And, Ball, Formula, Or, Relation

T = TypeVar("T")


def elements(
    formula: Formula,
    atoms: Callable[[Relation | Ball], list[T]],
    every: Callable[[list[T]], T],
    some: Callable[[list[T]], T],
) -> list[T]:
    """For each element what the formula says there; it holds when all of that does.

    atoms: the elements of a relation or ball. every, some: a conjunction, a disjunction of things.
    The meaning is that of `evaluator.truth`; an elementwise `Or` of parts that differ in size,
    which the evaluator does not read as the compile steps do, is refused.
    """

    def joined(found: list[T]) -> T:
        return found[0] if len(found) == 1 else every(found)

    def read(inner: Formula, aligned: bool) -> list[T]:
        match inner:
            case Relation() | Ball():
                return atoms(inner)
            case And(parts):
                found = [read(part, aligned) for part in parts]
                if not found:
                    return [every([])]
                if len({len(part) for part in found}) == 1:
                    return [joined(list(column)) for column in zip(*found, strict=True)]
                if aligned:
                    raise _ragged()
                return [every([one for part in found for one in part])]
            case Or(parts, elementwise):
                found = [read(part, elementwise) for part in parts]
                if not elementwise:
                    found = [[joined(part)] for part in found]
                if not found:
                    return [some([])]
                if len({len(part) for part in found}) > 1:
                    raise _ragged()
                columns = [list(column) for column in zip(*found, strict=True)]
                return [column[0] if len(column) == 1 else some(column) for column in columns]
            case _:
                assert_never(inner)

    return read(formula, False)


def _ragged() -> LanguageError:
    return LanguageError(
        "the parts of an elementwise Or differ in size; select or repeat elements so that all "
        "have one size"
    )

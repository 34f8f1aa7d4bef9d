"""Results as pandas tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from .compiler.base.errors import InputError
from .compiler.shown.record import Result

if TYPE_CHECKING:
    from pandas import DataFrame


class Tabular(Protocol):
    """What has a table of its own, as an evaluation does."""

    def to_dataframe(self) -> DataFrame: ...


def to_dataframe(results: Iterable[Result] | Tabular) -> DataFrame:
    """A pandas table with a row for each result, and a column for each key of their JSON.

    results: of any kind, also of several; of an evaluation its own table. Infinite numbers stay
    infinite, and what a result does not know is missing; lists, such as the rivals of an
    explanation, are left out. `index` counts from 0 where a result does not know its own. Raises
    InputError without pandas, and for what is no result.
    """
    if not isinstance(results, Iterable):
        return results.to_dataframe()
    rows: list[dict[str, Any]] = []
    for place, one in enumerate(results):
        if not isinstance(one, Result):
            raise InputError(f"a table is made of results, and not of a {type(one).__name__}")
        row = {key: _cell(value) for key, value in one.record().items() if _single(value)}
        if "index" in row and row["index"] is None:
            row["index"] = place
        rows.append(row)
    return frame(rows, list(dict.fromkeys(key for row in rows for key in row)))


def frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> DataFrame:
    """Rows as pandas has them; raises InputError where pandas is missing."""
    try:
        import pandas
    except ImportError:
        raise InputError("this needs pandas: pip install 'rhobust[pandas]'") from None
    return pandas.DataFrame(list(rows), columns=list(columns))


def _single(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _cell(value: object) -> object:
    return str(value) if isinstance(value, Enum) else value

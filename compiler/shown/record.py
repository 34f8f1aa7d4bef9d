"""Results as dicts and as strict JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from .numbers import nearest
from .value import Shown


class Result(Shown):
    """A frozen dataclass that is shown in a line, and written as JSON."""

    __slots__ = ()

    def record(self) -> dict[str, Any]:
        """What is known, by the keys of its JSON; numbers may be infinite here."""
        assert is_dataclass(self)
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def to_dict(self) -> dict[str, Any]:
        """What `to_json` writes, as Python has it: None for what is unknown or infinite."""
        return {key: plain(value) for key, value in self.record().items()}

    def to_json(self) -> str:
        """Strict JSON on one line; numbers that are not finite are null."""
        return json.dumps(self.to_dict(), allow_nan=False)


def finite(value: object) -> object:
    """The value, or None for what JSON has no number for."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def plain(value: object) -> Any:
    """The value as JSON has it: dicts, lists, texts, numbers that are finite, None."""
    match value:
        case None | bool() | int():
            return value
        case str():
            return str(value)  # also of a member of an enumeration
        case float():
            return finite(float(value))
        case Fraction():
            return finite(nearest(value))
        case np.generic() | np.ndarray():
            return plain(value.tolist())
        case Result():
            return value.to_dict()
        case Mapping():
            return {str(key): plain(one) for key, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(one) for one in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    return str(value)

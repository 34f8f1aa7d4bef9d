"""Libraries that are loaded when something of them is first used.

scipy.sparse takes a tenth of a second to load, and a small question builds no sparse matrix.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = ["linalg", "sparse"]

if TYPE_CHECKING:
    from scipy import linalg, sparse
else:

    class Later:
        """Stands for a module, whose names it hands on."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, name: str) -> object:
            value = getattr(import_module(self._name), name)
            setattr(self, name, value)  # and so it is asked for each name once
            return value

    linalg, sparse = Later("scipy.linalg"), Later("scipy.sparse")

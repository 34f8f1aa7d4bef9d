"""What is kept of the images of a test set, and of the questions that were asked of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .record import Decision, Record, Run

if TYPE_CHECKING:
    from .database import Store

__all__ = ["Decision", "Record", "Run", "Store"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """The store itself is loaded when it is first used: SQLAlchemy loads slowly."""
        if name != "Store":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return import_module(".database", __name__).Store

"""Several models in one table: natural, attacked, proven and smoothed accuracy, exact metrics."""

from __future__ import annotations

from .config import Config, read
from .filling import Matrix, fill

__all__ = ["Config", "Matrix", "fill", "read"]

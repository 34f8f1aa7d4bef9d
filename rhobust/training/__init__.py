"""Training of networks in the ways that the literature offers; needs PyTorch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .fine_tuning import Round, fine_tune
    from .history import Epoch, History
    from .module import module_of
    from .trainer import train

__all__ = ["Epoch", "History", "Round", "fine_tune", "module_of", "train"]

_HOMES = {
    "Epoch": ".history", "History": ".history", "Round": ".fine_tuning",
    "fine_tune": ".fine_tuning", "module_of": ".module", "train": ".trainer",
}  # fmt: skip

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOMES[name], __name__), name)

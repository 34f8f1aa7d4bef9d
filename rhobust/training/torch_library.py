"""PyTorch, which is needed for training alone and is no requirement of the rest."""

from __future__ import annotations

from typing import Any

from ..compiler.base.errors import InputError


def library() -> Any:
    """The module `torch`; InputError with the remedy where it is not installed."""
    try:
        import torch
        import torch.fx
    except ImportError as error:
        raise InputError(
            "training needs PyTorch, which is not installed: pip install 'rhobust[torch]'"
        ) from error
    return torch

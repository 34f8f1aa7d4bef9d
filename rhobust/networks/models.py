"""A model in hand, of PyTorch, Keras or scikit-learn, as a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from ..compiler.base.errors import InputError, ModelError
from ..compiler.network.graph import Network

Given: TypeAlias = Network | str | Path | Any
"""A network, an embedded name, a file, or a model of PyTorch, Keras or scikit-learn."""

LIBRARIES = {"torch.nn": "torch", "keras": "keras", "sklearn": "sklearn"}
"""Where the classes of models stand, and whose they are."""


def library(model: object) -> str:
    """Whose model an object is, without importing anything; "" for none."""
    for kind in type(model).__mro__:
        for module, name in LIBRARIES.items():
            if kind.__module__ == module or kind.__module__.startswith(f"{module}."):
                return name
    return ""


def model_of(model: Any, shape: Sequence[int]) -> Network:
    """The network of a model in hand; shape: of one input, which only PyTorch asks for.

    A module that takes images with a channel axis is read for (1, H, W) where the shape is (H, W).
    """
    kind = library(model)
    if kind == "keras":
        from ..compiler.importers.keras.files import from_keras

        return from_keras(model)
    if kind == "sklearn":
        from ..compiler.importers.sklearn.models import from_sklearn

        return from_sklearn(model)
    if kind != "torch":
        raise InputError(
            f"a {type(model).__name__} is no network; rb.load, rb.from_torch, rb.from_keras and "
            "rb.from_sklearn make one"
        )
    from ..compiler.importers.torch.module import from_torch

    if not shape:
        raise InputError(
            "the shape of one input is not known; rb.load(module, shape=(1, 28, 28)) tells it"
        )
    try:
        return from_torch(model, shape)
    except ModelError:
        if len(shape) != 2:
            raise
        return from_torch(model, (1, *shape))

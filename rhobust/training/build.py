"""The module that a configuration speaks of."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from ..compiler.base.errors import InputError
from ..networks.load import load
from .config import Model
from .module import module_of
from .torch_library import library

LAYERS = {
    "linear": "outputs",
    "conv": "channels, kernel, stride = 1, padding = 0",
    "relu": "",
    "flatten": "",
    "batchnorm": "",
    "dropout": "share",
    "maxpool": "kernel, stride = kernel",
    "avgpool": "kernel, stride = kernel",
}
"""Names of layers, and the numbers that follow."""


def build(model: Model, shape: Sequence[int], seed: int) -> Any:
    """A `torch.nn.Module` for images of a shape, with weights that follow from the seed."""
    torch = library()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if model.network:
            return module_of(load(model.network))
        if model.module:
            return _imported(torch, model.module)
        return _chain(torch, model.layers, shape)


def _imported(torch: Any, name: str) -> Any:
    package, _, kind = name.partition(":")
    try:
        made = getattr(importlib.import_module(package), kind)()
    except Exception as error:  # the module's own code may raise anything
        raise InputError(
            f"model.module {name!r} cannot be made: {error}; write it as package:Class, of a class "
            "without arguments"
        ) from error
    if not isinstance(made, torch.nn.Module):
        raise InputError(f"model.module {name!r} is no torch.nn.Module")
    return made


def _chain(torch: Any, layers: Sequence[Sequence[Any]], shape: Sequence[int]) -> Any:
    nn, steps = torch.nn, []
    sample = torch.zeros(1, *shape)
    for number, item in enumerate(layers, start=1):
        name, *numbers = item if isinstance(item, tuple | list) and item else (item,)
        try:
            if name == "linear":
                step = nn.Linear(sample.shape[1], *numbers)
            elif name == "conv":
                step = nn.Conv2d(sample.shape[1], *numbers)
            elif name == "batchnorm":
                kind = nn.BatchNorm2d if sample.dim() == 4 else nn.BatchNorm1d
                step = kind(sample.shape[1], *numbers)
            else:
                made = {
                    "relu": nn.ReLU, "flatten": nn.Flatten, "dropout": nn.Dropout,
                    "maxpool": nn.MaxPool2d, "avgpool": nn.AvgPool2d,
                }  # fmt: skip
                step = made[name](*numbers)
            with torch.no_grad():
                sample = step.eval()(sample)
        except KeyError:
            told = ", ".join(f"{name}" for name in LAYERS)
            raise InputError(f"layer {number}, {name!r}, is not known; there are: {told}") from None
        except (TypeError, RuntimeError, ValueError, IndexError) as error:
            raise InputError(
                f"layer {number}, {list(item)}, does not fit {tuple(sample.shape[1:])}: {error}; "
                f"it takes {LAYERS.get(name) or 'no numbers'}"
            ) from error
        steps.append(step)
    return nn.Sequential(*steps)

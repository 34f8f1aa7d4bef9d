"""The layers of a graph, one file each: all that the engine knows of a layer stands there.

To add one: a file, its line in `LAYERS`, a case in `tests/reference/layers.py`.
"""

from __future__ import annotations

from .absolute import Absolute
from .choice import Choice
from .clip import Clip
from .layer import Layer
from .leaky_relu import Leaky
from .linear import Linear
from .max_pool import MaxPool
from .maximum import Maximum
from .relu import Rectifier
from .sign import Sign
from .step import Step
from .sum import Sum
from .truncate import Truncate

LAYERS: tuple[type[Layer], ...] = (
    Linear,
    Sum,
    Rectifier,
    Leaky,
    Clip,
    Absolute,
    Maximum,
    MaxPool,
    Sign,
    Step,
    Choice,
    Truncate,
)

__all__ = [
    "LAYERS",
    "Absolute",
    "Choice",
    "Clip",
    "Layer",
    "Leaky",
    "Linear",
    "MaxPool",
    "Maximum",
    "Rectifier",
    "Sign",
    "Step",
    "Sum",
    "Truncate",
]

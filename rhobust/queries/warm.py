"""What searches load when they first need it, loaded before that."""

from __future__ import annotations

from importlib import import_module

import numpy as np

from ..compiler.base.kernel import use
from ..networks.running_example import running_example
from .verify import verify


def warm() -> None:
    """Loads, or compiles, the kernels of a search, the solver of its LPs, and the reader of ONNX.

    It starts no thread, so that it does not load onnxruntime.

    For a process from which others are forked, which then have all that.
    """
    import_module("..compiler.importers.onnx.load", __package__)
    use.numba()  # or so small a question would be answered without
    verify(running_example(), np.array([0.5, 0.9]), 0.2)  # takes four nodes

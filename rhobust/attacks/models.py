"""What is attacked: anything with logits and gradients, for many inputs at once."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

import numpy as np

from ..compiler.base.arrays import Matrix, Vector
from ..compiler.base.errors import InputError
from ..compiler.language.expressions import Variable, define
from ..compiler.network.graph import Network
from ..compiler.problem import Problem
from ..compiler.steps.compile import compile_formulas
from .passes import forward, gradients


class Model(Protocol):
    """points (N, D), logits (N, K).  Neither may change what it is given."""

    def logits(self, points: Matrix) -> Matrix:
        """The outputs at points."""

    def gradient(self, points: Matrix, weights: Matrix) -> Matrix:
        """The gradient (N, D) of sum(weights * logits) at each point; weights (N, K)."""


class NetworkModel:
    """A network, compiled once over the box of all valid inputs.

    lower, upper (D,).  Where a ReLU is at 0 its slope is taken to be 0.
    """

    def __init__(self, network: Network, lower: Vector, upper: Vector) -> None:
        self.network, self.lower, self.upper = network, lower, upper
        self._last: tuple[Matrix, list[Matrix]] | None = None

    @cached_property
    def problem(self) -> Problem:
        """Its atoms are the negated logits in their order."""
        x = Variable(self.network.input_size, self.lower, self.upper, "x")
        y = define(self.network(x), "logits")
        compiled = compile_formulas([y >= 0.0], inputs=(x,))
        if len(compiled.inputs) != 1 or compiled.inputs[0] is not x:
            raise InputError(
                f"{self.network.name} has a layer that jumps, such as Sign: it has no gradients; "
                "use a method that needs none, such as square"
            )
        return compiled.problem

    def logits(self, points: Matrix) -> Matrix:
        return self._forward(points)[1]

    def gradient(self, points: Matrix, weights: Matrix) -> Matrix:
        pres, _ = self._forward(points)
        return gradients(self.problem, pres, -weights @ self.problem.rows)

    def _forward(self, points: Matrix) -> tuple[list[Matrix], Matrix]:
        """Pre-activations of all stages, and the logits; kept for the gradient at these points."""
        problem = self.problem
        if self._last is None or self._last[0] is not points:
            pres, last = forward(problem, points)
            logits = -(last @ problem.rows.T + problem.offset)
            self._last = points, [*pres, logits]
        return self._last[1][:-1], self._last[1][-1]


class PlainModel:
    """A network by its own layers alone: logits, and no gradients."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def logits(self, points: Matrix) -> Matrix:
        return np.asarray(self.network.forward(points))

    def gradient(self, points: Matrix, weights: Matrix) -> Matrix:
        raise InputError(f"{self.network.name} is attacked by its outputs alone")


class TorchModel:
    """A torch module in evaluation mode; inputs are given to it in `shape`, as float32.

    shape: of one input.  Needs torch.
    """

    def __init__(self, module: Any, shape: tuple[int, ...]) -> None:
        try:
            import torch
        except ImportError:
            raise InputError("this needs torch: pip install 'rhobust[torch]'") from None
        self.torch, self.module, self.shape = torch, module.eval(), shape

    def _tensor(self, points: Matrix) -> Any:
        return self.torch.tensor(points.reshape(len(points), *self.shape), dtype=self.torch.float32)

    def logits(self, points: Matrix) -> Matrix:
        with self.torch.no_grad():
            found = self.module(self._tensor(points))
        return np.asarray(found.reshape(len(points), -1).numpy(), dtype=np.float64)

    def gradient(self, points: Matrix, weights: Matrix) -> Matrix:
        x = self._tensor(points).requires_grad_(True)
        outputs = self.module(x).reshape(len(points), -1)
        total = (outputs * self.torch.tensor(weights, dtype=outputs.dtype)).sum()
        (slope,) = self.torch.autograd.grad(total, x)
        return np.asarray(slope.reshape(len(points), -1).numpy(), dtype=np.float64)


class Counted:
    """A model that counts: rows of points whose logits, and whose gradients, were asked for."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.forwards, self.gradients = 0, 0

    def logits(self, points: Matrix) -> Matrix:
        self.forwards += len(points)
        return self.model.logits(points)

    def gradient(self, points: Matrix, weights: Matrix) -> Matrix:
        self.gradients += len(points)
        return self.model.gradient(points, weights)


def network_behind(model: Model) -> Network | None:
    """The network that a model evaluates, None for any other."""
    while isinstance(model, Counted):
        model = model.model
    return model.network if isinstance(model, NetworkModel | PlainModel) else None

"""Attacks of foolbox 3 (Rauber et al. 2020) on the same network, for as many gradients."""

from __future__ import annotations

import functools
import importlib.util
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..attacks.models import NetworkModel
from ..compiler.base.arrays import Matrix, Vector
from ..compiler.base.errors import InputError
from ..compiler.network.graph import Network
from ..compiler.operators import Chain, Convolution, LinearOperator
from ..compiler.question.claim import Claim
from ..witness.label import Validator
from ..witness.many import witnesses
from .proven import Proven
from .scores import Score

MISSING = "foolbox is not installed; pip install 'rhobust[foolbox]' compares with its attacks"

RADII = 20
"""Radii at which an attack that knows none is asked, in a geometric sequence."""

LARGEST = {"linf": 1.0, "l2": 4.0}
"""The last of these; the first is a hundredth of it."""

WEIGHTS = 9
"""Weights of the loss that Carlini and Wagner's attack tries."""

Made = Callable[[Any, int], Any]


def _deepfool(kind: str) -> Made:
    # each step asks for the gradients of ten candidates
    return lambda attacks, calls: getattr(attacks, kind)(steps=max(1, min(50, calls // 10)))


ATTACKS: dict[str, dict[str, Made]] = {
    "linf": {
        "FMN": lambda attacks, calls: attacks.LInfFMNAttack(steps=calls),
        "DeepFool": _deepfool("LinfDeepFoolAttack"),
        "PGD": lambda attacks, calls: attacks.LinfPGD(steps=max(1, calls // RADII)),
    },
    "l2": {
        "FMN": lambda attacks, calls: attacks.L2FMNAttack(steps=calls),
        "DDN": lambda attacks, calls: attacks.DDNAttack(steps=calls),
        "DeepFool": _deepfool("L2DeepFoolAttack"),
        "PGD": lambda attacks, calls: attacks.L2PGD(steps=max(1, calls // RADII)),
        "CW": lambda attacks, calls: attacks.L2CarliniWagnerAttack(
            binary_search_steps=WEIGHTS, steps=max(1, calls // WEIGHTS)
        ),
    },
}
"""By norm and name: from foolbox.attacks and a number of gradients to an attack."""


def installed() -> bool:
    """Whether foolbox and torch are there."""
    return all(importlib.util.find_spec(name) is not None for name in ("foolbox", "torch"))


def names(norm: str) -> list[str]:
    """The attacks for a norm."""
    return list(ATTACKS.get(norm, {}))


def foolbox_score(
    name: str, network: Network, images: Matrix, known: Proven, calls: int, seed: int
) -> Score:
    """The score of one of `ATTACKS` on images (N, D) in 0..1; its points are validated as ours."""
    if not installed():
        raise InputError(MISSING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import foolbox
        import torch

        torch.manual_seed(seed)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        module, counts = _module(network)
        model = foolbox.PyTorchModel(module, bounds=(0, 1))
        x = torch.tensor(images, dtype=torch.float32)
        y = torch.tensor(known.label)
        attack = ATTACKS[known.norm][name](foolbox.attacks, calls)
        begin = time.perf_counter()
        if isinstance(attack, foolbox.attacks.base.FixedEpsilonAttack):
            end = LARGEST[known.norm]
            radii = np.geomspace(0.01 * end, end, RADII).tolist()
            _, tries, _ = attack(model, x, y, epsilons=radii)
        else:
            tries = [attack.run(model, x, foolbox.criteria.Misclassification(y))]
        seconds = time.perf_counter() - begin
        torch.set_num_threads(threads)
    distance = np.full(len(images), np.inf)
    for points in tries:
        distance = np.minimum(distance, _distances(network, images, known, points))
    count = max(1, len(images))
    return Score(
        f"foolbox {name}", distance, known.lower, counts["gradients"] / count,
        counts["outputs"] / count, seconds,
    )  # fmt: skip


def _distances(network: Network, images: Matrix, known: Proven, points: Any) -> Vector:
    """Of validated examples at float32 points (N, D), inf where a point is none."""
    validators = [
        Validator(Claim.make(network, image, int(label), norm=known.norm))
        for image, label in zip(images, known.label, strict=True)
    ]
    found = witnesses(validators, points.detach().numpy().astype(np.float64))
    return np.array([np.inf if one is None else one.distance for one in found])


def _module(network: Network) -> tuple[Any, dict[str, int]]:
    """The network as a torch module in float32, and counts of what it was asked."""
    import torch

    size = network.input_size
    problem = NetworkModel(network, np.zeros(size), np.ones(size)).problem
    counts = {"gradients": 0, "outputs": 0}

    def tensor(values: Any) -> Any:
        return torch.tensor(np.array(values), dtype=torch.float32)

    def layer(operator: LinearOperator) -> Callable[[Any], Any]:
        if isinstance(operator, Chain):
            parts = [layer(part) for part in operator.parts]
            return lambda x: functools.reduce(lambda values, part: part(values), parts, x)
        if not isinstance(operator, Convolution):
            matrix = tensor(operator.apply(np.eye(operator.in_size)))
            return lambda x: x @ matrix
        weight, (top, left, bottom, right) = tensor(operator.weight), operator.padding

        def convolved(x: Any) -> Any:
            padded = torch.nn.functional.pad(
                x.reshape(-1, *operator.in_shape), (left, right, top, bottom)
            )
            return torch.nn.functional.conv2d(
                padded, weight, None, operator.stride, 0, operator.dilation, operator.groups
            ).flatten(1)

        return convolved

    stages = [
        (
            [(layer(op), source) for op, source in stage.terms],
            tensor(stage.bias),
            stage.relu,
        )
        for stage in problem.stages
    ]
    rows, offset = tensor(problem.rows.T), tensor(problem.offset)

    class Stages(torch.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            counts["gradients" if torch.is_grad_enabled() else "outputs"] += len(x)
            values = [x]
            for terms, bias, relu in stages:
                pre = bias + sum(apply(values[source]) for apply, source in terms)
                values.append(torch.relu(pre) if relu else pre)
            return -(values[-1] @ rows + offset)

    return Stages().eval(), counts

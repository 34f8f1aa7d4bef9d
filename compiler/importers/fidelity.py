"""Whether our reading of a model computes what the model's own runtime computes."""

from __future__ import annotations

import numpy as np

from ..base.arrays import Matrix
from ..base.errors import FidelityError, InputError, ModelError
from ..network.graph import Network

TOLERANCE = 1e-4
"""Relative difference accepted: far above float32 rounding, far below any misread operation."""
FEW = 2**22
"""Numbers in all tensors for a group of probes; fewer probes keep large models quick."""


def compare(network: Network, inputs: Matrix) -> float:
    """Largest difference between our forward pass and the runtime, infinite where it is not finite.

    inputs (B, D), rounded to float32 for both sides.  The difference is relative to the largest
    output, or to 1 if that is larger.
    """
    if network.runtime is None:
        raise InputError(f"{network.name} has no runtime to compare with")
    rounded = inputs.astype(np.float32).astype(np.float64)
    with np.errstate(all="ignore"):  # what overflows is seen in the result
        ours, theirs = network.forward(rounded), network.runtime(rounded)
    if ours.shape != theirs.shape or not (np.isfinite(ours) & np.isfinite(theirs)).all():
        return float("inf")
    return float(np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max()))


def probes(network: Network) -> tuple[Matrix, Matrix]:
    """At most eight inputs, of the size of pixels and much larger, (B, D) each.

    They are compared apart, so that no large output hides a difference in a small one.
    """
    rng = np.random.default_rng(0)
    size = network.input_size
    unit = [
        rng.uniform(size=size),
        rng.normal(size=size),
        np.zeros(size),
        np.ones(size),
        rng.uniform(size=size),
        rng.normal(size=size),
    ]
    large = [100.0 * rng.normal(size=size), 10.0 * rng.normal(size=size)]
    numbers = sum(network.size(node) for node in network.order)
    most = max(1, FEW // numbers)
    return np.array(unit[:most]), np.array(large[:most])


def check(network: Network, source: str) -> None:
    """Raises FidelityError where the network and its runtime disagree on the probes."""
    try:
        difference = max(compare(network, group) for group in probes(network))
    except MemoryError as error:
        raise ModelError(source, f"one forward pass needs too much memory: {error}") from error
    if difference == np.inf:
        raise FidelityError(
            source,
            "on an ordinary input its runtime gives numbers that are not finite, or not as many as "
            "we do: a weight overflows float32 (scale or train it again), or an operation is read "
            "wrongly here (please report it with the model)",
        )
    if not difference <= TOLERANCE:
        raise FidelityError(
            source,
            f"our forward pass and its runtime differ by {difference:.1e} of the largest output, "
            f"more than {TOLERANCE:.0e}: an operation is read wrongly here, or the model cancels "
            "large numbers in float32. Please report it with the model",
        )

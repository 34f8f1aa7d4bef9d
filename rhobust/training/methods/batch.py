"""What a method sees of a step: images with labels, the network, and how far training is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..convolution import gradients_by_images


@dataclass(frozen=True, slots=True)
class Batch:
    """images (B, *shape), labels (B,): tensors; low, high: ends of the domain.

    eps: the radius of this step; share: how far its growth has come, 0 to 1. options: numbers that
    only some methods have, see `OPTIONS`. generator: where all random numbers come from.
    """

    torch: Any
    module: Any
    images: Any
    labels: Any
    eps: float
    share: float
    low: float
    high: float
    options: Mapping[str, float]
    generator: Any

    def logits(self, images: Any) -> Any:
        return self.module(images).flatten(1)

    def cross_entropy(self, logits: Any) -> Any:
        return self.torch.nn.functional.cross_entropy(logits, self.labels)

    def normal(self) -> Any:
        """Standard normal numbers in the images' shape."""
        return self.torch.empty_like(self.images).normal_(generator=self.generator)

    def uniform(self) -> Any:
        """Numbers between -1 and 1 in the images' shape."""
        return self.torch.empty_like(self.images).uniform_(-1.0, 1.0, generator=self.generator)

    def inside(self, images: Any) -> Any:
        """Clipped to the domain."""
        return images.clamp(self.low, self.high)

    @property
    def counts(self) -> bool:
        """Whether layers learn statistics from the images that pass (batch normalisation)."""
        return any(name.endswith("running_mean") for name, _ in self.module.named_buffers())

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The network as it answers later: without dropout, with the statistics known so far.

        Gradients in here are those by images alone.
        """
        training = self.module.training
        self.module.eval()
        try:
            with gradients_by_images(self.module):
                yield
        finally:
            self.module.train(training)


OPTIONS: dict[str, float] = {
    "alpha": 0.5,  # weight of the natural loss beside an adversarial one (Goodfellow et al. 2015)
    "beta": 6.0,  # weight of TRADES' divergence (Zhang et al. 2019, section 5.2)
    "steps": 7,  # of PGD (Madry et al. 2018, for CIFAR-10)
    "eps_l2": 0.0,  # the l2 radius of `mixed`; 0: that of the ball as large as the l-inf one
    "kappa": 0.5,  # weight that the natural loss ends with, of ibp (Gowal et al. 2018)
    "small": 0.4,  # size of SABR's small box as a share of eps (Mueller et al. 2023)
    "sabr_steps": 8,  # of the search for its center
}
"""Numbers that methods take, with what they are where nothing is said."""

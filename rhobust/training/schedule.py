"""How the radius and the learning rate change from step to step."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """steps: of all epochs. The radius is 0 for `warmup` of them, a share, grows to eps by the
    share `rampup`, and stays; the rate falls to a tenth at each share of `decay`, and along half a
    cosine to 0 from the share `anneal` on (Loshchilov and Hutter 2017, without restarts).
    """

    steps: int
    eps: float
    rate: float
    warmup: float
    rampup: float
    decay: tuple[float, ...]
    anneal: float = 1.0

    def share(self, step: int) -> float:
        """How far the radius has grown at a step, 0 to 1: smoothly, slow at first."""
        done = (step + 1) / self.steps
        if self.rampup <= self.warmup:
            return 1.0
        share = min(1.0, max(0.0, (done - self.warmup) / (self.rampup - self.warmup)))
        return share * share * (3.0 - 2.0 * share)

    def rate_at(self, step: int) -> float:
        tenths = sum(step >= end * self.steps for end in self.decay)
        done = max(0.0, step / self.steps - self.anneal) / max(1.0 - self.anneal, 1e-12)
        return float(self.rate * 0.1**tenths * 0.5 * (1.0 + math.cos(math.pi * done)))

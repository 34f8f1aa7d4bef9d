"""Ways to train, one file a kind; each makes the loss of a batch.

To add one: a file with a function of a `Batch`, and its line in `METHODS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .adversarial import fgsm, mixed, pgd_l2, pgd_linf
from .batch import Batch
from .crown import crown_ibp
from .interval import ibp, sabr
from .noise import noise
from .plain import plain
from .trades import trades

METHODS: dict[str, Callable[[Batch], tuple[Any, Any]]] = {
    "plain": plain,
    "noise": noise,
    "fgsm": fgsm,
    "pgd-linf": pgd_linf,
    "pgd-l2": pgd_l2,
    "mixed": mixed,
    "trades": trades,
    "ibp": ibp,
    "crown-ibp": crown_ibp,
    "sabr": sabr,
}
"""From a batch to its loss, a scalar tensor, and scores (B, K) that are largest at the label that
the network gives: to the images where the loss takes these, or else to what stands for them.
"""

CERTIFIED = ("ibp", "crown-ibp", "sabr")
"""Those whose radius grows from 0 and whose loss turns from natural to proven."""

__all__ = ["CERTIFIED", "METHODS", "Batch"]

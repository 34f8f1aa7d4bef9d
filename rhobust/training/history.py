"""What was seen while a network was trained."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Epoch:
    """number: from 1. loss: mean over the batches; accuracy: share of training images with the
    right label as they were seen; eps: the last batch's radius; validation: share of the validation
    images with the right label, and their natural loss; None without any. seconds: of this epoch.
    """

    number: int
    loss: float
    accuracy: float
    eps: float
    rate: float
    seconds: float
    validation: float | None = None
    validation_loss: float | None = None


@dataclass(frozen=True, slots=True)
class History:
    """The epochs in order; stopped: why training ended before the last one, "" if it did not.

    best: the number of the epoch whose weights the module has.
    """

    method: str
    seed: int
    epochs: tuple[Epoch, ...]
    best: int
    stopped: str = ""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

"""What was seen while a network was trained."""

from __future__ import annotations

from dataclasses import dataclass

from ..compiler.shown.numbers import digits
from ..compiler.shown.record import Result
from ..compiler.shown.told import Detail, Told, count


@dataclass(frozen=True, slots=True, repr=False)
class Epoch(Result):
    """number: from 1. loss: mean over the batches; accuracy: share of training images with the
    right label, as the loss saw them (natural where it takes these, or else changed); eps: the last
    batch's radius; validation: share of the validation images with the right label, and their
    natural loss; None without any. seconds: of this epoch.
    """

    number: int
    loss: float
    accuracy: float
    eps: float
    rate: float
    seconds: float
    validation: float | None = None
    validation_loss: float | None = None

    def _told(self) -> Told:
        facts = ("loss", digits(self.loss)), ("accuracy", f"{self.accuracy:.1%}")
        return Told(f"Epoch {self.number}", facts)


@dataclass(frozen=True, slots=True, repr=False)
class History(Result):
    """The epochs in order; stopped: why training ended before the last one, "" if it did not.

    best: the number of the epoch whose weights the module has.
    """

    method: str
    seed: int
    epochs: tuple[Epoch, ...]
    best: int
    stopped: str = ""

    def _told(self) -> Told:
        facts = [("", count(len(self.epochs), "epoch")), ("best", str(self.best))]
        if self.epochs:
            last = self.epochs[-1]
            facts += [("loss", digits(last.loss)), ("accuracy", f"{last.accuracy:.1%}")]
        if self.stopped:
            facts.append(("stopped:", self.stopped))
        return Told(f"History of {self.method}", tuple(facts))

    def _detail(self) -> Detail:
        rows = tuple(
            (str(one.number), digits(one.loss), f"{one.accuracy:.1%}", digits(one.eps))
            for one in self.epochs
        )
        return Detail(("epoch", "loss", "accuracy", "eps"), rows)

"""What is asked of a portion of images: an attack, and what is shown of its examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..attacks.batch import Batch, Found
from ..attacks.bisection import nearest
from ..attacks.criterion import Criterion
from ..attacks.methods import Attack
from ..attacks.models import Model
from ..attacks.shortening import shortened
from ..clock import Deadline
from ..compiler.base.arrays import Matrix, Vector
from ..compiler.base.errors import InputError, RhobustError
from ..compiler.base.untrusted import tell
from ..compiler.network.graph import Network
from ..compiler.question.claim import Claim, Target
from ..results import AttackResult
from ..witness.label import LEAD, Validator, Witness
from ..witness.many import witnesses

CLOSE = 1e-6
"""A lead above 0, relative to the logits, that validation may still find to be none."""


PORTION = 128
"""Images at once: their values stay in the processor's cache, and products are long enough."""

WIDE = 4_000_000
"""Numbers of one portion's inputs at most."""

BUSY = 2_000_000_000
"""Multiplications of one portion's forward pass at most: each needs some memory."""


def portion(network: Network) -> int:
    """Images that are attacked at once."""
    most = min(WIDE // network.input_size, BUSY // max(1, network.work))
    return max(1, min(PORTION, most))


@dataclass(frozen=True)
class Portions:
    """One attack on one network, asked of portions of images."""

    network: Network
    method: Attack
    model: Model
    minimal: bool
    target: Target
    timeout: float | None
    seed: int

    def ask(
        self,
        first: Claim,
        images: npt.NDArray[Any],
        labels: Sequence[Any] | npt.NDArray[Any] | None,
        begin: int,
    ) -> Iterator[AttackResult]:
        """The results of some images, of which `first` is a claim about one like them."""
        limit = None if self.timeout is None else self.timeout * len(images)
        deadline = Deadline(limit)
        points = vectors(self.network, images, first)
        logits = np.asarray(self.network.forward(points))
        claims = [
            first.like(point, None if labels is None else labels[k], self.target, logits[k])
            for k, point in enumerate(points)
        ]
        witness, lead = self._clean(claims, logits)
        still = np.flatnonzero([found is None for found in witness])
        reason = ""
        if len(still):
            some = [claims[k] for k in still.tolist()]
            found, reason = self._run(some, points[still], deadline, begin)
            lead[still] = np.minimum(lead[still], found.lead)
            for k, one in zip(still.tolist(), self._validated(some, found), strict=True):
                witness[k] = one
        seconds = deadline.spent() / len(images)
        for k, claim in enumerate(claims):
            one = witness[k]
            yield AttackResult(
                one is not None, np.inf if one is None else one.distance, one,
                int(np.argmax(logits[k])), claim.label, self.method.name, claim.region.eps,
                str(claim.region.norm), float(lead[k]), seconds, "" if one is not None else reason,
            )  # fmt: skip

    def _clean(
        self, claims: Sequence[Claim], logits: Matrix
    ) -> tuple[list[Witness | None], Vector]:
        """Images that have lost their labels already, and the leads of all."""
        lead = Criterion.of(claims).lead(logits)
        near = lead <= LEAD * (1.0 + np.abs(logits).max(axis=1))
        return [
            Validator(claim.within(0.0)).check(claim.image) if near[k] else None
            for k, claim in enumerate(claims)
        ], lead

    def _run(
        self, claims: Sequence[Claim], images: Matrix, deadline: Deadline, begin: int
    ) -> tuple[Found, str]:
        """What the attack found, and why it ended early; an error of it is a failure."""
        region = claims[0].region
        batch = Batch(
            self.model, images, Criterion.of(claims), region.norm,
            np.full(len(images), region.eps), region.lower, region.upper,
            np.random.default_rng([self.seed, begin]), deadline.remaining,
            self.network.input_shape, together=portion(self.network),
        )  # fmt: skip
        try:
            if self.method.minimal:
                found = shortened(batch, self.method.run(batch))
            elif self.minimal:
                found = nearest(self.method, batch)
            else:
                found = self.method.run(batch)
        except RhobustError:
            raise
        except MemoryError:
            return Found.nothing(batch), "memory"
        except Exception as error:
            tell(error)
            return Found.nothing(batch), "failed"
        return found, "timeout" if deadline.stop() else ""

    def _validated(self, claims: Sequence[Claim], found: Found) -> list[Witness | None]:
        """The witnesses at the points found."""
        size = 1.0 + np.abs(self._outputs(claims, found)).max(axis=1)
        tried = np.flatnonzero(found.lead <= CLOSE * size)
        validators = [Validator(claims[k]) for k in tried.tolist()]
        answers: list[Witness | None] = [None] * len(claims)
        for k, one in zip(tried.tolist(), witnesses(validators, found.points[tried]), strict=True):
            answers[k] = one
        return answers

    def _outputs(self, claims: Sequence[Claim], found: Found) -> Matrix:
        return np.asarray(self.network.forward(found.points))


def vectors(network: Network, images: npt.NDArray[Any], claim: Claim) -> Matrix:
    """Images (N, ...) flat, (N, D), as `Claim.make` takes one; uint8 is divided by 255."""
    flat = np.asarray(images)
    network.check_input(flat[0])  # of another size or arrangement
    whole = flat.dtype == np.uint8
    points: Matrix = np.ascontiguousarray(flat, dtype=np.float64).reshape(len(flat), -1)
    if not np.isfinite(points).all():
        raise InputError("an image holds a number that is not finite")
    region = claim.region
    if whole and not ((region.lower <= 0) & (region.upper >= 255)).all():
        points = points / 255.0
    return points

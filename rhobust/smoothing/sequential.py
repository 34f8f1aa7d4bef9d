"""Whether a probability is above or below a limit, by bets that may stop at any time.

Who bets against "p <= limit" has a wealth of 1 and multiplies it by q / limit for each success and
by (1 - q) / (1 - limit) for each failure, for some q > limit. That is a fair game at p = limit and
a losing one below, so the wealth ever reaches 1 / alpha with a probability of at most alpha (Ville
1939; Waudby-Smith & Ramdas 2024). A mixture of such bets, of many q at once, is one as well, and
costs a constant factor against the best q in hindsight. The same with q < limit bets against
"p >= limit".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..compiler.base.arrays import Mask, Vector

FIRST, GROWTH = 16, 4
"""Samples between two looks: the first number, and later a quarter of those before."""

HALVINGS = 12
"""Bets whose q comes so many times nearer by half to the limit, and as many to 0 or 1."""

RUIN = -1e30
"""In the place of the logarithm of 0."""

SLACK = 1e-9
"""Taken off the logarithm of wealth, for the rounding of its computation."""


class Wealth:
    """answer: True once p is above the limit, False once below, each wrong with at most alpha.

    limit: in (0, 1]; where it is 1, nothing is above.
    """

    def __init__(self, limit: Fraction, alpha: float) -> None:
        self.count = self.samples = 0
        self.answer: bool | None = False if limit >= 1 else None
        self._needed = -math.log(alpha) + SLACK
        p = float(limit)
        if self.answer is None:
            self._above = _bets(p, True)
            self._below = _bets(p, False)

    def portions(self, most: int) -> Iterator[int]:
        """How many samples to draw next, at most `most` in all; none once there is an answer."""
        while self.samples < most and self.answer is None:
            part = max(FIRST, self.samples // GROWTH // FIRST * FIRST)
            yield min(part, most - self.samples)

    def add(self, hits: Mask) -> None:
        """Takes in samples, in their order (B,): whether each had the label."""
        sums = self.count + np.cumsum(hits)
        trials = self.samples + np.arange(1, len(hits) + 1)
        self.count, self.samples = int(sums[-1]), int(trials[-1])
        if self.answer is not None:
            return
        for bets, answer in ((self._above, True), (self._below, False)):
            if (wealth(bets, sums, trials - sums) >= self._needed).any():
                self.answer = answer
                return


Bets = tuple[Vector, Vector, Vector]
"""Logarithms of shares, and of factors for a success and for a failure; (M,) each."""


def _bets(limit: float, above: bool) -> Bets:
    """Bets against p <= limit, or those against p >= limit: with success and failure swapped."""
    if not above:
        share, failure, success = _bets(1.0 - limit, True)
        return share, success, failure
    halves = 0.5 ** np.arange(1.0, HALVINGS + 1)
    # 1 - q, from just below 1 - limit down to 0: a bet that only a failure can lose
    rest = (1.0 - limit) * np.concatenate([1.0 - halves[:0:-1], halves, [0.0]])
    place = np.arange(1.0, HALVINGS + 1)
    weight = 1.0 / np.concatenate([place[:0:-1], place, [1.0]])
    success = np.log((1.0 - rest) / limit)
    failure = np.append(np.log(rest[:-1] / (1.0 - limit)), RUIN)
    share = np.log(weight / weight.sum())
    # rounded down, and so much that what sums of products lose is covered
    down = 1e-14
    return share - down, success - down * (1.0 + np.abs(success)), failure - down


def wealth(
    bets: Bets, hits: npt.NDArray[np.int64], misses: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """The logarithm of the mixture's wealth after so many successes and failures, (B,)."""
    share, success, failure = bets
    each = share[:, None] + success[:, None] * hits + failure[:, None] * misses
    most = each.max(axis=0)
    total: npt.NDArray[np.float64] = most + np.log(np.exp(each - most).sum(axis=0))
    return total

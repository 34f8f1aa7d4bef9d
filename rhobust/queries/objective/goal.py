"""What is asked of an objective, and the answer that follows from what is known of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SMALL = 1e-6
"""Values below it are treated like it by a relative gap, which nothing meets at 0."""


@dataclass(frozen=True, slots=True)
class Goal:
    """Everything is minimised, a maximum by its sign -1; sign 0: any solution will do.

    good: a value below it is all that is asked; bad: values above it are of no interest; both of
    what is minimised.  gap: relative distance of value and bound that counts as none.
    """

    sign: float
    good: float
    bad: float
    gap: float

    @staticmethod
    def of(sign: float, stops: tuple[float | None, float | None], gap: float) -> Goal:
        """stops: the numbers above and below which the best value only has to be known to lie."""
        above, below = stops
        # for a maximum the roles change: a good value is one above the threshold
        good, bad = (below, above) if sign > 0 else (above, below)
        low = -np.inf if good is None else sign * good
        return Goal(sign, low, np.inf if bad is None else sign * bad, gap)

    def slack(self, best: float) -> float:
        """The distance of value and bound that counts as none; not 0 where the value is."""
        return self.gap * max(abs(best), SMALL) if np.isfinite(best) else 0.0

    def cutoff(self, best: float) -> float:
        """Values above it are of no interest: no better than the best known, or on the bad side."""
        if not self.sign:
            return 0.0
        below = best - self.slack(best)
        if below == best < np.inf:
            below = float(np.nextafter(best, -np.inf))
        return min(below, self.bad)

    def reached(self, best: float) -> bool:
        """Whether a solution with this value is all that was asked."""
        return not self.sign or best < self.good

    def answer(
        self, found: bool, best: float, proven: float, closed: bool, reason: str
    ) -> tuple[str, str, float, float]:
        """Status, reason, value and bound, once all values below `proven` are excluded.

        closed: nothing is left below the cutoff.
        """
        reason = reason or ("" if closed else "numerical")
        if not self.sign:
            if found or closed:
                return "sat" if found else "unsat", "", np.nan, np.nan
            return "timeout" if reason == "timeout" else "unknown", reason, np.nan, np.nan
        if closed:
            # all that is left is worse than the best known, or on the bad side
            status = "optimal" if found and best <= self.bad else "sat" if found else "unsat"
            if not found and np.isfinite(self.bad):
                status, reason = "unknown", "stopped: no value reaches the threshold"
        elif found and best < self.good:
            status, reason = "sat", ""
        elif found and proven >= best - self.slack(best):
            status, reason = "optimal", ""
        else:
            status = "timeout" if reason == "timeout" else "unknown"
        return status, reason, self.sign * best if found else np.nan, self.sign * proven

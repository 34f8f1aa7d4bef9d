"""Lines below and above r = max(z, 0), of each unit or of each unit of several nodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arithmetic import UP, Array


def slopes(low: Array, high: Array) -> tuple[Array, Array, Array]:
    """Plain alpha, and s, t >= 0 with max(z, 0) <= s z + t for all low <= z <= high; any shape.

    Unstable: s >= u / (u - l), t >= -s l; s (l - l) = 0 and s (u - l) >= u. Active: s = 1, t = 0.
    Rule: triangle.
    """
    active, unstable = low >= 0.0, (low < 0.0) & (high > 0.0)
    width = np.where(unstable, high - low, 1.0)
    chord = np.minimum(np.where(unstable, high, 0.0) / width * UP + 1e-300, 1.0)
    s = np.where(active, 1.0, np.where(unstable, chord, 0.0))
    t = np.where(unstable, -s * low * UP + 1e-300, 0.0)
    return np.where(active | (unstable & (high > -low)), 1.0, 0.0), s, t


@dataclass(slots=True)
class Slopes:
    """For each of B nodes and V units: alpha, s and t, the bounds that they are for, and
    beta, negative on z <= 0."""

    alpha: Array
    s: Array
    t: Array
    bounds: tuple[Array, Array]
    beta: Array | None = None

    @classmethod
    def plain(cls, low: Array, high: Array) -> Slopes:
        return cls(*slopes(low, high), (low, high))

    def with_alpha(self, alpha: Array, low: Array, high: Array) -> Slopes:
        """Other slopes where a unit is unstable."""
        unstable = (low < 0.0) & (high > 0.0)
        alpha = np.where(unstable, alpha, self.alpha)
        return Slopes(alpha, self.s, self.t, self.bounds, self.beta)

    def where_positive(self, alpha: Array) -> Slopes:
        """Other slopes where they are positive, of stable units too: max(z, 0) >= alpha z for
        every z. A search may have relaxed a unit that is known here to be active.  Rule: triangle.
        """
        alpha = np.where(alpha > 0.0, alpha, self.alpha)
        return Slopes(alpha, self.s, self.t, self.bounds, self.beta)

    def update(self, span: slice, low: Array, high: Array) -> None:
        """Plain slopes of some units again; low, high (B, V)."""
        new = slopes(low[:, span], high[:, span])
        self.alpha[:, span], self.s[:, span], self.t[:, span] = new

    def at(self, owner: Array, units: slice) -> tuple[Array, Array, Array]:
        return self.alpha[owner, units], self.s[owner, units], self.t[owner, units]

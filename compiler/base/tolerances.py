"""The one place of tolerances: each with unit and reason; passed on."""

from __future__ import annotations

from dataclasses import dataclass

MARGIN = 1e-7
"""Rows up to which a candidate is looked at in exact numbers: below float64's error it may hold."""


@dataclass(frozen=True, slots=True)
class Tolerances:
    """None of these touches a proof or a witness; they steer the untrusted parts and the word
    `exact`.
    """

    feasibility: float = 1e-7  # row violation accepted from the LP solver, input or logit units
    exact_absolute: float = 1e-6  # rho counts as exact when upper - lower is at most this
    exact_relative: float = 1e-4  # and at most this times upper

    def slack(self, rho: float) -> float:
        """The largest gap at which rho counts as exact."""
        return min(self.exact_absolute, self.exact_relative * rho)

"""Distributions fitted to rho, as in the literature on robustness distributions.

Bosman, Hoos and van Rijn (2023, 2025) find that critical radii of many MNIST classifiers follow a
log-normal distribution, by a Kolmogorov-Smirnov test. Here the radii may be known as intervals
only: the fit is by maximum likelihood of what is known (exact, interval, right-censored), and
the test's statistic has two sides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..compiler.base.arrays import Mask, Vector
from ..compiler.base.errors import InputError
from .intervals import Results, distances

CANDIDATES = ("log-normal", "log-logistic", "gamma", "Weibull", "half-normal", "exponential")
"""Names of the families; all have a positive scale, and most a positive shape."""

EXACT = 1e-3
"""An interval no wider than this share of its upper end is taken for a number."""

LEAST = 5
"""Radii that a fit needs: with fewer every family fits."""


@dataclass(frozen=True, slots=True)
class Fit:
    """One family, fitted by maximum likelihood.

    parameters: `shape` (of the log-normal: the deviation of log rho) and `scale` (of the
    log-normal: the median), in the radius's unit; no shape where the family has none.
    log_likelihood: of densities where rho is exact, of probabilities where it is an interval.
    aic: Akaike 1974, 2 k - 2 log likelihood; less is better, and only differences mean something.
    statistic: at least and at most the Kolmogorov-Smirnov distance between the family and the
    sample's own distribution; the same number where all of rho is exact.
    p: of the two ends, in the order of `statistic`. Parameters were fitted to the same images, so
    p is too large: a small one speaks against the family, a large one not for it; `bootstrap` has
    the p that counts with it.
    exact, intervals, censored: images of each kind. zero: misclassified images, whose rho is 0, and
    never: images whose whole domain holds no example; neither are part of the fit.
    """

    family: str
    parameters: Mapping[str, float]
    log_likelihood: float
    aic: float
    statistic: tuple[float, float]
    p: tuple[float, float]
    exact: int
    intervals: int
    censored: int
    zero: int
    never: int

    def cdf(self, eps: Vector | float) -> Vector:
        """The fitted share of images with rho <= eps among those of the fit."""
        shape = [self.parameters["shape"]] if "shape" in self.parameters else []
        family = _families()[self.family]
        found: Vector = np.asarray(family.cdf(eps, *shape, scale=self.parameters["scale"]))
        return found

    def bootstrap(self, samples: int = 99, seed: int = 0) -> tuple[float, float]:
        """p of the two ends of `statistic`, without the favour of fitted parameters.

        Samples of as many exact radii are drawn from the fit, the family is fitted to each again,
        and p is the share of those at least as far from theirs (the parametric bootstrap; for the
        normal and the exponential what Lilliefors 1967, 1969 tabulates).
        """
        if samples < 1:
            raise InputError(f"samples is {samples}, and should be positive")
        draw, count = np.random.default_rng(seed), self.exact + self.intervals + self.censored
        family, name = _families()[self.family], self.family
        shape = [self.parameters["shape"]] if "shape" in self.parameters else []
        apart = np.empty(samples)
        for k in range(samples):
            rho = family.rvs(*shape, size=count, random_state=draw)
            apart[k] = _fit(name, _Sample.of(rho, rho), 1.0, 0, 0).statistic[0]
        least, most = (float((1 + (apart >= one).sum()) / (samples + 1)) for one in self.statistic)
        return least, most


def fit(results: Results, families: Sequence[str] = CANDIDATES) -> list[Fit]:
    """The families fitted to rho of all images, the best (least AIC) first.

    results: as in `rb.metrics`. Misclassified images have rho 0 everywhere: a point mass, which is
    counted and left out. InputError where a family is not known or fewer than five images are left,
    or where nothing is known from above: no example was found of any.
    """
    unknown = set(families) - set(CANDIDATES)
    if unknown:
        raise InputError(f"{sorted(unknown)[0]!r} is no family; known: {', '.join(CANDIDATES)}")
    known = distances(results)
    zero, never = known.upper == 0.0, np.isinf(known.lower)
    part = known.kept(~zero & ~never) if (~zero & ~never).any() else None
    if part is None or len(part) < LEAST:
        raise InputError(f"a fit needs {LEAST} images with a positive rho")
    if not np.isfinite(part.upper).any():
        raise InputError("no example was found of any image, so nothing bounds rho from above")
    unit = float(np.median(part.upper[np.isfinite(part.upper)]))
    sample = _Sample.of(np.minimum(part.lower, part.upper) / unit, part.upper / unit)
    found = [_fit(name, sample, unit, int(zero.sum()), int(never.sum())) for name in families]
    return sorted(found, key=lambda one: one.aic)


@dataclass(frozen=True, eq=False)
class _Sample:
    """Radii in a unit of their own: points, intervals (first may be 0), and lower ends alone."""

    points: Vector
    lower: Vector
    upper: Vector
    beyond: Vector

    @classmethod
    def of(cls, lower: Vector, upper: Vector) -> _Sample:
        censored: Mask = np.isinf(upper)
        exact = ~censored & (upper - lower <= EXACT * upper)
        mixed = ~censored & ~exact
        middle = 0.5 * (lower[exact] + upper[exact])
        return cls(middle, lower[mixed], upper[mixed], lower[censored])

    def __len__(self) -> int:
        return len(self.points) + len(self.lower) + len(self.beyond)

    def middles(self) -> Vector:
        """A positive number for each image, where a fit begins."""
        found: Vector = np.concatenate(
            [self.points, 0.5 * (self.lower + self.upper), np.maximum(self.beyond, 1e-3)]
        )
        return found

    def distance(self, cdf: Callable[[Vector], Vector]) -> tuple[float, float]:
        """At least and at most the Kolmogorov-Smirnov distance of the sample.

        Its distribution function lies between that of the upper and that of the lower ends; the
        largest difference is at one of their steps, from the left or from the right.
        """
        nowhere = np.full(len(self.beyond), np.inf)
        above = np.sort(np.concatenate([self.points, self.lower, self.beyond]))
        below = np.sort(np.concatenate([self.points, self.upper, nowhere]))
        steps = np.unique(np.concatenate([above, below[np.isfinite(below)]]))
        fitted, count = cdf(steps), len(self)
        apart, least = np.zeros(1), np.zeros(1)
        for side in ("left", "right"):
            low = np.searchsorted(below, steps, side=side) / count
            high = np.searchsorted(above, steps, side=side) / count
            apart = np.maximum(apart, np.maximum(high - fitted, fitted - low).max())
            least = np.maximum(least, np.maximum(low - fitted, fitted - high).max())
        if len(self.beyond):  # to the right of all steps the sample's function may stay where it is
            apart = np.maximum(apart, 1.0 - np.searchsorted(below, np.inf, side="left") / count)
        return float(least[0]), float(apart[0])


def _fit(name: str, sample: _Sample, unit: float, zero: int, never: int) -> Fit:
    from scipy.optimize import minimize
    from scipy.stats import kstwo

    family = _families()[name]
    shaped = bool(family.shapes)

    def split(logs: Vector) -> tuple[list[float], float]:
        values = np.exp(np.clip(logs, -40.0, 40.0)).tolist()
        return (values[:1] if shaped else []), values[-1]

    def loss(logs: Vector) -> float:
        shape, scale = split(logs)
        value = -_log_likelihood(family, shape, scale, sample)
        return value if math.isfinite(value) else 1e300

    begin = np.log(_guess(name, np.maximum(sample.middles(), 1e-12)))
    near = np.asarray(minimize(lambda x: loss(x) / len(sample), begin, method="L-BFGS-B").x)
    best = near if loss(near) <= loss(begin) else begin
    # differences of losses end in rounding; a small simplex does not need them
    options = {
        "xatol": 1e-6, "fatol": 1e-9, "maxfev": 4000,
        "initial_simplex": np.vstack([best, best + 0.005 * np.eye(len(best))]),
    }  # fmt: skip
    best = np.asarray(minimize(loss, best, method="Nelder-Mead", options=options).x)
    shape, scale = split(best)
    # a density in the radius's unit is one in the sample's unit, divided by that unit
    likelihood = -loss(best) - len(sample.points) * math.log(unit)
    least, most = sample.distance(lambda eps: family.cdf(eps, *shape, scale=scale))
    count = len(sample)
    p = tuple(min(1.0, max(0.0, float(kstwo.sf(one, count)))) for one in (least, most))
    parameters = ({"shape": shape[0]} if shaped else {}) | {"scale": scale * unit}
    return Fit(
        name, parameters, likelihood, 2.0 * len(parameters) - 2.0 * likelihood, (least, most),
        (p[0], p[1]), len(sample.points), len(sample.lower), len(sample.beyond), zero, never,
    )  # fmt: skip


def _guess(name: str, rho: Vector) -> Vector:
    """Parameters to begin with, from moments: of some families those of exact radii."""
    logs = np.log(rho)
    centre, spread = float(logs.mean()), max(float(logs.std()), 1e-3)
    mean, root = float(rho.mean()), float(np.sqrt((rho * rho).mean()))
    skew = max(math.log(mean) - centre, 1e-6)  # Minka 2002, of the gamma's shape
    gamma = (3.0 - skew + math.sqrt((skew - 3.0) ** 2 + 24.0 * skew)) / (12.0 * skew)
    weibull = math.pi / math.sqrt(6.0) / spread
    guesses = {
        "log-normal": [spread, math.exp(centre)],
        "log-logistic": [math.pi / math.sqrt(3.0) / spread, math.exp(centre)],
        "gamma": [gamma, mean / gamma],
        "Weibull": [weibull, math.exp(centre + np.euler_gamma / weibull)],
        "half-normal": [root],
        "exponential": [mean],
    }
    return np.array(guesses[name])


def _log_likelihood(family: Any, shape: Sequence[float], scale: float, sample: _Sample) -> float:
    """log f(rho) where it is exact, log (F(u) - F(l)) of an interval, log (1 - F(l)) beyond l."""
    with np.errstate(all="ignore"):
        total = 0.0
        if len(sample.points):
            total += float(family.logpdf(sample.points, *shape, scale=scale).sum())
        if len(sample.beyond):
            total += float(family.logsf(sample.beyond, *shape, scale=scale).sum())
        if len(sample.lower):
            # of the two forms of a difference, the one whose terms are small loses no digits
            left = family.cdf(sample.lower, *shape, scale=scale)
            right = family.cdf(sample.upper, *shape, scale=scale)
            tails = family.sf(sample.lower, *shape, scale=scale)
            tails = tails - family.sf(sample.upper, *shape, scale=scale)
            inside = np.where(right < 0.5, right - left, tails)
            total += float(np.log(np.maximum(inside, 1e-300)).sum())
    return total


def _families() -> Mapping[str, Any]:
    from scipy import stats

    return {
        "log-normal": stats.lognorm,
        "log-logistic": stats.fisk,
        "gamma": stats.gamma,
        "Weibull": stats.weibull_min,
        "half-normal": stats.halfnorm,
        "exponential": stats.expon,
    }

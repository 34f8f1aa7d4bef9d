"""Fits of rho: closed forms, scipy's own, a grid, and the parameters that data were drawn from."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from rhobust import metrics
from rhobust.compiler.base.errors import InputError

from .records import made, record

DRAWN = {
    "log-normal": stats.lognorm(0.5, scale=0.1),
    "Weibull": stats.weibull_min(1.7, scale=0.1),
    "gamma": stats.gamma(3.0, scale=0.04),
    "log-logistic": stats.fisk(3.0, scale=0.1),
    "half-normal": stats.halfnorm(scale=0.1),
    "exponential": stats.expon(scale=0.1),
}


def exact(rho: np.ndarray) -> np.ndarray:
    return np.column_stack([rho, rho])


def sample(family: str, count: int, seed: int) -> np.ndarray:
    found: np.ndarray = DRAWN[family].rvs(count, random_state=np.random.default_rng(seed))
    return found


def test_the_log_normal_has_a_closed_form() -> None:
    rho = sample("log-normal", 200, 1)
    (found,) = metrics.fit(exact(rho), ["log-normal"])
    assert found.parameters["scale"] == pytest.approx(math.exp(np.log(rho).mean()), rel=1e-5)
    assert found.parameters["shape"] == pytest.approx(np.log(rho).std(), rel=1e-5)
    density = stats.lognorm.logpdf(rho, found.parameters["shape"], 0, found.parameters["scale"])
    assert found.log_likelihood == pytest.approx(density.sum())
    assert found.aic == pytest.approx(4.0 - 2.0 * density.sum())
    assert (found.exact, found.intervals, found.censored, found.zero) == (200, 0, 0, 0)


def test_the_exponential_counts_what_is_censored() -> None:
    # the sum of all radii known, over the number of examples
    rho = np.array([[0.1, 0.1], [0.2, 0.2], [0.4, 0.4], [0.3, math.inf], [0.5, math.inf]])
    (found,) = metrics.fit(rho, ["exponential"])
    assert found.parameters["scale"] == pytest.approx(1.5 / 3, rel=1e-5)
    assert (found.exact, found.censored) == (3, 2) and found.aic == pytest.approx(
        2 - 2 * (-3 * math.log(0.5) - 3)
    )


@pytest.mark.parametrize("family", DRAWN)
def test_fits_are_those_of_scipy(family: str) -> None:
    """scipy's own fit of the same censored data is no better."""
    rho = sample(family, 150, 2)
    lower, upper = np.where(rho > 0.15, 0.15, rho), np.where(rho > 0.15, math.inf, rho)
    lower[:30], upper[:30] = 0.8 * lower[:30], 1.3 * upper[:30]
    (found,) = metrics.fit(np.column_stack([lower, upper]), [family])
    width = upper - lower
    data = stats.CensoredData(
        uncensored=lower[width == 0], right=lower[np.isinf(upper)],
        interval=np.column_stack([lower, upper])[np.isfinite(upper) & (width > 0)],
    )  # fmt: skip
    theirs = DRAWN[family].dist

    def likelihood(parameters: tuple[float, ...]) -> float:
        """One image after the other."""
        frozen, total = theirs(*parameters), 0.0
        for low, high in zip(lower, upper, strict=True):
            if low == high:
                total += math.log(frozen.pdf(low))
            else:
                total += math.log(frozen.cdf(high) - frozen.cdf(low))
        return total

    ours = [found.parameters[key] for key in ("shape", "scale") if key in found.parameters]
    own = likelihood((*ours[:-1], 0.0, ours[-1]))
    assert own == pytest.approx(found.log_likelihood, rel=1e-6)
    assert likelihood(theirs.fit(data, floc=0)) <= own + 1e-4


@pytest.mark.parametrize("family", DRAWN)
def test_the_family_is_found_again(family: str) -> None:
    rho = sample(family, 1200, 3)
    both = np.column_stack([0.9 * rho, 1.1 * rho])
    both[::3] = rho[::3, None]  # a third exact
    both[rho > 0.2, 1] = math.inf
    both[rho > 0.2, 0] = 0.2
    (found,) = metrics.fit(both, [family])
    eps = np.linspace(0.01, 0.2, 30)
    assert np.abs(found.cdf(eps) - DRAWN[family].cdf(eps)).max() < 0.05
    if family not in ("half-normal", "exponential"):  # these are of other families, too
        assert metrics.fit(both)[0].family == family


def test_the_distance_of_exact_data_is_scipys() -> None:
    rho = sample("gamma", 80, 4)
    for found in metrics.fit(exact(rho)):
        theirs = stats.kstest(rho, found.cdf)
        assert found.statistic == pytest.approx((theirs.statistic,) * 2)
        assert found.p[0] == pytest.approx(theirs.pvalue, rel=1e-6)


def test_the_distance_of_intervals_has_two_sides() -> None:
    draw, rho = np.random.default_rng(5), sample("log-normal", 60, 5)
    both = np.column_stack([0.8 * rho, np.where(rho > 0.2, math.inf, 1.2 * rho)])
    (found,) = metrics.fit(both, ["log-normal"])
    least, most = found.statistic
    assert found.p[1] <= found.p[0]
    for _ in range(50):
        ends = np.where(np.isinf(both[:, 1]), 2.0, both[:, 1])
        inside = both[:, 0] + draw.random(60) * (ends - both[:, 0])
        assert least - 1e-9 <= stats.kstest(inside, found.cdf).statistic <= most + 1e-9


def test_point_masses_are_counted_and_left_out() -> None:
    records = made(60, 6, wrong=0.2)
    records.append(record(60, math.inf, math.inf))
    found, best = metrics.fit(records, ["log-normal"])[0], metrics.fit(records)[0]
    assert found.zero == sum(not one.correct for one in records) and found.never == 1
    assert found.exact + found.intervals + found.censored + found.zero + found.never == 61
    assert best.aic <= found.aic


def test_the_unit_of_the_radius_does_not_matter() -> None:
    rho = sample("Weibull", 100, 7)
    one, other = metrics.fit(exact(rho))[0], metrics.fit(exact(255.0 * rho))[0]
    assert one.family == other.family
    assert one.parameters["shape"] == pytest.approx(other.parameters["shape"], rel=1e-4)
    assert 255.0 * one.parameters["scale"] == pytest.approx(other.parameters["scale"], rel=1e-4)


def test_what_cannot_be_fitted_is_refused() -> None:
    with pytest.raises(InputError, match="needs 5"):
        metrics.fit(exact(np.array([0.0, 0.1, 0.2, 0.3, 0.4])))
    with pytest.raises(InputError, match="from above"):
        metrics.fit(np.array([[0.1, math.inf]] * 6))
    with pytest.raises(InputError, match="no family"):
        metrics.fit(exact(np.full(9, 0.1)), ["normal"])


def test_equal_radii_are_fitted_without_an_error() -> None:
    for found in metrics.fit(exact(np.full(9, 0.1))):
        assert math.isfinite(found.aic) and 0.0 <= found.p[0] <= 1.0


@pytest.mark.slow
@pytest.mark.parametrize(("family", "critical"), [("exponential", 0.234), ("log-normal", 0.190)])
def test_the_bootstrap_finds_the_tables_of_lilliefors(family: str, critical: float) -> None:
    """Of 20 radii, 5 % of samples are farther (Lilliefors 1969, 1967); the plain p says 20 %."""
    (found,) = metrics.fit(exact(sample(family, 20, 8)), [family])
    low, high = replace(found, statistic=(critical, 2 * critical)).bootstrap(199)
    assert 0.02 <= low <= 0.09 and high == 1 / 200
    assert stats.kstwo.sf(critical, 20) > 0.18
    assert found.bootstrap(9, seed=1) == found.bootstrap(9, seed=1)
    with pytest.raises(InputError, match="positive"):
        found.bootstrap(0)

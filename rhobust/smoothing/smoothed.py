"""A smoothed classifier: the label that is most frequent among noisy copies of an image."""

from __future__ import annotations

import math
from collections.abc import Iterator
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from ..clock import Deadline
from ..compiler.base.arrays import Indices, Vector
from ..compiler.base.errors import InputError
from ..compiler.network.graph import Network
from ..compiler.shown.told import Told
from ..compiler.shown.value import Shown
from ..networks.given import Given, network_of
from .binomial import more_often
from .certificate import ABSTAIN, Answer, Certificate, Theorem, counted
from .forward import Forward
from .grid import pixels, table
from .labels import Classifier, Labels, OfExecution, OfFunction, OfReals
from .noise import Discrete, Gaussian, Source, generator
from .sequential import Wealth

PREDICT, GUESS, COUNT, DECIDE = range(4)
"""The phases, each with a stream of noise of its own."""

TIMEOUT = "timeout"

LARGEST = 2**24
"""Numbers of the noisy images that are in memory at once."""


class Smoothed(Shown):
    """g(x) = the label c of the largest P(f(x + e) = c), e normal of standard deviation sigma.

    f: a network, its name or file, or a function from inputs (B, D), float32, to labels (B,) or
    scores (B, K). It is taken for a function of each input alone.  sigma: in the input's own unit.
    classes: how many labels there are; of a network as many as outputs.
    grid: images are whole multiples of 1/grid, as 8-bit ones are of 1/255, and so is the noise.
    Then nothing is rounded that the theorem takes for exact, a network's labels are those of the
    network over the reals, and images are compared that lie on the grid. Without it f is what runs
    in float32, and the noise and the sum are float32's, which the theorem does not know of.
    seed: of the noise; with an image's `index` it repeats a result.  batch: noisy images that are
    made at once; it changes no result.
    Raises InputError for arguments that make no sense.
    """

    def __init__(
        self,
        f: Given | Classifier,
        sigma: float,
        classes: int | None = None,
        *,
        grid: int | None = None,
        seed: int = 0,
        batch: int = 4096,
    ) -> None:
        if not 0.0 < _real(sigma) < math.inf:
            raise InputError(f"sigma must be a positive number, not {sigma!r}")
        self.sigma = float(sigma)
        self.seed, self.batch = _whole("seed", seed, 0), _whole("batch", batch, 1)
        self.table = None if grid is None else table(self.sigma, _whole("grid", grid, 1))
        self.network: Network | None = None
        if callable(f) and not isinstance(f, Network):
            if classes is None:
                raise InputError("of a function, the number of classes is needed")
            self.classes = _whole("classes", classes, 2)
            self._function: Labels = OfFunction(f, self.classes)
            return
        self.network = network_of(f)
        self.classes = self.network.output_size
        if self.classes < 2 or classes not in (None, self.classes):
            raise InputError(f"{self.network.name} has {self.classes} outputs, not {classes}")
        self._forward = Forward(self.network)
        self._double = Forward(self.network, np.float64)
        self._function = OfExecution(self._forward)

    def _told(self) -> Told:
        what = "a function" if self.network is None else repr(self.network.name)
        facts = [("", f"{self.classes} classes"), ("sigma", f"{self.sigma:g}")]
        if self.table is not None:
            facts.append(("", f"noise on multiples of 1/{self.table.grid}"))
        return Told(f"Smoothed {what}", tuple(facts))

    def predict(
        self, x: npt.ArrayLike, n: int = 1000, alpha: float = 0.001, *, index: int = 0
    ) -> int:
        """The smoothed label, or ABSTAIN; another label with a probability of at most alpha.

        x: flat, or in the network's shape; uint8 is divided by 255.  n: noisy images.  index: of
        the image, for the noise.  Cohen et al. 2019, Predict.
        """
        n, alpha = _whole("n", n, 1), _share(alpha)
        counts = self.tally(x, n, PREDICT, index=index)
        order = np.argsort(-counts, kind="stable")
        first, second = int(counts[order[0]]), int(counts[order[1]])
        return int(order[0]) if more_often(first, second) <= alpha else ABSTAIN

    def certify(
        self,
        x: npt.ArrayLike,
        n0: int = 100,
        n: int = 10_000,
        alpha: float = 0.001,
        *,
        index: int = 0,
        timeout: float | None = None,
    ) -> Certificate:
        """A label and a radius in l2 within which the smoothed label is that one.

        The radius is false with a probability of at most alpha.  n0: noisy images that choose the
        label; n: fresh ones that are counted.  timeout: seconds, after which it abstains.
        Cohen et al. 2019, Certify.
        """
        n0, n, alpha = _whole("n0", n0, 1), _whole("n", n, 1), _share(alpha)
        deadline = Deadline(timeout)
        votes = self.tally(x, n0, GUESS, index=index, deadline=deadline)
        guess = int(np.argmax(votes))
        count = int(self.tally(x, n, COUNT, index=index, deadline=deadline)[guess])
        if deadline.stop():
            return Certificate(ABSTAIN, 0.0, guess, 0, n, alpha, self.sigma, 0.0, TIMEOUT)
        return counted(self.theorem(x), guess, count, n, alpha)

    def certify_at(
        self,
        x: npt.ArrayLike,
        radius: float,
        n: int = 100_000,
        alpha: float = 0.001,
        *,
        label: int | None = None,
        n0: int = 32,
        index: int = 0,
        timeout: float | None = None,
    ) -> Answer:
        """Whether the radius within which the smoothed label is certified is at least this one.

        It stops as soon as that is known, after at most n noisy images, and is wrong with a
        probability of at most alpha whenever it stops.  label: the one that is asked about, by
        default the most frequent of n0 noisy images.  Voracek 2024 ("Treatment of statistical
        estimation problems in randomized smoothing", NeurIPS); see `Wealth`.
        """
        if not 0.0 <= _real(radius) < math.inf:
            raise InputError(f"a radius is a number of at least 0, not {radius!r}")
        n0, n, alpha = _whole("n0", n0, 1), _whole("n", n, 1), _share(alpha)
        deadline = Deadline(timeout)
        if label is None:
            label = int(np.argmax(self.tally(x, n0, GUESS, index=index, deadline=deadline)))
        elif not 0 <= label < self.classes:
            raise InputError(f"label {label} is none of 0..{self.classes - 1}")
        else:
            n0 = 0
        wealth = Wealth(self.theorem(x).probability(float(radius)), alpha)
        drawn, reason = 0, "samples"
        for found in self._labels(x, wealth.portions(n), DECIDE, index):
            wealth.add(found == label)
            drawn += len(found)
            if wealth.answer is not None:
                reason = ""
                break
            if deadline.stop():
                reason = TIMEOUT
                break
        return Answer(wealth.answer, label, float(radius), n0 + drawn, wealth.count, alpha, reason)

    def theorem(self, x: npt.ArrayLike) -> Theorem:
        """From probabilities to radii, by the noise that images like x get."""
        if self.table is None:
            return Theorem(self.sigma)
        return Theorem(self.sigma, self.table.difference * len(self._flat(x)))

    def tally(
        self,
        x: npt.ArrayLike,
        n: int,
        phase: int = PREDICT,
        *,
        index: int = 0,
        deadline: Deadline | None = None,
    ) -> Indices:
        """How often each label was seen among n noisy images, (K,); fewer after a deadline."""
        counts = np.zeros(self.classes + 1, dtype=np.int64)
        for found in self._labels(x, iter([n]), phase, index):
            counts += np.bincount(found + 1, minlength=self.classes + 1)
            if deadline is not None and deadline.stop():
                break
        return counts[1:]

    def _labels(
        self, x: npt.ArrayLike, parts: Iterator[int], phase: int, index: int
    ) -> Iterator[Indices]:
        """The labels of so many noisy images at a time, or of fewer where they are large."""
        image = self._flat(x)
        source, labels = self._source(image, phase, _whole("index", index, 0))
        most = max(1, min(self.batch, LARGEST // max(1, len(image))))
        for part in parts:
            for start in range(0, part, most):
                yield labels(source.draw(min(most, part - start)))

    def _source(self, image: Vector, phase: int, index: int) -> tuple[Source, Labels]:
        if self.table is None:
            noise = Gaussian(image, self.sigma, generator(self.seed, index, phase))
            return noise, self._function
        whole = pixels(image, self.table.grid)
        discrete = Discrete(whole, self.table, self.seed, index, phase)
        if self.network is None:
            return discrete, self._function
        # a step more than the noise has, for what is rounded
        reach = (self.table.reach + 1) / self.table.grid
        return discrete, OfReals(self._forward, self._double, image, reach)

    def _flat(self, x: npt.ArrayLike) -> Vector:
        values: npt.NDArray[Any] = np.asarray(x)
        if values.dtype == np.uint8:
            values = values / 255.0
        if self.network is not None:
            return self.network.check_input(values)
        if values.dtype.kind not in "fiub" or not np.isfinite(values).all():
            raise InputError("an image holds what is no finite number")
        return np.asarray(values, dtype=np.float64).reshape(-1)


def certified_radius(
    smoothed: Smoothed,
    image: npt.ArrayLike,
    label: int,
    *,
    n0: int = 100,
    n: int = 10_000,
    alpha: float = 0.001,
    index: int = 0,
    timeout: float | None = None,
) -> float:
    """The radius certified for an image's own label; 0.0 where it abstains or has another."""
    found = smoothed.certify(image, n0, n, alpha, index=index, timeout=timeout)
    return found.radius if found.label == label else 0.0


def _whole(name: str, value: int, least: int) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = least - 1
    if number != value or number < least:
        raise InputError(f"{name} must be a whole number of at least {least}, not {value!r}")
    return number


def _real(value: object) -> float:
    """The number, or NaN for what is none."""
    return float(value) if isinstance(value, Real) else math.nan


def _share(alpha: float) -> float:
    if not 0.0 < _real(alpha) < 1.0:
        raise InputError(f"alpha must be above 0 and below 1, not {alpha!r}")
    return float(alpha)

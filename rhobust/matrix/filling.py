"""The cells of a matrix, row after row, the cheap columns first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TypeAlias

import numpy as np

from ..compiler.base import arrays
from ..compiler.base.errors import InputError
from ..compiler.network.graph import Network
from ..data import Images, digits, load
from ..evaluation import Evaluation, evaluate
from ..evaluation.asked import model_digest
from ..metrics import frequency, severity
from ..networks.load import load as load_network
from ..queries.attack import attack_batch
from ..smoothing import Certificate, Smoothed, accuracy
from .cells import Cell, Cells
from .config import Config


@dataclass(frozen=True, slots=True)
class Matrix:
    """rows: the models' names; columns: headings; cells: row by row; images: how many."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]
    images: int


def fill(
    config: Config,
    told: Callable[[str, str, Cell], None] = lambda row, column, cell: None,
    workers: int = 1,
) -> Matrix:
    """All cells; those that are known already are not computed again.

    told: hears of each.  An interrupted call leaves what it finished, in the file of cells and in
    the store, and the same call goes on.
    """
    cells = Cells(config.cells)
    images = images_of(config)
    rows, columns = [], tuple[str, ...]()
    for name, path in config.models:
        model = _Model(config, load_network(path), images, workers)
        row = dict[str, Cell]()
        for column, asked, make in model.columns():
            question = {"model": model.digest, "data": model.data, **asked}
            row[column] = cells.get(question, make)
            told(name, column, row[column])
        columns = tuple(row)
        rows.append(tuple(row.values()))
    return Matrix(tuple(name for name, _ in config.models), columns, tuple(rows), len(images))


def images_of(config: Config) -> Images:
    """The images that a configuration speaks of."""
    if config.images == "digits":
        whole = digits()
    else:
        whole = load(
            Path(config.images), Path(config.labels) if config.labels else None,
            domain=config.domain, layout=config.layout or None,
        )  # fmt: skip
    part = slice(config.first, config.first + config.count if config.count else None)
    chosen = whole.take(part)
    if not len(chosen):
        raise InputError(f"{config.path}: data.first and data.count leave no image")
    return chosen


Column: TypeAlias = tuple[str, dict[str, object], Callable[[], Cell]]
"""A heading, what is asked, and how the cell is made."""


class _Model:
    """One row."""

    def __init__(self, config: Config, network: Network, images: Images, workers: int) -> None:
        self.config, self.network, self.workers = config, network, workers
        self.images = images.fitted(network)
        self.digest, self.data = model_digest(network), images.digest()

    def columns(self) -> Iterator[Column]:
        """The cheap ones first."""
        config = self.config
        searched: dict[str, object] = {
            "domain": config.domain, "norm": config.norm, "timeout": config.timeout,
            "seed": config.seed,
        }  # fmt: skip
        yield "natural", {"column": "natural"}, self.natural
        for method, eps in config.attack_eps.items():
            question = {
                "column": "attack", "method": method, "eps": eps, "steps": config.steps,
                "restarts": config.restarts,
            }  # fmt: skip
            heading = f"{method} {eps:.4g}"
            yield heading, {**searched, **question}, partial(self.attacked, method, eps)
        for eps in config.verified:
            question = {**searched, "column": "verified", "eps": eps}
            yield f"verified {eps:.4g}", question, partial(self.verified, eps)
        if config.rho:
            for eps in config.verified:
                for symbol, make in (("phi", self.frequency), ("mu", self.severity)):
                    question = {**searched, "column": symbol, "eps": eps}
                    yield f"{symbol} {eps:.4g}", question, partial(make, eps)
        if config.smoothing is not None:
            smooth = config.smoothing
            for radius in smooth.radius:
                question = {
                    "column": "smoothing", "radius": radius, "sigma": smooth.sigma,
                    "n0": smooth.n0, "n": smooth.n, "alpha": smooth.alpha, "seed": config.seed,
                }  # fmt: skip
                yield f"smoothed {radius:.4g} (l2)", question, partial(self.smoothed, radius)

    def natural(self) -> Cell:
        right = self.network.forward(self.points).argmax(axis=1) == self.images.labels
        return Cell(float(right.mean()), float(right.mean()), True)

    def attacked(self, method: str, eps: float) -> Cell:
        """The share of images that keep their label under one attack: an estimate from above."""
        config = self.config
        norm = "l2" if method == "pgd-l2" else config.norm
        results = attack_batch(
            self.network, self.points, self.images.labels, eps, norm=norm, domain=config.domain,
            timeout=config.timeout, seed=config.seed, method=method, steps=config.steps,
            restarts=config.restarts,
        )  # fmt: skip
        kept = float(np.mean([not result.success for result in results]))
        return Cell(kept, kept, False)

    def verified(self, eps: float) -> Cell:
        lower, upper = self.searched.robust(eps)
        undecided = round((upper - lower) * len(self.images))
        return Cell(lower, upper, True, f"{undecided} undecided" if undecided else "")

    def frequency(self, eps: float) -> Cell:
        found = frequency(list(self.searched.records), eps)
        return Cell(found.lower, found.upper, True)

    def severity(self, eps: float) -> Cell:
        found = severity(list(self.searched.records), eps)
        return Cell(found.lower, found.upper, True, found.reason)

    def smoothed(self, radius: float) -> Cell:
        """Certified accuracy: each certificate fails with a probability of at most alpha."""
        assert self.config.smoothing is not None
        found = accuracy(self.certificates, self.images.labels)
        return Cell(found(radius), found(radius), False, f"any false with at most {found.wrong:g}")

    @cached_property
    def points(self) -> arrays.Matrix:
        """(N, D): the images as the network sees them."""
        return np.stack([self.images.vector(k) for k in range(len(self.images))])

    @cached_property
    def searched(self) -> Evaluation:
        """The proofs and examples of all images, from the store as far as it has them."""
        config = self.config
        return evaluate(
            self.network, self.images, eps=config.verified, rho=config.rho, norm=config.norm,
            domain=config.domain, timeout=config.timeout, seed=config.seed,
            store=config.store or None, workers=self.workers,
        )  # fmt: skip

    @cached_property
    def certificates(self) -> list[Certificate]:
        smooth = self.config.smoothing
        assert smooth is not None
        smoothed = Smoothed(self.network, smooth.sigma, seed=self.config.seed)
        return [
            smoothed.certify(point, smooth.n0, smooth.n, smooth.alpha, index=k)
            for k, point in enumerate(self.points)
        ]

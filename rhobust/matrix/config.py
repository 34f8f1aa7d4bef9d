"""What a file in TOML says of a matrix: models, images and columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..attacks.methods import METHODS
from ..compiler.base.errors import InputError
from ..compiler.base.norms import LINF, NormKind
from ..compiler.question.claim import check_eps, check_steps
from ..files.configuration import beside, read_toml, refuse_unknown

TABLES: dict[str, tuple[str, ...]] = {
    "data": ("images", "labels", "layout", "first", "count"),
    "columns": (
        "attacks", "attack_eps", "verified", "rho", "norm", "domain", "timeout", "steps",
        "restarts", "seed",
    ),
    "smoothing": ("sigma", "radius", "n0", "n", "alpha"),
    "output": ("store", "table", "figure", "cells"),
}  # fmt: skip
"""The tables besides [[models]], and their keys."""


@dataclass(frozen=True, slots=True)
class Smoothing:
    """Columns of randomized smoothing: certified accuracy in l2 at each radius."""

    sigma: float
    radius: tuple[float, ...]
    n0: int = 100
    n: int = 1000
    alpha: float = 0.001


@dataclass(frozen=True, slots=True)
class Config:
    """models: names and files. first, count: which images, 0 for all from the first on.

    attack_eps: radius of each attack in `attacks`; verified: radii; rho: whether exact ones are
    asked for. store: a file or server of answers, "" for none; table: .md, .csv or .json.
    """

    path: Path
    models: tuple[tuple[str, str], ...]
    images: str
    labels: str
    layout: str
    first: int
    count: int
    attack_eps: Mapping[str, float]
    verified: tuple[float, ...]
    rho: bool
    norm: str
    domain: tuple[float, float]
    timeout: float
    steps: int | None
    restarts: int | None
    seed: int
    smoothing: Smoothing | None
    store: str
    table: Path | None
    figure: Path | None
    cells: Path


def read(path: Path) -> Config:
    """Raises InputError with the file's name and the key that is wrong."""
    held = read_toml(path)
    refuse_unknown(path, "", held, ("models", *TABLES))
    for name, keys in TABLES.items():
        refuse_unknown(path, f"{name}.", held.get(name, {}), keys)
    try:
        return _config(path, held)
    except KeyError as error:
        raise InputError(f"{path}: {error.args[0]} is missing") from None
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: {error}") from error


def _config(path: Path, held: Mapping[str, Any]) -> Config:
    placed = partial(beside, path)
    data, columns, output = (held.get(name, {}) for name in ("data", "columns", "output"))
    models = []
    for number, model in enumerate(held.get("models", ()), start=1):
        if set(model) - {"name", "path"} or "path" not in model:
            raise InputError(f"{path}: [[models]] {number} has a path and may have a name")
        file = model["path"]
        file = file if file in ("digits", "digits_conv") else placed(file)
        models.append((str(model.get("name", Path(file).stem)), file))
    names = [name for name, _ in models]
    if not models or len(set(names)) < len(names):
        raise InputError(f"{path}: [[models]] needs at least one model, and names that differ")
    if "images" not in data:
        raise KeyError("data.images")
    given = columns.get("attack_eps", {})
    attacks = columns.get("attacks", [])
    for name in attacks:
        if name not in METHODS:
            known = ", ".join(METHODS)
            raise InputError(f"{path}: columns.attacks: no attack is called {name!r}: {known}")
    norm, (low, high) = NormKind.of(columns.get("norm", "linf")), columns.get("domain", (0.0, 1.0))
    size = partial(_radius, domain=(float(low), float(high)), norm=norm)
    verified = tuple(sorted(size(eps, "columns.verified") for eps in columns.get("verified", [])))
    radii: dict[str, float] = {}
    for name in attacks:
        if name in given:
            radii[name] = size(given[name], "columns.attack_eps")
        elif verified:
            radii[name] = verified[-1]
        else:
            raise InputError(f"{path}: columns.attack_eps needs a radius of {name}")
    smoothing = None
    if "smoothing" in held:
        own = dict(held["smoothing"])
        own["radius"] = tuple(float(radius) for radius in own.get("radius", ()))
        smoothing = Smoothing(**own)
    table, figure = (placed(output.get(name, "")) for name in ("table", "figure"))
    images = str(data["images"])
    return Config(
        path, tuple(models), images if images == "digits" else placed(images),
        placed(data.get("labels", "")), str(data.get("layout", "")), int(data.get("first", 0)),
        int(data.get("count", 0)), radii, verified, bool(columns.get("rho", False)),
        str(norm), (float(low), float(high)),
        float(columns.get("timeout", 60.0)), columns.get("steps"), columns.get("restarts"),
        int(columns.get("seed", 0)), smoothing, placed(output.get("store", "")),
        Path(table) if table else None, Path(figure) if figure else None,
        Path(placed(output.get("cells", path.stem + ".cells.json"))),
    )  # fmt: skip


def _radius(eps: float | str, called: str, *, domain: tuple[float, float], norm: NormKind) -> float:
    return check_steps(eps, domain, called) if norm is LINF else check_eps(eps)

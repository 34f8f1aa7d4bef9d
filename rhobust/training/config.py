"""What a file in TOML says of one training: model, data, method, outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any

from ..compiler.base.errors import InputError
from ..files.configuration import beside, read_toml, refuse_unknown

TABLES = ("about", "model", "data", "training", "options", "output")


@dataclass(frozen=True, slots=True)
class About:
    """For readers alone: what the training is for, what it reaches, what it costs."""

    purpose: str = ""
    reaches: str = ""
    cost: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """One of layers, network (a file, which is trained further) and module ("package:Class").

    shape: of one image as the network takes it, () for that of the data.
    """

    layers: tuple[Any, ...] = ()
    network: str = ""
    module: str = ""
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Data:
    """Files that `rb.data.load` reads; validation: a second one. count: only the first ones."""

    images: str
    labels: str = ""
    count: int = 0
    validation: str = ""
    validation_labels: str = ""
    validation_count: int = 0


@dataclass(frozen=True, slots=True)
class Output:
    """model: the ONNX file; history: JSON of the epochs; checkpoint: by default beside the model,
    with the suffix .checkpoint.
    """

    model: str
    history: str = ""
    checkpoint: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """Paths are absolute; training: arguments of `train`."""

    path: Path
    about: About
    model: Model
    data: Data
    training: Mapping[str, Any]
    options: Mapping[str, float]
    output: Output


ARGUMENTS = (
    "method", "eps", "epochs", "seed", "batch", "rate", "l1", "domain", "patience", "warmup",
    "rampup", "decay", "anneal", "clip",
)  # fmt: skip
"""Of `train`, that a file may name."""


def read(path: Path, folder: Path | None = None) -> Config:
    """What a file says; its paths lie in a folder, its own where that is None.

    Raises InputError with the file's name and the key that is wrong.
    """
    held = read_toml(path)
    place = path if folder is None else folder / path.name
    refuse_unknown(path, "", held, TABLES)
    model = _table(path, "model", held, Model)
    if sum(bool(way) for way in (model.layers, model.network, model.module)) != 1:
        raise InputError(f"{path}: [model] needs one of layers, network and module")
    training = dict(held.get("training", {}))
    refuse_unknown(path, "training.", training, ARGUMENTS)
    for name in ("domain", "decay"):
        if name in training:
            training[name] = tuple(training[name])
    data, output = _table(path, "data", held, Data), _table(path, "output", held, Output)
    return Config(
        path,
        _about(path, held),
        _placed(place, model, ("network",)),
        _placed(place, data, ("images", "labels", "validation", "validation_labels")),
        training,
        dict(held.get("options", {})),
        _placed(place, output, ("model", "history", "checkpoint")),
    )


def about(path: Path) -> About:
    """What a file says of itself, whether or not its data is at hand."""
    return _about(path, read_toml(path))


def _about(path: Path, held: Mapping[str, Any]) -> About:
    found: About = _table(path, "about", {"about": {}, **held}, About)
    return found


def _table(path: Path, name: str, whole: Mapping[str, Any], kind: type[Any]) -> Any:
    """A dataclass of a table's keys, with their types."""
    held: Any = whole.get(name)
    named = {item.name: item for item in fields(kind)}
    if not isinstance(held, dict):
        raise InputError(f"{path}: the table [{name}] is missing")
    refuse_unknown(path, f"{name}.", held, tuple(named))
    values: dict[str, Any] = {}
    for key, value in held.items():
        wanted = str(named[key].type).partition("[")[0]
        if not isinstance(value, {"tuple": list, "str": str, "int": int}[wanted]):
            told = "list" if wanted == "tuple" else wanted
            raise InputError(f"{path}: {name}.{key} is {value!r}, which is no {told}")
        values[key] = tuple(value) if isinstance(value, list) else value
    for item in named.values():
        if item.default is MISSING and item.name not in values:
            raise InputError(f"{path}: {name}.{item.name} is missing")
    return kind(**values)


def _placed(place: Path, table: Any, names: tuple[str, ...]) -> Any:
    """Paths beside a file, with environment variables in them."""
    return replace(table, **{name: beside(place, getattr(table, name)) for name in names})

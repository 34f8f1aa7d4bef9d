"""Networks that take pixels, made of those that were trained on scaled ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..compiler.base.arrays import Vector
from ..compiler.base.errors import InputError
from ..compiler.importers.fidelity import check
from ..compiler.network.graph import Network
from ..compiler.network.normalization import in_front
from ..networks.given import Given, network_of
from .arrangement import channels, checked

Numbers: TypeAlias = float | Sequence[float] | npt.NDArray[Any]

REMEDY = (
    "its normalisation is no part of its file, and a certificate speaks of a file; write one with "
    "it: rhobust data normalize MODEL --mean M --std S --out NEW.onnx"
)


def normalized(
    network: Given, mean: Numbers = 0.0, std: Numbers = 1.0, *, layout: str | None = None
) -> Network:
    """The network of (x - mean) / std: radii and domains are of x, of pixels.

    mean, std: one number, or one for each channel, whose axis follows from the network's shape, or
    from a layout such as `nhwc:nchw`, of which the second is the network's. They are rounded to
    float32, as a model's weights are. It has no certificates; `write_normalized` makes a model file
    that has. Raises InputError for numbers that do not fit.
    """
    inner = network_of(network)
    axis, centre, scale = per_channel(inner.input_shape, mean, std, inner.name, checked(layout))
    made = in_front(inner, spread(inner, centre, axis), spread(inner, scale, axis), REMEDY)
    if made.runtime is not None:
        check(made, made.path or made.name)
    return made


def per_channel(
    taken: tuple[int, ...], mean: Numbers, std: Numbers, who: str, layout: str = ""
) -> tuple[int | None, Vector, Vector]:
    """The axis of channels in an input (...), None where there is none; mean, std (1,) or (C,)."""
    centre, scale = _vector(mean, "mean"), _vector(std, "std")
    count = max(len(centre), len(scale))
    if count > 1 and 1 not in (len(centre), len(scale)) and len(centre) != len(scale):
        raise InputError(f"mean has {len(centre)} numbers and std {len(scale)}")
    axis = channels(taken, layout, count, who) if count > 1 else None
    return axis, centre, scale


def spread(network: Network, values: Vector, axis: int | None) -> Vector:
    """A number for each input, (D,), of one for all or for each channel along an axis."""
    shape = network.input_shape
    if len(values) == 1 or axis is None:
        return np.full(network.input_size, values[0])
    sides = [1] * len(shape)
    sides[axis] = len(values)
    return np.broadcast_to(values.reshape(sides), shape).reshape(-1).copy()


def _vector(values: Numbers, what: str) -> Vector:
    try:
        found = np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} should be numbers, one or one a channel: {error}") from error
    if found.ndim != 1 or not len(found) or not np.isfinite(found).all():
        raise InputError(f"{what} should be finite numbers, one or one a channel")
    if what == "std" and not (found > 0).all():
        raise InputError("std should be positive")
    return found


def write_normalized(
    model: Given,
    out: str | Path,
    mean: Numbers = 0.0,
    std: Numbers = 1.0,
    *,
    layout: str | None = None,
    overwrite: bool = False,
) -> Network:
    """Writes an ONNX model with (x - mean) / std in front of it, and returns its network.

    The same as `normalized`, as a file of its own, which certificates can speak of: an ONNX file
    keeps its nodes, another network is written as `Network.save` writes it. Raises InputError where
    the output may not be written.
    """
    from ..compiler.importers.onnx.load import load_onnx
    from ..compiler.importers.onnx.normalized import prepended
    from ..files.atomic import write_bytes
    from ..files.outputs import may_write

    inner, target = network_of(model), Path(out)
    if target.suffix != ".onnx":
        raise InputError(f"{target}: unknown suffix {target.suffix!r}; it should be .onnx")
    may_write(target, "model", (inner.path, *inner.beside), overwrite)
    if inner.onnx:
        shape = inner.input_shape
        axis, centre, scale = per_channel(shape, mean, std, inner.name, checked(layout))
        data = prepended(inner.path, centre, scale, axis, len(shape))
    else:
        data = normalized(inner, mean, std, layout=layout).onnx_bytes()
    write_bytes(target, data)
    return load_onnx(target)

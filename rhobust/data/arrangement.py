"""The order of an image's numbers: channels last or first, as a file has them and a network takes.

Nothing is guessed of numbers that could be meant either way: what is not stated is refused.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..compiler.base.errors import InputError

Array: TypeAlias = npt.NDArray[Any]
Shape: TypeAlias = tuple[int, ...]

LAYOUTS = ("nhwc", "nchw")
"""N images of H rows, W columns and C channels: channels last, or first."""


def checked(layout: str | None) -> str:
    """A layout as a text: what the file has, or FILE:NETWORK, or "" for what is not stated."""
    told = (layout or "").lower()
    if told and not all(part in LAYOUTS for part in told.split(":")) or told.count(":") > 1:
        raise InputError(
            f"layout {layout!r} should be nhwc (channels last) or nchw (channels first), as the "
            "file has them, or both as in nhwc:nchw, the second as the network takes them"
        )
    return told


def arrange(values: Array, layout: str, taken: Shape, who: str) -> tuple[Array, str]:
    """Images (N, ...) in the order of a network that takes (...), and what was done to them, or "".

    layout: as `checked` returns it, not "". who: the network, for messages. Raises InputError where
    the order that the network takes cannot be told, or where shapes do not fit.
    """
    stated, _, wanted = layout.partition(":")
    sides, net = values.shape[1:], _image(taken)
    if len(sides) == 2:  # grey: no channels to move
        return values, ""
    if len(sides) == 1:
        wanted = wanted or _of_network(net)
        if not wanted:
            raise InputError(_unknown(who, taken, stated))
        if wanted == stated:
            return values, ""
        if len(net) != 3:
            raise InputError(
                f"flat images of layout {stated} cannot be arranged for {who}, which takes them "
                "flat, too: their height and width are not known; store them as (N, H, W, C)"
            )
        shape = net if wanted == "nhwc" else (*net[1:], net[0])  # (H, W, C)
        full = shape if stated == "nhwc" else (shape[2], *shape[:2])
        if int(np.prod(full)) != sides[0]:
            raise InputError(f"images of {sides[0]} numbers do not fit {who}, which takes {taken}")
        moved, _ = arrange(values.reshape(-1, *full), f"{stated}:{wanted}", taken, who)
        return moved, f"read as {full} ({stated}), rearranged to {wanted}"
    if len(sides) != 3:
        raise InputError(f"images of shape {sides} have no layout {stated}, which has three axes")
    last = sides if stated == "nhwc" else (*sides[1:], sides[0])
    first = (last[2], *last[:2])
    if last[2] == 1:
        return values, ""
    if not wanted:
        fits = [name for name, shape in (("nhwc", last), ("nchw", first)) if net == shape]
        if not fits and len(net) == 3:
            raise InputError(
                f"images of shape {sides}, stated to be {stated}, do not fit {who}, which takes "
                f"{taken}"
            )
        if len(fits) != 1:
            raise InputError(_unknown(who, taken, stated))
        wanted = fits[0]
    if wanted == stated:
        return values, ""
    moved = np.moveaxis(values, -1, 1) if wanted == "nchw" else np.moveaxis(values, 1, -1)
    return moved, f"rearranged from {stated} to {wanted}"


def channels(taken: Shape, layout: str, count: int, who: str) -> int:
    """The axis of channels, of which there are `count`, in what a network takes, (...)."""
    _, _, wanted = layout.partition(":")
    net = _image(taken)
    if len(net) == 3:
        if wanted:
            fits = [0 if wanted == "nchw" else 2]
        else:
            fits = [axis for axis in (0, 2) if net[axis] == count]
        if len(fits) == 1 and net[fits[0]] == count:
            return fits[0] + len(taken) - 3
    raise InputError(
        f"{count} numbers, one a channel, do not fit {who}, which takes {taken}; give one "
        "number, or say where its channels stand, as in --layout nhwc:nchw (layout=)"
    )


def _image(taken: Shape) -> Shape:
    """Without axes of length 1 in front of an image's three."""
    while len(taken) > 3 and taken[0] == 1:
        taken = taken[1:]
    return taken


def _of_network(net: Shape) -> str:
    """The layout of a network that takes (...), where its number of channels, 1 or 3, tells it."""
    if len(net) != 3 or (net[0] in (1, 3)) == (net[2] in (1, 3)):
        return ""
    return "nchw" if net[0] in (1, 3) else "nhwc"


def _unknown(who: str, taken: Shape, stated: str) -> str:
    return (
        f"{who} takes its input as {taken}, which does not tell whether channels come first or "
        f"last; say both, as in --layout {stated}:nchw or {stated}:nhwc (layout=)"
    )

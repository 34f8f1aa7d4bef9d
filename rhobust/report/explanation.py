"""An explanation in plain words, and as one line of JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from decimal import ROUND_FLOOR

import numpy as np

from ..compiler.base.arrays import Vector
from ..compiler.shown.numbers import digits
from ..queries.explanation import Explanation, Remainder, Rival
from ..results import Verdict

MOST_RIVALS, MOST_PIXELS = 12, 5
"""Rivals and pixels that are told one by one."""
UNITS = ((1.0, "second"), (60.0, "minute"), (3600.0, "hour"), (86400.0, "day"), (3.15e7, "year"))
LONG = 100 * 3.15e7
"""Seconds beyond which no number says more than that they are too many."""


def told(found: Explanation, shape: tuple[int, ...], who: str = "the image") -> str:
    """Some short paragraphs.  shape: of an image, by whose axes pixels are told; who: the image."""
    parts = [
        "\n".join(_answer(found, who)), "\n".join(_rivals(found)), "\n".join(_layers(found)),
        "\n".join(_pixels(found, shape)),
    ]  # fmt: skip
    if found.remainder is not None:
        parts.append("\n".join(_remainder(found.remainder)))
    return "\n\n".join(part for part in parts if part)


def line(found: Explanation, index: int, name: str = "") -> str:
    """Strict JSON on one line; numbers that are not finite are null."""
    known = {**found.to_dict(), "index": index} | ({"name": name} if name else {})
    return json.dumps(known, allow_nan=False)


def _answer(found: Explanation, who: str) -> Iterator[str]:
    says = f"and the network says {found.predicted}"
    if found.predicted != found.label:
        says = f"but the network says {found.predicted}"
    yield f"{who}: label {found.label}, {says}. Radius {found.eps:.6g} in {found.norm}."
    yield ""
    spent = f"{found.nodes:,} node{'' if found.nodes == 1 else 's'}, {found.seconds:.2f} s"
    if found.verdict is Verdict.ROBUST:
        yield f"ROBUST: every input within this radius keeps label {found.label}; proven ({spent})."
    elif found.witness is not None:
        yield (
            f"NOT_ROBUST: an input at distance {found.witness.distance:.6g} gets label "
            f"{found.witness.label}; it was validated ({spent})."
        )
    else:
        yield (
            f"UNKNOWN ({found.reason}): neither a proof nor an input with another label was found "
            f"({spent})."
        )


def _rivals(found: Explanation) -> Iterator[str]:
    yield f"By how much label {found.label} leads each rival, in logits"
    yield "  rival  at the image  proven within the radius, before any search"
    for one in found.rivals[:MOST_RIVALS]:
        yield f"  {one.label:>5}  {_number(one.at_image):>12}  {_proven(one)}"
    left = len(found.rivals) - MOST_RIVALS
    if left > 0:
        yield f"  and {left} more, which are easier to exclude"
    hardest, nearest = found.binding, found.nearest
    text = f"Rival {hardest.label} is the hardest to exclude"
    if nearest.label != hardest.label:
        text += f"; at the image itself rival {nearest.label} comes nearest"
    yield text + "."


def _proven(one: Rival) -> str:
    if not math.isfinite(one.proven):
        return "nothing"
    text = f"at least {_number(one.proven, ROUND_FLOOR)}"
    return f"{text}: excluded" if one.proven > 0.0 else f"{text}: left to the search"


def _layers(found: Explanation) -> Iterator[str]:
    if not found.layers:
        return
    yield "Units within the radius: one that stays active, or inactive, is no difficulty; an"
    yield "unstable one may be either, and the search splits the region by it"
    names = ["layer", *(layer.name for layer in found.layers)]
    width = max(map(len, names))
    heads = f"{'units':>6} {'active':>7} {'inactive':>9} {'unstable':>9} {'split':>6}"
    yield f"  {'layer':<{width}}  {heads}"
    for layer in found.layers:
        yield (
            f"  {layer.name:<{width}}  {layer.units:>6} {layer.active:>7} {layer.inactive:>9} "
            f"{layer.unstable:>9} {layer.split:>6}"
        )
    times = sum(layer.times for layer in found.layers)
    if times or found.halved:
        text = f"The search split {times:,} time{'' if times == 1 else 's'} by a unit"
        yield text + (f", {found.halved:,} times by an input." if found.halved else ".")
    elif found.verdict is Verdict.ROBUST:
        yield "No unit had to be split."


def _pixels(found: Explanation, shape: tuple[int, ...]) -> Iterator[str]:
    total = float(found.pixels.sum())
    if not (0.0 < total < math.inf):
        return
    share = found.pixels / total
    order = np.argsort(-share, kind="stable")
    half = int(np.searchsorted(np.cumsum(share[order]), 0.5)) + 1
    yield f"Pixels that carry the proof against rival {found.binding.label}: how far each can move"
    yield "the straight bound that it begins with"
    yield f"  {half} of {len(share)} pixels make up half of it"
    for place in order[:MOST_PIXELS].tolist():
        if share[place] > 0.0:
            yield f"  {100.0 * share[place]:5.1f} %  at {_place(place, shape)}"


def _place(place: int, shape: tuple[int, ...]) -> str:
    where = [int(part) for part in np.unravel_index(place, shape)]
    names: tuple[str, ...] = ("row", "column")
    if len(where) == 3:
        names = (*names, "channel") if shape[2] in (1, 3) else ("channel", *names)
    if len(where) != len(names):
        return f"number {place}"
    return ", ".join(f"{name} {part}" for name, part in zip(names, where, strict=True))


def _remainder(rest: Remainder) -> Iterator[str]:
    yield "What is left"
    if rest.open_nodes:
        yield f"  {rest.open_nodes:,} parts of the region have no answer yet"
    if math.isfinite(rest.loosest):
        least = _number(rest.loosest, ROUND_FLOOR)
        yield f"  the loosest of them proves a lead of at least {least}"
    if math.isfinite(rest.more):
        least = "at least " if rest.at_least else "about "
        text = f"  {least}{rest.more:,.0f} nodes are still to be bounded"
        if math.isfinite(rest.seconds):
            text += f", {least}{duration(rest.seconds)} at the pace of this search"
        yield text
        yield (
            f"  (an estimate by {rest.walks} random walks down the tree, Knuth 1975; it can be off "
            "by a factor of ten)"
        )
    elif rest.open_nodes:
        yield "  no time was left to estimate how much work that is; give more by --timeout"
    else:
        yield "  the first bounds took all the time; give more by --timeout"


def duration(seconds: float) -> str:
    """Seconds in the largest unit that leaves a number of 1 or more."""
    if seconds > LONG:
        return "centuries"
    size, name = next((u for u in reversed(UNITS) if seconds >= u[0]), UNITS[0])
    count = seconds / size
    text = f"{count:.0f}" if count >= 10.0 else f"{count:.1f}"
    return f"{text} {name}{'' if text == '1.0' else 's'}"


def _number(value: float, rounding: str = "ROUND_HALF_EVEN") -> str:
    return digits(value, rounding)


def shaded(pixels: Vector, shape: tuple[int, ...]) -> Vector:
    """The map of pixels as (H, W), channels added up.  shape: (H, W), (C, H, W) or (H, W, C)."""
    values = pixels.reshape(shape)
    if values.ndim == 2:
        return values
    axis = 2 if shape[2] == 3 else 0
    added: Vector = values.sum(axis=axis)
    return added

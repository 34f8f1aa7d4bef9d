"""What a count over some images says of all images of their kind: intervals with a confidence.

The images are taken for an independent sample. Nothing here is about one image, whose verdict is
proven or open: both kinds of doubt are joined by `between`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from ..compiler.base.errors import InputError

CONFIDENCE = 0.95
"""Of every interval, unless another is asked for."""


class Ends(NamedTuple):
    """Two ends of an interval of shares, both within 0 and 1."""

    lower: float
    upper: float


def check_confidence(confidence: float) -> float:
    """InputError unless it lies strictly between 0 and 1."""
    if not 0.0 < confidence < 1.0:  # NaN too
        raise InputError(f"confidence is {confidence!r}, and should lie between 0 and 1, as 0.95")
    return float(confidence)


def clopper_pearson(count: int, images: int, confidence: float = CONFIDENCE) -> Ends:
    """An interval that holds the share of all images with this confidence at least.

    count of `images` drawn independently had the property. The exact interval of Clopper and
    Pearson 1934: its ends are the shares at which so few or so many would be seen with a
    probability of (1 - confidence) / 2; quantiles of beta distributions. InputError where count is
    not within 0..images, or images is not positive.
    """
    from scipy.special import betaincinv

    if not 0 <= count <= images or images < 1:
        raise InputError(f"{count} of {images} images is no share")
    tail = (1.0 - check_confidence(confidence)) / 2.0
    lower = float(betaincinv(count, images - count + 1, tail)) if count else 0.0
    upper = float(betaincinv(count + 1, images - count, 1.0 - tail)) if count < images else 1.0
    return Ends(lower, upper)


def between(least: int, most: int, images: int, confidence: float = CONFIDENCE) -> Ends:
    """The same where the count itself is only known to lie in [least, most].

    From the lower end of the interval of `least` to the upper end of that of `most`: it contains
    the interval of every count between, and so holds whatever the open images are.
    """
    if not least <= most:
        raise InputError(f"a count of at least {least} and at most {most} is none")
    return Ends(
        clopper_pearson(least, images, confidence).lower,
        clopper_pearson(most, images, confidence).upper,
    )


def uniform_width(images: int, confidence: float = CONFIDENCE) -> float:
    """How far a curve of shares may lie from that of all images, at every radius at once.

    The inequality of Dvoretzky, Kiefer and Wolfowitz 1956 with the constant of Massart 1990.
    """
    if images < 1:
        raise InputError("there are no images")
    return math.sqrt(math.log(2.0 / (1.0 - check_confidence(confidence))) / (2.0 * images))

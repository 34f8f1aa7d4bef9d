"""The summary in words."""

from __future__ import annotations

from collections.abc import Sequence

from ...metrics import Accuracy, Share
from .gathered import Findings
from .numbers import NORMS, ends, highest, images, lowest, percent, radius

MOST = 4
"""Radii with a sentence of their own."""


def within(findings: Findings, eps: float) -> str:
    """A radius with its norm."""
    return f"\u03b5 = {radius(eps)} in {NORMS.get(findings.norm, findings.norm)}"


def robust(share: Share) -> str:
    """A share that is proven from both sides."""
    low, high = lowest(share.least, share.images), highest(share.most, share.images)
    if share.least == share.most:
        return f"{percent(share.least, share.images)} (exactly {images(share.least)})"
    return f"between {low} and {high}"


def sentence(found: Accuracy, where: str) -> str:
    """What is proven at one radius, and what attacks alone would say."""
    told = f"Within {where} the robust accuracy is {robust(found.robust)}: proven."
    if found.attacked is not None:
        said = percent(found.attacked.least, found.images)
        told += f" Attacks alone would say {said}."
    if found.unknown:
        told += f" {images(found.unknown)} {'is' if found.unknown == 1 else 'are'} open."
    return told


def sampling(found: Accuracy) -> str:
    """The same of all images of the kind."""
    return (
        f"Of all images of the kind, {ends(*found.clean.sampling)} get their label and "
        f"{ends(*found.robust.sampling)} keep it, each with a confidence of "
        f"{100 * found.confidence:g}\N{NARROW NO-BREAK SPACE}%."
    )


def summary(findings: Findings) -> Sequence[str]:
    """Some sentences: clean accuracy, then each radius, then what the sample says."""
    clean = findings.accuracies[0].clean
    told = [
        f"The clean accuracy of {findings.model} is {percent(clean.least, clean.images)}: "
        f"{clean.least:,} of {images(clean.images)} get their label."
    ]
    shown = findings.accuracies
    if len(shown) > MOST:  # evenly, the first and the last among them
        places = [round(k * (len(shown) - 1) / (MOST - 1)) for k in range(MOST)]
        shown = [shown[place] for place in places]
    told += [sentence(one, within(findings, one.eps)) for one in shown]
    told.append(sampling(findings.accuracies[-1]))
    from ...evaluation.certified import sentence as certified

    if smoothed := certified(findings.run, findings.records):
        told.append(smoothed[0].upper() + smoothed[1:] + ".")
    if findings.missing:
        verb = "is" if findings.missing == 1 else "are"
        told.append(
            f"{images(findings.missing)} of {len(findings.run.indices):,} {verb} not finished, and "
            "no part of these numbers."
        )
    return told

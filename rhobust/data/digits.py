"""The images that ship with the package."""

from __future__ import annotations

from ..embedded import embedded_images
from .images import Images


def digits() -> Images:
    """200 handwritten digits of 8 x 8 pixels, which the embedded networks were not trained on."""
    values, labels = embedded_images()
    return Images("the embedded images", values, labels, 255.0)

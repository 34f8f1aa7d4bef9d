"""Images with their labels: as the network sees them, whatever file or object they came from."""

from __future__ import annotations

from .digits import digits
from .images import Images
from .loading import load
from .normalization import normalized, write_normalized
from .sets import cifar10, mnist

__all__ = ["Images", "cifar10", "digits", "load", "mnist", "normalized", "write_normalized"]

"""Images with their labels: as the network sees them, whatever file or object they came from."""

from __future__ import annotations

from .digits import digits
from .images import Images
from .loading import load

__all__ = ["Images", "digits", "load"]

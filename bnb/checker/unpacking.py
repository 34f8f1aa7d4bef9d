"""Files as bytes, unpacked up to a limit."""

from __future__ import annotations

import gzip
from pathlib import Path

from .arithmetic import require

RATIO = 20  # what unpacks to more, beyond what is free, is a trap
FREE = 2**26


def content(path: Path, most: int) -> bytes:
    """The bytes of a file, unpacked where it ends with .gz; at most `most` of them."""
    size, packed = path.stat().st_size, path.suffix == ".gz"
    limit = min(most, max(FREE, RATIO * size)) if packed else most
    require(packed or size <= limit, f"{path.name} is too large")
    parts, total = [], 0
    with gzip.open(path) if packed else path.open("rb") as stream:
        while part := stream.read(2**20):
            parts.append(part)
            total += len(part)
            require(total <= limit, f"{path.name} is too large, or unpacks out of all proportion")
    return b"".join(parts)

"""Writers of the formats, plain and slow, beside the readers."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[Any]
CODES = {"uint8": 8, "int8": 9, "int16": 11, "int32": 12, "float32": 13, "float64": 14}


def idx(path: Path, values: Array) -> Path:
    """An IDX file; packed where its name ends with .gz."""
    data = struct.pack(">HBB", 0, CODES[values.dtype.name], values.ndim)
    data += b"".join(struct.pack(">I", side) for side in values.shape)
    data += values.astype(values.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


def cifar(path: Path, values: Array, labels: Sequence[int] | Array) -> Path:
    """A batch of CIFAR-10: values (N, 3, 32, 32) uint8."""
    records = [
        bytes([int(label)]) + image.tobytes() for label, image in zip(labels, values, strict=True)
    ]
    path.write_bytes(b"".join(records))
    return path


def pictures(folder: Path, values: Array, labels: Array, suffix: str = ".png") -> Path:
    """A folder of a sub-folder for each label, with files named by their index."""
    for index, (image, label) in enumerate(zip(values, labels, strict=True)):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / str(label) / f"{index:03d}{suffix}")
    return folder

"""Numbers of an image or a witness as few bytes, from which they come back as they were."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..compiler.base.arrays import Vector
from ..compiler.base.errors import InputError

Array: TypeAlias = npt.NDArray[Any]

LEVEL = 6
"""Of zlib: beyond it images take as many bytes, and more time."""


def pack(vector: Vector) -> bytes:
    """A flat vector (D,) of float64 as bytes, in the smallest of some forms that loses nothing.

    The first byte names the form: whole numbers of 255ths (an image of uint8), float32, float64.
    """
    values = np.ascontiguousarray(vector, dtype=np.float64)
    for form, (narrow, widen) in FORMS.items():
        with np.errstate(all="ignore"):
            small = narrow(values)
            # by bytes: -0.0 stays what it is
            same = np.asarray(widen(small), dtype=np.float64).tobytes() == values.tobytes()
        if same or form == "d":
            return form.encode() + zlib.compress(small.tobytes(), LEVEL)
    raise AssertionError("float64 holds every vector")


def unpack(data: bytes) -> Vector:
    """The vector (D,); raises InputError for bytes that `pack` did not make."""
    form = data[:1].decode("ascii", "replace")
    if form not in FORMS:
        raise InputError(f"an array in the store has the unknown form {form!r}")
    try:
        small = np.frombuffer(zlib.decompress(data[1:]), dtype=TYPES[form])
    except (zlib.error, ValueError) as error:
        raise InputError(f"an array in the store is damaged: {error}") from error
    found: Vector = np.asarray(FORMS[form][1](small), dtype=np.float64)
    return found


FORMS: dict[str, tuple[Callable[[Vector], Array], Callable[[Array], Array]]] = {
    "b": (
        lambda values: np.clip(np.rint(np.nan_to_num(values) * 255.0), 0, 255).astype(np.uint8),
        lambda small: small / 255.0,
    ),
    "f": (lambda values: values.astype("<f4"), lambda small: small.astype(np.float64)),
    "d": (lambda values: values.astype("<f8"), lambda small: small.astype(np.float64)),
}
"""How vectors become smaller ones, and those become them again, the smallest first."""
TYPES: dict[str, str] = {"b": "u1", "f": "<f4", "d": "<f8"}

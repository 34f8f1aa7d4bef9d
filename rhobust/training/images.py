"""Images and labels as tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..compiler.base.errors import InputError
from ..data import Images


def tensors(
    torch: Any,
    images: Images | npt.ArrayLike,
    labels: npt.ArrayLike | None,
    domain: tuple[float, float],
) -> tuple[Any, Any]:
    """float32 images (N, *shape) and whole labels (N,); InputError for what makes no sense."""
    if isinstance(images, Images):
        labels = images.labels if labels is None else labels
        values = np.asarray(images.values, dtype=np.float32) / np.float32(images.divisor)
    else:
        given = np.asarray(images)
        values = given.astype(np.float32)
        if given.dtype == np.uint8 and not (domain[0] <= 0 and domain[1] >= 255):
            values /= np.float32(255.0)
    if labels is None:
        raise InputError("images need labels")
    whole = np.asarray(labels)
    if whole.ndim != 1 or len(whole) != len(values) or not len(values):
        raise InputError(f"{whole.shape} labels do not fit images of shape {values.shape}")
    if whole.dtype.kind not in "iu" or whole.min() < 0:
        raise InputError("labels must be whole numbers from 0 on")
    if not np.isfinite(values).all():
        raise InputError("an image holds a number that is not finite")
    if not (values.min() >= domain[0] and values.max() <= domain[1]):
        raise InputError(
            f"images hold {values.min():g} to {values.max():g}, outside the domain "
            f"{domain[0]:g} to {domain[1]:g}; scale them, or give another domain"
        )
    return torch.from_numpy(values), torch.from_numpy(whole.astype(np.int64))

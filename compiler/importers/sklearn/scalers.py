"""The scikit-learn transformers that are read: each is affine, up to clipping.

To add one: its function and line here, a case in `tests/compiler/test_sklearn.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..assembly import Call
from ..onnx.node import Symbol


def _centred(call: Call, x: Symbol, centre: Any, scale: Any) -> Symbol:
    """(x - centre) / scale, where either may be missing."""
    if centre is not None:
        x = call.apply("Sub", x, centre)
    return x if scale is None else call.apply("Div", x, scale)


def _standard(call: Call, model: Any, x: Symbol) -> Symbol:
    centre = model.mean_ if model.with_mean else None
    return _centred(call, x, centre, model.scale_ if model.with_std else None)


def _robust(call: Call, model: Any, x: Symbol) -> Symbol:
    centre = model.center_ if model.with_centering else None
    return _centred(call, x, centre, model.scale_ if model.with_scaling else None)


def _clipped(call: Call, model: Any, x: Symbol, lower: float, upper: float) -> Symbol:
    """Within the range of the training data, where the scaler is asked for that."""
    if not getattr(model, "clip", False):
        return x
    return call.apply("Clip", x, call.weights(float(lower)), call.weights(float(upper)))


def _min_max(call: Call, model: Any, x: Symbol) -> Symbol:
    x = call.apply("Add", call.apply("Mul", x, model.scale_), model.min_)
    return _clipped(call, model, x, *model.feature_range)


def _max_abs(call: Call, model: Any, x: Symbol) -> Symbol:
    return _clipped(call, model, _centred(call, x, None, model.scale_), -1.0, 1.0)


def _components(call: Call, model: Any, x: Symbol) -> Symbol:
    if model.mean_ is not None:
        x = call.apply("Sub", x, model.mean_)
    x = call.apply("Gemm", x, model.components_, transB=1)
    if not model.whiten:
        return x
    # the deviation, below which scikit-learn itself does not go
    deviation = np.sqrt(model.explained_variance_)
    smallest = np.finfo(deviation.dtype).eps
    return call.apply("Div", x, np.maximum(deviation, smallest))


SCALERS: dict[str, Callable[[Call, Any, Symbol], Symbol]] = {
    "MaxAbsScaler": _max_abs,
    "MinMaxScaler": _min_max,
    "PCA": _components,
    "RobustScaler": _robust,
    "StandardScaler": _standard,
}
"""By the name of the class."""

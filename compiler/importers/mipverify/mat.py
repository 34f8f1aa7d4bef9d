"""Networks from the weights that MIPVerify.jl reads, `.mat`, and a description of their layers.

Its conventions: images are height x width x channels, a matrix is (in, out), a filter (height,
width, in, out), each with a bias of shape (1, out).  Strides, paddings and the order in which
images are flattened stand in its users' code and not in the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...base.errors import ModelError
from ...network.graph import Network
from ..assembly import Assembly, Call
from ..onnx.model import Array, AttributeValue
from ..onnx.node import Symbol
from ..unpacking import NotUnpacked, check_mat
from .runtime import MatLayer, MatRuntime

OPTIONS = {
    "conv": ("stride", "padding"),
    "dense": (),
    "flatten": ("order",),
    "normalize": ("mean", "std"),
    "relu": (),
}
"""The layers that are read, and what can be said of them."""
CHANNELS_FIRST = (0, 3, 1, 2)
DESCRIBE = 'describe the layers: from_mat(path, [("conv", "conv1", {"stride": 2}), ("relu",), ...])'


def from_mat(
    path: str | Path,
    layers: Sequence[Sequence[Any]] | None = None,
    input_shape: Sequence[int] | None = None,
) -> Network:
    """The network of a `.mat` file of weights, its images height x width x channels.

    layers: ("conv", name, options), ("dense", name), ("flatten", options), ("relu",) or
    ("normalize", options) each.  Options are a mapping: `stride` (1) and `padding` ("same",
    "valid", or as in MIPVerify.jl one number, (y, x) or (top, bottom, left, right)); `order` in
    which Julia permutes batch, height, width, channels before it reads them first axis first,
    (4, 3, 2, 1) unless given, and (1, 3, 2, 4) for what PyTorch trained; `mean` and `std` of each
    channel.
    Without layers the file must hold dense layers `fc1`, `fc2`, ... and `logits` or `softmax`, with
    a ReLU between any two.  input_shape: needed where the first layer is not dense.
    """
    source = str(path)
    arrays = _arrays(source)
    described = _chain(source, arrays) if layers is None else layers
    read = tuple(_layer(source, arrays, layer) for layer in described)
    if not read or (input_shape is None and read[0].kind != "dense"):
        raise ModelError(source, "input_shape is missing: (height, width, channels), or (size,)")
    shape = tuple(read[0].weight.shape[:1] if input_shape is None else input_shape)
    assembly = Assembly(source, shape, OPTIONS)
    value = assembly.input
    if len(shape) == 3:
        value = assembly.call("image", "transpose").move(value, _channels_first)
    for number, layer in enumerate(read, start=1):
        call = assembly.call(layer.name or f"{layer.kind}{number}", layer.kind)
        with call.reading():
            value = _apply(call, layer, value)
    notes = (
        [] if layers else ["the file does not tell activations: a ReLU between layers is assumed"]
    )
    return assembly.finish(value, Path(source).stem, MatRuntime(read, shape), notes)


def _arrays(source: str) -> Mapping[str, Array]:
    from scipy.io import loadmat

    try:
        check_mat(source)
        found: Mapping[str, Array] = loadmat(source)
    except FileNotFoundError as error:
        raise ModelError(source, "no such file") from error
    except NotUnpacked as error:
        raise ModelError(source, str(error)) from error
    except NotImplementedError as error:
        raise ModelError(source, "is of version 7.3; save it as version 7, save -v7") from error
    except Exception as error:  # a damaged file can raise anything
        raise ModelError(source, f"is damaged, or no .mat file ({error})") from error
    return found


def _chain(source: str, arrays: Mapping[str, Array]) -> list[tuple[str, ...]]:
    """The description of dense layers by their usual names."""
    names = [key.removesuffix("/weight") for key in arrays if key.count("/") == 1]
    names = [name for name in names if f"{name}/weight" in arrays]
    hidden = sorted((int(name[2:]), name) for name in names if re.fullmatch(r"fc[0-9]{1,4}", name))
    last = [name for name in ("logits", "softmax") if name in names]
    known = [name for _, name in hidden] + last[:1]
    if sorted(known) != sorted(set(names)) or len(last) != 1:
        listed = ", ".join(sorted(set(names))) or "none"
        raise ModelError(source, f"its layers ({listed}) are not fc1, ..., logits; {DESCRIBE}")
    described: list[tuple[str, ...]] = [("dense", known[0])]
    for name in known[1:]:
        described += [("relu",), ("dense", name)]
    return described


def _layer(source: str, arrays: Mapping[str, Array], described: Sequence[Any]) -> MatLayer:
    kind, *rest = described
    options = dict(rest.pop()) if rest and isinstance(rest[-1], Mapping) else {}
    named = kind in ("conv", "dense")
    if kind not in OPTIONS or not set(options) <= set(OPTIONS[kind]) or len(rest) != named:
        known = "; ".join(f"{k} {', '.join(v)}".strip() for k, v in OPTIONS.items())
        raise ModelError(source, f"{tuple(described)} describes no layer; read are {known}")
    if not named:
        return MatLayer(kind, options)
    name = str(rest[0])
    try:
        weight, bias = arrays[f"{name}/weight"], arrays[f"{name}/bias"].reshape(-1)
    except KeyError as error:
        raise ModelError(source, f"holds no {error}; {DESCRIBE}") from error
    if weight.ndim != (4 if kind == "conv" else 2) or bias.shape != weight.shape[-1:]:
        raise ModelError(source, f"{name}: {weight.shape} and {bias.shape} are no {kind} layer")
    if weight.dtype.kind != "f" or bias.dtype.kind != "f":
        raise ModelError(source, f"{name}: {weight.dtype} and {bias.dtype} are not floating")
    return MatLayer(kind, options, name, weight, bias)


def _channels_first(array: Array) -> Array:
    return array.transpose(CHANNELS_FIRST)


def _apply(call: Call, layer: MatLayer, value: Symbol) -> Symbol:
    """The layer on flat values, or on images with the channels first."""
    match layer.kind:
        case "relu":
            return call.apply("Relu", value)
        case "dense":
            return call.apply("Gemm", value, layer.weight, layer.bias)
        case "normalize":
            mean, std = (
                np.array(layer.options[key], dtype=np.float64).reshape(-1, 1, 1)
                for key in ("mean", "std")
            )
            return call.apply("Div", call.apply("Sub", value, mean), std)
        case "flatten":
            # Julia reads the first axis fastest: the permutation backwards, the last one fastest
            axes = [CHANNELS_FIRST.index(axis - 1) for axis in reversed(layer.order)]
            return call.move(value, lambda array: array.transpose(axes).reshape(1, -1))
        case _:
            weight, strides = layer.weight.transpose(3, 2, 0, 1), (layer.stride, layer.stride)
            where: dict[str, AttributeValue] = {"auto_pad": "SAME_UPPER"}  # as TensorFlow's "same"
            if layer.padding != "same":
                top, bottom, left, right = layer.fixed_padding
                where = {"pads": (top, left, bottom, right)}
            return call.apply("Conv", value, weight, layer.bias, strides=strides, **where)

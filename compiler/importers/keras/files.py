"""Networks from Keras models and their files, `.keras` and `.h5`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...base.arrays import Matrix
from ...base.errors import ModelError
from ...network.graph import Network
from ..assembly import Assembly
from ..onnx.model import Shape
from ..onnx.node import Symbol
from ..unpacking import NotUnpacked, check_zip
from .activations import check_activation
from .layers import LAYERS, channels_first, channels_last

SUPPORTED = (*LAYERS, "InputLayer", "Sequential", "Softmax")
SOFTMAX = (
    "the softmax at the end is left out: the outputs are its inputs, in the same order of size"
)


@dataclass(frozen=True, eq=False)
class KerasRuntime:
    """The model's own evaluation at inference; (B, input_size) to (B, output_size) as float64."""

    source: str
    model: Any
    shape: Shape
    dtype: np.dtype[Any]

    def __call__(self, inputs: Matrix) -> Matrix:
        keras = keras_library(self.source)
        rows = inputs.astype(self.dtype).reshape(-1, *self.shape)
        try:
            model = keras.Model(self.model.inputs[0], self.model.outputs[0])  # takes no list
            found = keras.ops.convert_to_numpy(model(rows, training=False))
        except Exception as error:  # backends raise errors of their own
            raise ModelError(self.source, f"Keras does not evaluate it: {error}") from error
        return np.asarray(found, dtype=np.float64).reshape(len(rows), -1)


def keras_library(source: str) -> Any:
    """The module `keras`, which is no requirement of ours, with whatever backend it finds."""
    try:
        import keras
    except ImportError as error:
        raise ModelError(
            source,
            f"needs Keras 3 and a backend ({error}): pip install keras torch, and set "
            "KERAS_BACKEND=torch",
        ) from error
    if int(keras.__version__.partition(".")[0]) < 3:
        raise ModelError(source, f"needs Keras 3, not {keras.__version__}: pip install -U keras")
    return keras


def from_keras(model: Any) -> Network:
    """The network of a Keras model at inference, sequential or functional; it stays as it is.

    Promise: weights are taken at their exact values, what is not understood is refused, and our
    forward pass agrees with the model on a few inputs.
    """
    source = str(getattr(model, "name", type(model).__name__))
    keras = keras_library(source)
    if not _graph(keras, model):
        raise ModelError(
            source,
            f"is a {type(model).__name__}, no model whose graph of layers can be read; one "
            "is Sequential with an Input, or functional",
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ModelError(source, "has several inputs or outputs; one of each is needed")
    shape = tuple(model.inputs[0].shape[1:])
    if None in shape:
        raise ModelError(source, f"has inputs of shape {shape}; fix their sizes")
    assembly = Assembly(source, shape, SUPPORTED, _dtype(source, model))
    runs, notes = _without_softmax(keras, _copied(keras, assembly, model))
    image = channels_first(assembly.call("image", "transpose"), assembly.input)
    output = _read(keras, assembly, runs, image)
    output = channels_last(assembly.call("output", "transpose"), output)
    runtime = KerasRuntime(source, runs, shape, assembly.dtype)
    return assembly.finish(output, source, runtime, notes, ordered=SOFTMAX in notes)


def load_keras(path: str | Path) -> Network:
    """The network in a `.keras` or `.h5` file; no code in it is run."""
    source = str(path)
    keras = keras_library(source)
    if not Path(source).exists():
        raise ModelError(source, "no such file")
    try:
        check_zip(source)
    except NotUnpacked as error:
        raise ModelError(source, str(error)) from error
    try:
        model = keras.models.load_model(source, compile=False, safe_mode=True)
    except Exception as error:  # a damaged file can raise anything
        raise ModelError(source, f"is damaged, or no model that Keras knows ({error})") from error
    return replace(from_keras(model), name=Path(source).stem)


def _graph(keras: Any, model: Any) -> bool:
    """Whether the model is nothing but a graph of layers, and built."""
    kind = type(model)
    functional = kind.__name__ == "Functional" and kind.__module__.startswith("keras.")
    return (kind is keras.Sequential or functional) and model.built and bool(model.inputs)


def _copied(keras: Any, assembly: Assembly, model: Any) -> Any:
    """A copy of the model, which nobody else can change."""
    layers = list(model.layers)
    while layers:
        layer = layers.pop()
        layers += getattr(layer, "layers", [])
        # a copy would take a known activation for one of the user's that only bears its name
        check_activation(assembly.call(layer.name, type(layer).__name__), layer)
    try:
        copied = keras.models.clone_model(model)
        copied.set_weights(model.get_weights())
    except Exception as error:  # layers of others may raise anything
        raise ModelError(assembly.source, f"cannot be copied by Keras ({error})") from error
    return copied


def _dtype(source: str, model: Any) -> np.dtype[Any]:
    """The one precision in which the model computes."""
    # counters, such as those of Normalization, are whole numbers and compute nothing
    found = {str(variable.dtype) for variable in model.weights}
    found = {name for name in found if not name.startswith(("int", "uint", "bool"))}
    found |= {str(layer.compute_dtype) for layer in model.layers}
    if found not in ({"float32"}, {"float64"}):
        listed = ", ".join(sorted(found))
        raise ModelError(source, f"computes in {listed}; float32 or float64 alone is read")
    return np.dtype(found.pop())


def _without_softmax(keras: Any, model: Any) -> tuple[Any, list[str]]:
    """The model, which may change, up to a softmax over all its outputs; and a note of it."""
    last = model.layers[-1]
    if len(model.outputs[0].shape) == 2 and last.output is model.outputs[0]:
        if type(last) is keras.layers.Softmax and last.axis in (-1, 1):
            return keras.Model(model.inputs[0], last.input), [SOFTMAX]
        if getattr(last, "activation", None) is keras.activations.softmax:
            last.activation = keras.activations.linear
            return model, [SOFTMAX]
    return model, []


def _read(keras: Any, assembly: Assembly, model: Any, value: Symbol) -> Symbol:
    """The model's output for an input of `value`, images channels first."""
    if isinstance(model, keras.Sequential):
        for layer in model.layers:
            read = _read if _graph(keras, layer) else _layer
            value = read(keras, assembly, layer, value)
        return value
    known = {id(model.inputs[0]): value}
    for operation in model.operations:
        if isinstance(operation, keras.layers.InputLayer):
            continue
        sources = operation.input
        sources = list(sources) if isinstance(sources, (list, tuple)) else [sources]
        if any(id(source) not in known for source in sources):
            break
        parts = [known[id(source)] for source in sources]
        known[id(operation.output)] = _layer(keras, assembly, operation, *parts)
    found = known.get(id(model.outputs[0]))
    if found is None:
        raise ModelError(
            assembly.source, "uses a layer twice, or a model as a layer; write out its layers"
        )
    return found


def _layer(keras: Any, assembly: Assembly, layer: Any, *parts: Symbol) -> Symbol:
    kind = type(layer).__name__
    call = assembly.call(layer.name, kind)
    if kind not in LAYERS or type(layer) is not getattr(keras.layers, kind, None):
        call.refuse()
    with call.reading():
        return LAYERS[kind](call, layer, *parts)

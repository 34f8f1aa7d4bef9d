"""Networks from ONNX files, node by node, checked against onnxruntime."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...base.errors import FidelityError, ModelError
from ...network.graph import GraphBuilder, Network
from ..fidelity import check
from ..unpacking import NotUnpacked, read
from .external import inlined
from .folding import fold, rewritten
from .model import LARGEST, MOST, Model, Operation, decoded, ending_at, parse
from .node import Node, Symbol, Value
from .ops import OPERATIONS
from .runtime import OnnxRuntime

LAST_ONLY = ("LogSoftmax", "Softmax")
"""Dropped where they end the network: they keep the order of the outputs."""


def load_onnx(path: str | Path) -> Network:
    """The network in an `.onnx` or `.onnx.gz` file.

    One layer, or a few with suffixed names, for each ONNX node, under the node's name.
    Promise: the float32 weights are taken at their exact values, an operation or attribute that is
    not understood is refused, and our forward pass agrees with onnxruntime on a few inputs.
    """
    source = str(path)
    data = _read(source)
    proto = decoded(source, data)
    data, digest, beside = inlined(source, proto, data)
    model = parse(source, proto)
    network, output = _network(source, model)
    evaluated = data if output == model.output else ending_at(source, data, output)
    name = Path(source).name.removesuffix(".gz").removesuffix(".onnx")
    rowwise = OnnxRuntime(source, evaluated, model.input, model.shape, model.dtype, False)
    network = replace(
        network, name=name, digest=digest, onnx=True, runtime=rowwise,
        path=os.path.abspath(source), beside=beside,
    )  # fmt: skip
    if model.batched:
        together = replace(network, runtime=replace(rowwise, batched=True))
        try:
            check(together, source)
        except (FidelityError, ModelError):
            pass  # a model may declare a batch of any size and still mix its rows: one at a time
        else:
            return together
    check(network, source)
    return network


def _read(source: str) -> bytes:
    try:
        return read(source, LARGEST)
    except FileNotFoundError as error:
        raise ModelError(source, "no such file") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ModelError(source, "truncated, or not compressed by gzip; fetch it again") from error
    except NotUnpacked as error:
        raise ModelError(source, str(error)) from error
    except (OSError, ValueError) as error:
        raise ModelError(source, f"cannot be read: {error}") from error


def _network(source: str, model: Model) -> tuple[Network, str]:
    """The network without its runtime, and the ONNX name of its output."""
    builder = GraphBuilder(model.input_shape)
    values: dict[str, Value] = dict(model.constants)
    values[model.input] = Symbol(Network.INPUT, model.shape, model.dtype)
    output, notes, numbers, end = model.output, [], 0, None
    makers: dict[str, Operation] = {}
    for name, constant in model.constants.items():
        _check_declared(source, model, name, constant)
    for operation in model.operations:
        last = operation.kind in LAST_ONLY and operation.outputs == (model.output,)
        node = _node(source, operation, values, model.opset, builder)
        changed = rewritten(operation, values, makers)
        if changed is not None:
            node.fail(*changed)
        with np.errstate(over="raise", divide="raise", invalid="raise"):
            try:
                if last:
                    _check_softmax(node)
                    output, end = operation.inputs[0], node
                    notes.append(
                        f"{operation.kind} {operation.name!r} at the end is left out: the outputs "
                        "are its inputs, in the same order of size"
                    )
                    continue
                results = OPERATIONS.get(operation.kind, fold)(node)
                node.finish()
            except (ValueError, TypeError, KeyError, IndexError, ArithmeticError, MemoryError) as e:
                node.fail(f"cannot be read ({e})")
        listed = results if isinstance(results, list) else [results]
        numbers += sum(math.prod(value.shape) for value in listed)
        if numbers > MOST:
            node.fail(f"the tensors up to here hold more than {MOST} numbers together")
        for name, value in zip(operation.outputs, listed, strict=False):
            _check_declared(source, model, name, value)
            values[name] = value
            makers[name] = operation
    final = values.get(output)
    if end is not None and isinstance(final, Symbol) and final.node == Network.INPUT:
        final = end.rearrange(final, lambda array: array)  # a softmax of the input itself
    if not isinstance(final, Symbol) or final.node == Network.INPUT:
        raise ModelError(
            source,
            f"its output {output!r} does not come from its input by any layer; export the "
            "part that computes it",
        )
    ordered = output != model.output
    return builder.finish(final.node, notes=tuple(notes), ordered=ordered), output


def _check_declared(source: str, model: Model, name: str, value: Value) -> None:
    """Refuses a tensor that the file declares otherwise: runtimes may believe the declaration."""
    kind, sizes = model.declared.get(name, (str(value.dtype), None))
    fits = sizes is None or (
        len(sizes) == len(value.shape)
        and all(size in (None, own) for size, own in zip(sizes, value.shape, strict=True))
    )
    if kind != str(value.dtype) or not fits:
        told = f"{value.dtype} of shape {value.shape}"
        raise ModelError(
            source,
            f"{name!r} is declared as {kind} of shape {sizes}, but is {told}; remove it "
            "from the graph's value_info, or export the model again",
        )


def _node(
    source: str, operation: Operation, values: dict[str, Value], opset: int, builder: GraphBuilder
) -> Node:
    for name in operation.inputs:
        if name and name not in values:
            raise ModelError(
                source,
                f"node {operation.name!r} uses {name!r}, a second output that is not read; export "
                "the model for inference, without it",
            )
    inputs = [values.get(name) if name else None for name in operation.inputs]
    return Node(source, operation, inputs, opset, builder, (*OPERATIONS, *LAST_ONLY))


def _check_softmax(node: Node) -> None:
    """Refuses a softmax over only a part of the output, which can change the order of the rest."""
    node.expect(1)
    shape = node.value(0).shape
    axis = node.integer("axis", -1 if node.opset >= 13 else 1)
    # before operator set 13 all axes from this one on were normalised together
    start = range(len(shape))[axis] if axis < len(shape) or node.opset >= 13 else len(shape)
    rest = shape[:start] if node.opset < 13 else shape[:start] + shape[start + 1 :]
    if any(size != 1 for size in rest):
        node.refuse_attribute("axis", f"is {axis}: not all of an output of shape {shape}")
    node.finish()

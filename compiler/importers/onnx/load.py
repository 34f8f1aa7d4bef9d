"""Networks from ONNX files, node by node, checked against onnxruntime."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...base.arrays import Vector
from ...base.errors import FidelityError, ModelError
from ...network.graph import GraphBuilder, Network
from ...network.layers import Linear, Sum
from ...operators import Select
from ..fidelity import check
from ..unpacking import NotUnpacked, read
from .external import inlined
from .folding import fold, rewritten
from .model import (
    LARGEST,
    LIMIT,
    MOST,
    Array,
    Model,
    Operation,
    Tensors,
    check_sizes,
    decoded,
    ending_at,
    parse,
)
from .node import Node, Symbol, Value
from .operators.classical import CLASSICAL
from .ops import OPERATIONS, check_types
from .runtime import OnnxRuntime
from .scores import scored

LAST_ONLY = ("LogSoftmax", "Softmax")
"""Dropped where they end the network: they keep the order of the outputs."""


SEVERAL = (
    "it is read with several inputs or outputs, hidden ones or a constant one, and certificates "
    "speak of models with one input and one output"
)
"""Why such a network has no certificates."""
CLASSIFIER = (
    "it is read from a file with class labels or with operators of ai.onnx.ml, which the checker "
    "does not read; write it with standard operators alone, and ask about that file: rhobust "
    "convert MODEL --out NEW.onnx (network.save(...))"
)
"""The same of what skl2onnx writes."""


def load_onnx(path: str | Path, tensors: Tensors | None = None) -> Network:
    """The network in an `.onnx` or `.onnx.gz` file.

    One layer, or a few with suffixed names, for each ONNX node, under the node's name.
    Promise: the float32 weights are taken at their exact values, an operation or attribute that is
    not understood is refused, and our forward pass agrees with onnxruntime on a few inputs.
    tensors: the inputs, outputs and hidden tensors that a property speaks of, which are flat one
    after the other; without, the model has to have one input and one output.
    """
    source = str(path)
    data = _read(source)
    proto = decoded(source, data)
    data, digest, beside = inlined(source, proto, data)
    notes, probable = scored(proto) if tensors is None else ((), False)
    if notes:
        data = bytes(proto.SerializeToString())
    model = parse(source, proto, tensors)
    network, ends = _network(source, model, tensors)
    plain = not notes and [value.name for value in proto.graph.output] == list(ends)
    evaluated = data
    given = {feed.name for feed in model.feeds}
    if not plain or given & ends.keys():
        evaluated = ending_at(source, data, ends)
    fetched = tuple(f"{name}.end" if name in given else name for name in ends)
    name = Path(source).name.removesuffix(".gz").removesuffix(".onnx")
    if notes or any(operation.kind in CLASSICAL for operation in model.operations):
        network = replace(
            network, beyond=CLASSIFIER, notes=(*notes, *network.notes),
            ordered=network.ordered or probable,
        )  # fmt: skip
    rowwise = OnnxRuntime(source, evaluated, model.feeds, fetched)
    network = replace(
        network, name=name, digest=digest, onnx=not network.beyond, runtime=rowwise,
        path=os.path.abspath(source), beside=beside,
    )  # fmt: skip
    if len(model.feeds) == len(ends) == 1 and model.feeds[0].batched:
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


def _network(
    source: str, model: Model, asked: Tensors | None
) -> tuple[Network, dict[str, np.dtype[Any]]]:
    """The network without its runtime; names and types of the tensors that are its outputs.

    asked: the tensors that a question speaks of, of which some may come from no layer.
    """
    builder = GraphBuilder(model.input_shape)
    values: dict[str, Value] = dict(model.constants)
    values |= _fed(model, builder)
    ends, notes, numbers, end = list(model.outputs), [], 0, None
    makers: dict[str, Operation] = {}
    for name, constant in model.constants.items():
        _check_declared(source, model, name, constant)
    for operation in model.operations:
        last = operation.kind in LAST_ONLY and operation.outputs == model.outputs
        node = _node(source, operation, values, model.opset, builder)
        check_types(node)
        changed = rewritten(operation, values, makers)
        if changed is not None:
            node.fail(*changed)
        with np.errstate(over="raise", divide="raise", invalid="raise"):
            try:
                if last:
                    _check_softmax(node)
                    ends, end = [operation.inputs[0]], node
                    notes.append(
                        f"{operation.kind} {operation.name!r} at the end is left out: the outputs "
                        "are its inputs, in the same order of size"
                    )
                    continue
                handler = OPERATIONS.get(operation.kind) or CLASSICAL.get(operation.kind, fold)
                results = handler(node)
                node.finish()
            except (ValueError, TypeError, KeyError, IndexError, ArithmeticError, MemoryError) as e:
                node.fail(f"cannot be read ({e})")
        listed: Sequence[Value | None] = results if isinstance(results, list) else [results]
        numbers += sum(math.prod(value.shape) for value in listed if value is not None)
        if numbers > MOST:
            node.fail(f"the tensors up to here hold more than {MOST} numbers together")
        for name, value in zip(operation.outputs, listed, strict=False):
            if value is None:
                continue
            _check_declared(source, model, name, value)
            values[name] = value
            makers[name] = operation
    finals = {name: values.get(name) for name in ends}
    final = finals[ends[0]]
    if end is not None and isinstance(final, Symbol) and final.node == Network.INPUT:
        final = end.rearrange(final, lambda array: array)  # a softmax of the input itself
    ordered = tuple(ends) != model.outputs
    types: dict[str, np.dtype[Any]] = {}
    for name, found in finals.items():
        if found is None:
            raise ModelError(source, f"its output {name!r} is none that is read; export it without")
        types[name] = found.dtype
    if asked is not None and asked.output_sizes:
        shapes = [() if found is None else found.shape for found in finals.values()]
        check_sizes(source, "output", ends, shapes, asked.output_sizes)
    if len(ends) == len(model.feeds) == 1 and isinstance(final, Symbol):
        if final.node != Network.INPUT:
            return builder.finish(final.node, notes=tuple(notes), ordered=ordered), types
    if asked is None:
        raise ModelError(
            source,
            f"its output {ends[0]!r} does not come from its input by any layer; export the "
            "part that computes it",
        )
    output = _stacked(source, builder, [finals[name] for name in ends])
    beyond = "" if isinstance(final, Symbol) and len(ends) == len(model.feeds) == 1 else SEVERAL
    return builder.finish(output, notes=tuple(notes), ordered=ordered, beyond=beyond), types


def _fed(model: Model, builder: GraphBuilder) -> dict[str, Value]:
    """The inputs: the network's own, or its parts where there are several."""
    if len(model.feeds) == 1:
        (feed,) = model.feeds
        return {feed.name: Symbol(Network.INPUT, feed.shape, feed.dtype)}
    total, start = builder.size(Network.INPUT), 0
    values: dict[str, Value] = {}
    for feed in model.feeds:
        size = math.prod(feed.shape)
        part = Linear(Select(np.arange(start, start + size), total), None, "input")
        node = builder.add(f"input.{feed.name}", part, size, Network.INPUT)
        values[feed.name] = Symbol(node, feed.shape, feed.dtype)
        start += size
    return values


def _stacked(source: str, builder: GraphBuilder, parts: list[Value | None]) -> str:
    """The node whose value is all tensors one after the other."""
    sizes = [0 if part is None else math.prod(part.shape) for part in parts]
    total, start, placed = sum(sizes), 0, []
    if total > LIMIT or 0 in sizes:
        raise ModelError(source, f"its outputs have {sizes} numbers, which is none or too many")
    for part, size in zip(parts, sizes, strict=True):
        index, bias, node = np.full(total, -1, dtype=np.int64), None, Network.INPUT
        if isinstance(part, Symbol):
            index[start : start + size] = np.arange(size)
            node = part.node
        elif part is not None:
            bias = np.zeros(total)
            bias[start : start + size] = _numbers(source, part)
        place = Linear(Select(index, builder.size(node)), bias, "output")
        placed.append(builder.add("output", place, total, node))
        start += size
    if len(placed) == 1:
        return placed[0]
    return builder.add("outputs", Sum((1.0,) * len(placed), "output"), total, *placed)


def _numbers(source: str, constant: Array) -> Vector:
    """A constant output as float64, exactly."""
    found = constant.reshape(-1).astype(np.float64)
    if constant.dtype.kind == "i" and (np.abs(found) > 2.0**53).any():
        raise ModelError(source, "an output is a constant beyond 2**53, which is not read")
    return found


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
    return Node(source, operation, inputs, opset, builder, (*OPERATIONS, *CLASSICAL, *LAST_ONLY))


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

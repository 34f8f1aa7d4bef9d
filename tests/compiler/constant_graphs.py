"""Random ONNX models whose factors, terms and masks are computed from constants.

Every number of the output is one product or one sum of an input and a computed constant, so that
an input of 1 or 0 shows the constant's last bit.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

Array = np.ndarray[Any, Any]
INPUTS = 4
NUMBERS = (0.1, 0.2, 0.3, 1 / 3, 1e-9, 3.0, 7.0, 10.0, 1.0, 0.5, -2.5, -0.7, 1.7, 16777217.0, 0.0)
SHAPES = ((), (1,), (2,), (3,), (2, 3), (1, 3), (2, 1), (1, 1, 2))
TYPES = (np.float32, np.float32, np.float32, np.float64, np.int64, np.int32)
UNARY: dict[str, tuple[str, Callable[[Array], Array], Callable[[Array], Any]]] = {
    "Abs": ("if", np.abs, lambda a: True),
    "Ceil": ("f", np.ceil, lambda a: True),
    "Exp": ("f", np.exp, lambda a: (abs(a) < 20).all()),
    "Floor": ("f", np.floor, lambda a: True),
    "Log": ("f", np.log, lambda a: (a > 0).all()),
    "Neg": ("if", np.negative, lambda a: True),
    "Reciprocal": ("f", np.reciprocal, lambda a: (abs(a) > 1e-20).all()),
    "Relu": ("f", lambda a: np.maximum(a, 0), lambda a: True),
    "Sign": ("if", np.sign, lambda a: True),
    "Sqrt": ("f", np.sqrt, lambda a: (a >= 0).all()),
}
"""Kinds of types, the function, and of which numbers it is asked."""
BINARY: dict[str, tuple[str, Callable[[Array, Array], Array]]] = {
    "Add": ("if", np.add),
    "Sub": ("if", np.subtract),
    "Mul": ("if", np.multiply),
    "Div": ("if", lambda a, b: a / b if a.dtype.kind == "f" else np.trunc(a / b).astype(a.dtype)),
    "Max": ("if", np.maximum),
    "Min": ("if", np.minimum),
    "Equal": ("if", np.equal),
    "Less": ("if", np.less),
    "Greater": ("if", np.greater),
    "And": ("b", np.logical_and),
    "Or": ("b", np.logical_or),
}
RARE = ("Exp", "Log")


@dataclass
class Drawing:
    """A graph while it is drawn.  known: constants with about the numbers that they have."""

    rng: random.Random
    opset: int
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    stored: list[onnx.TensorProto] = field(default_factory=list)
    known: dict[str, Array] = field(default_factory=dict)

    def name(self) -> str:
        return f"t{len(self.nodes)}_{len(self.stored)}"

    def store(self, value: Any) -> str:
        """A constant of the file: an initializer, or a node at times."""
        array, name = np.asarray(value), self.name()
        tensor = numpy_helper.from_array(array, name)
        if self.rng.random() < 0.2:
            self.nodes.append(helper.make_node("Constant", [], [name], value=tensor))
        else:
            self.stored.append(tensor)
        self.known[name] = array
        return name

    def node(self, kind: str, inputs: list[str], about: Any, /, **attributes: Any) -> str:
        name = self.name()
        self.nodes.append(helper.make_node(kind, inputs, [name], name=f"n_{name}", **attributes))
        self.known[name] = np.asarray(about)
        return name

    def pick(self, fits: Callable[[Array], Any]) -> str | None:
        names = [name for name, value in self.known.items() if fits(value)]
        return self.rng.choice(names) if names else None

    def axes(self, kind: str, source: str, value: Any, axes: list[int]) -> str:
        return self.node(kind, [source, self.store(np.array(axes, dtype=np.int64))], value)


def _base(g: Drawing) -> None:
    kind, shape = g.rng.choice(TYPES), g.rng.choice(SHAPES)
    if np.dtype(kind).kind == "i":
        numbers = [float(g.rng.randrange(-4, 9)) for _ in range(math.prod(shape))]
    else:
        numbers = [g.rng.choice((*NUMBERS, g.rng.gauss(0, 1))) for _ in range(math.prod(shape))]
    g.store(np.array(numbers).astype(kind).reshape(shape))


def _unary(g: Drawing) -> None:
    kind = g.rng.choice(list(UNARY))
    kinds, function, fits = UNARY[kind]
    if kind in RARE and g.rng.random() < 0.8:
        return
    found = g.pick(lambda a: a.dtype.kind in kinds and fits(a))
    if found is not None:
        g.node(kind, [found], function(g.known[found]))


def _binary(g: Drawing) -> None:
    kind = g.rng.choice(list(BINARY))
    kinds, function = BINARY[kind]
    left = g.pick(lambda a: a.dtype.kind in kinds)
    if left is None:
        return
    a = g.known[left]
    right = g.pick(lambda b: b.dtype == a.dtype and _broadcast(a, b))
    if right is None or (kind == "Div" and not g.known[right].all()):
        return
    g.node(kind, [left, right], function(a, g.known[right]))


def _broadcast(a: Array, b: Array) -> bool:
    try:
        return math.prod(np.broadcast_shapes(a.shape, b.shape)) <= 60
    except ValueError:
        return False


def _twin(g: Drawing) -> None:
    """Whether a computed number is the one that it is over the reals, or in another type."""
    found = g.pick(lambda a: a.dtype.kind == "f" and a.size)
    if found is None:
        return
    value = g.known[found]
    near = value.astype(np.float64) * (1 + g.rng.choice((0.0, 0.0, 2.0**-24, -(2.0**-24))))
    twin = g.store(near.astype(value.dtype))
    g.node(g.rng.choice(("Equal", "Less", "Greater")), [found, twin], value == near)


def _chain(g: Drawing) -> None:
    """a / b * b, a + b - a, sqrt(a)^2 ...: what rounding does not give back, and whether it is."""
    kind = g.rng.choice((np.float32, np.float32, np.float64))
    a, b = (g.store(np.asarray(g.rng.choice(NUMBERS[:10]), dtype=kind)) for _ in range(2))
    first, second, x, y = g.rng.choice(
        (("Div", "Mul", b, a), ("Mul", "Div", b, a), ("Add", "Sub", b, a), ("Sub", "Add", b, a))
    )
    functions = BINARY[first][1], BINARY[second][1]
    one = g.node(first, [a, x], functions[0](g.known[a], g.known[x]))
    two = g.node(second, [one, x], functions[1](g.known[one], g.known[x]))
    g.node("Equal", [two, y], g.known[two] == g.known[y])


def _where(g: Drawing) -> None:
    mask = g.pick(lambda a: a.dtype.kind == "b")
    first = g.pick(lambda a: a.dtype.kind in "if")
    if mask is None or first is None:
        return
    a, c = g.known[first], g.known[mask]
    second = g.pick(lambda b: b.dtype == a.dtype and _broadcast(a, b))
    if second is None or not _broadcast(np.broadcast_to(a, _shape(a, g.known[second])), c):
        return
    g.node("Where", [mask, first, second], np.where(c, a, g.known[second]))


def _shape(*arrays: Array) -> tuple[int, ...]:
    return np.broadcast_shapes(*(array.shape for array in arrays))


def _cast(g: Drawing) -> None:
    target = g.rng.choice((*TYPES, np.bool_))
    found = g.pick(lambda a: np.isfinite(a.astype(np.float64)).all() and (abs(a) < 2.0**30).all())
    if found is not None:
        code = helper.np_dtype_to_tensor_dtype(np.dtype(target))
        g.node("Cast", [found], g.known[found].astype(target), to=code)


def _power(g: Drawing) -> None:
    found = g.pick(lambda a: a.dtype.kind == "f")
    if found is not None and g.rng.random() < 0.5:
        value = g.known[found]
        exponent = g.rng.choice((2, 3)) if g.rng.random() < 0.8 else 0.5
        if exponent != 0.5 or (value >= 0).all():
            given = g.store(np.asarray(exponent, dtype=value.dtype))
            g.node("Pow", [found, given], value**exponent)


def _move(g: Drawing) -> None:
    """One of the operations that move numbers."""
    found = g.pick(lambda a: a.ndim and a.size)
    if found is None:
        return
    a, rng = g.known[found], g.rng
    axis = rng.randrange(a.ndim)
    match rng.randrange(10):
        case 0:
            index = np.array([rng.randrange(-a.shape[axis], a.shape[axis]) for _ in range(2)])
            g.node("Gather", [found, g.store(index)], a.take(index, axis), axis=axis)
        case 1:
            start, step = rng.randrange(a.shape[axis]), rng.choice((1, 2, -1))
            end = -99 if step < 0 else 99
            cut = [slice(None)] * a.ndim
            cut[axis] = slice(start, end, step)
            ends = [g.store(np.array([n])) for n in (start, end, axis, step)]
            g.node("Slice", [found, *ends], a[tuple(cut)])
        case 2:
            g.node("Concat", [found, found], np.concatenate([a, a], axis), axis=axis)
        case 3:
            g.node("Reshape", [found, g.store(np.array([-1]))], a.reshape(-1))
        case 4:
            g.node("Transpose", [found], a.T)
        case 5:
            g.axes("Unsqueeze", found, np.expand_dims(a, axis), [axis])
        case 6 if a.shape[axis] == 1:
            g.axes("Squeeze", found, a.squeeze(axis), [axis])
        case 7:
            shape = np.array((2, *a.shape))
            g.node("Expand", [found, g.store(shape)], np.broadcast_to(a, shape))
        case 8:
            repeats = np.array([rng.choice((1, 2)) for _ in a.shape])
            g.node("Tile", [found, g.store(repeats)], np.tile(a, tuple(repeats)))
        case 9 if a.dtype.kind == "f":
            pads = np.array([1] * a.ndim + [0] * a.ndim)
            width = [(1, 0)] * a.ndim
            g.node("Pad", [found, g.store(pads)], np.pad(a, width))


def _shapes(g: Drawing) -> None:
    """The shape of a tensor, a part of it, and what is filled by it."""
    found = g.rng.choice(["x", *g.known])
    shape = g.known[found].shape if found != "x" else (1, INPUTS)
    name = g.node("Shape", [found], np.array(shape, dtype=np.int64))
    if shape and g.rng.random() < 0.5 and math.prod(shape) < 50:
        value = helper.make_tensor("fill", onnx.TensorProto.FLOAT, [1], [g.rng.choice(NUMBERS)])
        g.node("ConstantOfShape", [name], np.full(shape, value.float_data[0], "f"), value=value)


def _reduce(g: Drawing) -> None:
    kind = g.rng.choice(("ReduceSum", "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin"))
    found = g.pick(
        lambda a: a.ndim and a.size and a.dtype.kind in ("f" if "Mean" in kind else "if")
    )
    if found is None:
        return
    a = g.known[found]
    axis, keep = g.rng.randrange(a.ndim), g.rng.randrange(2)
    functions: dict[str, Callable[..., Any]] = {
        "ReduceSum": np.sum, "ReduceMean": np.mean, "ReduceMax": np.max, "ReduceMin": np.min,
    }  # fmt: skip
    value = functions[kind](a, axis=axis, keepdims=bool(keep)).astype(a.dtype)
    if kind == "ReduceSum" or g.opset >= 18:
        axes = g.store(np.array([axis]))
        g.node(kind, [found, axes], value, keepdims=keep)
    else:
        g.node(kind, [found], value, axes=[axis], keepdims=keep)


def _product(g: Drawing) -> None:
    rng = g.rng
    rows, inner = rng.randrange(1, 3), rng.randrange(1, 4)
    shapes = ((rows, inner), (inner, 2))
    whole = rng.random() < 0.7

    def drawn(shape: tuple[int, int]) -> Array:
        numbers = [
            float(rng.randrange(-8, 9)) if whole else rng.choice(NUMBERS)
            for _ in range(math.prod(shape))
        ]
        return np.array(numbers, dtype=np.float32).reshape(shape)

    a, b = map(drawn, shapes)
    g.node("MatMul", [g.store(a), g.store(b)], a @ b)


def _clip(g: Drawing) -> None:
    found = g.pick(lambda a: a.dtype.kind == "f")
    if found is not None:
        kind = g.known[found].dtype
        low, high = (g.store(np.asarray(n, dtype=kind)) for n in (-0.3, 0.7))
        g.node("Clip", [found, low, high], np.clip(g.known[found], -0.3, 0.7))


STEPS = (
    _unary, _unary, _binary, _binary, _binary, _twin, _chain, _where, _where, _cast, _cast, _power,
    _move, _move, _shapes, _reduce, _product, _clip,
)  # fmt: skip


def constant_graph(seed: int) -> onnx.ModelProto:
    """x (1, INPUTS) to products x c, sums x + c and x or -x by masks."""
    rng = random.Random(seed)
    g = Drawing(rng, rng.choice((13, 14, 17, 18, 21)))
    kind = np.float64 if rng.random() < 0.2 else np.float32
    code = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    with np.errstate(all="ignore"):
        for _ in range(rng.randrange(2, 6)):
            _base(g)
        for _ in range(rng.randrange(3, 12)):
            rng.choice(STEPS)(g)
        parts = _outputs(g, kind, code)
    g.nodes.append(helper.make_node("Concat", parts, ["y"], axis=1))
    # what no output needs is left out, so that its refusal is not taken for one of the rest
    graph = helper.make_graph(
        g.nodes,
        "constants",
        [helper.make_tensor_value_info("x", code, [1, INPUTS])],
        [helper.make_tensor_value_info("y", code, None)],
        g.stored,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", g.opset)], ir_version=8)


def _outputs(g: Drawing, kind: Any, code: int) -> list[str]:
    """Names of parts (1, N) of the output, for some of the last constants."""

    def at(size: int) -> str:
        index = np.array([g.rng.randrange(INPUTS) for _ in range(size)])
        return g.node("Gather", ["x", g.store(index)], np.zeros((1, size)), axis=1)

    fits = [n for n, a in g.known.items() if 0 < a.size <= 40 and n.startswith("t")]
    computed = [name for name in fits if any(name in node.output for node in g.nodes)]
    chosen = g.rng.sample(computed, min(len(computed), 3)) or [fits[-1]]
    parts = []
    for name in chosen:
        value = g.known[name]
        flat = g.node("Reshape", [name, g.store(np.array([1, -1]))], value.reshape(1, -1))
        if value.dtype == np.bool_:
            one = at(value.size)
            minus = g.node("Neg", [one], np.zeros((1, value.size)))
            parts.append(g.node("Where", [flat, one, minus], value))
            continue
        if value.dtype != kind:
            flat = g.node("Cast", [flat], value.astype(kind), to=code)
        parts.append(g.node("Mul", [at(value.size), flat], value))
        parts.append(g.node(g.rng.choice(("Add", "Sub")), [at(value.size), flat], value))
    return parts

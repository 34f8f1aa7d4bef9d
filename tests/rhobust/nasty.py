"""Small networks and questions that are hard on rounding and on corner cases; all by a seed.

Networks: weights of 1e-30 to 1e30, zeros, repeated and opposite units, dead units, skips.
Questions about them: ties at the image, radii of 0, domains of single points, all norms; and
VNN-LIB texts of nests, strict and trivial literals, equalities, repeated boxes, quotients.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

Rng = np.random.Generator
Floats = npt.NDArray[np.float64]
SCALES = ("plain", "plain", "plain", "scaled", "rows", "each")


def numbers(rng: Rng, shape: tuple[int, ...], scale: str) -> npt.NDArray[np.float32]:
    """Weights, all of one size, or by rows, or each of its own."""
    found = rng.integers(-8, 9, size=shape) / 4.0 if rng.random() < 0.5 else rng.normal(size=shape)
    if scale == "scaled":
        found = found * 10.0 ** float(rng.integers(-30, 31))
    elif scale == "rows":
        each = rng.integers(-15, 16, size=(shape[0], *[1] * (len(shape) - 1)))
        found = found * 10.0 ** each.astype(np.float64)
    elif scale == "each":
        found = found * 10.0 ** rng.integers(-30, 31, size=shape).astype(np.float64)
    if rng.random() < 0.3:
        found = found * (rng.random(shape) < 0.6)
    return found.astype(np.float32)


@dataclass
class _Grown:
    rng: Rng
    nasty: bool
    nodes: list[onnx.NodeProto]
    stored: list[onnx.TensorProto]

    def affine(self, source: str, size: int, width: int) -> str:
        """A dense layer of `size` rows over `width` numbers; its output's name."""
        rng, number = self.rng, len(self.nodes)
        scale = str(rng.choice(SCALES)) if self.nasty else "plain"
        weight = numbers(rng, (size, width), scale)
        other = str(rng.choice(SCALES)) if self.nasty and rng.random() < 0.5 else scale
        bias = numbers(rng, (size,), other)
        if scale == "plain" and rng.random() < 0.3:
            bias = np.zeros_like(bias)
        if size > 1 and rng.random() < 0.3:  # a unit again, opposite or doubled
            factor = np.float32(rng.choice([1.0, -1.0, 2.0]))
            weight[1], bias[1] = weight[0] * factor, bias[0] * factor
        if rng.random() < 0.2:
            weight[-1], bias[-1] = 0.0, -1.0
        for name, array in (("w", weight), ("b", bias)):
            self.stored.append(numpy_helper.from_array(array, f"{name}{number}"))
        given = [source, f"w{number}", f"b{number}"]
        self.nodes.append(
            helper.make_node("Gemm", given, [f"z{number}"], name=f"gemm{number}", transB=1)
        )
        return f"z{number}"

    def node(self, kind: str, *given: str) -> str:
        number = len(self.nodes)
        self.nodes.append(helper.make_node(kind, given, [f"v{number}"], name=f"{kind}{number}"))
        return f"v{number}"


def save_network(rng: Rng, path: Path, nasty: bool = True) -> tuple[int, int]:
    """Writes a model; returns its numbers of inputs and outputs."""
    inputs, layers, outputs = (int(rng.integers(*ends)) for ends in ((1, 5), (1, 4), (2, 4)))
    grown = _Grown(rng, nasty, [], [])
    last, width, before = "x", inputs, [("x", inputs)]
    for layer in range(layers):
        size = int(rng.integers(1, 6))
        value = grown.affine(last, size, width)
        if layer and rng.random() < 0.4:
            source, wide = before[int(rng.integers(len(before)))]
            value = grown.node("Add", value, grown.affine(source, size, wide))
        before.append((last, width))
        last, width = grown.node("Relu", value), size
    output = grown.affine(last, outputs, width)
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, size])
        for name, size in (("x", inputs), (output, outputs))
    ]
    graph = helper.make_graph(grown.nodes, "nasty", ends[:1], ends[1:], grown.stored)
    opsets = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return inputs, outputs


@dataclass(frozen=True)
class Asked:
    """What is asked of a network; image, low, high (D,)."""

    image: Floats
    eps: float
    norm: str
    low: Floats
    high: Floats


def question(rng: Rng, inputs: int) -> Asked:
    """About an image that may lie at kinks and ties, or on its domain's edge."""
    image = rng.integers(-4, 5, inputs) / 4.0 if rng.random() < 0.5 else rng.random(inputs)
    low, high = np.full(inputs, -1.0), np.full(inputs, 1.0)
    kind = rng.random()
    if kind < 0.3:
        low[:] = 0.0
    image = np.clip(image, low, high)
    if kind > 0.6:
        fixed = rng.random(inputs) < rng.choice([0.4, 0.4, 0.4, 1.0])
        low[fixed] = high[fixed] = image[fixed]
    eps = float(rng.choice([0.0, 1e-300, 1e-12, 1e-3, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0]))
    return Asked(image, eps, str(rng.choice(["linf", "l1", "l2"])), low, high)


# ---- properties -------------------------------------------------------------------------------


class Writer:
    """Random VNN-LIB 1.0 texts over a box; `reach` says how large outputs are."""

    def __init__(self, rng: Rng, inputs: int, outputs: int, reach: float) -> None:
        self.rng, self.reach = rng, reach
        self.inputs = [f"X_{k}" for k in range(inputs)]
        self.outputs = [f"Y_{k}" for k in range(outputs)]

    def text(self) -> str:
        rng = self.rng
        lines = [f"(declare-const {name} Real)" for name in (*self.inputs, *self.outputs)]
        boxes = [self._box() for _ in range(int(rng.integers(1, 4)))]
        if rng.random() < 0.3:
            boxes.append(boxes[0])
        asserted = [boxes[0] if len(boxes) == 1 else f"(or {' '.join(boxes)})"]
        depth = int(rng.integers(0, 4))
        asserted += [self._formula(depth) for _ in range(int(rng.integers(1, 4)))]
        asserted.append(self._far())
        rng.shuffle(asserted)
        return "\n".join((*lines, *(f"(assert {formula})" for formula in asserted)))

    def _box(self) -> str:
        """Bounds of every input, in any words; at times a point, or none."""
        rng, parts = self.rng, []
        for name in self.inputs:
            low = int(rng.integers(-8, 8))
            high = low + int(rng.choice([0, 1, 4, 8, 16], p=[0.1, 0.2, 0.3, 0.3, 0.1]))
            if low == high and rng.random() < 0.5:
                parts.append(f"(= {name} {self._number(low, 8)})")
                continue
            signs = rng.choice(["<=", "<="] if rng.random() < 0.8 else ["<", "<="], 2)
            if rng.random() < 0.2:
                parts.append(f"(<= {self._number(low, 8)} {name} {self._number(high, 8)})")
                continue
            parts.append(f"({signs[0]} {self._number(low, 8)} {name})")
            parts.append(f"({str(signs[1]).replace('<', '>')} {self._number(high, 8)} {name})")
        rng.shuffle(parts)
        return f"(and {' '.join(parts)})"

    def _number(self, value: int, divisor: int) -> str:
        """Or one near it, as a decimal, a quotient, or a third."""
        kind = self.rng.random()
        if kind < 0.4:
            return repr(value / divisor)
        if kind < 0.7:
            return f"(/ {value} {divisor})" if value >= 0 else f"(- (/ {-value} {divisor}))"
        if kind < 0.85:
            return f"{value / divisor:.1f}"
        return f"(/ {value} {divisor + 1})"

    def _trivial(self) -> str:
        name = str(self.rng.choice([*self.inputs, *self.outputs]))
        choices = [
            f"(< {name} {name})", f"(<= {name} {name})", "(< 1 0)", "(<= 0 0)", "(< 0 0)", "true",
            "false", f"(!= {name} {name})", f"(= {name} {name})", f"(> (* 0 {name}) 0)",
            f"(<= (- {name} {name}) (/ 1 3))",
        ]  # fmt: skip
        return choices[int(self.rng.integers(len(choices)))]

    def _far(self) -> str:
        """What few outputs satisfy, so that about as many texts are unsat as sat."""
        rng = self.rng
        name = str(rng.choice(self.outputs))
        limit = float(np.float32(self.reach * rng.choice([0.05, 0.2, 0.5, 0.9, 1.2])))
        both = [f"(>= {name} {limit!r})", f"(<= (* {name} 2) (- {limit!r}))"]
        return both[0] if rng.random() < 0.5 else f"(or {' '.join(both)})"

    def _literal(self) -> str:
        rng = self.rng
        if rng.random() < 0.12:
            return self._trivial()
        sign = str(
            rng.choice(["<=", ">=", "<", ">", "=", "!="], p=[0.3, 0.3, 0.15, 0.15, 0.05, 0.05])
        )
        names = [*self.outputs, *self.outputs, *self.inputs]
        terms = []
        for _ in range(int(rng.integers(1, 4))):
            name = str(rng.choice(names))
            factor = self._number(int(rng.integers(-8, 9)), 4)
            terms.append(name if rng.random() < 0.5 else f"(* {factor} {name})")
        left = terms[0] if len(terms) == 1 else f"({rng.choice(['+', '-'])} {' '.join(terms)})"
        return f"({sign} {left} {self._number(int(rng.integers(-24, 25)), 8)})"

    def _formula(self, depth: int) -> str:
        rng = self.rng
        if depth == 0 or rng.random() < 0.2:
            return self._literal()
        parts = [self._formula(depth - 1) for _ in range(int(rng.integers(1, 4)))]
        kind = rng.random()
        if kind < 0.1:
            return f"(not {parts[0]})"
        if kind < 0.2:
            return f"(=> {' '.join(parts)})"
        if rng.random() < 0.15:
            parts.append(parts[0])
        return f"({'or' if kind < 0.6 else 'and'} {' '.join(parts)})"

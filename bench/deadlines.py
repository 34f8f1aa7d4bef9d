"""How far answers go beyond their limit of time: many questions, on networks of all sizes.

    python -m bench.deadlines [--out deadlines.jsonl] [--count 200] [--busy] [--seed 0]

Questions: VNN-LIB files of the benchmark data (RHOBUST_DATA, where it is there), and `rho`,
`verify`, `estimate` and problems of one's own on the embedded networks, on trained ones of 2000x1,
100x6 and 300x3, and on random ones with transposed convolutions and with half a million units.
Limits: half a second to four.  --busy: beside a process that keeps a core busy.  A line of JSON
each: what was asked, the limit, the seconds that went by but for compiling kernels, the overshoot,
and where the program was 0.3 s after the limit.  The summary is the last line.

The bar: the 99th percentile of overshoots is at most max(0.5 s, 2 % of the limit).
"""

from __future__ import annotations

import argparse
import csv
import json
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import rhobust as rb
from rhobust.compiler.base.arrays import Vector
from rhobust.compiler.base.errors import RhobustError
from rhobust.compiler.network.graph import Network
from rhobust.compiling import compiling
from rhobust.embedded import embedded_images
from rhobust.results import RhoResult
from tests.reference.trained import trained

from .workloads import DATA

LIMITS = (0.5, 1.0, 2.0, 4.0)
GRACE = 0.3
"""Seconds after the limit at which it is noted where the program is."""


@dataclass(frozen=True)
class Asked:
    """name: what is asked; make: builds or reads the network, before the clock starts; ask: takes
    the network and the limit in seconds.
    """

    name: str
    make: Callable[[], Network]
    ask: Callable[[Network, float], object]


def busy() -> None:
    """Keeps a core busy."""
    while True:
        pass


# ---- questions -------------------------------------------------------------------------------


def properties() -> list[Asked]:
    """Every instance of the VNN-LIB folders, the folders in turn."""
    rows: list[list[Asked]] = []
    for table in sorted((DATA / "vnncomp").glob("*/instances.csv")):
        with table.open() as file:
            rows.append([_instance(table.parent, row) for row in csv.reader(file) if row])
    longest = max(map(len, rows), default=0)
    return [some[k] for k in range(longest) for some in rows if k < len(some)]


def _there(path: Path) -> Path:
    """The file, or the same compressed."""
    return path if path.exists() else path.with_name(path.name + ".gz")


def _instance(folder: Path, row: list[str]) -> Asked:
    model, text = (_there(folder / name) for name in row[:2])
    name = f"solve {folder.name} {model.stem} {text.stem}"
    return Asked(
        name,
        lambda: rb.load(model),
        lambda network, limit: rb.solve(network, text, timeout=limit),
    )


@cache
def _made(kind: str) -> Network:
    if kind.startswith("digits"):
        return rb.load(kind)
    if kind in RANDOM:
        folder = Path(os.environ.get("TMPDIR", "/tmp"))
        path = folder / f"rhobust_{kind}.onnx"
        RANDOM[kind](path)
        return rb.load(path)
    return trained([int(size) for size in kind.split("-")])


def questions(rng: np.random.Generator) -> Iterator[Asked]:
    """Questions about distances and optima, without end."""
    kinds = ["digits", "digits_conv", "2000", "-".join(["100"] * 6), "300-300-300", *RANDOM]
    images, _ = embedded_images()
    while True:
        for kind in kinds:
            image = images[rng.integers(len(images))].reshape(-1) / 255.0
            norm = str(rng.choice(["linf", "l1", "l2"]))
            eps = float(10.0 ** rng.uniform(-4, 0))
            for word in rng.permutation(["rho", "verify", "estimate", "problem"])[:2]:
                ask = _asking(str(word), image, norm, eps)
                yield Asked(f"{word} {kind} {norm}", partial(_made, kind), ask)


def _asking(word: str, image: Vector, norm: str, eps: float) -> Callable[[Network, float], object]:
    def ask(network: Network, limit: float) -> object:
        x0 = np.resize(image, network.input_size)
        if word == "rho":
            return rb.rho(network, x0, norm=norm, timeout=limit)
        if word == "verify":
            return rb.verify(network, x0, eps, norm=norm, timeout=limit)
        if word == "estimate":
            return rb.rho_estimate(network, x0, norm=norm, iterate=True, timeout=limit)
        x = rb.Variable(network.input_size, np.maximum(x0 - eps, 0), np.minimum(x0 + eps, 1))
        y = network(x)
        return rb.Problem(rb.maximize(y[1] - y[0])).solve(timeout=limit)

    return ask


# ---- random networks -------------------------------------------------------------------------


class Writer:
    """Layers of random weights, one after another."""

    def __init__(self, shape: tuple[int, ...], activation: str) -> None:
        self.rng = np.random.default_rng(0)
        self.shape, self.activation = shape, activation
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.last = "x"

    def add(self, kind: str, shape: tuple[int, ...], bend: bool = True, **given: Any) -> None:
        """A layer with one weight of the shape, and the activation."""
        number = len(self.nodes)
        fan = int(np.prod(shape[1:])) if kind != "ConvTranspose" else shape[0] * 4
        weight = self.rng.normal(size=shape) * np.sqrt(2.0 / fan)
        self.weights.append(numpy_helper.from_array(weight.astype(np.float32), f"w{number}"))
        self._node(kind, [self.last, f"w{number}"], **given)
        if bend:
            self._node(self.activation, [self.last])

    def reshape(self, shape: tuple[int, ...]) -> None:
        name = f"s{len(self.nodes)}"
        self.weights.append(numpy_helper.from_array(np.array(shape, dtype=np.int64), name))
        self._node("Reshape", [self.last, name])

    def _node(self, kind: str, inputs: list[str], **given: Any) -> None:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **given))
        self.last = name

    def save(self, path: Path, outputs: int) -> None:
        ends = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in (("x", (1, *self.shape)), (self.last, (1, outputs)))
        ]
        graph = helper.make_graph(self.nodes, "random", ends[:1], ends[1:], self.weights)
        opsets = [helper.make_opsetid("", 13)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


def generator(path: Path) -> None:
    """Five inputs to an image of 32x32 by transposed convolutions, and a judge of that image."""
    net = Writer((5,), "Relu")
    net.add("Gemm", (128 * 4 * 4, 5), transB=1)
    net.reshape((1, 128, 4, 4))
    for before, after in ((128, 64), (64, 32), (32, 3)):
        net.add("ConvTranspose", (before, after, 4, 4), strides=[2, 2], pads=[1, 1, 1, 1])
    for before, after in ((3, 32), (32, 64), (64, 128)):
        net.add("Conv", (after, before, 4, 4), strides=[2, 2], pads=[1, 1, 1, 1])
    net.reshape((1, 128 * 4 * 4))
    net.add("Gemm", (2, 128 * 4 * 4), bend=False, transB=1)
    net.save(path, 2)


def detector(path: Path, side: int = 96) -> None:
    """Convolutions over an image of 96x96 with up to 64 channels, about half a million units."""
    net = Writer((3, side, side), "LeakyRelu")
    for before, after, stride in ((3, 32, 1), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 64, 1)):
        net.add("Conv", (after, before, 3, 3), strides=[stride] * 2, pads=[1] * 4)
    net.add("Conv", (16, 64, 3, 3), strides=[4, 4], pads=[1] * 4)
    net.reshape((1, 16 * (side // 8) ** 2))
    net.add("Gemm", (10, 16 * (side // 8) ** 2), bend=False, transB=1)
    net.save(path, 10)


RANDOM = {"generator": generator, "detector": detector}


# ---- measuring -------------------------------------------------------------------------------


def measured(asked: Asked, limit: float) -> dict[str, object] | None:
    """One line of the report; None of a model that is refused."""
    asked_at = threading.get_ident()
    where: list[str] = []
    over = threading.Event()

    def watch() -> None:
        begin = compiling.ticking()
        while not over.wait(0.05):
            if compiling.ticking() - begin > limit + GRACE:
                where.extend(_stack(sys._current_frames().get(asked_at)))
                return

    watcher = threading.Thread(target=watch, daemon=True)
    try:
        network = asked.make()
    except RhobustError:
        return None
    begin = compiling.ticking()
    watcher.start()
    try:
        told = asked.ask(network, limit)
        answer = str(getattr(told, "status", getattr(told, "verdict", "")))
        if isinstance(told, RhoResult):
            answer = f"[{told.lower:.4g}, {told.upper:.4g}]"
    except RhobustError as error:
        answer = f"refused: {error}"[:100]
    seconds = compiling.ticking() - begin
    over.set()
    watcher.join()
    return {
        "asked": asked.name, "limit": limit, "seconds": round(seconds, 3),
        "overshoot": round(max(0.0, seconds - limit), 3), "answer": answer, "where": where,
    }  # fmt: skip


def _stack(frame: FrameType | None) -> list[str]:
    found: list[str] = []
    while frame is not None:
        code = frame.f_code
        if "rhobust" in code.co_filename or "/bnb/" in code.co_filename:
            found.append(f"{Path(code.co_filename).name}:{frame.f_lineno} {code.co_name}")
        frame = frame.f_back
    return found[:6]


def main() -> None:
    """Measures, and prints a summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("deadlines.jsonl"))
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--busy", action="store_true")
    given = parser.parse_args()
    if given.busy:
        multiprocessing.get_context("spawn").Process(target=busy, daemon=True).start()
    rng = np.random.default_rng(given.seed)
    files, own = properties(), questions(rng)
    # what is imported when it is first used is imported before
    for word in ("rho", "verify", "estimate", "problem"):
        _asking(word, np.full(64, 0.5), "l2", 0.01)(_made("digits"), 5.0)
    lines: list[dict[str, object]] = []
    with given.out.open("w") as out:
        for number in count():
            if len(lines) >= given.count:
                break
            asked = files[number // 2] if number % 2 and number // 2 < len(files) else next(own)
            line = measured(asked, float(rng.choice(LIMITS)))
            if line is None:
                continue
            lines.append(line)
            print(json.dumps(line), file=out, flush=True)
    print(json.dumps(summary(lines)))


def summary(lines: list[dict[str, object]]) -> dict[str, object]:
    """Percentiles of the overshoots in seconds, and how many are above the bar."""
    over = np.array([float(str(line["overshoot"])) for line in lines])
    bar = np.maximum(0.5, 0.02 * np.array([float(str(line["limit"])) for line in lines]))
    percentiles = {f"p{p}": round(float(np.percentile(over, p)), 3) for p in (50, 90, 99, 100)}
    return {
        "questions": len(lines), "ran to the limit": int((over > 0.0).sum()), **percentiles,
        "above the bar": int((over > bar).sum()), "unit": "seconds",
        "when": time.strftime("%Y-%m-%d"),
    }  # fmt: skip


if __name__ == "__main__":
    main()

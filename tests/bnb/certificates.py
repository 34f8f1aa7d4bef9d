"""Small networks, and certificates about them that are made here with numpy and scipy alone."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from scipy.optimize import linprog

from rhobust.bnb.checker.arithmetic import Array


@dataclass(frozen=True)
class Network:
    """Dense layers with relu between them: weights (outputs, inputs) and biases."""

    weights: list[Array]
    biases: list[Array]

    @property
    def hidden(self) -> list[int]:
        return [len(bias) for bias in self.biases[:-1]]

    def outputs(self, points: Array) -> Array:
        """(P, K) of points (P, D)."""
        values = points
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = (np.maximum(values, 0.0) if layer else values) @ weight.T + bias
        return values

    def save(self, path: Path) -> str:
        """The file's sha256."""
        nodes, initializers, last = [], [], "x"
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            for name, array in ((f"w{layer}", weight), (f"b{layer}", bias)):
                tensor = onnx.numpy_helper.from_array(array.astype(np.float32), name)
                initializers.append(tensor)
            names = [last, f"w{layer}", f"b{layer}"]
            nodes.append(onnx.helper.make_node("Gemm", names, [f"z{layer}"], transB=1))
            last = f"z{layer}"
            if layer + 1 < len(self.weights):
                nodes.append(onnx.helper.make_node("Relu", [last], [f"r{layer}"], f"relu{layer}"))
                last = f"r{layer}"
        kind = onnx.TensorProto.FLOAT
        given = onnx.helper.make_tensor_value_info("x", kind, [1, self.weights[0].shape[1]])
        found = onnx.helper.make_tensor_value_info(last, kind, [1, len(self.biases[-1])])
        graph = onnx.helper.make_graph(nodes, "tiny", [given], [found], initializers)
        opsets = [onnx.helper.make_opsetid("", 13)]
        model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
        data = model.SerializeToString()
        path.write_bytes(data)
        return hashlib.sha256(data).hexdigest()


def network(random: np.random.Generator, sizes: list[int]) -> Network:
    """Weights and biases in eighths."""
    pairs = list(zip(sizes, sizes[1:], strict=False))
    weights = [random.integers(-12, 13, (b, a)) / 8.0 for a, b in pairs]
    return Network(weights, [random.integers(-8, 9, b) / 8.0 for _, b in pairs])


Files = tuple[dict[str, Any], dict[str, Array]]  # header and arrays


def robust(
    net: Network,
    digest: str,
    image: Array,
    label: int,
    targets: list[int],
    eps: float,
    norm: str = "linf",
) -> Files:
    """Header and arrays of a claim over [0, 1] and of a part without a tree."""
    inputs, outputs = len(image), len(net.biases[-1])
    header = {
        "format": "rhobust-certificate",
        "version": 1,
        "model": {"name": "tiny", "sha256": digest},
        "claim": {
            "kind": "robust",
            "label": label,
            "targets": targets,
            "margin": (0.0).hex(),
            "eps": eps.hex(),
            "norm": norm,
        },
        "parts": [
            {
                "root": [[], [0]],
                "choices": [[[[atom], []] for atom in range(len(targets))]],
                "layers": [{"name": f"relu{i}", "units": n} for i, n in enumerate(net.hidden)],
                "boxes": False,
                "propagate": False,
                "refine": False,
            }
        ],
    }
    low = np.maximum(np.nextafter(image - eps, -1.0), 0.0)
    high = np.minimum(np.nextafter(image + eps, 2.0), 1.0)
    place = np.array([[inputs + label, inputs + target] for target in targets])
    count = sum(net.hidden)
    arrays = {
        "image": image,
        "domain_low": np.zeros(inputs),
        "domain_high": np.ones(inputs),
        "p0/low": low,
        "p0/high": high,
        "p0/atom_start": 2 * np.arange(len(targets) + 1),
        "p0/atom_index": place.ravel(),
        "p0/atom_value": np.tile([1.0, -1.0], len(targets)),
        "p0/offset": np.zeros(len(targets)),
        "p0/units": np.array([i for n in net.hidden for i in range(n)], dtype=np.int64),
        "p0/kept": np.arange(count),
        "p0/tight_unit": np.zeros(0, dtype=np.int64),
        "p0/tight_sign": np.zeros(0, dtype=np.int8),
        "p0/tight_start": np.zeros(1, dtype=np.int64),
        "p0/tight_alpha": np.zeros((0, count), dtype=np.float32),
        "p0/held_start": np.zeros(1, dtype=np.int64),
        "p0/held_index": np.zeros(0, dtype=np.int64),
        "p0/held_phase": np.zeros(0, dtype=np.int8),
        "p0/held_value": np.zeros(0),
        "p0/groups": np.zeros((0, 0, 0), dtype=np.int64),
        "p0/share": np.zeros((0, count)),
    }
    assert outputs > max(targets)
    return header, arrays


@dataclass
class Tree:
    """Nodes and rows as they grow; node 0 chooses the target."""

    count: int
    split: list[int]
    first: list[int]
    row: list[int]
    tighten: list[int]
    rows: list[tuple[int, Array, Array]]  # atom, alpha, beta

    def children(self, node: int, split: int, many: int, tighten: int = 0) -> list[int]:
        self.split[node], self.first[node] = split, len(self.split)
        for _ in range(many):
            for items, item in zip(
                (self.split, self.first, self.row, self.tighten), (-1, 0, -1, tighten), strict=True
            ):
                items.append(item)
        return list(range(self.first[node], self.first[node] + many))

    def close(self, node: int, atom: int, alpha: Array, beta: Array) -> None:
        self.row[node] = len(self.rows)
        self.rows.append((atom, alpha, beta))

    def arrays(self) -> dict[str, Array]:
        count = len(self.rows)
        beta = [np.flatnonzero(item) for _, _, item in self.rows]
        sizes = np.cumsum([0, *map(len, beta)])
        alpha = np.array([item for _, item, _ in self.rows]).reshape(count, self.count)
        values = [item[place] for (_, _, item), place in zip(self.rows, beta, strict=True)]
        return {
            "p0/split": np.array(self.split),
            "p0/first": np.array(self.first),
            "p0/row": np.array(self.row),
            "p0/tighten": np.array(self.tighten, dtype=np.uint8),
            "p0/also": np.full(len(self.row), -1),
            "p0/origin": np.full(len(self.split), -1),
            "p0/alpha32": alpha[: count // 2].astype(np.float32),
            "p0/alpha64": alpha[count // 2 :],
            "p0/gamma_start": np.arange(count + 1),
            "p0/gamma_index": np.array([atom for atom, _, _ in self.rows], dtype=np.int64),
            "p0/gamma_value": np.ones(count),
            "p0/beta_start": sizes,
            "p0/beta_index": np.concatenate([np.zeros(0, dtype=np.int64), *beta]),
            "p0/beta_value": np.concatenate([np.zeros(0), *values]),
        }


def new_tree(count: int) -> Tree:
    return Tree(count, [-1], [0], [-1], [0], [])


def halving(
    files: Files, depth: int, random: np.random.Generator, propagate: bool = False
) -> Files:
    """A tree that halves the inputs in turn, `depth` times, with plain slopes and random ones."""
    header, arrays = files
    header["parts"][0].update(boxes=True, propagate=propagate)
    count, inputs = len(arrays["p0/units"]), len(arrays["image"])
    tree = new_tree(count)
    for atom, top in enumerate(tree.children(0, -2, len(arrays["p0/offset"]))):
        level = [top]
        for turn in range(depth):
            for node in level:
                if random.random() < 0.5:
                    alpha = random.random(count).astype(np.float32)
                    tree.close(node, atom, alpha, np.zeros(count))
            split = count + turn % inputs
            level = [child for node in level for child in tree.children(node, split, 2, 1)]
        for node in level:
            tree.close(node, atom, random.integers(0, 2, count).astype(float), np.zeros(count))
    return header, {**arrays, **tree.arrays()}


def splitting(files: Files, net: Network, refine: bool = False) -> Files:
    """A tree that splits every unit, whose leaves are closed by the duals of their LP."""
    header, arrays = files
    header["parts"][0].update(refine=refine)
    count = len(arrays["p0/units"])
    tree = new_tree(count)
    label = header["claim"]["label"]
    for atom, top in enumerate(tree.children(0, -2, len(arrays["p0/offset"]))):
        target = header["claim"]["targets"][atom]
        level: list[tuple[int, tuple[bool, ...]]] = [(top, ())]
        for unit in range(count):
            below = []
            for node, phases in level:
                active, inactive = tree.children(node, unit, 2, int(refine))
                below += [(active, (*phases, True)), (inactive, (*phases, False))]
            level = below
        for node, phases in level:
            beta = _duals(net, arrays, phases, label, target)
            tree.close(node, atom, np.zeros(count), beta)
    return header, {**arrays, **tree.arrays()}


def _duals(
    net: Network, arrays: dict[str, Array], phases: tuple[bool, ...], label: int, target: int
) -> Array:
    """Multipliers >= 0 of the sign conditions of a leaf without unstable units."""
    inputs = net.weights[0].shape[1]
    weight, bias = np.eye(inputs), np.zeros(inputs)
    rows, sides, start = [], [], 0
    for layer, (w, b) in enumerate(zip(net.weights, net.biases, strict=True)):
        weight, bias = w @ weight, w @ bias + b
        if layer < len(net.weights) - 1:
            on = np.array(phases[start : start + len(b)])
            start += len(b)
            sign = np.where(on, -1.0, 1.0)
            rows.append(weight * sign[:, None])
            sides.append(-bias * sign)
            weight, bias = weight * on[:, None], bias * on
    goal = weight[label] - weight[target]
    matrix, side = np.concatenate(rows), np.concatenate(sides)
    box = np.stack([arrays["p0/low"], arrays["p0/high"]], axis=1)
    found = linprog(goal, matrix, side, bounds=box)
    if found.status == 0:
        return np.asarray(np.maximum(-found.ineqlin.marginals, 0.0))
    # infeasible: the multipliers that show it, from the least violation of all, made large
    wide = np.concatenate([matrix, -np.ones((len(matrix), 1))], axis=1)
    found = linprog(np.append(np.zeros(inputs), 1.0), wide, side, bounds=[*box, (None, None)])
    return np.asarray(1e6 * np.maximum(-found.ineqlin.marginals, 0.0))


def save(path: Path, files: Files) -> Path:
    """Writes a certificate."""
    header, arrays = files
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    with path.open("wb") as stream:
        np.savez(stream, header=text, **arrays)  # type: ignore[arg-type]
    return path


def least_margin(net: Network, image: Array, label: int, target: int, eps: float) -> float:
    """The least y_label - y_target over the region, by an LP for every pattern of the units."""
    low, high = np.maximum(image - eps, 0.0), np.minimum(image + eps, 1.0)
    least = np.inf
    count = sum(net.hidden)
    for pattern in range(2**count):
        weight, bias = np.eye(len(image)), np.zeros(len(image))
        rows, sides, start = [], [], 0
        for layer, (w, b) in enumerate(zip(net.weights, net.biases, strict=True)):
            weight, bias = w @ weight, w @ bias + b
            if layer < len(net.weights) - 1:
                on = np.array([pattern >> (start + i) & 1 for i in range(len(b))], dtype=bool)
                start += len(b)
                sign = np.where(on, -1.0, 1.0)
                rows.append(weight * sign[:, None])
                sides.append(-bias * sign)
                weight, bias = weight * on[:, None], bias * on
        goal = weight[label] - weight[target]
        bounds = np.stack([low, high], axis=1)
        found = linprog(goal, np.concatenate(rows), np.concatenate(sides), bounds=bounds)
        if found.status == 0:
            least = min(least, found.fun + bias[label] - bias[target])
    return least

"""What the checker holds of a node is true of the points that lie in it.

Random proofs, most of which close nothing, of claims that fail: at every node the points that
satisfy its atoms, phases and halves have to lie in its box, between its units' bounds, and in one
of its children; and a node that holds one must not be closed.
"""

from __future__ import annotations

import numpy as np
import pytest

from rhobust.bnb.checker import verify
from rhobust.bnb.checker.arithmetic import Array
from rhobust.bnb.checker.rounded.multi_neuron import Groups
from rhobust.bnb.checker.tree.nodes import Nodes
from rhobust.bnb.checker.tree.tree import Tree

from .certificates import Files, Network, new_tree, robust, save
from .test_check import Case

pytestmark = pytest.mark.slow

SLACK = 1e-9


class Watched(Tree):
    """A checker's tree that knows where points (P, D) are; `inside`: of each node met, (P,)."""

    points: Array
    inputs: Array  # of every relu, (P, V): all units, none of which may be left out
    atoms: Array  # (P, A)
    seen_inside = 0
    closed_empty = 0

    def check(self) -> int:
        assert self.reduced.count == self.inputs.shape[1]
        self.inside = {0: np.ones(len(self.points), dtype=bool)}
        return super().check()

    def _groups(self, nodes: Nodes) -> Groups | None:
        for row, number in enumerate(nodes.number.tolist()):
            here = self.inside[number]
            x, z = self.points[here], self.inputs[here]
            type(self).seen_inside += len(x)
            assert (nodes.box_low[row] <= x + SLACK).all()
            assert (x <= nodes.box_high[row] + SLACK).all()
            assert (nodes.low[row] <= z + SLACK).all() and (z <= nodes.high[row] + SLACK).all()
            assert (self.atoms[here][:, nodes.atoms[row]] <= SLACK).all()
        return super()._groups(nodes)

    def use_rows(
        self, nodes: Nodes, some: Array, row: Array, groups: Groups | None, open_: Array
    ) -> None:
        before = open_.copy()
        super().use_rows(nodes, some, row, groups, open_)
        for place in np.flatnonzero(before & ~open_):
            assert not self.inside[int(nodes.number[place])].any()
            type(self).closed_empty += 1

    def branch(self, nodes: Nodes, stack: list[Nodes]) -> None:
        start, proof, count = len(stack), self.proof, len(self.proof.kept)
        super().branch(nodes, stack)
        for row, number in enumerate(nodes.number.tolist()):
            split, first = int(proof.split[number]), int(proof.first[number])
            here = self.inside[number]
            if split <= -2:
                branches = self.part.choices[-2 - split]
                sides = [(self.atoms[:, branch.atoms] <= 0.0).all(axis=1) for branch in branches]
            elif split < count:
                z = self.inputs[:, self.place[split]]
                sides = [z >= 0.0, z <= 0.0]
            else:
                j = split - count
                middle = 0.5 * (nodes.box_low[row, j] + nodes.box_high[row, j])
                sides = [self.points[:, j] <= middle, self.points[:, j] >= middle]
            for child, side in enumerate(sides):
                self.inside[first + child] = here & side
        made = [int(n) for part in stack[start:] for n in part.number]
        for number in nodes.number.tolist():
            split, first = int(proof.split[number]), int(proof.first[number])
            many = len(self.part.choices[-2 - split]) if split <= -2 else 2
            assert set(range(first, first + many)) <= set(made)


def _random_tree(files: Files, random: np.random.Generator, boxes: bool) -> Files:
    """Splits of units and inputs by chance, rows on half of all nodes, groups of two and three."""
    header, arrays = files
    flags = random.random(2) < 0.5
    header["parts"][0].update(boxes=boxes, propagate=bool(boxes and flags[0]), refine=not boxes)
    count, inputs = len(arrays["p0/units"]), len(arrays["image"])
    tree = new_tree(count)
    tops = tree.children(0, -2, len(arrays["p0/offset"]))
    below = [(top, atom, frozenset[int]()) for atom, top in enumerate(tops)]
    while below:
        node, atom, held = below.pop(int(random.integers(len(below))))
        if random.random() < 0.6:
            beta = np.zeros(count)
            beta[list(held)] = random.random(len(held)) * (random.random(len(held)) < 0.7)
            tree.close(node, atom, random.random(count).astype(np.float32), beta.astype(np.float32))
        if len(tree.split) < 60:
            free = [unit for unit in range(count) if unit not in held]
            halve = boxes and (not free or random.random() < 0.5)
            if free or halve:
                by = count + int(random.integers(inputs)) if halve else int(random.choice(free))
                more = held if halve else held | {by}
                tight = int(random.random() < 0.8)
                below += [(child, atom, more) for child in tree.children(node, by, 2, tight)]
    made = tree.arrays()
    groups = np.full((2, 2, 10), -1)
    groups[0, 0, :3], groups[1, 0, :2], groups[1, 1, :3] = [0, 1, 2], [1, 2], [3, 4, 5]
    share = random.random((2, count)) * (random.random((2, count)) < 0.8)
    made["p0/origin"] = np.where(random.random(len(tree.split)) < 0.1, -1, 0) + int(flags[1])
    made["p0/origin"] = np.minimum(made["p0/origin"], 1)
    return header, {**arrays, **made, "p0/groups": groups, "p0/share": share}


def _values(net: Network, points: Array) -> tuple[Array, Array]:
    """Inputs of all relus, and outputs."""
    known, values = [], points
    for layer, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        values = (np.maximum(values, 0.0) if layer else values) @ weight.T + bias
        known.append(values)
    return np.concatenate(known[:-1], axis=1), known[-1]


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    return [Case(tmp_path_factory.mktemp("c"), seed, [2, 3, 3, 3], 0.9) for seed in (8, 12, 13)]


@pytest.mark.parametrize("boxes", [False, True])
@pytest.mark.parametrize("norm", ["linf", "l1", "l2"])
@pytest.mark.parametrize("exact", [False, True])
def test_points_stay_where_they_are(
    cases: list[Case], boxes: bool, norm: str, exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng([boxes, len(norm), exact])
    Watched.seen_inside = Watched.closed_empty = 0
    monkeypatch.setattr(verify, "Tree", Watched)
    for turn in range(12 if exact else 40):
        case = cases[turn % len(cases)]
        eps = float(random.uniform(1.0, 2.0)) * case.widest(norm)
        claim = robust(case.net, case.digest, case.image, case.label, case.targets, eps, norm)
        files = _random_tree(claim, random, boxes)
        Watched.points = _points(case.image, eps, norm, random)
        Watched.inputs, outputs = _values(case.net, Watched.points)
        Watched.atoms = outputs[:, [case.label]] - outputs[:, case.targets]
        files[1]["p0/kept"] = np.arange(len(files[1]["p0/units"]))
        report = case.checker.check(save(case.folder / "points.npz", files), exact=exact)
        assert not report.reason.startswith("AssertionError"), (turn, report.reason)
        assert not report.accepted or (Watched.atoms > 0.0).all()
    assert Watched.seen_inside > 1000 and Watched.closed_empty > 0


def _points(image: Array, eps: float, norm: str, random: np.random.Generator) -> Array:
    """Points of the region: its corners, and others of its border and inside."""
    steps = random.uniform(-eps, eps, (400, len(image)))
    steps[:100] = eps * np.sign(steps[:100])
    if norm != "linf":
        size = np.linalg.norm(steps, 1 if norm == "l1" else 2, axis=1, keepdims=True)
        steps = steps * np.minimum(1.0, eps / size)
        steps[-2 * len(image) :] = eps * np.concatenate([np.eye(len(image)), -np.eye(len(image))])
    return np.asarray(np.clip(image + steps * (1.0 - 1e-12), 0.0, 1.0))

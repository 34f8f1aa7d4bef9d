"""Bounds of units by trees of their own: true, at least as tight, and certified."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rhobust as rb
from rhobust.bnb.check import Checker
from rhobust.bnb.checker.arithmetic import Array
from rhobust.bnb.checker.rounded.unit_trees import covers
from rhobust.bnb.search import Settings
from rhobust.bnb.tighten.small_trees import Trees
from rhobust.bnb.tighten.unit_trees import grow
from rhobust.compiler.base.arrays import Bounds
from rhobust.compiler.importers.plain import dense_network
from rhobust.results import Verdict

from ..reference.strategies import random_case
from .certificates import Network, save
from .problems import compiled, exact_points, exact_pre, gaussian_case, never, rooted


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_bounds_hold_at_exact_points(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scale = float(rng.choice([1.0, 1e6, 1e-6]))
    case = random_case(rng) if rng.random() < 0.4 else gaussian_case(rng, scale, [3, 6, 6, 5, 3], 4)
    problem, box = compiled(case, float(rng.choice([0.05, 0.25, 1.0])))
    nodes, magnitudes = rooted(problem, box)
    points = exact_points(rng, box, 6)
    values = [exact_pre(problem, point) for point in points]
    for number, stage in enumerate(problem.stages):
        if number == 0:
            continue
        units = np.arange(stage.size)
        for sign in (1.0, -1.0):
            trees = Trees(problem, magnitudes, nodes, number, units, sign)
            before = trees.found.copy()
            trees.grow(int(rng.integers(0, 8)), never)
            assert (trees.found >= before).all()
            for pre in values:
                for bound, z in zip(trees.found.tolist(), pre[number], strict=True):
                    assert Fraction(bound) <= int(sign) * z
            for point in points:
                _held_somewhere(trees, [np.array(z) for z in exact_pre(problem, point)])


def _held_somewhere(trees: Trees, pre: list[Array]) -> None:
    """Every point lies in a leaf of each tree."""
    inside = np.ones(len(trees.leaves.owner), dtype=bool)
    for phases, z in zip(trees.leaves.phases, pre, strict=False):
        signs = np.array([(value > 0) - (value < 0) for value in z.tolist()])
        inside &= ((phases == 0) | (phases * signs[None] >= 0)).all(axis=1)
    assert set(trees.leaves.owner[inside].tolist()) == set(range(len(trees.units)))


def test_a_tree_reaches_the_exact_range() -> None:
    """z = relu(x) + relu(-x) - 1/2 on [-1, 1]: the triangles say z >= -1/2 and z <= 1/2; -z is at
    least -1/2, which a split shows to be exact, and z - x has its least value at a kink."""
    layers = [
        (np.array([[1.0], [-1.0]]), np.zeros(2)),
        (np.array([[-1.0, -1.0]]), np.array([0.5])),
        (np.array([[1.0]]), np.zeros(1)),
    ]
    x = rb.Variable(1, lower=-1.0, upper=1.0)
    y = dense_network(layers)(x)
    problem = rb.Problem(rb.minimize(y[0])).compile().problem
    nodes, magnitudes = rooted(problem, Bounds(problem.lower[None], problem.upper[None]))
    upper = Trees(problem, magnitudes, nodes, 1, np.array([0]), -1.0)  # of |x| - 1/2
    upper.grow(4, never)
    assert -0.5 - 1e-6 <= upper.found[0] <= -0.5


def deep(rng: np.random.Generator, sizes: list[int]) -> Network:
    pairs = list(zip(sizes, sizes[1:], strict=False))
    weights = [rng.normal(size=(b, a)) * np.sqrt(2.0 / a) for a, b in pairs]
    stored = [weight.astype(np.float32).astype(float) for weight in weights]
    biases = [0.1 * rng.normal(size=b) for _, b in pairs]
    return Network(stored, [b.astype(np.float32).astype(float) for b in biases])


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checker, Path, list[Path]]:
    """Certificates about deep networks whose root needs trees."""
    folder = tmp_path_factory.mktemp("deep")
    rng = np.random.default_rng(2)
    net = deep(rng, [4, 20, 20, 20, 20, 20, 3])
    net.save(folder / "deep.onnx")
    network = rb.load(folder / "deep.onnx")
    made = []
    for number in range(40):
        image = rng.uniform(0.2, 0.8, 4)
        file = folder / f"{number}.npz"
        eps = float(rng.uniform(0.02, 0.1))
        result = rb.verify(
            network, image, eps, timeout=600, certificate=file, settings=Settings(boxes=False)
        )
        assert result.verdict is not Verdict.ROBUST or file.exists()
        if file.exists() and len(np.load(file)["p0/tight_alpha"]) > len(
            np.load(file)["p0/tight_unit"]
        ):
            made.append(file)
    return Checker(folder / "deep.onnx"), folder, made


@pytest.mark.parametrize("exactly", [False, True])
def test_certificates_with_trees_are_accepted(
    proven: tuple[Checker, Path, list[Path]], exactly: bool
) -> None:
    checker, _, made = proven
    assert len(made) >= 3
    for file in made:
        assert checker.check(file, exact=exactly).reason == ""


def test_a_gap_between_leaves_is_refused(proven: tuple[Checker, Path, list[Path]]) -> None:
    checker, folder, made = proven
    arrays = dict(np.load(made[0]))
    header = __import__("json").loads(arrays.pop("header").tobytes())
    several = int(
        np.flatnonzero(np.diff(arrays["tight_start" if False else "p0/tight_start"]) > 1)[0]
    )
    leaf = int(arrays["p0/tight_start"][several])
    first = int(arrays["p0/held_start"][leaf])
    arrays["p0/held_phase"] = arrays["p0/held_phase"].copy()
    arrays["p0/held_phase"][first] *= -1
    report = checker.check(save(folder / "gap.npz", (header, arrays)))
    assert report.reason == "a unit's leaves leave a gap"


@settings(max_examples=50)
@given(st.integers(0, 10**6))
def test_leaves_cover_as_they_should(seed: int) -> None:
    """Random binary trees cover; without a leaf, or with one that is flipped, they do not."""
    rng = np.random.default_rng(seed)
    leaves = [np.zeros(6, dtype=np.int8)]
    for _ in range(int(rng.integers(1, 6))):
        parent = leaves.pop(int(rng.integers(len(leaves))))
        free = np.flatnonzero(parent == 0)
        if not len(free):
            leaves.append(parent)
            continue
        for side in (1, -1):
            child = parent.copy()
            child[free[int(rng.integers(0, 1))]] = side
            leaves.append(child)
    tree = rng.permutation(np.array(leaves))
    assert covers(tree)
    assert not covers(np.delete(tree, rng.integers(len(tree)), axis=0))
    corners = np.array(np.meshgrid(*[[-1, 1]] * 6)).reshape(6, -1).T
    changed = tree.copy()
    row = int(rng.integers(len(tree)))
    held = np.flatnonzero(changed[row])
    changed[row, int(rng.choice(held))] *= -1
    fits = ((changed[:, None] == 0) | (changed[:, None] == corners[None])).all(axis=2)
    assert covers(changed) <= fits.any(axis=0).all()


def test_little_gain_ends_it() -> None:
    """Where trees gain nothing the root is not begun again."""
    case = random_case(np.random.default_rng(0))
    problem, box = compiled(case, 1e-9)
    nodes, magnitudes = rooted(problem, box)
    work = np.ones(len(problem.stages), dtype=np.int64)
    before = [b.lower.copy() for b in nodes.bounds]
    assert not grow(problem, magnitudes, nodes, work, never, None)
    assert all((a == b.lower).all() for a, b in zip(before, nodes.bounds, strict=True))

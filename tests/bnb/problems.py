"""Compiled problems for the tests of bounds and search, and exact values on them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from rhobust.bnb.bounds.crown import Nodes
from rhobust.bnb.bounds.magnitudes import Magnitudes
from rhobust.bnb.bounds.region_bounds import root_bounds
from rhobust.bnb.nodes.batch import Block
from rhobust.bnb.nodes.disjunctions import Tree
from rhobust.bnb.nodes.forms import Units, root_block
from rhobust.compiler.base.arrays import Bounds, Indices, Matrix, Numbers, Vector
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.language.expressions import Offset
from rhobust.compiler.operators import Dense, LinearOperator, identity
from rhobust.compiler.problem import Branch, Problem, Stage
from rhobust.compiler.question.claim import Claim

from ..reference import oracles
from ..reference.exact_twin import exact_twin
from ..reference.strategies import Case


def never() -> bool:
    return False


def compiled(case: Case, eps: float, margin: float = 0.0) -> tuple[Problem, Bounds]:
    """The claim that no label is better within eps, and its box (1, D)."""
    claim = Claim.make(case.network, case.image, case.label, "any", margin, case.domain)
    problem, _ = claim.within(eps).compile()
    return problem, Bounds(problem.lower[None], problem.upper[None])


def rooted(problem: Problem, box: Bounds, steps: int = 0) -> tuple[Nodes, Magnitudes]:
    found = root_bounds(problem, box, never, steps)
    assert found is not None
    return found


def tree_of(problem: Problem) -> Tree:
    """The choices of a problem, as a search starts with them."""
    return Tree(problem.root, problem.choices, len(problem.offset))


def each_atom(units: Units, root: Nodes, atoms: Indices, count: int) -> Block:
    """Root nodes that ask for one of `count` atoms each."""
    masks = np.eye(count, dtype=bool)[atoms]
    pending = np.zeros((len(atoms), 0), dtype=bool)
    return root_block(units, root, masks, pending, masks.astype(float))


def exact_points(rng: np.random.Generator, box: Bounds, count: int) -> list[Numbers]:
    """Inputs of the box as Fractions: corners, its middle, and others."""
    lower, upper = box.lower[0].tolist(), box.upper[0].tolist()
    points = []
    for _ in range(count):
        shares = rng.integers(0, 9, size=len(lower)) if rng.random() < 0.6 else (
            rng.integers(0, 2, size=len(lower)) * 8
        )  # fmt: skip
        values = [
            Fraction(a) + Fraction(int(k), 8) * (Fraction(b) - Fraction(a))
            for a, b, k in zip(lower, upper, shares, strict=True)
        ]
        points.append(np.array(values, dtype=object))
    return points


def exact_pre(problem: Problem, point: Numbers) -> list[list[Fraction]]:
    """Pre-activations of every stage at an exact input."""
    known: list[Numbers] = [point[None]]
    found: list[list[Fraction]] = []
    for stage in problem.stages:
        pre = stage.pre(known)
        found.append(list(pre[0]))
        known.append(np.where(pre > 0, pre, pre * 0) if stage.relu else pre)
    return found


def exact_row(row: Vector, offset: float, values: list[Fraction]) -> Fraction:
    terms = (Fraction(w) * v for w, v in zip(row.tolist(), values, strict=True))
    return sum(terms, Fraction(offset))


def gaussian_case(
    rng: np.random.Generator, scale: float, sizes: list[int] | None = None, keep: int = 99
) -> Case:
    """Weights that are no dyadics, scaled layer by layer; tests what rounding does to bounds.

    keep: nonzeros of a hidden unit's row.
    """
    if sizes is None:
        sizes = [int(rng.integers(2, 5)), int(rng.integers(2, 5)), int(rng.integers(2, 4)), 3]
    layers = []
    for out, into in zip(sizes[1:], sizes[:-1], strict=True):
        factor = scale if rng.random() < 0.5 else 1.0
        weight = factor * rng.normal(size=(out, into))
        if keep < into and out != sizes[-1]:
            order = np.argsort(rng.random(weight.shape), axis=1)
            weight = np.where(order < keep, weight, 0.0)
        layers.append((weight, factor * 0.3 * rng.normal(size=out)))
    return finished(rng, layers)


def tied_case(rng: np.random.Generator, scale: float) -> Case:
    """Two copies of one network, the units of each in another order: their logits are equal as
    real numbers, and the floating-point sums that compare them are not.
    """
    inputs, hidden, later = int(rng.integers(2, 5)), int(rng.integers(2, 5)), 3
    one, two = scale * rng.normal(size=(hidden, inputs)), rng.normal(size=(later, hidden))
    bias = scale * rng.normal(size=hidden)
    last, level = rng.normal(size=later) / scale, scale * rng.normal(size=later)
    p, q = rng.permutation(hidden), rng.permutation(later)
    first = np.concatenate([one, one[p]]), np.concatenate([bias, bias[p]])
    wide = np.zeros((2 * later, 2 * hidden))
    wide[:later, :hidden], wide[later:, hidden:] = two, two[q][:, p]
    logits = np.zeros((2, 2 * later))
    logits[0, :later], logits[1, later:] = last, last[q]
    second = wide, np.concatenate([level, level[q]])
    return finished(rng, [first, second, (logits, np.full(2, 0.1))])


def finished(rng: np.random.Generator, layers: list[tuple[Matrix, Vector]]) -> Case:
    network = replace(dense_network(layers), runtime=None)
    image = rng.random(network.input_size)
    label = int(np.argmax(network.forward(image[None])[0]))
    zero = np.zeros(network.input_size)
    return Case(network, exact_twin(network), image, label, zero, zero + 1.0)


def least_lead(case: Case, box: Bounds, rival: int, margin: float = 0.0) -> Fraction:
    """The exact least lead of the label over one rival in a box."""
    return oracles.least_margin(
        case.exact,
        oracles.vector(box.lower[0].tolist()),
        oracles.vector(box.upper[0].tolist()),
        case.label,
        [rival],
        Fraction(margin),
    )


def stage(terms: list[tuple[Matrix, int]], bias: list[float], relu: bool) -> Stage:
    """A stage of dense terms, its bias exact."""
    level = np.array(bias)
    operators: list[tuple[LinearOperator, int]] = [(Dense(m), source) for m, source in terms]
    offset = Offset(1.0, identity(len(bias)), level)
    return Stage(tuple(operators), (offset,), level, np.zeros(len(bias)), relu, "by hand")


def unread_problem(constant: bool) -> Problem:
    """A stage that nothing reads; the margin is |x + y| + 1/4, or 1/4 whatever the input."""
    sums = np.array([[1.0, 1.0], [-1.0, -1.0]])
    stages = (
        stage([(sums, 0)], [0.0, 0.0], True),
        stage([(sums, 1)], [0.5, -0.5], True),
        stage([] if constant else [(np.ones((1, 2)), 1)], [0.25], False),
    )
    return Problem(
        np.full(2, -1.0), np.full(2, 2.0), stages, np.ones((1, 1)), np.zeros(1),
        np.zeros(1, dtype=bool), Branch((0,), ()),
    )  # fmt: skip


def scattered_problem(rng: np.random.Generator) -> Problem:
    """Stages that read any of those before them, or none; some are read by nobody.

    Weights are dyadic, with rows of zeros and repeated units.  The atoms are the last stage's.
    """
    inputs = int(rng.integers(1, 4))
    sizes, stages = [inputs], []
    count = int(rng.integers(2, 6))
    for number in range(1, count + 1):
        last = number == count
        size = int(rng.integers(1, 4))
        share = 1.0 if number == 1 else float(rng.choice([0.3, 0.6]))
        sources = [k for k in range(number) if rng.random() < share]
        terms = []
        for source in sources:
            weight = rng.integers(-6, 7, size=(size, sizes[source])) / 4.0
            if rng.random() < 0.3:
                weight[rng.integers(size)] = 0.0
            if rng.random() < 0.2:
                weight[:] = weight[0]
            terms.append((weight, source))
        bias = (rng.integers(-4, 5, size=size) / 4.0).tolist()
        stages.append(stage(terms, bias, bool(rng.random() < 0.8) and not last))
        sizes.append(size)
    low = rng.integers(-4, 2, size=inputs) / 2.0
    atoms = tuple(range(sizes[-1]))
    return Problem(
        low, low + rng.integers(0, 5, size=inputs) / 2.0, tuple(stages), np.eye(sizes[-1]),
        np.zeros(sizes[-1]), np.zeros(sizes[-1], dtype=bool), Branch(atoms, ()),
    )  # fmt: skip

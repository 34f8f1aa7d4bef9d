"""Every layer of the table by the same rules: what each of its methods promises of the others.

A layer without a case in `tests/reference/layers.py` fails here.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import rhobust.compiler.network.layers as package
from rhobust.compiler.base.arrays import Numbers, exact
from rhobust.compiler.base.errors import LanguageError
from rhobust.compiler.language.evaluator import holds, value
from rhobust.compiler.language.expressions import Variable, define
from rhobust.compiler.language.formulas import And
from rhobust.compiler.language.walk import variables
from rhobust.compiler.network.error_analysis import (
    FLOAT32_READ,
    Enclosed,
    Rounded,
    within_bounds,
)
from rhobust.compiler.network.graph import GraphBuilder, Network
from rhobust.compiler.network.layers import (
    LAYERS,
    Choice,
    Clip,
    Layer,
    Linear,
    Maximum,
    MaxPool,
    Sign,
    Sum,
    Truncate,
)
from rhobust.compiler.network.linear_region import Fixed
from rhobust.compiler.operators import Chain, Dense
from rhobust.compiler.question.claim import Claim
from rhobust.compiler.steps.compile import compile_formulas

from ..reference import oracles
from ..reference.layers import (
    DRAWN,
    Floats,
    Greatest,
    LayerCase,
    activation,
    affine,
    by_definition,
    layer_case,
)
from ..reference.strategies import BENDS, Case, bent_cases

Singles = npt.NDArray[np.float32]
Rng = np.random.Generator
SMALLEST = np.float32(2.0**-126)
AFFINE = (Linear, Sum)

seeds = st.integers(0, 2**32 - 1)
each_layer = pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.__name__)


def numbers(rng: Rng, size: int) -> Floats:
    """Multiples of 1/8, kinks among them, or any numbers."""
    some: Floats = rng.integers(-8, 9, size=size) / 8.0
    return np.where(rng.random(size) < 0.6, some, rng.normal(size=size))


def drawn(kind: type[Layer], seed: int) -> tuple[LayerCase, list[Floats], Rng]:
    """A layer, one input for it, and a generator to go on with."""
    rng = np.random.default_rng(seed)
    case = layer_case(kind, rng)
    return case, [numbers(rng, width) for width in case.widths], rng


def truth(case: LayerCase, sources: Sequence[Numbers]) -> Numbers:
    """The layer by its definition, (1, size) exact.  sources (1, width) each, exact."""
    found = by_definition(case.layer, [tuple(source[0]) for source in sources], case.size)
    return np.array([found], dtype=object)


# ---- the table -------------------------------------------------------------------------------


def test_the_table_has_every_file_and_the_reference_every_layer() -> None:
    folder = Path(str(package.__file__)).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "layer"}
    assert sorted(layer.__module__.rsplit(".", 1)[-1] for layer in LAYERS) == sorted(files)
    assert {layer.__name__ for layer in LAYERS} < set(package.__all__)
    assert set(DRAWN) == set(LAYERS), "each has a case in tests/reference/layers.py"
    in_networks = {*BENDS, *AFFINE, Maximum}
    assert {layer for layer in LAYERS if layer.continuous} == in_networks


# ---- value -----------------------------------------------------------------------------------


@each_layer
@settings(max_examples=20)
@given(seed=seeds)
def test_the_value_is_the_definition(kind: type[Layer], seed: int) -> None:
    case, inputs, _ = drawn(kind, seed)
    exactly = [exact(x[None]) for x in inputs]
    right = truth(case, exactly)
    found = case.layer.value(exactly)
    assert found.tolist() == right.tolist()
    assert all(isinstance(number, Fraction) for number in found[0])
    near = case.layer.value([x[None] for x in inputs])
    assert near.dtype == np.float64 and near.shape == (1, case.size)
    assert np.allclose(near, right.astype(np.float64), rtol=1e-12, atol=1e-12)


# ---- formula ---------------------------------------------------------------------------------


@each_layer
@settings(max_examples=20)
@given(seed=seeds)
def test_the_formula_holds_at_the_value_and_nowhere_else(kind: type[Layer], seed: int) -> None:
    case, inputs, rng = drawn(kind, seed)
    names = [Variable(len(x), -9, 9, f"x{slot}") for slot, x in enumerate(inputs)]
    # a source may be any expression, of which one is a variable already
    shift = 0.0 if rng.random() < 0.5 else 0.125
    sources = [name + shift for name in names]
    if isinstance(case.layer, Choice | Truncate):
        with pytest.raises(LanguageError, match="no bounds"):
            case.layer.formula(sources, "layer")
        return
    formula = case.layer.formula(sources, "layer")
    y = define(formula, "y")
    compiled = compile_formulas([y >= -1000.0], inputs=names)
    # an input of the compiled problem, besides those, is what a disjunction alone defines
    right = case.layer.value([exact(x[None]) + Fraction(shift) for x in inputs])[0]
    free = [right] * (len(compiled.inputs) - len(names))
    assert not (free and case.layer.continuous)
    known = compiled.assignment(np.concatenate([*(exact(x) for x in inputs), *free]))
    assert value(y, known).tolist() == right.tolist()
    assert holds(And(y.requires), known)
    (output,) = (term.variable for term in y.terms)
    wrong = right.copy()
    wrong[rng.integers(case.size)] += Fraction(int(rng.choice([-1, 1])), 64)
    spoken = {v for part in formula.requires for v in variables(part)} - set(names)
    assert not holds(And(y.requires), {**known, output: wrong})
    if case.layer.named == "never":
        assert {term.variable for term in formula.terms} <= spoken and len(formula.terms) == 1
    # every rectified unit that the layer says it has is one of the compiled problem
    stages = compiled.problem.stages
    assert sum(stage.size for stage in stages if stage.relu) == case.layer.units(case.size)


@settings(max_examples=40)
@given(seed=seeds)
def test_a_choice_is_one_of_two_for_every_mask_on_its_region(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 5))
    names = [Variable(size, low, high) for low, high in ((0, 1), (-3, 3), (-3, 3))]
    decided = rng.random(size) < 0.3
    mask = (rng.random(size) < 0.5).astype(np.float64)
    bounds = [Enclosed.point(np.where(decided, mask, 0.5), np.where(decided, 0.0, 0.5))]
    bounds += [Enclosed.point(np.zeros(size), np.full(size, 3.0))] * 2
    y = define(Choice().bounded([name.affine for name in names], bounds, "choice"), "y")
    compiled = compile_formulas([y >= -1000.0], inputs=names)
    assert len(compiled.inputs) == 3, "no disjunction is left"
    first, second = numbers(rng, size).clip(-3, 3), numbers(rng, size).clip(-3, 3)
    known = compiled.assignment(np.concatenate([exact(v) for v in (mask, first, second)]))
    right = exact(np.where(mask == 1, first, second))
    assert value(y, known).tolist() == right.tolist()
    assert holds(And(y.requires), known)


@settings(max_examples=40)
@given(seed=seeds)
def test_what_is_cut_off_is_a_sum_of_steps(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 4))
    low = rng.integers(-20, 20, size=size) / 4.0
    high = low + rng.integers(0, 12, size=size) / 4.0
    x = Variable(size, low, high, "x")
    bounds = within_bounds(x.affine)
    y = define(Truncate().bounded([x.affine], [bounds], "cut"), "y")
    compiled = compile_formulas([y >= -1000.0], inputs=[x])
    point = low + (high - low) * rng.choice([0.0, 0.25, 0.5, 1.0, rng.random()], size)
    right = [Fraction(int(Fraction(v))) for v in point.tolist()]
    free = sum(name.size for name in compiled.inputs) - size
    # of all assignments of the steps exactly one satisfies the formulas, and it is the right one
    found = []
    for steps in itertools.product([0.0, 1.0], repeat=min(free, 10)):
        if len(steps) < free:
            return
        known = compiled.assignment(np.concatenate([exact(point), exact(np.array(steps))]))
        if holds(And(y.requires), known):
            found.append(value(y, known).tolist())
    assert found == [right]


# ---- enclosure -------------------------------------------------------------------------------


def beside(rng: Rng, middle: Floats) -> tuple[Enclosed, Numbers]:
    """Numbers known up to a radius, and true ones anywhere within, (1, size) each."""
    radius = rng.choice([0.0, 1e-17, 1e-3, 0.5], len(middle))
    share = exact(rng.choice([-1.0, 1.0, 0.5, 0.0], len(middle)))
    return Enclosed.point(middle, radius), (exact(middle) + exact(radius) * share)[None]


@each_layer
@settings(max_examples=30)
@given(seed=seeds)
def test_the_enclosure_holds_every_value(kind: type[Layer], seed: int) -> None:
    case, inputs, rng = drawn(kind, seed)
    known, true = zip(*(beside(rng, x) for x in inputs), strict=True)
    found = case.layer.enclosure(known)
    assert found.middle.shape == found.radius.shape == (1, case.size)
    away = abs(exact(found.middle) - truth(case, true))
    assert (away <= exact(found.radius)).all()


def test_a_sign_in_doubt_may_be_anything() -> None:
    known = Enclosed(np.array([[0.5, -0.5, 0.5, 0.0]]), np.array([[0.5, 0.4, 1.0, 0.0]]))
    found = Sign().enclosure([known])
    assert found.middle.tolist() == [[0.0, -1.0, 0.0, 0.0]]
    assert found.radius.tolist() == [[1.0, 0.0, 1.0, 1.0]]


# ---- float32 ---------------------------------------------------------------------------------


class Machine:
    """Float32 arithmetic as some runtime may do it: any order, fused or not, flushed or not."""

    def __init__(self, rng: Rng) -> None:
        self.rng = rng
        self.fused, self.flushes, self.reads = rng.random(3) < 0.5

    def read(self, number: float | np.float32) -> np.float32:
        """A coefficient or an input; some take those below the smallest normal one for zero."""
        found = np.float32(number)
        return np.float32(0) if self.reads and abs(found) < SMALLEST else found

    def rounded(self, number: float | np.float32) -> np.float32:
        found = np.float32(number)
        return np.float32(0) if self.flushes and abs(found) < SMALLEST else found

    def dot(self, row: Sequence[Fraction], x: Singles, bias: Fraction) -> np.float32:
        order = [int(k) for k in self.rng.permutation(len(x)) if row[k]]
        first = self.rng.random() < 0.5 or not order
        total = self.rounded(float(bias)) if first else np.float32(0)
        for k in order:
            weight = self.read(float(row[k]))
            value = self.read(x[k])
            if self.fused:  # the product of two floats is exact in double
                total = self.rounded(float(total) + float(weight) * float(value))
            else:
                total = self.rounded(total + self.rounded(weight * value))
        return total if first else self.rounded(total + np.float32(float(bias)))

    def line(self, slope: Fraction, offset: Fraction, z: np.float32) -> np.float32:
        """One piece of a bend; neither a slope of 1 nor an offset of 0 is an operation."""
        factor, constant, z = self.read(float(slope)), self.read(float(offset)), self.read(z)
        if slope and offset and self.fused:
            return self.rounded(float(factor) * float(z) + float(constant))
        product = z * factor if abs(slope) == 1 else self.rounded(z * factor)
        return self.rounded(product + constant) if slope and offset else product + constant

    def run(self, case: LayerCase, sources: Sequence[Singles]) -> Floats:
        """The layer in float32, (size,)."""
        layer, size = case.layer, case.size
        if isinstance(layer, AFFINE):
            matrices, bias = affine(layer, size)
            every = np.concatenate(sources)
            rows = [[w for m in matrices for w in m[k]] for k in range(size)]
            pairs = zip(rows, bias, strict=True)
            return np.array([self.dot(row, every, b) for row, b in pairs], dtype=np.float64)
        if isinstance(layer, Choice):
            mask, first, second = sources
            return np.where(mask >= 0.5, first, second).astype(np.float64)
        if isinstance(layer, Truncate):
            return np.trunc(sources[0]).astype(np.float64)
        match activation(layer, size):
            case Greatest(windows):
                return np.array([max(float(sources[s][k]) for s, k in row) for row in windows])
            case bends:
                lines = [
                    bend.pieces[bend.piece(Fraction(float(z)))]
                    for bend, z in zip(bends, sources[0], strict=True)
                ]
                found = [
                    self.line(slope, offset, z)
                    for (slope, offset), z in zip(lines, sources[0], strict=True)
                ]
                return np.array(found, dtype=np.float64)


@each_layer
@settings(max_examples=40, deadline=None)
@given(seed=seeds, scale=st.sampled_from([1e-38, 1e-37, 1.0, 1.0, 1e6]))
def test_float32_stays_within_its_error(kind: type[Layer], seed: int, scale: float) -> None:
    case, inputs, rng = drawn(kind, seed)
    known, true, singles = [], [], []
    for x in inputs:
        box, at = beside(rng, x * scale)
        off = rng.uniform(-1, 1, len(x)) * rng.choice([0.0, 1e-3, 0.1]) * scale
        near = (at[0].astype(np.float64) + off).astype(np.float32)
        error = np.abs((exact(near.astype(np.float64)) - at[0]).astype(np.float64)) * (1 + 1e-15)
        known.append(Rounded(box, error + FLOAT32_READ))
        true.append(at)
        singles.append(near)
    bound = case.layer.float32_error(known)
    assert bound.shape == (case.size,)
    right = truth(case, true)[0]
    for _ in range(4):
        away = abs(exact(Machine(rng).run(case, singles)) - right)
        for off, most in zip(away, bound.tolist(), strict=True):
            # what rounding the bound itself can cost, and a reader of the number
            assert off <= most * (1 + 1e-9) + FLOAT32_READ


# ---- linear regions --------------------------------------------------------------------------


def on_region(case: LayerCase, x: Floats) -> Fixed:
    found = case.layer.on_region(x, np.zeros(len(x), dtype=bool))
    assert found is not None
    return found


def split(case: LayerCase, x: Floats) -> list[Floats]:
    return [part[None] for part in np.split(x, np.cumsum(case.widths)[:-1])]


@each_layer
@settings(max_examples=30)
@given(seed=seeds)
def test_the_map_on_a_region_is_the_value_there(kind: type[Layer], seed: int) -> None:
    case, inputs, rng = drawn(kind, seed)
    x = np.concatenate(inputs)
    if not case.layer.continuous:
        with pytest.raises(LanguageError, match="jumps"):
            on_region(case, x)
        return
    if kind in AFFINE:
        assert case.layer.on_region(x, np.zeros(len(x), dtype=bool)) is None
        return
    fixed = on_region(case, x)
    assert (fixed.slack(x) >= 0.0).all()
    inside = 0
    for step in (0.0, 0.01, 0.125, 1.0, 1.0):
        near = x + step * numbers(rng, len(x))
        if (fixed.slack(near) >= 0.0).all():
            inside += 1
            assert fixed.value(near[None]).tolist() == case.layer.value(split(case, near)).tolist()
    assert inside
    # rows: the conditions; reach and spread: bounds where the elements of x have bounds
    chosen = np.flatnonzero(rng.random(fixed.conditions) < 0.7)
    level = np.zeros(fixed.conditions) if fixed.level is None else fixed.level
    rows = fixed.rows(chosen).toarray()
    assert np.allclose(rows @ x + level[chosen], fixed.slack(x)[chosen])
    assert (np.abs(rows).sum(axis=1) <= fixed.spread(np.ones(len(x)))[chosen]).all()
    constant = np.zeros(case.size) if fixed.constant is None else fixed.constant
    y = fixed.value(x[None])[0] - constant
    assert (np.abs(y) <= fixed.reach(np.abs(x)) + 1e-12).all()
    over = np.where(rng.random((3, case.size)) < 0.5, 0.0, rng.normal(size=(3, case.size)))
    for given_rows in (over, sparse.csr_array(over)):
        assert np.allclose(fixed.pulled(given_rows) @ x, over @ y)


@each_layer
@settings(max_examples=20)
@given(seed=seeds)
def test_a_kink_belongs_to_the_piece_that_the_definition_says(kind: type[Layer], seed: int) -> None:
    case, inputs, _ = drawn(kind, seed)
    if kind in AFFINE or not case.layer.continuous:
        return
    fixed = on_region(case, np.concatenate(inputs))
    match activation(case.layer, case.size):
        case Greatest(windows):
            assert fixed.index is not None
            for chosen, row in zip(fixed.index.tolist(), windows, strict=True):
                values = [inputs[slot][k] for slot, k in row]
                slot, k = row[values.index(max(values))]
                assert chosen == sum(case.widths[:slot]) + k
        case bends:
            numbers = [Fraction(v) for v in inputs[0].tolist()]
            pieces = [b.pieces[b.piece(v)] for b, v in zip(bends, numbers, strict=True)]
            assert fixed.factor.tolist() == [float(slope) for slope, _ in pieces]


@settings(max_examples=30)
@given(seed=seeds)
def test_an_idle_element_needs_no_condition(seed: int) -> None:
    """Where all elements come from ReLUs, one that stays 0 never exceeds another."""
    case, (x,), rng = drawn(MaxPool, seed)
    x = np.abs(x)
    idle = (x == 0.0) | (rng.random(len(x)) < 0.3)
    x = np.where(idle, 0.0, x)
    fixed, every = case.layer.on_region(x, idle), on_region(case, x)
    assert fixed is not None and fixed.conditions <= every.conditions
    for _ in range(5):
        near = np.where(idle, 0.0, np.abs(x + numbers(rng, len(x))))
        if (fixed.slack(near) >= 0.0).all():
            assert fixed.value(near[None]).tolist() == case.layer.value([near[None]]).tolist()


# ---- layers in networks ----------------------------------------------------------------------


@each_layer
@pytest.mark.parametrize("seed", range(3))
def test_what_reads_a_layer_is_applied_once(kind: type[Layer], seed: int) -> None:
    """A layer that is compiled to a sum of several variables is named where it is made."""
    case, _, rng = drawn(kind, seed)
    builder = GraphBuilder((2,))
    sources = [
        builder.add("", Linear(Dense(rng.normal(size=(width, 2))), None), width, Network.INPUT)
        for width in case.widths
    ]
    node = builder.add("bend", case.layer, case.size, *sources)
    reader = Dense(np.ones((2, case.size)))
    network = builder.finish(builder.add("last", Linear(reader, None), 2, node))
    x = Variable(2, -1, 1, "x")
    y = network(x)
    problem = compile_formulas([y[0] <= y[1]], inputs=(x,)).problem
    terms = [operator for stage in problem.stages for operator, _ in stage.terms]
    parts = [part for term in terms for part in (term.parts if isinstance(term, Chain) else [term])]
    times = sum(part is reader for part in parts)
    # a sum stands where it is read; a clip without some limits is one of two variables
    # and what jumps is an input of the problem
    assert times == 1 or kind in (Sum, Clip) or not case.layer.continuous


def test_a_claim_about_a_jump_is_refused() -> None:
    builder = GraphBuilder((2,))
    output = builder.add("sign", Sign(), 2, Network.INPUT)
    claim = Claim.make(builder.finish(output, name="steps"), np.array([0.5, 0.25]))
    with pytest.raises(LanguageError, match="steps has a layer that jumps"):
        claim.within(0.1).compile()


@settings(max_examples=15, deadline=None)
@given(bent_cases(), st.data())
def test_a_compiled_network_is_its_formulas_and_its_twin(case: Case, data: st.DataObject) -> None:
    x = Variable(case.network.input_size, case.lower, case.upper, "x")
    y = case.network(x)
    compiled = compile_formulas([y[0] <= y[1]], inputs=(x,))
    assert compiled.inputs == (x,)
    share = [data.draw(st.fractions(0, 1, max_denominator=8)) for _ in case.image]
    point = [low + s * (high - low) for s, low, high in zip(share, *case.bounds, strict=True)]
    assignment = compiled.assignment(np.array(point, dtype=object))
    logits = oracles.evaluate(case.exact, point)
    assert value(y, assignment).tolist() == list(logits)
    assert holds(And(y.requires), assignment)
    assert sum(stage.size for stage in compiled.problem.stages if stage.relu) == case.network.relus
    # and no other assignment to the same input is allowed
    spoken = [name for part in y.requires for name in variables(part) if name is not x]
    changed = data.draw(st.sampled_from(spoken)) if spoken else None
    if changed is not None:
        wrong = assignment[changed].copy()
        wrong[data.draw(st.integers(0, changed.size - 1))] += Fraction(1, 1000)
        assert not holds(And(y.requires), {**assignment, changed: wrong})

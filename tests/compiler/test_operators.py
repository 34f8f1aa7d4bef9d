"""Linear operators against their matrix in rationals, rounding errors included."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from rhobust.compiler.base.arrays import exact
from rhobust.compiler.base.rounding import gamma
from rhobust.compiler.operators import (
    Chain,
    Convolution,
    Dense,
    LinearOperator,
    Scale,
    Select,
    Sparse,
    Transposed,
    compose,
    identity,
    is_identity,
    scaled,
    times,
)

from ..reference import oracles
from ..reference.layers import operator_matrix


def simple(rng: np.random.Generator, inputs: int) -> LinearOperator:
    """An operator on `inputs` numbers, a multiple of 4; every kind, and its weights no dyadics."""
    kind = int(rng.integers(6))
    if kind == 0:
        return Dense(rng.normal(size=(int(rng.integers(1, 4)) * 4, inputs)))
    if kind == 1:
        divisor = rng.choice([-1.0, 1.0], size=inputs) * rng.uniform(0.1, 3.0, size=inputs)
        return Scale(rng.normal(size=inputs), divisor)
    if kind == 2:
        return Select(rng.integers(-1, inputs, size=int(rng.integers(1, 4)) * 4), inputs)
    if kind == 5:
        shape = (int(rng.integers(1, 4)) * 4, inputs)
        some = rng.random(shape) < 0.3
        return Sparse(sparse.csr_array(np.where(some, rng.normal(size=shape), 0.0)))
    groups = int(rng.choice([1, 2]))
    if kind == 3:
        stride, width = int(rng.integers(1, 3)), int(rng.integers(1, 3))
        weight = rng.normal(size=(4, 2 // groups, 1, width))
        # the convolution that leads back to 4 channels of `inputs` / 4 numbers
        size = stride * (inputs // 4 - 1) + width + int(rng.integers(0, stride))
        inner = Convolution(weight, (2, 1, size), (1, stride), (0, 0, 0, 0), (1, 1), groups)
        return Transposed(inner)
    return Convolution(
        rng.normal(size=(4, 2 // groups, int(rng.integers(1, 3)), 2)),
        (2, inputs // 4, 2),
        (int(rng.integers(1, 3)), 1),
        (1, int(rng.integers(0, 2)), int(rng.integers(0, 2)), 1),
        (int(rng.integers(1, 3)) if inputs > 4 else 1, 1),
        groups,
    )


def drawn(rng: np.random.Generator) -> tuple[LinearOperator, oracles.Matrix]:
    """An operator and its matrix; a chain of up to three."""
    operator = simple(rng, 4 * int(rng.integers(1, 4)))
    matrix = operator_matrix(operator)
    for _ in range(int(rng.integers(0, 3))):
        if operator.out_size % 4:
            break
        following = simple(rng, operator.out_size)
        outer = operator_matrix(following)
        matrix = tuple(
            tuple(
                sum((w * matrix[k][j] for k, w in enumerate(row)), Fraction(0))
                for j in range(len(matrix[0]))
            )
            for row in outer
        )
        operator = compose(operator, following)
    return operator, matrix


def product(matrix: oracles.Matrix, vector: list[Fraction]) -> list[Fraction]:
    return [sum((w * v for w, v in zip(row, vector, strict=True)), Fraction(0)) for row in matrix]


@settings(max_examples=75, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_operators_are_their_matrix_and_their_errors_are_bounded(seed: int) -> None:
    rng = np.random.default_rng(seed)
    operator, matrix = drawn(rng)
    assert (operator.out_size, operator.in_size) == (len(matrix), len(matrix[0]))
    transposed = tuple(zip(*matrix, strict=True))
    size = operator.absolute()
    for numbers, rows, terms, run, bound in (
        (operator.in_size, matrix, operator.terms, operator.apply, size.apply),
        (operator.out_size, transposed, operator.adjoint_terms, operator.adjoint, size.adjoint),
    ):
        point = rng.normal(size=numbers)
        meant = product(rows, [Fraction(v) for v in point.tolist()])
        assert run(exact(point)[None])[0].tolist() == meant
        # the bound itself in rationals, so that only what is tested is rounded
        allowed = bound(exact(np.abs(point))[None])[0]
        found = run(point[None])[0].tolist()
        for value, true, room in zip(found, meant, allowed, strict=True):
            assert abs(Fraction(value) - true) <= Fraction(gamma(terms)) * room


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_rows_of_an_operator(seed: int) -> None:
    rng = np.random.default_rng(seed)
    operator, matrix = drawn(rng)
    units = rng.integers(0, operator.out_size, size=3)
    dense = np.array([[float(v) for v in row] for row in matrix])
    np.testing.assert_allclose(operator.rows(units).toarray(), dense[units], atol=1e-9)
    some = operator.rows(np.arange(operator.out_size))
    left = type(some)(rng.normal(size=(2, operator.out_size)) * (rng.random() < 0.8))
    np.testing.assert_allclose(times(left, operator).toarray(), left.toarray() @ dense, atol=1e-9)


def test_only_what_is_exact_is_merged() -> None:
    dense, swap = Dense(np.array([[0.1, 0.2], [0.3, 0.4]])), Select(np.array([1, 0]), 2)
    assert compose(identity(2), dense) is dense and compose(dense, identity(2)) is dense
    assert is_identity(compose(swap, swap)) and not is_identity(swap)
    padded = compose(Select(np.array([0, -1, 1]), 2), Select(np.array([1, 2, -1, 0]), 3))
    assert isinstance(padded, Select) and padded.index.tolist() == [-1, 1, -1, 0]
    chain = compose(compose(dense, swap), dense)
    assert isinstance(chain, Chain) and chain.parts == (dense, swap, dense)
    assert scaled(dense, 1.0) is dense
    tripled = scaled(dense, 0.3).apply(exact([1.0, 0.0])[None])[0].tolist()
    assert tripled == [Fraction(0.1) * Fraction(0.3), Fraction(0.3) * Fraction(0.3)]

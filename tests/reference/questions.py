"""Random formulas of every kind over two small inputs, told apart by their seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rhobust.compiler.language.activations import absolute, clip, leaky_relu, relu, sign_of
from rhobust.compiler.language.expressions import Expression, Variable, define
from rhobust.compiler.language.formulas import And, Formula, Or, Relation
from rhobust.compiler.language.norms import norm1
from rhobust.compiler.operators import Dense, Scale

LEVELS = (-0.5, 0.0, 0.1, 0.25, 1.0)
WEIGHT = Dense(np.array([[1.0, -0.5], [0.1, 2.0]]))
SEVENTHS = Scale(np.array([1.0, 0.3]), np.array([7.0, 3.0]))


class Asker:
    """Draws formulas over expressions of two elements and of one.

    levels: what they are compared with, none for any number; slack: added to every level;
    kinds: of the relations.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        pairs: Sequence[Expression],
        single: Sequence[Expression],
        levels: Sequence[float] = LEVELS,
        slack: float = 0.0,
        kinds: Sequence[str] = ("<=", "<", "="),
    ) -> None:
        self.rng, self.pairs, self.single = rng, pairs, single
        self.levels, self.slack, self.kinds = levels, slack, kinds

    def formulas(self, most: int = 3) -> list[Formula]:
        return [self.formula(2) for _ in range(int(self.rng.integers(1, most + 1)))]

    def formula(self, depth: int) -> Formula:
        kind = self.rng.random()
        if depth and kind < 0.4:
            parts = tuple(self.formula(depth - 1) for _ in range(int(self.rng.integers(0, 4))))
            return And(parts) if kind < 0.2 else Or(parts)
        if kind < 0.55:
            return self.each()
        if kind < 0.65:
            some = self.some([*self.pairs, *self.single])
            radius = float(self.rng.choice([0.0, 0.7, 2.0])) if self.levels else self.level() + 1.0
            return norm1(some - self.level()) <= max(0.0, radius + self.slack)
        return self.relation([*self.pairs, *self.single])

    def each(self) -> Formula:
        """A choice for each element, each disjunct one relation or two."""
        parts: list[Formula] = []
        for _ in range(int(self.rng.integers(1, 4))):
            found = [self.relation(self.pairs) for _ in range(int(self.rng.integers(1, 3)))]
            parts.append(found[0] if len(found) == 1 else And(tuple(found)))
        return Or(tuple(parts), elementwise=True)

    def relation(self, expressions: Sequence[Expression]) -> Formula:
        value = self.some(expressions) - self.level()
        return Relation(value - self.slack, str(self.rng.choice(list(self.kinds))))

    def some(self, expressions: Sequence[Expression]) -> Expression:
        return expressions[int(self.rng.integers(len(expressions)))]

    def level(self) -> float:
        if self.levels:
            return float(self.rng.choice(list(self.levels)))
        return float(self.rng.uniform(-1.0, 1.0))


def question(rng: np.random.Generator, jumps: bool = True, **given: object) -> list[Formula]:
    """Formulas over two inputs of one name and activations of theirs; see `Asker`."""
    x, w = Variable(2, -1, [1.0, 4.0], "x"), Variable(1, -1.5, 0.5, "x")
    y = relu(x.through(WEIGHT) - 0.5)
    scaled = (x.through(WEIGHT) + 0.1).through(SEVENTHS)
    far = absolute(y[0] - w - x[1])
    pairs: list[Expression] = [x, y, x + w, x.through(WEIGHT) / 3.0, clip(x, -0.25, 0.5), scaled]
    pairs += [leaky_relu(x.through(WEIGHT), 0.1), y - leaky_relu(define(scaled), -0.3)]
    single: list[Expression] = [w, far, x[0], y[1] - x[1] * 0.1, far - w * 2.0]
    if jumps:
        pairs.append(sign_of(scaled))
    return Asker(rng, pairs, single, **given).formulas()  # type: ignore[arg-type]

"""The checker's bounds hold exactly, in rationals, whatever the size of a network's numbers is."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from rhobust.bnb.checker.arithmetic import Array, Refused
from rhobust.bnb.checker.claim import Branch, Part
from rhobust.bnb.checker.exact.root import ExactRoot
from rhobust.bnb.checker.exact.rows import ExactReduced
from rhobust.bnb.checker.model import Model
from rhobust.bnb.checker.onnx.reader import read_model
from rhobust.bnb.checker.rounded.ball import Ball
from rhobust.bnb.checker.rounded.root import Root, atom_rows
from rhobust.bnb.checker.rounded.rows import Reduced

from ..rhobust.nasty import question, save_network


def exactly(array: Array) -> Array:
    """The same numbers as Fractions."""
    return np.asarray(np.frompyfunc(Fraction, 1, 1)(array), dtype=object)


def values(model: Model, points: Array) -> list[Array]:
    """Every tensor at some points (P, D), in Fractions."""
    found = [exactly(points)]
    for tensor in model.tensors[1:]:
        if tensor.relu is not None:
            before = found[tensor.relu]
            found.append(before * (before > 0))
            continue
        total = np.full((len(points), tensor.size), Fraction(0), dtype=object)
        if tensor.bias is not None:
            total = total + exactly(tensor.bias)
        for source, operator in tensor.terms:
            weight = None if operator.weight is None else exactly(operator.weight)
            total = total + operator.forward(found[source], weight)
        found.append(total)
    return found


@np.errstate(all="ignore")  # as the checker does
def checked(folder: Path, seed: int) -> int:
    """How many of a nasty network's bounds are finite and hold at points of a region."""
    rng = np.random.default_rng([seed, 31])
    inputs, outputs = save_network(rng, folder / "m.onnx")
    model, asked = read_model(folder / "m.onnx"), question(rng, inputs)
    size = min(asked.eps, 2.0)
    low = np.maximum(asked.low, np.nextafter(asked.image - size, -9.0))
    high = np.minimum(asked.high, np.nextafter(asked.image + size, 9.0))
    corners = np.where(rng.random((12, inputs)) < 0.5, low, high)
    points = np.concatenate([corners, low + (high - low) * rng.random((6, inputs))])
    points = np.concatenate([np.clip(points, low, high), asked.image[None]])
    ball = None
    if asked.norm != "linf":
        ball = Ball(asked.norm, asked.image, size)
        away = [[Fraction(b) - Fraction(a) for a, b in zip(asked.image.tolist(), p, strict=True)]
                for p in points.tolist()]  # fmt: skip
        power = 1 if asked.norm == "l1" else 2
        inside = [sum(abs(s) ** power for s in steps) <= Fraction(size) ** power for steps in away]
        points = points[inside]
    atoms = rng.integers(-2, 3, (3, inputs + outputs)) * 10.0 ** rng.integers(-9, 10, (3, 1))
    place = np.tile(np.arange(inputs + outputs), 3)
    start = np.arange(4) * (inputs + outputs)
    part = Part(low, high, start, place, atoms.reshape(-1), np.zeros(3), Branch((0,), ()), [], ball)
    truth = values(model, points)
    total = np.concatenate([truth[0], truth[model.output]], axis=1) @ exactly(atoms).T
    count = 0
    for kind, rows in ((Root, Reduced), (ExactRoot, ExactReduced)):
        try:
            root = kind(model, low, high, ball)
            root.propagate()
            bound = root.least(*root.backward(*atom_rows(root, part)))
        except Refused:  # numbers that overflow
            continue
        for number, found in enumerate(truth):
            for ends in (root.low[number], -root.high[number]):
                assert np.isfinite(ends).all()
            assert (found >= exactly(root.low[number])).all(), (seed, kind, number)
            assert (found <= exactly(root.high[number])).all(), (seed, kind, number)
            count += 1
        for atom, least in enumerate(bound.tolist()):
            if np.isfinite(least):
                assert (total[:, atom] >= Fraction(least)).all(), (seed, kind, atom)
        units = {
            k: np.flatnonzero((root.low[t.relu] < 0.0) & (root.high[t.relu] > 0.0))
            for k, t in enumerate(model.tensors)
            if t.relu is not None
        }
        units = {k: elements for k, elements in units.items() if len(elements)}
        try:
            reduced = rows(root, part, units)
        except Refused:
            continue
        known = np.concatenate([truth[0], *(truth[k][:, e] for k, e in units.items())], axis=1)
        z = [truth[model.tensors[k].relu or 0][:, e] for k, e in units.items()]
        pairs = [(reduced.atoms, total)]
        if z:
            each = np.concatenate(z, axis=1)
            pairs.append((reduced.units, each))
        for lines, exact in pairs:
            row = known @ exactly(lines.weight).T + exactly(lines.bias)
            good = np.isfinite(lines.error)
            assert (np.abs(row - exact)[:, good] <= exactly(lines.error[good])).all(), (seed, kind)
            count += 1
    return count


def test_bounds_hold_exactly(tmp_path: Path) -> None:
    assert sum(checked(tmp_path, seed) for seed in (*range(40), 1035, 1060)) > 200


@pytest.mark.long
def test_many_bounds_hold_exactly(tmp_path: Path) -> None:
    assert sum(checked(tmp_path, seed) for seed in range(1000, 5000)) > 20_000

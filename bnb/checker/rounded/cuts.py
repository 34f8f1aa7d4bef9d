"""Boxes cut by linear rows, and rows propagated to boxes and units' bounds."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ..arithmetic import UNIT, Array
from .rows import Reduced


class Boxes(Protocol):
    """What cuts change: boxes (B, D) and units' bounds (B, V)."""

    box_low: Array
    box_high: Array
    low: Array
    high: Array
    atoms: Array


def _outward(start: Array, move: Array) -> tuple[Array, Array]:
    """start + move, and what it may be off by, where move has met two roundings."""
    return start + move, 4.0 * UNIT * (np.abs(start) + np.abs(move)) + 1e-300


def cut(reduced: Reduced, state: Boxes, nodes: Array, g: Array, constant: Array) -> None:
    """Cuts boxes by g x + constant <= 0: with m the least value, g_j (x_j - low_j) <= -m.

    nodes, constant (R,), g (R, D); each node at most once. Where m > 0 the box is made to cross.

    Rule: cut.
    """
    low, high = state.box_low[nodes], state.box_high[nodes]
    # not over the ball: there the other inputs cannot all be where their terms are least
    least = reduced.over_box(g, constant, low, high)
    some = np.isfinite(least)[:, None] & (np.abs(g) > 1e-200)
    move = np.where(some, -least[:, None] / np.where(some, g, 1.0), 0.0)
    top, slack = _outward(low, move)
    new_high = np.where(some & (g > 0.0), np.fmin(high, top + slack), high)
    bottom, slack = _outward(high, move)
    new_low = np.where(some & (g < 0.0), np.fmax(low, bottom - slack), low)
    gone = (least > 0.0) & (least < np.inf)
    new_low[gone], new_high[gone] = 1.0, -1.0
    state.box_low[nodes], state.box_high[nodes] = new_low, new_high


def sweep(reduced: Reduced, state: Boxes) -> None:
    """Two sweeps over all rows, the last first: atoms as rows <= 0, units' rows as l <= z <= u.

    The second looks only at nodes that the first changed.
    """
    live = np.arange(len(state.low))
    for _ in range(2):
        floor = np.concatenate([state.box_low[live], np.maximum(state.low[live], 0.0)], axis=1)
        roof = np.concatenate([state.box_high[live], np.maximum(state.high[live], 0.0)], axis=1)
        before = floor.copy(), roof.copy()
        _sweep(reduced, state, live, floor, roof)
        changed = (floor != before[0]).any(axis=1) | (roof != before[1]).any(axis=1)
        live = live[changed]


def _sweep(reduced: Reduced, state: Boxes, live: Array, floor: Array, roof: Array) -> None:
    """One sweep over nodes `live`; floor, roof: their bounds of (x, r), which are kept up."""
    inputs = reduced.inputs

    def meet(mine: Array, weight: Array, bias: float, cost: float, most: Array) -> None:
        if len(mine):
            nodes = live[mine]
            relate(reduced, state, nodes, weight, bias, cost, most)
            floor[mine, :inputs], roof[mine, :inputs] = state.box_low[nodes], state.box_high[nodes]
            floor[mine, inputs:] = np.maximum(state.low[nodes], 0.0)
            roof[mine, inputs:] = np.maximum(state.high[nodes], 0.0)

    units, atoms = reduced.units, reduced.atoms
    for atom in reversed(range(len(atoms.bias))):
        mine = np.flatnonzero(state.atoms[live, atom])
        row = atoms.weight[atom], atoms.bias[atom], 2.0 * atoms.spread[atom]
        meet(mine, *row, np.zeros(len(mine)))
    for span in reversed(reduced.layers):
        end = inputs + span.start
        for unit in reversed(range(span.start, span.stop)):
            row, bias, cost = units.weight[unit], units.bias[unit], 2.0 * units.spread[unit]
            # to save work, only nodes on which z <= u or z >= l can cut something
            absolute, low, high = np.abs(row[:end]), floor[:, :end], roof[:, :end]
            width = high - low
            half, middle = width @ absolute, (high + low) @ row[:end] + 2.0 * bias
            width *= absolute
            widest = 2.0 * width.max(axis=1, initial=0.0)
            above = widest > 2.0 * state.high[live, unit] - (middle - half)
            below = widest > (middle + half) - 2.0 * state.low[live, unit]
            mine = np.flatnonzero(above)
            meet(mine, row, bias, cost, state.high[live[mine], unit])
            mine = np.flatnonzero(above | below)
            meet(mine, -row, -bias, cost, -state.low[live[mine], unit])


def relate(
    reduced: Reduced,
    state: Boxes,
    nodes: Array,
    weight: Array,
    bias: float,
    cost: float,
    most: Array,
) -> None:
    """weight . (x, r) + bias - cost <= most on nodes (R,): each term is at most `most` less the
    least of all others. weight (D + V,); r <= c gives u <= c, and r >= c > 0 gives l >= c.

    Rule: propagation.
    """
    place = np.flatnonzero(weight)
    w, inputs = weight[place], reduced.inputs
    x, r = place[place < inputs], place[place >= inputs] - inputs
    here = nodes[:, None]
    floor, roof = state.low[here, r], state.high[here, r]
    low = np.concatenate([state.box_low[here, x], np.maximum(floor, 0.0)], axis=1)
    high = np.concatenate([state.box_high[here, x], np.maximum(roof, 0.0)], axis=1)
    least = np.where(w > 0.0, w * low, w * high)
    total = least.sum(axis=1) + bias - cost
    spare = most - total  # at least what any term may exceed its least value by
    spare = spare + 4.0 * UNIT * (np.abs(most) + np.abs(total)) + 1e-300
    move = np.where(np.abs(w) > 1e-200, spare[:, None], np.inf) / w
    top, slack = _outward(low, move)
    high = np.where(w > 0.0, np.fmin(high, top + slack), high)
    bottom, slack = _outward(np.where(w > 0.0, 0.0, high), move)
    low = np.where(w < 0.0, np.fmax(low, bottom - slack), low)
    cut_x = len(x)
    gone = spare < 0.0
    state.box_low[here, x] = np.where(gone[:, None], 1.0, low[:, :cut_x])
    state.box_high[here, x] = np.where(gone[:, None], -1.0, high[:, :cut_x])
    new_low, new_high = low[:, cut_x:], high[:, cut_x:]
    state.low[here, r] = np.where(new_low > 0.0, np.fmax(floor, new_low), floor)
    state.high[here, r] = np.fmin(roof, new_high)
    if not cut_x:
        state.box_low[nodes[gone]], state.box_high[nodes[gone]] = 1.0, -1.0

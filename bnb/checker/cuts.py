"""Boxes cut by linear rows, and rows propagated to boxes and units' bounds."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from .arithmetic import UNIT, Array
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
    """
    low, high = state.box_low[nodes], state.box_high[nodes]
    least = reduced.least(g, constant, low, high)
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
    """Two sweeps over all rows, the last first: atoms as rows <= 0, units' rows as l <= z <= u."""
    for _ in range(2):
        for atom in reversed(range(reduced.atom_count)):
            nodes = np.flatnonzero(state.atoms[:, atom])
            if len(nodes):
                weight, cost = reduced.atom_weight[atom], reduced.atom_cost[atom]
                most = np.zeros(len(nodes))
                _relate(reduced, state, nodes, weight, reduced.atom_bias[atom], cost, most)
        everyone = np.arange(len(state.low))
        for unit in reversed(range(reduced.count)):
            weight, bias, cost = reduced.weight[unit], reduced.bias[unit], reduced.cost[unit]
            _relate(reduced, state, everyone, weight, bias, cost, state.high[:, unit])
            _relate(reduced, state, everyone, -weight, -bias, cost, -state.low[:, unit])


def _relate(
    reduced: Reduced,
    state: Boxes,
    nodes: Array,
    weight: Array,
    bias: float,
    cost: float,
    most: Array,
) -> None:
    """weight . (x, r) + bias - cost <= most on nodes (R,): each term is at most `most` less the
    least of all others. weight (D + V,); r <= c gives u <= c, and r >= c > 0 gives l >= c."""
    place = np.flatnonzero(weight)
    if not len(place):
        return
    w, inputs = weight[place], reduced.inputs
    x, r = place[place < inputs], place[place >= inputs] - inputs
    here = nodes[:, None]
    floor, roof = state.low[here, r], state.high[here, r]
    low = np.concatenate([state.box_low[here, x], np.maximum(floor, 0.0)], axis=1)
    high = np.concatenate([state.box_high[here, x], np.maximum(roof, 0.0)], axis=1)
    least = np.where(w > 0.0, w * low, w * high)
    total = least.sum(axis=1) + bias - 2.0 * cost
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

"""Multi-neuron bounds: groups of units bounded together, beyond their triangles.

For units with coefficients -c_k < 0 the triangle puts -c_k max(z_k, 0) >= -c_k s_k z_k + c_k s_k
l_k, as if every z_k could stand at an end of its interval at once. Over a group the exact constant
is the minimum over the node of sum c_k (s_k z_k - max(z_k, 0)), and -max(z, 0) = min(0, -z) makes
that the least of 2^m linear minima, each a closed form or a backward bound: a Lagrangian
decomposition by groups, tighter than any relaxation of single units and cheap for groups of about
ten. The slopes stay the triangle's, so a group only adds a number to the bound. It stands to single
triangles as the k-unit relaxations of Singh et al. 2019 do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...compiler.base.arrays import Bounds, Indices, Mask, Matrix, Vector
from ...compiler.base.later import sparse
from ..bounds.crown import Pass, crown, triangle_loss
from ..bounds.kernels.multi_neuron import add_gains, group_gains
from ..nodes.batch import Block
from ..nodes.forms import collect, multipliers, spread
from ..presolve.sparse_rows import NODE, SparseRows
from ..state import State, Tightener

SIZE, LEAST = 10, 4
"""Units of a group at most and at least: twice the patterns for one more, and most of the gain is
there; RSL18a image 7 at the root: -0.132, -0.102, -0.073, -0.042 with 6, 8, 10, 12.
"""
GROUP, ROOT = 8_000_000, 100_000_000
"""Multiplications that one group, and all groups of a root node, may cost."""
LASTING = 8
"""How many passes the groups of a node below the root may cost: 8 halve the nodes of oval21, and
32 save no more of them.
"""
CHUNK = 20_000_000
"""Multiplications between two looks at the clock."""
THIN = 0.05
"""Share of nonzeros up to which a sparse product of rows takes less time than one of whole arrays.
"""
WIDEST = 4000
"""Units of a stage beyond which overlaps (a square matrix of them) are not looked at."""


class MultiNeuron(Tightener):
    """Some 2^10 passes a group at the root; as many as few passes cost below, where a split touches
    the group.

    groups (R, G, SIZE): units of one stage each, by root node; -1 where fewer. lasting (R, G):
    those that are bounded again below the root. cost: multiplications of the costliest.
    """

    step = "bounding groups of units"
    changes = ("values",)

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.groups: Indices = np.full((0, 0, SIZE), -1)
        self.lasting: Mask = np.zeros((0, 0), dtype=bool)
        self.cost = 1

    @staticmethod
    def applies(state: State) -> bool:
        shared = not state.boxes and state.problem.ball is None
        return state.settings.joint and state.units.count > 1 and shared

    def at_roots(self, block: Block) -> bool:
        """Groups for the open root nodes, by what the triangles of a pass lose."""
        state, count = self.state, len(block)
        nodes = spread(block, state.units, state.candidates.box())
        found = crown(
            state.problem, state.magnitudes, nodes, np.arange(count), state.last,
            block.gamma, np.zeros(count), multipliers(block, state.units), keep=True,
        )  # fmt: skip
        lam = collect(found.rows[:-1], state.units, count)
        self.group(block, lam)
        block.gain = np.zeros((count, self.groups.shape[1]))
        block.share = np.maximum(-lam, 0.0)
        self.update(block, np.ones(block.gain.shape, dtype=bool))
        if state.listeners.recorder is not None:
            state.listeners.recorder.grouped(self.groups, block.origin, block.share)
        return True

    def below_split(self, block: Block, known: Bounds) -> None:
        """What groups gain, where bounds or phases of their units changed: it is what triangles
        lose with one pair of bounds, and too much beside the triangles of tighter ones.
        """
        changed = (known.lower != block.lower) | (known.upper != block.upper)
        split = np.flatnonzero(block.split_on >= 0)
        changed[split, block.split_on[split]] = True
        changed[block.crossed()] = False
        self.update(block, self.touched(block, changed))

    def after_pass(self, block: Block, found: Pass) -> None:
        """Adds what the groups gain."""
        if not self.groups.shape[1]:
            return
        before = found.value.copy()
        lam = collect(found.rows[:-1], self.state.units, len(block))
        add_gains(
            lam, block.origin, block.phase, block.lower, block.upper, self.groups, block.share,
            block.gain, found.value,
        )  # fmt: skip
        found.base += (found.value - before) * (1.0 - 1e-15)

    def group(self, block: Block, lam: Matrix) -> None:
        """Chooses the groups; lam (B, U): the units' coefficients at the nodes' multipliers."""
        state, rows, units = self.state, self.state.rows, self.state.units
        loss = triangle_loss(block.lower, block.upper, block.phase, lam)
        passes = rows.multiplications(units, state.problem.input_size).tolist()
        found: list[list[_Group]] = [[] for _ in range(state.roots)]
        for number in range(units.stages):
            size = min(SIZE, int(math.log2(max(1.0, GROUP / passes[number]))))
            if size < LEAST:
                break
            part = units.part(number)
            overlap = _overlap(rows, part)
            for row, origin in enumerate(block.origin.tolist()):
                for group in _greedy(loss[row, part], overlap, size):
                    lost = float(loss[row, group + part.start].sum())
                    cost = passes[number] << len(group)
                    found[origin].append(_Group(lost, cost, number, group + part.start))
        found = [_affordable(groups) for groups in found]
        most = max((len(groups) for groups in found), default=0)
        self.groups = np.full((state.roots, most, SIZE), -1, dtype=np.int64)
        self.lasting = np.zeros((state.roots, most), dtype=bool)
        for origin, listed in enumerate(found):
            left = LASTING * (passes[-1] + NODE)
            for position, kept in enumerate(listed):
                self.groups[origin, position, : len(kept.units)] = kept.units
                self.lasting[origin, position] = kept.cost <= left
                # a split touches one group of the first stage, and about all of the later ones
                if kept.number > 0 and kept.cost <= left:
                    left -= kept.cost
                self.cost = max(self.cost, kept.cost)

    def touched(self, block: Block, changed: Mask) -> Mask:
        """The groups (B, G) with a unit whose bounds or phase changed, (B, U)."""
        groups = self.groups[block.origin]
        padded = np.concatenate([changed, np.zeros((len(block), 1), dtype=bool)], axis=1)
        hit = padded[np.arange(len(block))[:, None, None], groups]
        found: Mask = np.logical_or.reduce(hit, axis=2)
        return found

    def update(self, block: Block, wanted: Mask) -> None:
        """Recomputes the gains of the wanted groups (B, G), in place; those that do not last gain
        nothing below the root.

        Once the time is up the rest gain nothing: what they gained before held with other bounds.
        """
        box = self.state.candidates.box()
        block.gain[wanted] = 0.0
        lasts = (block.depth == 0)[:, None] | self.lasting[block.origin]
        node, group = np.nonzero(wanted & lasts)
        chunk = max(1, CHUNK // self.cost)
        for begin in range(0, len(node), chunk):
            if self.state.clock.stop():
                return
            part = slice(begin, begin + chunk)
            some = np.zeros(wanted.shape, dtype=bool)
            some[node[part], group[part]] = True
            self._gains(block, box, some)

    def _gains(self, block: Block, box: Bounds, wanted: Mask) -> None:
        rows, magnitude = self.state.rows, self.state.magnitudes.input
        factor = 2.0**-53 * 1.01 * (2.0 * (len(magnitude) + len(rows.bias)) + 64.0)
        group_gains(
            self.groups, wanted, block.origin, block.phase, block.lower, block.upper, block.share,
            np.ascontiguousarray(box.lower[0]), np.ascontiguousarray(box.upper[0]),
            rows.x_start, rows.x_index, rows.x_value, rows.u_start, rows.u_index, rows.u_value,
            rows.bias, rows.radius, rows.magnitude, magnitude, factor, block.gain,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Group:
    """Units of stage `number`, what their triangles lose and what bounding them together costs."""

    lost: float
    cost: int
    number: int
    units: Indices


def _affordable(groups: list[_Group]) -> list[_Group]:
    """Those that lose most, as many as may be bounded at a root node."""
    kept, left = [], ROOT
    for group in sorted(groups, key=lambda group: -group.lost):
        if group.cost <= left:
            kept.append(group)
            left -= group.cost
    return kept


def _overlap(rows: SparseRows, part: slice) -> Matrix | None:
    """How much the units of a stage depend on the same inputs and units, (N, N) in [0, 1]."""
    count = part.stop - part.start
    if not 1 < count <= WIDEST:
        return None
    inputs = 1 + int(rows.x_index.max(initial=0))
    starts = rows.x_start[part.start : part.stop + 1]
    entries = slice(int(starts[0]), int(starts[-1]))
    index, value = rows.x_index[entries], np.abs(rows.x_value[entries])
    shape = count, inputs
    if len(index) > THIN * count * inputs:
        x = np.zeros(shape)
        np.add.at(x, (np.repeat(np.arange(count), np.diff(starts)), index), value)
        norm, product = np.sqrt((x * x).sum(axis=1)), x @ x.T
    else:
        thin = sparse.csr_array((value, index, starts - starts[0]), shape=shape)
        norm, product = np.sqrt((thin * thin).sum(axis=1)), (thin @ thin.T).toarray()
    overlap: Matrix = product / np.maximum(np.outer(norm, norm), 1e-300)
    return overlap


def _greedy(loss: Vector, overlap: Matrix | None, size: int) -> list[Indices]:
    """Groups of units by loss, partners chosen by loss times overlap with the first."""
    left = loss > 0.0
    out: list[Indices] = []
    for unit in np.argsort(-loss, kind="stable").tolist():
        if not left[unit]:
            continue
        score = np.where(left, loss if overlap is None else loss * overlap[unit], -1.0)
        score[unit] = np.inf
        best = np.argsort(-score, kind="stable")[:size]
        group = best[score[best] > 0.0]
        left[group] = False
        if len(group) > 1:
            out.append(group.astype(np.int64))
    return out

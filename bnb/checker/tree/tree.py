"""Checks a part's tree from its root on, in batches of nodes from the top of a stack."""

from __future__ import annotations

import numpy as np

from ..arithmetic import NOT_CLOSED, Array, Refused, in_time, require
from ..claim import Branch, Part
from ..exact.leaf import Leaves
from ..rounded.cuts import cut
from ..rounded.multi_neuron import Groups, check_groups
from ..rounded.rows import Reduced
from ..rounded.slopes import Slopes
from .nodes import Nodes
from .proof import CHOICE, LEAF, Proof
from .tightening import Tightening

BATCH = 2**20  # numbers that a batch of nodes holds


class Tree:
    """A part's tree over its reduced rows.

    place (U,): which of the rows' units the kept ones are.  dead (A,): atoms that never hold.
    leaves: those closed in rationals.
    """

    def __init__(
        self,
        reduced: Reduced,
        part: Part,
        proof: Proof,
        place: Array,
        dead: Array,
        leaves: Leaves | None = None,
    ) -> None:
        self.reduced, self.part, self.proof, self.dead = reduced, part, proof, dead
        self.leaves = leaves
        self.place = place
        self.kept = np.zeros(reduced.count, dtype=bool)
        self.kept[place] = True
        layer = np.array([reduced.layer(unit) for unit in place], dtype=np.int64)
        check_groups(proof.groups, layer)
        self.members = np.where(proof.groups >= 0, np.append(place, -1)[proof.groups], -1)
        self.share = np.zeros((len(proof.share), reduced.count))
        self.share[:, place] = proof.share
        self.seen = np.zeros(len(proof.split), dtype=bool)
        self.tightening = Tightening(reduced, part, proof, self.kept)
        self.ball = self.tightening.ball

    def check(self) -> int:
        """The number of nodes looked at; refuses unless all of the part's region is closed.

        Node 0 is the part's root branch over its box.  Rule: tree.
        """
        reduced, part = self.reduced, self.part
        low, high, none = reduced.low[None].copy(), reduced.high[None].copy(), np.full(1, -1)
        gain = np.zeros((1, self.proof.groups.shape[1]))
        box, bounds = (part.low[None].copy(), part.high[None].copy()), (low, high, low, high)
        asked = self._marks(part.root)
        number = np.zeros(1, dtype=np.int64)
        stack = [Nodes(number, none, none, *box, *bounds, *asked, none, gain)]
        size = 2 * reduced.inputs + 4 * reduced.count + part.atoms // 8 + len(part.choices) // 8
        batch = max(8, min(512, BATCH // max(size, 1)))
        while stack:
            in_time(reduced.stop)
            nodes = stack.pop()
            while stack and len(nodes.number) < batch:
                nodes = Nodes.join([stack.pop(), nodes])
            if len(nodes.number) > batch:
                stack.append(nodes.take(slice(None, -batch)))
                nodes = nodes.take(slice(-batch, None))
            once = len(np.unique(nodes.number)) == len(nodes.number)
            require(once and not self.seen[nodes.number].any(), "a node with two parents")
            self.seen[nodes.number] = True
            self.advance(nodes, stack)
        return int(self.seen.sum())

    def _marks(self, branch: Branch) -> tuple[Array, Array]:
        """The atoms and the choices of a branch as truth values, (1, A) and (1, C)."""
        atoms = np.zeros((1, self.part.atoms), dtype=bool)
        choices = np.zeros((1, len(self.part.choices)), dtype=bool)
        atoms[0, list(branch.atoms)] = choices[0, list(branch.choices)] = True
        return atoms, choices

    def advance(self, nodes: Nodes, stack: list[Nodes]) -> None:
        """Closes nodes, or puts their children on the stack.  Rule: dead atom."""
        proof = self.proof
        tight = proof.tighten[nodes.number] > 0
        if tight.any() and self.tightening.wanted:
            some = nodes if tight.all() else nodes.take(tight)
            self.tightening.apply(some)
            if some is not nodes:
                for name in ("box_low", "box_high", "low", "high"):
                    getattr(nodes, name)[tight] = getattr(some, name)
        groups = self._groups(nodes)
        open_ = ~(nodes.atoms & self.dead).any(axis=1) & ~nodes.empty(self.ball)
        for row in (proof.row, proof.also):
            wanted = np.flatnonzero(open_ & (row[nodes.number] >= 0))
            for part in self.reduced.chunks(len(wanted)):
                self.use_rows(nodes, wanted[part], row, groups, open_)
        lost = np.flatnonzero(open_ & (proof.split[nodes.number] == LEAF))
        if self.leaves is not None:
            closed = [self._rational(self.leaves, nodes, node) for node in lost.tolist()]
            open_[lost] = ~np.array(closed, dtype=bool)
            lost = lost[open_[lost]]
        if len(lost):
            remedy = "" if self.reduced.exact else "; --exact may close it"
            raise Refused(f"leaf {nodes.number[lost[0]]} {NOT_CLOSED}{remedy}")
        if open_.any():
            self.branch(nodes.take(open_), stack)

    def _rational(self, leaves: Leaves, nodes: Nodes, node: int) -> bool:
        """Whether rationals close a leaf."""
        if int(nodes.number[node]) not in leaves.cases:
            return False
        bounds = nodes.low[node, self.place], nodes.high[node, self.place]
        box = nodes.box_low[node], nodes.box_high[node]
        return leaves.closes(int(nodes.number[node]), box, bounds, nodes.atoms[node])

    def _groups(self, nodes: Nodes) -> Groups | None:
        """The groups of each node's origin, with gains for its own bounds."""
        origin = self.proof.origin[nodes.number]
        if self.reduced.exact or not (self.members.size and (origin >= 0).any()):
            nodes.origin, nodes.gain = origin, np.zeros_like(nodes.gain)
            return None
        members = np.where((origin >= 0)[:, None, None], self.members[origin], -1)
        groups = Groups(
            self.reduced, members, self.share[origin], nodes.gain.copy(), nodes.low, nodes.high
        )
        changed = (nodes.low != nodes.low_before) | (nodes.high != nodes.high_before)
        who = np.arange(len(origin))[:, None, None]
        stale = (changed[who, members] & (members >= 0)).any(axis=2)
        stale |= (origin != nodes.origin)[:, None]
        stale &= ~nodes.empty(self.ball)[:, None]
        slopes = Slopes.plain(nodes.low, nodes.high)
        groups.renew(stale, slopes, (nodes.box_low, nodes.box_high), nodes.low)
        nodes.origin, nodes.gain = origin, groups.gain
        return groups

    def use_rows(
        self, nodes: Nodes, some: Array, row: Array, groups: Groups | None, open_: Array
    ) -> None:
        """Closes some nodes (R,) by their rows, or cuts their boxes; row (N,): which is whose.

        On every solution of a node sum of gamma * atom <= 0, for gamma >= 0 and its own atoms; a
        lower bound of the sum that is positive leaves none.  Rule: row.
        """
        proof, reduced = self.proof, self.reduced
        number = nodes.number[some]
        rows = row[number]
        slopes, alpha = self._slopes(rows, nodes.low[some], nodes.high[some])
        who, atom, value = proof.gamma.entries(rows)
        missing = np.flatnonzero(~nodes.atoms[some[who], atom])
        if len(missing):
            node = number[who[missing[0]]]
            raise Refused(f"the row of node {node} uses an atom that the node does not have")
        gamma = np.zeros((len(some), self.part.atoms))
        gamma[who, atom] = value
        gains = None if groups is None else groups.of(some)

        def least(mine: Array, slopes: Slopes) -> tuple[Array, Array, Array]:
            """Coefficients, constants and least values of some of the rows."""
            sums, above = reduced.atom_sums(gamma[mine]), len(reduced.layers)
            g, c = reduced.backward(*sums, above, slopes, mine, gains)
            boxes = nodes.box_low[some[mine]], nodes.box_high[some[mine]]
            return g, c, reduced.least(g, c, *boxes)

        g, c, bound = least(np.arange(len(some)), slopes)
        closed = (bound > 0.0) & (bound < np.inf)
        leaf = proof.split[number] == LEAF
        wide = slopes.where_positive(alpha)
        again = np.flatnonzero(~closed & leaf & (wide.alpha != slopes.alpha).any(axis=1))
        if len(again):
            bound = least(again, wide)[2]
            closed[again] = (bound > 0.0) & (bound < np.inf)
        open_[some[closed]] = False
        inner = ~closed & (~leaf | (proof.also[number] >= 0))
        if proof.boxes and inner.any():
            cut(reduced, nodes, some[inner], g[inner], c[inner])
            open_[some[inner]] &= ~nodes.empty(self.ball)[some[inner]]

    def _slopes(self, rows: Array, low: Array, high: Array) -> tuple[Slopes, Array]:
        """Slopes of nodes (R,) by their rows, and their alpha as stored, of stable units too."""
        slopes = Slopes.plain(low, high)
        alpha = slopes.alpha.copy()
        alpha[:, self.place] = self.proof.alpha(rows)
        slopes = slopes.with_alpha(alpha, low, high)
        who, unit, value = self.proof.beta.entries(rows)
        if len(who):
            slopes.beta = np.zeros_like(low)
            here = who, self.place[unit]
            inactive = np.where(high[here] <= 0.0, -value, 0.0)
            slopes.beta[here] = np.where(low[here] >= 0.0, value, inactive)
        return slopes, alpha

    def branch(self, nodes: Nodes, stack: list[Nodes]) -> None:
        """Puts the children of open inner nodes on the stack, which together hold what they hold.

        A unit is active or inactive, z >= 0 or z <= 0; an input is below or above the middle; of a
        choice that the node has not made some branch holds.  Rule: split.
        """
        proof, count = self.proof, len(self.proof.kept)
        split = proof.split[nodes.number]
        nodes.low_before, nodes.high_before = nodes.low, nodes.high
        some = np.flatnonzero((split >= 0) & (split < count))
        own, unit = np.arange(len(some)), self.place[split[some]]
        for side in (0, 1) if len(some) else ():
            child = self._child(nodes, some, side)
            child.unit, child.side = unit, np.full(len(some), 1 - 2 * side)
            if side == 0:
                child.low[own, unit] = np.maximum(child.low[own, unit], 0.0)
            else:
                child.high[own, unit] = np.minimum(child.high[own, unit], 0.0)
            stack.append(child)
        some = np.flatnonzero(split >= count)
        own, place = np.arange(len(some)), split[some] - count
        middle = 0.5 * (nodes.box_low[some, place] + nodes.box_high[some, place])
        for side in (0, 1) if len(some) else ():
            child = self._child(nodes, some, side)
            (child.box_low if side else child.box_high)[own, place] = middle
            stack.append(child)
        for node in np.flatnonzero(split <= CHOICE):
            choice, number = int(CHOICE - split[node]), nodes.number[node]
            require(nodes.choices[node, choice], f"node {number} splits a choice that it lacks")
            for side, branch in enumerate(self.part.choices[choice]):
                child = self._child(nodes, np.array([node]), side)
                atoms, choices = self._marks(branch)
                child.atoms, child.choices = child.atoms | atoms, child.choices | choices
                stack.append(child)

    def _child(self, nodes: Nodes, some: Array, side: int) -> Nodes:
        """Children number `side` of some nodes, with arrays of their own, not yet split."""
        child = nodes.take(some)
        number = child.number
        child.number = self.proof.first[number] + side
        good = (child.number > number) & (child.number < len(self.proof.split))
        require(np.all(good), "a node's children do not stand after it")
        child.unit = np.full(len(some), -1)
        return child

"""The tree of a part: each node closed by a row, an atom, an empty box, or its children.

Nodes are handled in batches from the top of a stack; B nodes are rows of arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from .archive import Archive
from .arithmetic import Array, Refused, in_time, require
from .claim import Part
from .rounded.cuts import cut, sweep
from .rounded.multi_neuron import Groups, check_groups
from .rounded.rows import Reduced, Slopes

BATCH = 2**20  # numbers that the states of a batch of nodes hold
LEAF, BRANCH = -1, -2


@dataclass(slots=True)
class Proof:
    """The arrays of a part's tree, checked for type, shape and range; N nodes, U kept units."""

    kept: Array
    split: Array
    first: Array
    row: Array
    also: Array
    tighten: Array
    origin: Array
    alpha32: Array
    alpha64: Array
    gamma: tuple[Array, Array, Array]
    beta: tuple[Array, Array, Array]
    groups: Array
    share: Array
    boxes: bool
    propagate: bool
    refine: bool

    @classmethod
    def read(cls, archive: Archive, header: Any, prefix: str, part: Part, units: int) -> Proof:
        flags = [header[name] for name in ("boxes", "propagate", "refine")]
        require(all(type(flag) is bool for flag in flags), "flags that are not booleans")
        kept = archive.indices(prefix + "kept", (None,), 0, units)
        require(np.all(np.diff(kept) > 0), "kept units do not ascend")
        count = len(kept)
        alpha32 = archive.weights(prefix + "alpha32", (None, count), 1.0)
        alpha64 = archive.weights(prefix + "alpha64", (None, count), 1.0)
        rows = len(alpha32) + len(alpha64)

        def lists(name: str, end: int) -> tuple[Array, Array, Array]:
            index = archive.indices(f"{prefix}{name}_index", (None,), 0, end)
            value = archive.weights(f"{prefix}{name}_value", (len(index),)).astype(np.float64)
            return archive.starts(f"{prefix}{name}_start", rows, len(index)), index, value

        groups = archive.indices(prefix + "groups", (None, None, None), -1, count)
        require(groups.shape[2] <= 10, "groups that are too large")
        share = np.zeros((0, count))
        if len(groups):
            share = archive.weights(prefix + "share", (len(groups), count)).astype(np.float64)
        end = count + len(part.low)
        lowest = -2 - len(part.choices) + 1
        split = archive.indices(prefix + "split", (None,), lowest, end)
        size = len(split)
        require(size > 0, "a tree without nodes")
        return cls(
            kept,
            split,
            archive.indices(prefix + "first", (size,), -1, size),
            archive.indices(prefix + "row", (size,), -2, rows),
            archive.indices(prefix + "also", (size,), -1, rows),
            archive.indices(prefix + "tighten", (size,), 0, 2),
            _origin(archive, prefix, size, len(groups)),
            alpha32,
            alpha64,
            lists("gamma", part.atoms),
            lists("beta", count),
            groups,
            share,
            *flags,
        )


def _origin(archive: Archive, prefix: str, nodes: int, groups: int) -> Array:
    """Where there are no groups, what a node says of them is not looked at."""
    if not groups:
        return np.full(nodes, -1)
    return archive.indices(prefix + "origin", (nodes,), -1, groups)


@dataclass(slots=True)
class State:
    """What B nodes are: number, how they were made, box, units' bounds, atoms and choices.

    unit: the unit that was split, or -1; side: 1 held active, -1 inactive. `before`: the parent's
    bounds. gain (B, G) belongs to the groups of `origin`, the parent's.
    """

    number: Array
    unit: Array
    side: Array
    box_low: Array
    box_high: Array
    low: Array
    high: Array
    low_before: Array
    high_before: Array
    atoms: Array
    choices: Array
    origin: Array
    gain: Array

    def take(self, index: Any) -> State:
        return State(*(getattr(self, item.name)[index] for item in fields(self)))

    @staticmethod
    def join(states: list[State]) -> State:
        if len(states) == 1:
            return states[0]
        names = [item.name for item in fields(State)]
        return State(*(np.concatenate([getattr(s, name) for s in states]) for name in names))


def _entries(lists: tuple[Array, Array, Array], rows: Array) -> tuple[Array, Array, Array]:
    """Who (a position in `rows`), index and value of all entries of the lists `rows`."""
    start, index, value = lists
    length = start[rows + 1] - start[rows]
    who = np.repeat(np.arange(len(rows)), length)
    place = np.arange(len(who)) - np.repeat(np.cumsum(length) - length, length)
    place += np.repeat(start[rows], length)
    return who, index[place], value[place]


class Tree:
    """Checks a part's tree over its reduced rows; `place` maps kept units to the rows' units."""

    def __init__(
        self, reduced: Reduced, part: Part, proof: Proof, place: Array, dead: Array
    ) -> None:
        self.reduced, self.part, self.proof, self.dead = reduced, part, proof, dead
        self.place = place
        self.kept = np.zeros(reduced.count, dtype=bool)
        self.kept[place] = True
        layer = np.array([reduced.layer(unit) for unit in place], dtype=np.int64)
        check_groups(proof.groups, layer)
        self.members = np.where(proof.groups >= 0, np.append(place, -1)[proof.groups], -1)
        self.share = np.zeros((len(proof.share), reduced.count))
        self.share[:, place] = proof.share
        self.seen = np.zeros(len(proof.split), dtype=bool)
        self.below: dict[int, Array] = {}

    def check(self) -> int:
        """The number of nodes looked at; refuses unless all of the part's region is closed."""
        reduced, part = self.reduced, self.part
        atoms, choices = self._marks([part.root.atoms], [part.root.choices])
        low, high, none = reduced.low[None], reduced.high[None], np.full(1, -1)
        gain = np.zeros((1, self.proof.groups.shape[1]))
        box = part.low[None], part.high[None]
        bounds = low, high, low, high
        number = np.zeros(1, dtype=np.int64)
        first = State(number, none, none, *box, *bounds, atoms, choices, none, gain)
        stack = [first]
        size = 2 * reduced.inputs + 4 * reduced.count + part.atoms // 8 + len(part.choices) // 8
        batch = max(8, min(512, BATCH // max(size, 1)))
        while stack:
            in_time(reduced.stop)
            state = stack.pop()
            while stack and len(state.number) < batch:
                state = State.join([stack.pop(), state])
            if len(state.number) > batch:
                stack.append(state.take(slice(None, -batch)))
                state = state.take(slice(-batch, None))
            once = len(np.unique(state.number)) == len(state.number)
            require(once and not self.seen[state.number].any(), "a node with two parents")
            self.seen[state.number] = True
            self._advance(state, stack)
        return int(self.seen.sum())

    def _marks(self, atoms: list[Any], choices: list[Any]) -> tuple[Array, Array]:
        """Sets of numbers as rows of booleans."""
        sets = []
        for lists, count in ((atoms, self.part.atoms), (choices, len(self.part.choices))):
            marks = np.zeros((len(lists), count), dtype=bool)
            for row, numbers in enumerate(lists):
                marks[row, list(numbers)] = True
            sets.append(marks)
        return sets[0], sets[1]

    def _advance(self, state: State, stack: list[State]) -> None:
        proof = self.proof
        tight = proof.tighten[state.number] > 0
        ball = self.part.ball is not None
        if tight.any() and (proof.boxes or proof.refine or ball):
            some = state if tight.all() else state.take(tight)
            if proof.boxes:
                self._tighten(some)
            elif ball:
                self._rebound(some, np.flatnonzero(~self._empty(some)))
            else:
                self._refine(some)
            if some is not state:
                for name in ("box_low", "box_high", "low", "high"):
                    getattr(state, name)[tight] = getattr(some, name)
        groups = self._groups(state)
        open_ = ~(state.atoms & self.dead).any(axis=1) & ~self._empty(state)
        rows = proof.row[state.number]
        wanted = np.flatnonzero(open_ & (rows >= 0))
        for part in self.reduced.chunks(len(wanted)):
            self._use_rows(state, wanted[part], proof.row, groups, open_)
        wanted = np.flatnonzero(open_ & (proof.also[state.number] >= 0))
        for part in self.reduced.chunks(len(wanted)):
            self._use_rows(state, wanted[part], proof.also, groups, open_)
        lost = np.flatnonzero(open_ & (proof.split[state.number] == LEAF))
        if len(lost):
            raise Refused(f"leaf {state.number[lost[0]]} is not closed")
        if open_.any():
            self._branch(state.take(open_), stack)

    # tightening

    def _tighten(self, state: State) -> None:
        """Cuts by the split unit and by the atoms; propagation; bounds of the kept units again."""
        reduced, nodes = self.reduced, np.arange(len(state.number))
        slopes = Slopes.plain(state.low, state.high)
        made = np.flatnonzero(state.unit >= 0)
        for number, span in enumerate(reduced.layers):
            units = state.unit[made]
            mine = made[(units >= span.start) & (units < span.stop)]
            if len(mine):
                sign = -state.side[mine].astype(np.float64)
                rows = reduced.unit_rows(number, state.unit[mine], sign)
                g, c = reduced.backward(*rows, number, slopes, mine)
                cut(reduced, state, mine, g, c)
        owner, atom = np.nonzero(state.atoms)
        found = []
        for part in reduced.chunks(len(owner)):
            rows = reduced.atom_rows(atom[part])
            found.append(reduced.backward(*rows, len(reduced.layers), slopes, owner[part]))
        if found:
            g, c = (np.concatenate(items) for items in zip(*found, strict=True))
            for number in np.unique(atom):
                mine = atom == number
                cut(reduced, state, owner[mine], g[mine], c[mine])
        if self.proof.propagate:
            sweep(reduced, state)
        nodes = nodes[~self._empty(state)]
        if len(nodes):
            self._rebound(state, nodes)

    def _rebound(self, state: State, nodes: Array) -> None:
        """Interval bounds of the kept units, and backward ones where units before them matter."""
        reduced = self.reduced
        bounds, own = (state.low, state.high), self.proof.boxes
        box = state.box_low, state.box_high
        region = box if own else (self.part.low[None], self.part.high[None])
        # a box of its own tells more of a ball, even to units that read the input alone
        every = own and self.part.ball is not None
        slopes = Slopes.plain(*bounds)
        for number, span in enumerate(reduced.layers):
            kept = np.flatnonzero(self.kept[span]) + span.start
            if not len(kept):
                continue
            low, high = reduced.interval(kept, span.start, *(a[nodes] for a in (*box, *bounds)))
            here = np.ix_(nodes, kept)
            state.low[here] = np.fmax(state.low[here], low)
            state.high[here] = np.fmin(state.high[here], high)
            if every or reduced.weight[kept, reduced.inputs :].any():
                unstable = (state.low[here] < 0.0) & (state.high[here] > 0.0)
                who, unit = np.nonzero(unstable)
                reduced.improve(number, nodes[who], kept[unit], slopes, region, bounds)
            slopes.update(span, state.low, state.high)

    def _refine(self, state: State) -> None:
        """New backward bounds of the units that depend on the one that was split."""
        reduced = self.reduced
        box, bounds = (self.part.low[None], self.part.high[None]), (state.low, state.high)
        depends = np.zeros((len(state.number), reduced.count), dtype=bool)
        made = np.flatnonzero(state.unit >= 0)
        depends[made, state.unit[made]] = True
        slopes = Slopes.plain(*bounds)
        meets = (reduced.weight[:, reduced.inputs :] != 0.0).astype(np.float32)
        for number, span in enumerate(reduced.layers):
            if number:
                before = depends[:, : span.start].astype(np.float32)
                depends[:, span] |= (before @ meets[span, : span.start].T) > 0.0
                unstable = (
                    depends[:, span] & (state.low[:, span] < 0.0) & (state.high[:, span] > 0.0)
                )
                who, unit = np.nonzero(unstable & self.kept[span])
                reduced.improve(number, who, unit + span.start, slopes, box, bounds)
            slopes.update(span, state.low, state.high)

    def _groups(self, state: State) -> Groups | None:
        """The groups of each node's origin, with gains for its own bounds."""
        origin = self.proof.origin[state.number]
        if not (self.reduced.joint and self.members.size and (origin >= 0).any()):
            state.origin, state.gain = origin, np.zeros_like(state.gain)
            return None
        members = np.where((origin >= 0)[:, None, None], self.members[origin], -1)
        groups = Groups(
            self.reduced, members, self.share[origin], state.gain.copy(), state.low, state.high
        )
        changed = (state.low != state.low_before) | (state.high != state.high_before)
        nodes = np.arange(len(origin))[:, None, None]
        stale = (changed[nodes, members] & (members >= 0)).any(axis=2)
        stale |= (origin != state.origin)[:, None]
        box = (state.box_low, state.box_high)
        stale &= ~self._empty(state)[:, None]
        groups.renew(stale, Slopes.plain(state.low, state.high), box, state.low)
        state.origin, state.gain = origin, groups.gain
        return groups

    # rows and children

    def _use_rows(
        self, state: State, nodes: Array, row: Array, groups: Groups | None, open_: Array
    ) -> None:
        """Closes nodes by their rows, or cuts their boxes; row (N,): which row is whose."""
        if not len(nodes):
            return
        proof, reduced = self.proof, self.reduced
        rows = row[state.number[nodes]]
        low, high = state.low[nodes], state.high[nodes]
        alpha = np.zeros((len(nodes), reduced.count))
        many = len(proof.alpha32)
        alpha[:, self.place] = (
            proof.alpha32[rows]
            if rows.max() < many
            else np.stack([proof.alpha32[m] if m < many else proof.alpha64[m - many] for m in rows])
        )
        slopes = Slopes.plain(low, high)
        free = np.where(self.kept, alpha, slopes.alpha)
        slopes = slopes.with_alpha(free, low, high)
        who, unit, value = _entries(proof.beta, rows)
        if len(who):
            slopes.beta = np.zeros_like(low)
            unit = self.place[unit]
            slopes.beta[who, unit] = np.where(
                low[who, unit] >= 0.0, value, np.where(high[who, unit] <= 0.0, -value, 0.0)
            )
        who, atom, value = _entries(proof.gamma, rows)
        missing = ~state.atoms[nodes[who], atom]
        if missing.any():
            node = state.number[nodes[who[missing]][0]]
            raise Refused(f"the row of node {node} uses an atom that the node does not have")
        gamma = np.zeros((len(nodes), self.part.atoms))
        gamma[who, atom] = value
        g, c = reduced.backward(
            *reduced.atom_sums(gamma),
            len(reduced.layers),
            slopes,
            np.arange(len(nodes)),
            None if groups is None else groups.of(nodes),
        )
        bound = reduced.least(g, c, state.box_low[nodes], state.box_high[nodes])
        closed = (bound > 0.0) & (bound < np.inf)
        open_[nodes[closed]] = False
        number = state.number[nodes]
        inner = ~closed & ((proof.split[number] != LEAF) | (proof.also[number] >= 0))
        if proof.boxes and inner.any():
            cut(reduced, state, nodes[inner], g[inner], c[inner])
            open_[nodes[inner]] &= ~self._empty(state)[nodes[inner]]

    def _branch(self, state: State, stack: list[State]) -> None:
        """Puts the children of open inner nodes on the stack."""
        proof, count = self.proof, len(self.proof.kept)
        split = proof.split[state.number]
        state.low_before, state.high_before = state.low, state.high
        units = np.flatnonzero((split >= 0) & (split < count))
        if len(units):
            for side in (1, -1):
                child = self._child(state, units, 0 if side == 1 else 1)
                child.unit = self.place[split[units]]
                child.side = np.full(len(units), side)
                nodes = np.arange(len(units))
                bound = child.low if side == 1 else child.high
                better = np.maximum if side == 1 else np.minimum
                bound[nodes, child.unit] = better(bound[nodes, child.unit], 0.0)
                stack.append(child)
        halved = np.flatnonzero(split >= count)
        if len(halved):
            nodes, place = np.arange(len(halved)), split[halved] - count
            low, high = state.box_low[halved, place], state.box_high[halved, place]
            middle = 0.5 * (low + high)
            for side in (0, 1):
                child = self._child(state, halved, side)
                (child.box_low if side else child.box_high)[nodes, place] = middle
                stack.append(child)
        for node in np.flatnonzero(split <= BRANCH):
            choice = int(-2 - split[node])
            number = state.number[node]
            require(state.choices[node, choice], f"node {number} splits a choice that it lacks")
            for side, branch in enumerate(self.part.choices[choice]):
                child = self._child(state, np.array([node]), side)
                atoms, choices = self._marks([branch.atoms], [branch.choices])
                child.atoms = child.atoms | atoms
                child.choices = child.choices | choices
                stack.append(child)

    def _child(self, state: State, nodes: Array, side: int) -> State:
        """Children number `side` of some nodes, with arrays of their own, not yet split."""
        child = state.take(nodes)
        number = child.number
        child.number = self.proof.first[number] + side
        good = (child.number > number) & (child.number < len(self.proof.split))
        require(np.all(good), "a node's children do not stand after it")
        child.unit = np.full(len(nodes), -1)
        return child

    def _empty(self, state: State) -> Array:
        """(B,): whether a node's box or a unit's bounds cross, or the ball misses the box, so that
        it holds nothing."""
        crossed = (state.box_low > state.box_high).any(axis=1)
        crossed |= (state.low > state.high).any(axis=1)
        if self.part.ball is not None and self.proof.boxes:
            crossed |= self.part.ball.misses(state.box_low, state.box_high)
        return np.asarray(crossed)

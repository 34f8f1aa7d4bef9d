"""Joint bounds of a few units of one layer, which their triangles together do not reach.

For units P of a group, all unstable on the node, with shares w > 0 and max(z, 0) <= s (z - l):
least <= sum of w (s z - max(z, 0)) on the node, for which -max(z, 0) = min(0, -z) is taken apart
into 2^|P| linear rows. The triangles alone give sum of w s l. So where lambda + kappa w <= 0,

    sum lambda max(z, 0) >= sum (lambda + kappa w) (s z - s l) + kappa (least - sum w s z)
                          = sum (lambda s z - lambda s l) + kappa (least - sum w s l):

a pass with the triangles gains kappa * gain. The groups of one origin share no unit.
"""

from __future__ import annotations

import copy

import numpy as np

from ..arithmetic import DOWN, LIMIT, Array, require
from .rows import Reduced
from .slopes import Slopes

SMALLEST = 1e-30  # of a share; less is dust, and kappa would be large


class Groups:
    """The gains of B nodes: members (B, G, W) units or -1, share (B, V), gain (B, G).

    `use`: which members count, (B, G, W): unstable on the node, with a share that is no dust.
    """

    def __init__(
        self, reduced: Reduced, members: Array, share: Array, gain: Array, low: Array, high: Array
    ) -> None:
        self.reduced, self.members, self.gain = reduced, members, gain
        nodes = np.arange(len(members))[:, None, None]
        self.share = share[nodes, members]
        unstable = (low[nodes, members] < 0.0) & (high[nodes, members] > 0.0)
        self.use = (members >= 0) & unstable & (self.share > SMALLEST)
        starts = np.array([span.start for span in reduced.layers])
        first = members.max(axis=2, initial=-1)
        self.layer = np.where(first >= 0, np.searchsorted(starts, first, side="right") - 1, -1)

    def of(self, nodes: Array) -> Groups:
        """Those of some of the nodes."""
        some = copy.copy(self)
        for name in ("members", "share", "gain", "use", "layer"):
            setattr(some, name, getattr(self, name)[nodes])
        return some

    def gained(self, layer: int, negative: Array, owner: Array) -> Array:
        """(R,): what the groups of a layer add, for lambda's negative part on its units (R, n).

        Rule: group.
        """
        total = np.zeros(len(negative))
        span = self.reduced.layers[layer]
        there = (self.layer == layer) & (self.gain > 0.0)
        for g in np.flatnonzero(there.any(axis=0)):
            rows = np.flatnonzero(there[owner, g])
            who = owner[rows]
            use, share = self.use[who, g], self.share[who, g]
            place = np.where(use, self.members[who, g] - span.start, 0)
            held = -negative[rows[:, None], place]
            ratio = np.where(use, held / np.where(use, share, 1.0), np.inf).min(axis=1)
            kappa = np.where(ratio < LIMIT, ratio * DOWN, 0.0)
            total[rows] += kappa * self.gain[who, g] * DOWN
        return total

    def renew(self, stale: Array, slopes: Slopes, box: tuple[Array, Array], low: Array) -> None:
        """Computes the gains where stale (B, G); box (B, D) twice, low (B, V).  Rule: group."""
        self.gain[stale] = 0.0
        reduced = self.reduced
        for node, g in zip(*np.nonzero(stale & (self.use.sum(axis=2) > 1)), strict=True):
            use = self.use[node, g]
            units, share = self.members[node, g][use], self.share[node, g][use]
            s, least = slopes.s[node, units], np.inf
            bits = (np.arange(2 ** len(units))[:, None] >> np.arange(len(units))) & 1
            for part in reduced.chunks(len(bits)):
                rows = share * (s - bits[part])  # max(z, 0) is 0 or z
                sums, owner = reduced.units.sums(rows, units), np.full(len(rows), node)
                passed = reduced.backward(*sums, int(self.layer[node, g]), slopes, owner)
                found = reduced.least(*passed, box[0][[node]], box[1][[node]]).min()
                require(found > -np.inf, "a group's bound overflows")
                least = min(least, float(found))
            triangles = np.sum(share * s * -low[node, units]) * DOWN
            gain = (least + triangles) - 1e-15 * (abs(least) + triangles)
            self.gain[node, g] = gain if gain > 0.0 else 0.0


def check_groups(groups: Array, layer: Array) -> None:
    """Refuses groups of one origin that share a unit, or reach over layers; groups (R, G, W).

    Rule: group.
    """
    for origin in groups:
        named = origin[origin >= 0]
        require(len(np.unique(named)) == len(named), "groups that share a unit")
        for group in origin:
            require(len(np.unique(layer[group[group >= 0]])) <= 1, "a group of several layers")

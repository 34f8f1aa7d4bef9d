"""Bounds of nodes made better when the nodes are made: boxes cut, units bounded again."""

from __future__ import annotations

import numpy as np

from ..arithmetic import Array
from ..claim import Part
from ..rounded.cuts import cut, sweep
from ..rounded.rows import Reduced
from ..rounded.slopes import Slopes
from .nodes import Nodes
from .proof import Proof


class Tightening:
    """What a proof asks to be done with the nodes that it marks; kept (V,): the kept units."""

    def __init__(self, reduced: Reduced, part: Part, proof: Proof, kept: Array) -> None:
        self.reduced, self.kept, self.proof = reduced, kept, proof
        self.region = part.low[None], part.high[None]
        # a node without a box of its own has the part's, which the ball meets
        self.ball = part.ball if proof.boxes else None
        self.wanted = proof.boxes or proof.refine or part.ball is not None
        self.refines = not proof.boxes and part.ball is None

    def apply(self, nodes: Nodes) -> None:
        if self.proof.boxes:
            self.cut(nodes)
        if self.refines:
            self.refine(nodes)
        else:
            self.rebound(nodes, np.flatnonzero(~nodes.empty(self.ball)))

    def cut(self, nodes: Nodes) -> None:
        """Cuts boxes by the split unit and by the atoms, and by propagation."""
        reduced = self.reduced
        slopes = Slopes.plain(nodes.low, nodes.high)
        for number, span in enumerate(reduced.layers):
            mine = np.flatnonzero((nodes.unit >= span.start) & (nodes.unit < span.stop))
            if len(mine):
                sign = -nodes.side[mine].astype(np.float64)
                rows = reduced.unit_rows(number, nodes.unit[mine], sign)
                cut(reduced, nodes, mine, *reduced.backward(*rows, number, slopes, mine))
        owner, atom = np.nonzero(nodes.atoms)
        found = []
        for part in reduced.chunks(len(owner)):
            rows = reduced.atom_rows(atom[part])
            found.append(reduced.backward(*rows, len(reduced.layers), slopes, owner[part]))
        if found:
            g, c = (np.concatenate(items) for items in zip(*found, strict=True))
            for number in np.unique(atom):
                mine = atom == number
                cut(reduced, nodes, owner[mine], g[mine], c[mine])
        if self.proof.propagate:
            sweep(reduced, nodes)

    def rebound(self, nodes: Nodes, some: Array) -> None:
        """Interval bounds of the kept units of some nodes (R,), and backward ones where units
        before them matter.  Rule: better bounds."""
        if not len(some):
            return
        reduced, own = self.reduced, self.proof.boxes
        bounds, box = (nodes.low, nodes.high), (nodes.box_low, nodes.box_high)
        region = box if own else self.region
        # a box of its own tells more of a ball, even to units that read the input alone
        every = own and self.ball is not None
        slopes = Slopes.plain(*bounds)
        for number, span in enumerate(reduced.layers):
            kept = np.flatnonzero(self.kept[span]) + span.start
            if not len(kept):
                continue
            low, high = reduced.interval(kept, span.start, *(a[some] for a in (*box, *bounds)))
            here = np.ix_(some, kept)
            nodes.low[here] = np.fmax(nodes.low[here], low)
            nodes.high[here] = np.fmin(nodes.high[here], high)
            if every or reduced.units.weight[kept, reduced.inputs :].any():
                unstable = (nodes.low[here] < 0.0) & (nodes.high[here] > 0.0)
                who, unit = np.nonzero(unstable)
                reduced.improve(number, some[who], kept[unit], slopes, region, bounds)
            slopes.update(span, nodes.low, nodes.high)

    def refine(self, nodes: Nodes) -> None:
        """Backward bounds of the units that depend on the one that was split, directly or by
        others.  Rule: better bounds."""
        reduced, bounds = self.reduced, (nodes.low, nodes.high)
        depends = np.zeros((len(nodes.number), reduced.count), dtype=bool)
        made = np.flatnonzero(nodes.unit >= 0)
        depends[made, nodes.unit[made]] = True
        slopes = Slopes.plain(*bounds)
        meets = (reduced.units.weight[:, reduced.inputs :] != 0.0).astype(np.float32)
        for number, span in enumerate(reduced.layers):
            if number:
                before = depends[:, : span.start].astype(np.float32)
                depends[:, span] |= (before @ meets[span, : span.start].T) > 0.0
                unstable = (nodes.low[:, span] < 0.0) & (nodes.high[:, span] > 0.0)
                who, unit = np.nonzero(depends[:, span] & unstable & self.kept[span])
                reduced.improve(number, who, unit + span.start, slopes, self.region, bounds)
            slopes.update(span, nodes.low, nodes.high)

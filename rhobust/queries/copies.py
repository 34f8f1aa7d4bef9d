"""Properties of two copies of one network that compare their outputs, by bounds of differences.

Monotonicity (z_i >= x_i, otherwise equal, and an output that falls) and equivalence within a
tolerance are of this form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TypeAlias

import numpy as np

from ..bnb.copies import exceeds
from ..compiler.base.arrays import Bounds, Matrix, Vector
from ..compiler.base.late import Stop
from ..compiler.base.rounding import ceil_float, floor_float
from ..compiler.language.expressions import Variable
from ..compiler.network.graph import Network
from ..compiler.question.and_or_tree import AllOf, AnyOf, Atom, Tree
from ..compiler.question.property import Property
from ..compiler.question.property_boxes import Part
from ..compiler.steps.compile import compile_formulas

Weighed: TypeAlias = tuple[Vector, float]
"""A row over (second output - first output) and a constant: together at most 0 at a solution."""


@dataclass(frozen=True)
class TwoCopies:
    """A part of a property about two copies of one network.

    first, second: boxes (1, D) of the inputs; apart: of the second less the first.  groups: of each
    some alternative holds at every solution.
    """

    network: Network
    first: Bounds
    second: Bounds
    apart: Bounds
    groups: tuple[tuple[Weighed, ...], ...]

    @classmethod
    def of(cls, networks: Sequence[Network], asked: Property, part: Part) -> TwoCopies | None:
        """The part as relations of differences; None where it is none.

        Of what it says those relations count that weigh the copies' outputs against each other, and
        those that compare an input with its twin; all else only makes fewer points solutions.
        """
        if len(networks) != 2 or not all(signature.plain for signature in asked.networks):
            return None
        first, second = networks
        outputs = asked.networks[0].output_size
        alike = first is second or (first.digest and first.digest == second.digest)
        if not alike or first.ordered or outputs != asked.networks[1].output_size:
            return None
        lower, upper = part.lower, part.upper
        jumps = not all(first.layer(node).continuous for node in first.order[1:])
        if jumps or not (np.isfinite(lower).all() and np.isfinite(upper).all()):
            return None
        size = first.input_size
        # rounded outwards; what the atoms say of single pairs of inputs cuts it
        apart = Bounds(
            np.nextafter(lower[size:] - upper[:size], -np.inf),
            np.nextafter(upper[size:] - lower[:size], np.inf),
        )
        groups = []
        for tree in part.rest.parts if isinstance(part.rest, AllOf) else (part.rest,):
            if isinstance(tree, Atom):
                _compared(tree, size, apart)
            group = _alternatives(tree, outputs, first.output_size)
            if group:
                groups.append(group)
        if not groups or not (apart.lower <= apart.upper).all():
            return None
        return cls(
            first, Bounds(lower[None, :size], upper[None, :size]),
            Bounds(lower[None, size:], upper[None, size:]),
            Bounds(apart.lower[None], apart.upper[None]), tuple(groups),
        )  # fmt: skip

    def closed(self, accept: Callable[[Vector], bool], most: int, stop: Stop) -> tuple[bool, int]:
        """Whether nothing satisfies it, and how many cells were bounded; see `bnb.copies`.

        accept: whether a point (2 D,) is a solution, which ends the search.  most: cells of each
        relation at most.
        """
        low = np.minimum(self.first.lower, self.second.lower)[0]
        high = np.maximum(self.first.upper, self.second.upper)[0]
        x = Variable(self.network.input_size, low, high, "x")
        y = self.network(x)
        compiled = compile_formulas([y >= 0.0], inputs=[x])
        problem, output = compiled.problem, compiled.stage(y)
        if output is None or problem.stages[output - 1].relu or len(compiled.inputs) != 1:
            return False, 0
        cells, found = 0, False

        def candidates(open_: Bounds, ends: Matrix, row: Vector, offset: float) -> bool:
            nonlocal found
            middle = 0.5 * (open_.lower + open_.upper)
            half = 0.5 * (open_.upper - open_.lower) * np.sign(ends)
            # as far apart as the differences go, and from one end of the cell to the other
            for x, z in ((middle, middle + ends), (middle - half, middle + half)):
                x = np.clip(x, self.first.lower, self.first.upper)
                z = x + np.clip(z - x, self.apart.lower, self.apart.upper)
                z = np.clip(z, self.second.lower, self.second.upper)
                value = (self.network.forward(z) - self.network.forward(x)) @ row + offset
                for k in np.flatnonzero(value <= 0.0)[:2].tolist():
                    if accept(np.concatenate([x[k], z[k]])):
                        found = True
                        return True
            return False

        for group in self.groups:
            done = True
            for row, offset in group:
                told = partial(candidates, row=row, offset=offset)
                proven, count = exceeds(
                    problem, output, self.apart, row, offset, told, most, stop
                )  # fmt: skip
                cells += count
                if found or not proven:
                    done = False
                    break
            if done or found or stop():
                return done, cells
        return False, cells


def _alternatives(tree: Tree, outputs: int, width: int) -> tuple[Weighed, ...]:
    """What holds, one or another, where the tree does; empty where that is not known."""
    match tree:
        case Atom():
            found = _weighed(tree, outputs)
            if found is None:
                return ()
            row = np.zeros(width)
            row[:outputs] = found[0]
            return ((row, found[1]),)
        case AllOf(parts):
            known = (_alternatives(part, outputs, width) for part in parts)
            return min((group for group in known if group), key=len, default=())
        case AnyOf(parts):
            several = [_alternatives(part, outputs, width) for part in parts]
            return tuple(one for group in several for one in group) if all(several) else ()


def _weighed(atom: Atom, outputs: int) -> tuple[Vector, float] | None:
    """Coefficients on (second output - first output) and a constant that is no greater than the
    atom's; None where it is no relation of differences, or floats do not hold it."""
    row: dict[int, Fraction] = {}
    other: dict[int, Fraction] = {}
    for place, k in atom.terms:
        if not place.output:
            return None
        side = row if place.element >= outputs else other
        side[place.element % outputs] = Fraction(k)
    if not row or {k: -v for k, v in other.items()} != row:
        return None
    # scaled by a power of two, so that whole numbers stay those they are
    largest = max(abs(v) for v in row.values())
    unit = Fraction(1, 2 ** max(0, int(largest).bit_length() - 1))
    found = np.zeros(outputs)
    for k, value in row.items():
        found[k] = float(value * unit)
        if Fraction(found[k]) != value * unit:
            return None
    return found, floor_float(atom.constant * unit)


def _compared(atom: Atom, size: int, apart: Bounds) -> None:
    """Bounds of z_i - x_i that an atom states, rounded outwards; in place."""
    if len(atom.terms) != 2 or any(place.output for place, _ in atom.terms):
        return
    (first, k), (second, m) = atom.terms
    if k != -m or second.element != first.element + size or first.element >= size:
        return
    # m (z - x) + constant <= 0
    level = -atom.constant / m
    i = first.element
    if m > 0:
        apart.upper[i] = min(apart.upper[i], ceil_float(level))
    else:
        apart.lower[i] = max(apart.lower[i], floor_float(level))

"""Witnesses of properties: exact membership, a rigorous evaluation, and the runtime's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import islice

import numpy as np

from ..compiler.base.arrays import Numbers, Vector, exact
from ..compiler.base.rounding import float32_box
from ..compiler.network.graph import Network
from ..compiler.question.and_or_tree import AllOf, AnyOf, Atom, Tree
from ..compiler.question.property import Property
from ..compiler.shown.numbers import nearest, short
from ..compiler.shown.record import Result
from ..compiler.shown.told import Detail, Told, count
from .label import EXACT_WORK

Interval = tuple[Fraction, Fraction]

MOST = 1000
"""Numbers of a witness that are listed, of which a notebook shows the first."""


@dataclass(frozen=True, slots=True, repr=False)
class PropertyWitness(Result):
    """An input that satisfies a property, and the outputs that the runtimes give it.

    inputs: exact, float32 numbers wherever the property allows any; outputs: float32 values.
    """

    inputs: tuple[Fraction, ...]
    outputs: Vector

    @property
    def says(self) -> str:
        """How many numbers it has; `text` tells them."""
        return f"{count(len(self.inputs), 'input')}, {count(len(self.outputs), 'output')}"

    def detail(self) -> Detail:
        """A table of the first inputs and outputs."""
        named = (("X", self.inputs), ("Y", self.outputs.tolist()))
        rows = (
            (f"{name}_{k}", short(nearest(value)))
            for name, values in named
            for k, value in enumerate(values)
        )
        return Detail(("name", "value"), tuple(islice(rows, MOST)))

    def _told(self) -> Told:
        return Told("PropertyWitness", (("", self.says),))

    def _detail(self) -> Detail:
        return self.detail()

    def text(self) -> str:
        """The form of VNN-COMP; decimals are exact."""
        lines = [f"(X_{k} {decimal(value)})" for k, value in enumerate(self.inputs)]
        lines += [f"(Y_{k} {decimal(Fraction(v))})" for k, v in enumerate(self.outputs.tolist())]
        return "(" + "\n".join(lines) + ")\n"


def decimal(value: Fraction) -> str:
    """The exact decimal expansion, or 40 digits where there is none."""
    from decimal import Context, Decimal

    rest, digits = value.denominator, 0
    for prime in (2, 5):
        while rest % prime == 0:
            rest, digits = rest // prime, digits + 1
    context = Context(prec=40 if rest != 1 else 2000)
    found = context.divide(Decimal(value.numerator), Decimal(value.denominator))
    return f"{found:f}"


NARROW = ("float16", "bfloat16")


def narrowed(values: Vector, kind: str) -> Vector:
    """The nearest numbers of a narrow type; of bfloat16, the float32 without its last 16 bits."""
    if kind == "float16":
        with np.errstate(over="ignore"):
            return values.astype(np.float16).astype(np.float64)
    bits = values.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
    return np.asarray(bits.view(np.float32).astype(np.float64))


class PropertyValidator:
    """Decides whether points of one box of a property satisfy all of it."""

    def __init__(
        self, networks: Sequence[Network], asked: Property, lower: Vector, upper: Vector
    ) -> None:
        self.networks, self.asked = networks, asked
        self.lower, self.upper = lower, upper

    @cached_property
    def box(self) -> tuple[Vector, Vector, dict[int, Fraction]]:
        """The least and the greatest float32 number of each input, and the values of inputs that
        have none.

        The property's own bounds decide: a decimal may lie just inside of the float nearest to it,
        and that float, where attacks end, outside of the property.
        """
        low, high = float32_box(self.lower, self.upper)
        bounds = self.asked.input_bounds
        fixed: dict[int, Fraction] = {}
        for k, known in bounds.items():
            # what lies within one float of an end of the box is what that end was rounded from
            least, inner = _between(self.lower[k], np.nextafter(self.lower[k], np.inf))
            if any(least <= v <= inner and float(low[k]) < v for v in known):
                low[k] = np.nextafter(np.float32(low[k]), np.float32(np.inf))
            inner, most = _between(np.nextafter(self.upper[k], -np.inf), self.upper[k])
            if any(inner <= v <= most and v < float(high[k]) for v in known):
                high[k] = np.nextafter(np.float32(high[k]), np.float32(-np.inf))
        for k in np.flatnonzero(~(low <= high)).tolist():
            least, most = _between(self.lower[k], self.upper[k])
            inside = sorted(v for v in bounds.get(k, ()) if least <= v <= most)
            fixed[k] = inside[0] if inside else least
            low[k] = high[k] = float(fixed[k])
        return low, high, fixed

    @cached_property
    def _narrow(self) -> list[tuple[slice, str]]:
        """Inputs that are declared with fewer digits than float32 has, and their types."""
        ports = [port for network in self.asked.networks for port in network.inputs]
        ends = np.cumsum([0, *(port.size for port in ports)]).tolist()
        return [
            (slice(start, start + port.size), port.kind)
            for port, start in zip(ports, ends, strict=False)
            if port.kind in NARROW
        ]

    def check(self, point: Vector) -> PropertyWitness | None:
        """The solution at a point (snapped), or None when any doubt is left.

        The first D numbers of a point are the inputs; variables that the formulas add follow.
        """
        if not np.isfinite(point[: self.asked.inputs]).all():
            return None
        low, high, fixed = self.box
        near = point[: self.asked.inputs].astype(np.float32).astype(np.float64)
        inside = np.clip(near, low, high)
        for part, kind in self._narrow:
            inside[part] = narrowed(inside[part], kind)
            # the box's own ends may be none of its numbers
            if not ((inside[part] >= low[part]) & (inside[part] <= high[part])).all():
                return None
        x = exact(inside)
        for k, value in fixed.items():
            x[k] = value
        return self._solution(x, inside)

    def check_exact(self, point: Numbers) -> PropertyWitness | None:
        """The solution at a point of Fractions, which need not be floats."""
        found = self.check(point.astype(np.float64))
        if found is not None or self._narrow:
            return found
        x = point[: self.asked.inputs]
        near = x.astype(np.float64).astype(np.float32).astype(np.float64)
        low, high, _ = self.box
        return self._solution(x, np.clip(near, low, high))

    def _solution(self, x: Numbers, inside: Vector) -> PropertyWitness | None:
        """The witness at an exact input x, which runs as `inside`."""
        values = x.tolist()
        outputs = self._runtime(inside)
        if not (np.isfinite(outputs).all() and self.asked.holds(values, exact(outputs).tolist())):
            return None
        return PropertyWitness(tuple(values), outputs) if self._holds(x) else None

    def _split(self, values: Numbers) -> list[Numbers]:
        sizes = np.cumsum([network.input_size for network in self.networks])[:-1]
        return np.split(values, sizes)

    def _wanted(self, outputs: Sequence[Numbers]) -> list[Numbers]:
        """The outputs that the property numbers."""
        pairs = zip(outputs, self.asked.networks, strict=True)
        return [values[: signature.output_size] for values, signature in pairs]

    def _runtime(self, inside: Vector) -> Vector:
        """The runtimes' outputs at the float32 numbers nearest to the input."""
        found = []
        for network, part in zip(self.networks, self._split(inside), strict=True):
            run = network.forward if network.runtime is None else network.run
            found.append(np.asarray(run(part.astype(np.float32).astype(np.float64)[None])[0]))
        return np.concatenate(self._wanted(found)).astype(np.float64)

    def _holds(self, x: Numbers) -> bool:
        """Whether the property holds over the reals, by an enclosure or else in rationals."""
        near = x.astype(np.float64)
        off = np.array([abs(v - Fraction(n)) for v, n in zip(x, near.tolist(), strict=True)])
        error = off.astype(np.float64) * (1 + 1e-12)
        enclosed = [
            network.enclose(part, radius)
            for network, part, radius in zip(
                self.networks, self._split(near), self._split(error), strict=True
            )
        ]
        middle = np.concatenate(self._wanted([e.middle[0] for e in enclosed]))
        radius = np.concatenate(self._wanted([e.radius[0] for e in enclosed]))
        if not (np.isfinite(middle).all() and np.isfinite(radius).all()):
            return False
        values = [
            (Fraction(m) - Fraction(r), Fraction(m) + Fraction(r))
            for m, r in zip(middle.tolist(), radius.tolist(), strict=True)
        ]
        sure = certainly(self.asked.tree, x.tolist(), values)
        if sure is not None or sum(network.work for network in self.networks) > EXACT_WORK:
            return bool(sure)
        outputs = [
            network.forward(part[None])[0]
            for network, part in zip(self.networks, self._split(x), strict=True)
        ]
        return self.asked.holds(x.tolist(), np.concatenate(self._wanted(outputs)).tolist())


def certainly(tree: Tree, inputs: Sequence[Fraction], outputs: Sequence[Interval]) -> bool | None:
    """Whether a tree holds, its outputs known up to intervals; None where that is too little."""
    match tree:
        case Atom(terms, constant, strict):
            low = high = constant
            for place, k in terms:
                if place.output:
                    ends = outputs[place.element]
                    low += k * (ends[0] if k > 0 else ends[1])
                    high += k * (ends[1] if k > 0 else ends[0])
                else:
                    low += k * inputs[place.element]
                    high += k * inputs[place.element]
            if high < 0 or (high == 0 and not strict):
                return True
            return False if low > 0 or (low == 0 and strict) else None
        case AllOf(parts):
            known = [certainly(part, inputs, outputs) for part in parts]
            return False if False in known else None if None in known else True
        case AnyOf(parts):
            known = [certainly(part, inputs, outputs) for part in parts]
            return True if True in known else None if None in known else False


def _between(low: float, high: float) -> Interval:
    return Fraction(float(low)), Fraction(float(high))

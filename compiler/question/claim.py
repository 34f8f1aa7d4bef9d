"""Claims: an input region and an output property together, stated in the constraint language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..base.arrays import Vector
from ..base.errors import InputError, LanguageError
from ..base.norms import NormKind, NormName
from ..language.expressions import Affine, Variable
from ..language.formulas import And, Formula, Or, requirements
from ..network.graph import Network
from ..problem import Problem
from ..steps.compile import Compiled, compile_formulas
from ..steps.system import Lift, Solution
from .region import InputRegion

Target: TypeAlias = str | int | Sequence[int]


@dataclass(frozen=True, eq=False)
class Claim:
    """`label` keeps a margin over every target on the whole region.

    An input breaks the claim when logit_target >= logit_label + margin for some target, so the
    claim with margin 0 says that no input of the region gets another label, ties included.
    """

    network: Network
    region: InputRegion
    label: int
    targets: tuple[int, ...]
    margin: float

    @classmethod
    def make(
        cls,
        network: Network,
        image: npt.ArrayLike,
        label: int | None = None,
        target: Target = "any",
        margin: float = 0.0,
        domain: tuple[object, object] = (0.0, 1.0),
        norm: NormName = "linf",
        eps: float = np.inf,
    ) -> Claim:
        """Checks everything a user can get wrong; `label` defaults to the predicted one.

        eps: a number that `check_eps` gave, infinite for the whole domain.  An image of uint8 is
        divided by 255, unless the domain holds all of 0 to 255.
        """
        kind = NormKind.of(norm)
        low, high = _domain(domain, network)
        point = network.check_input(image)
        if np.asarray(image).dtype == np.uint8 and not ((low <= 0) & (high >= 255)).all():
            point = point / 255.0
        classes = network.output_size
        if classes < 2:
            raise InputError(f"{network.name} has {classes} output; a label needs at least 2")
        logits = network.forward(point[None])[0]
        chosen = int(np.argmax(logits)) if label is None else _label(label, classes)
        if not isinstance(margin, int | float | np.number) or not np.isfinite(margin):
            raise InputError(f"margin must be a finite number, not {margin}")
        if margin and network.ordered:
            raise InputError(
                f"a margin speaks of values of {network.name}, whose outputs are "
                f"{network.meaning}; leave it 0, or ask of the network that logits() gives"
            )
        if not ((low <= point) & (point <= high)).all():
            raise InputError("the image lies outside the domain; scale it, or give another domain")
        region = InputRegion(point, low, high, kind, eps)
        targets = _targets(target, chosen, logits)
        return cls(network, region, chosen, targets, float(margin))

    def like(self, point: Vector, label: int | None, target: Target, logits: Vector) -> Claim:
        """The same question of another image, (D,) floats in the domain, whose logits are known."""
        region = self.region
        if not ((region.lower <= point) & (point <= region.upper)).all():  # NaN too
            raise InputError("an image lies outside the domain; scale it, or give another domain")
        chosen = int(np.argmax(logits)) if label is None else _label(label, len(logits))
        targets = _targets(target, chosen, logits)
        return replace(self, region=replace(region, center=point), label=chosen, targets=targets)

    @property
    def image(self) -> Vector:
        return self.region.center

    def within(self, eps: float) -> Claim:
        """The same at another radius."""
        return replace(self, region=self.region.within(eps))

    def described(self) -> dict[str, object]:
        """For a report, as texts and numbers."""
        near = self.region
        return {
            "network": self.network.name, "image": self.image.tolist(), "label": self.label,
            "targets": list(self.targets), "margin": self.margin, "eps": near.eps,
            "norm": str(near.norm), "domain_lower": near.lower.tolist(),
            "domain_upper": near.upper.tolist(),
        }  # fmt: skip

    def formulas(self, x: Variable, y: Affine) -> tuple[Formula, Formula]:
        """The region, and the property that breaks the claim."""
        broken = Or(tuple(y[t] - y[self.label] >= self.margin for t in self.targets))
        return self.region.formula(x), broken

    def input(self) -> Variable:
        """The network's input, within the domain."""
        return Variable(self.network.input_size, self.region.lower, self.region.upper, "x")

    def compile(self) -> tuple[Problem, Lift]:
        """The compiled problem whose atoms are the targets in order, and the way back."""
        compiled, _ = self.compiled()

        def lift(solution: Solution) -> Solution:
            """From {any variable: exact input} to the full assignment of the source formulas."""
            (values,) = solution.values()
            return compiled.assignment(values)

        return compiled.problem, lift

    def compiled(self) -> tuple[Compiled, int | None]:
        """The same with all its variables, and the stage of the network's output if it is one.

        Claims of one network that differ by their image or radius alone are compiled once.
        """
        region = self.region
        domain = region.lower.tobytes(), region.upper.tobytes()
        key = self.label, self.targets, self.margin, region.norm, domain
        kept = self.network.compiled.get(key)
        if kept is not None:
            found = kept[0].elsewhere(region.formula(kept[0].inputs[0]))
            if found is not None:
                return found, kept[1]
        made = self._compiled()
        # a problem without inputs says so where others say their property
        if made[0].elsewhere(region.formula(made[0].inputs[0])) is not None:
            self.network.compiled.keep(key, made)
        return made

    def _compiled(self) -> tuple[Compiled, int | None]:
        x = self.input()
        y = self.network(x)
        compiled = compile_formulas(self.formulas(x, y), inputs=(x,))
        if len(compiled.inputs) != 1 or compiled.inputs[0] is not x:
            raise LanguageError(
                f"{self.network.name} has a layer that jumps, such as Sign: its output is no "
                "continuous function, and a claim about it is not decided yet"
            )
        return compiled, compiled.stage(y)

    def source(self) -> tuple[Variable, Formula]:
        """The source formula itself: network, region and broken property."""
        x = self.input()
        inside, broken = self.formulas(x, self.network(x))
        return x, And((inside, *requirements(broken), broken))


def check_eps(eps: float | str | Fraction) -> float:
    """A radius, or a clear error; NaN fails.  A text may be a quotient such as 8/255."""
    if isinstance(eps, str):
        try:
            eps = float(Fraction(eps.replace(" ", "")))
        except (ValueError, ZeroDivisionError, OverflowError):
            raise InputError(f"eps must be a number such as 0.03 or 8/255, not {eps!r}") from None
    if isinstance(eps, np.ndarray | list | tuple) and np.ndim(eps):
        raise InputError(
            "eps is one number; for a radius of its own for each feature, let the domain be "
            "(image - eps, image + eps) and eps the largest of them"
        )
    try:
        number = float(eps)
    except (TypeError, ValueError, OverflowError):
        number = np.nan
    if not (np.isfinite(number) and number >= 0.0):
        raise InputError(f"eps must be a number at least 0, not {eps}")
    return number


def check_steps(eps: float | str, domain: tuple[float, float], called: str) -> float:
    """A radius in l-infinity, refused where it was meant in steps of pixels, as 8 on 0 to 1 is.

    A radius beyond the width of the domain asks about all of it, whatever the image.  A quotient
    is taken as it stands, so 8/1 insists on 8.  called: what the user calls it, for the error.
    """
    value, width = check_eps(eps), Fraction(domain[1]) - Fraction(domain[0])
    if not 0 < width < value or "/" in str(eps):
        return value
    insisted = Fraction(str(eps).strip())
    steps = insisted * width
    raise InputError(
        f"{called} {eps} is wider than the domain {domain[0]:g}..{domain[1]:g}; if {eps} of 255 "
        f"steps of a pixel are meant, write {steps.numerator}/{255 * steps.denominator}, and if "
        f"not, insist by {insisted.numerator}/{insisted.denominator}"
    )


def _label(label: object, classes: int) -> int:
    """A label as an integer, or a clear error."""
    if isinstance(label, np.ndarray | list | tuple) and np.size(label) != 1:
        raise InputError(
            f"a label is one whole number in 0..{classes - 1}, not {np.size(label)} numbers; of a "
            "one-hot vector it is int(numpy.argmax(label))"
        )
    try:
        number = np.asarray(label, dtype=np.float64).reshape(-1)[0]
    except (TypeError, ValueError, IndexError):
        number = np.nan
    if not number == np.floor(number):  # NaN fails, too
        raise InputError(f"a label is a whole number in 0..{classes - 1}, not {label!r}")
    if not 0 <= number < classes:
        raise InputError(f"label {label} is outside 0..{classes - 1}")
    return int(number)


def _domain(domain: object, network: Network) -> tuple[Vector, Vector]:
    """Lower and upper bounds of the inputs, (D,) each, or a clear error."""
    size = network.input_size
    ends: list[Vector] = []
    if isinstance(domain, list | tuple | np.ndarray) and len(domain) == 2:
        for end in domain:
            try:
                values = np.asarray(end, dtype=np.float64)
            except (TypeError, ValueError):
                break
            if values.size not in (1, size):
                raise InputError(f"a bound of the domain has {values.size} numbers, not {size}")
            ends.append(np.broadcast_to(values.reshape(-1), (size,)).copy())
    if len(ends) != 2:
        raise InputError(
            "the domain is two numbers or arrays (lower, upper), the box of all valid inputs; "
            "where there is none, give one that is wide enough"
        )
    low, high = ends
    if not (low <= high).all() or not np.isfinite([low, high]).all():
        raise InputError("the domain needs finite bounds, lower <= upper")
    return low, high


def _targets(target: Target, label: int, logits: Vector) -> tuple[int, ...]:
    classes = len(logits)
    others = [k for k in range(classes) if k != label]
    if isinstance(target, str):
        if target == "any":
            return tuple(others)
        if target == "second":
            return (max(others, key=lambda k: float(logits[k])),)
        try:
            wanted: list[int] = [int(part) for part in target.split(",")]
        except ValueError:
            raise InputError(
                f"target {target!r} is not 'any', 'second', a label or labels with commas"
            ) from None
    else:
        wanted = [int(target)] if isinstance(target, int | np.integer) else [int(t) for t in target]
    if not wanted:
        raise InputError("the list of targets is empty")
    for k in wanted:
        if not 0 <= k < classes or k == label:
            raise InputError(
                f"target {k} must be in 0..{classes - 1} and differ from label {label}"
            )
    return tuple(dict.fromkeys(wanted))

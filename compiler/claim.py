"""Claims: an input region and an output property together, stated in the constraint language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from .arrays import Vector
from .compiled import Compiled, compile_formulas
from .errors import InputError, LanguageError
from .graph import Network
from .language import Affine, And, Formula, Or, Variable, norm1, norm2, norm_inf, requirements
from .problem import Problem
from .steps.system import Lift, Solution

Target: TypeAlias = str | int | Sequence[int]

NORMS = {"linf": norm_inf, "l1": norm1, "l2": norm2}


@dataclass(frozen=True, eq=False)
class Claim:
    """`label` keeps a margin over every target on the whole region.

    An input breaks the claim when logit_target >= logit_label + margin for some target, so the
    claim with margin 0 says that no input of the region gets another label, ties included.
    """

    network: Network
    image: Vector
    label: int
    targets: tuple[int, ...]
    margin: float
    lower: Vector
    upper: Vector
    norm: str = "linf"

    @classmethod
    def make(
        cls,
        network: Network,
        image: Vector,
        label: int | None = None,
        target: Target = "any",
        margin: float = 0.0,
        domain: tuple[object, object] = (0.0, 1.0),
        norm: str = "linf",
    ) -> Claim:
        """Checks everything a user can get wrong; `label` defaults to the predicted one."""
        if norm not in NORMS:
            raise InputError(f"norm {norm!r} is not supported; supported: {', '.join(NORMS)}")
        point = network.check_input(image)
        classes = network.output_size
        if classes < 2:
            raise InputError(f"{network.name} has {classes} output; a label needs at least 2")
        logits = network.forward(point[None])[0]
        chosen = int(np.argmax(logits)) if label is None else int(label)
        if not 0 <= chosen < classes:
            raise InputError(f"label {chosen} is outside 0..{classes - 1}")
        if not np.isfinite(margin):
            raise InputError(f"margin must be a finite number, not {margin}")
        if margin and network.ordered:
            raise InputError(
                f"a margin speaks of values of {network.name}, whose outputs are "
                f"{network.meaning}; leave it 0, or ask of the network that logits() gives"
            )
        low = np.broadcast_to(np.asarray(domain[0], dtype=np.float64), point.shape).copy()
        high = np.broadcast_to(np.asarray(domain[1], dtype=np.float64), point.shape).copy()
        if not (low <= high).all() or not np.isfinite([low, high]).all():
            raise InputError("the domain needs finite bounds, lower <= upper")
        if not ((low <= point) & (point <= high)).all():
            raise InputError("the image lies outside the domain; scale it, or give another domain")
        return cls(
            network, point, chosen, _targets(target, chosen, logits), float(margin), low, high,
            norm,
        )  # fmt: skip

    def described(self, eps: float) -> dict[str, object]:
        """The claim within eps for a report, as texts and numbers."""
        return {
            "network": self.network.name, "image": self.image.tolist(), "label": self.label,
            "targets": list(self.targets), "margin": self.margin, "eps": eps, "norm": self.norm,
            "domain_lower": self.lower.tolist(), "domain_upper": self.upper.tolist(),
        }  # fmt: skip

    def formulas(self, x: Variable, y: Affine, eps: float) -> tuple[Formula, Formula]:
        """The region, and the property that breaks the claim."""
        inside = NORMS[self.norm](x.affine - self.image) <= eps
        broken = Or(tuple(y[t] - y[self.label] >= self.margin for t in self.targets))
        return inside, broken

    def compile(self, eps: float) -> tuple[Problem, Lift]:
        """The compiled problem whose atoms are the targets in order, and the way back."""
        compiled, _ = self.compiled(eps)

        def lift(solution: Solution) -> Solution:
            """From {any variable: exact input} to the full assignment of the source formulas."""
            (values,) = solution.values()
            return compiled.assignment(values)

        return compiled.problem, lift

    def compiled(self, eps: float) -> tuple[Compiled, int | None]:
        """The same with all its variables, and the stage of the network's output if it is one."""
        x = Variable(self.network.input_size, self.lower, self.upper, "x")
        y = self.network(x)
        compiled = compile_formulas(self.formulas(x, y, eps), inputs=(x,))
        if len(compiled.inputs) != 1 or compiled.inputs[0] is not x:
            raise LanguageError(
                f"{self.network.name} has a layer that jumps, such as Sign: its output is no "
                "continuous function, and a claim about it is not decided yet"
            )
        return compiled, compiled.stage(y)

    def source(self, eps: float) -> tuple[Variable, Formula]:
        """The source formula itself: network, region and broken property."""
        x = Variable(self.network.input_size, self.lower, self.upper, "x")
        inside, broken = self.formulas(x, self.network(x), eps)
        return x, And((inside, *requirements(broken), broken))


def check_eps(eps: float) -> float:
    """A radius, or a clear error; NaN fails."""
    if not (np.isfinite(eps) and eps >= 0.0):
        raise InputError(f"eps must be a number at least 0, not {eps}")
    return float(eps)


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

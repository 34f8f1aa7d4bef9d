"""What is asked of every image of a test set, and the keys that tell one question from another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

from .. import __version__
from ..bnb.settings import Settings
from ..clock import check_timeout
from ..compiler.base.digest import digest
from ..compiler.base.errors import InputError
from ..compiler.base.norms import NormKind, NormName
from ..compiler.network.graph import Network
from ..compiler.question.claim import Claim, Target, check_eps
from .certified import Smoothing
from .image.attacks import check_attacks

Radii: TypeAlias = float | str | Fraction | Sequence[float | str | Fraction]


@dataclass(frozen=True)
class Asked:
    """One question about every image, and the effort that may be spent on it.

    target: any, second, or labels in increasing order. eps: in increasing order. timeout: seconds
    for one image, None for no limit. rho: whether the exact least distance is asked for, too;
    estimate: whether that of the convex restriction is; smoothing: what is asked of the smoothed
    classifier.
    """

    norm: str
    domain: tuple[object, object]
    target: str | tuple[int, ...]
    margin: float
    eps: tuple[float, ...]
    rho: bool
    estimate: bool
    attacks: tuple[str, ...]
    timeout: float | None
    seed: int
    settings: Settings = field(default_factory=Settings)
    smoothing: Smoothing | None = None

    @classmethod
    def make(
        cls,
        eps: Radii,
        norm: NormName,
        domain: tuple[object, object],
        target: Target,
        margin: float,
        rho: bool,
        estimate: bool,
        attacks: Sequence[str],
        timeout: float | None,
        seed: int,
        settings: Settings | None,
        smoothing: Smoothing | None = None,
    ) -> Asked:
        """Checks what does not depend on network and images; raises InputError."""
        several: list[Any] = list(eps) if isinstance(eps, list | tuple | np.ndarray) else [eps]
        radii = tuple(sorted({check_eps(one) for one in several}))
        if not (radii or rho or estimate or smoothing):
            raise InputError(
                "nothing is asked: give a radius (eps), or ask for rho, its estimate or smoothing"
            )
        kind = NormKind.of(norm)
        check_timeout(timeout)
        return cls(
            str(kind), domain, _targets(target), margin, radii, rho, estimate,
            check_attacks(attacks, kind), timeout, int(seed), settings or Settings(),
            smoothing,
        )  # fmt: skip

    def target_of(self, label: int | None) -> Target:
        """The rivals of an image with a label: of several, those that are not its own label.

        An empty list where none is left: such an image has no question.
        """
        if isinstance(self.target, str):
            return self.target
        return [one for one in self.target if one != label]

    def claim(self, network: Network, image: object, label: int | None) -> Claim:
        """The claim over the whole domain about one image; raises InputError."""
        return Claim.make(
            network,
            np.asarray(image),
            label,
            self.target_of(label),
            self.margin,
            self.domain,
            self.norm,
        )

    def truth(self) -> dict[str, object]:
        """What decides whether an answer is true; the rest is effort."""
        ends = [np.asarray(end, dtype=np.float64).tolist() for end in self.domain]
        target = self.target if isinstance(self.target, str) else list(self.target)
        return {
            "norm": self.norm, "domain": ends, "target": target, "margin": float(self.margin),
            "engine": __version__,
        }  # fmt: skip

    def question(self, network: Network) -> dict[str, object]:
        """All that may change an answer, as texts and numbers."""
        more = {} if self.smoothing is None else {"smoothing": self.smoothing.question()}
        return {
            "model": model_digest(network), **self.truth(), "eps": list(self.eps),
            "rho": self.rho, "estimate": self.estimate, "attacks": list(self.attacks),
            "timeout": self.timeout, "seed": self.seed, "settings": digest(self.settings),
            **more,
        }  # fmt: skip


def _targets(target: Target) -> str | tuple[int, ...]:
    """any or second as they are, labels in order; InputError for anything else."""
    if target in ("any", "second"):
        return str(target)
    several = target.split(",") if isinstance(target, str) else np.asarray(target).reshape(-1)
    try:
        found = tuple(sorted({int(one) for one in several}))
    except (TypeError, ValueError):
        found = ()
    if not found:
        raise InputError(f"target {target!r} is not 'any', 'second', a label or labels with commas")
    return found


def model_digest(network: Network) -> str:
    """SHA-256 of the model's file, and of one without a file of all its weights."""
    return network.digest or digest(network)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of the answers to a question, image by image.

    question: of the whole question, effort included; truth: of what an answer is true of alone.
    """

    question: str
    truth: str

    @classmethod
    def of(cls, asked: Asked, network: Network) -> Keys:
        """Both begin with the model."""
        whole = asked.question(network)
        true = {name: whole[name] for name in ("model", *asked.truth())}
        return cls(digest(whole), digest(true))

    def answer(self, image: str, label: int) -> str:
        """SHA-256 of the question about one image, which its digest stands for."""
        return digest((self.question, image, label))

    def claim(self, image: str, label: int) -> str:
        """SHA-256 of the claim about one image."""
        return digest((self.truth, image, label))

    def run(self, data: str) -> str:
        """The name of the run over a data set, 16 hexadecimal digits."""
        return digest((self.question, data))[:16]

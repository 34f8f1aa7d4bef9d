"""Attacks on one image or on many: examples that are validated, and failures that prove nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from ..attacks.batch import Batch, Found
from ..attacks.bisection import nearest
from ..attacks.criterion import Criterion
from ..attacks.methods import METHODS, Attack
from ..attacks.models import Model, NetworkModel, PlainModel
from ..attacks.shortening import shortened
from ..clock import Deadline
from ..compiler.base.arrays import Matrix, Vector
from ..compiler.base.errors import InputError, RhobustError
from ..compiler.base.norms import LINF, NormKind
from ..compiler.base.untrusted import tell
from ..compiler.network.graph import Network
from ..compiler.question.claim import Claim, Target, check_eps
from ..networks.given import Given, network_of
from ..results import AttackResult
from ..witness.label import Validator, Witness
from ..witness.many import witnesses

Method: TypeAlias = str | Attack
"""A name in `METHODS`, or an attack with parameters of its own."""

PORTION = 128
"""Images at once: their values stay in the processor's cache, and products are long enough."""

WIDE = 4_000_000
"""Numbers of one portion's inputs at most."""

LEAD = 1e-6
"""Lead at an image, relative to its logits, beyond which no rounding makes it a lost label."""

CLOSE = 1e-6
"""A lead above 0, relative to the logits, that validation may still find to be none."""


def attack(
    network: Given,
    image: npt.ArrayLike,
    eps: float | str | Fraction | None,
    *,
    label: int | Sequence[int] | npt.NDArray[Any] | None = None,
    norm: str = "linf",
    domain: tuple[object, object] = (0.0, 1.0),
    target: Target = "any",
    margin: float = 0.0,
    timeout: float | None = 60.0,
    seed: int = 0,
    method: Method = "pgd",
    steps: int | None = None,
    restarts: int | None = None,
    minimal: bool = False,
) -> AttackResult | list[AttackResult]:
    """Whether an attack finds an input within eps of the image that loses its label.

    The arguments that `verify` has, too, are the same.  image: one, or many in an array (N, D) or
    (N, ...) with N labels, or with none for the predicted ones; then there is a list of results.
    method: a name in `rhobust.attacks.methods.METHODS`, or an attack made there: noise, fgsm, pgd,
    pgd-l2, square, lbfgs, fmn, restriction, descent.  steps, restarts: of the attack, where it has
    them, its own by default.  minimal: look for the nearest example, within eps unless that is
    None, by the attack's own means or by attacks at many radii.  timeout: seconds for each image.
    Raises InputError for arguments that make no sense.
    """
    network = network_of(network)
    size = np.asarray(image).size
    single = size == network.input_size or not size or size % network.input_size != 0
    given = np.asarray(image)
    many = given[None] if single else given
    labels = None
    if label is not None:
        labels = [label] if single else list(np.asarray(label).reshape(-1))
    results = attack_batch(
        network, many, labels, eps, norm=norm, domain=domain, target=target, margin=margin,
        timeout=timeout, seed=seed, method=method, steps=steps, restarts=restarts, minimal=minimal,
    )  # fmt: skip
    return results[0] if single else results


class Rows(Protocol):
    """An array (N, ...) of images, or what gives parts of one."""

    def __len__(self) -> int: ...
    def __getitem__(self, part: slice, /) -> npt.NDArray[Any]: ...


def attack_batch(
    network: Given,
    images: npt.NDArray[Any],
    labels: Sequence[Any] | npt.NDArray[Any] | None,
    eps: float | str | Fraction | None,
    **asked: Any,
) -> list[AttackResult]:
    """The results of all images (N, ...), in their order; see `attack` for what else is asked."""
    return list(attack_in_turn(network, images, labels, eps, **asked))


@np.errstate(all="ignore")  # huge weights overflow, which no witness overlooks
def attack_in_turn(
    network: Given,
    images: Rows,
    labels: Sequence[Any] | npt.NDArray[Any] | None,
    eps: float | str | Fraction | None,
    *,
    norm: str = "linf",
    domain: tuple[object, object] = (0.0, 1.0),
    target: Target = "any",
    margin: float = 0.0,
    timeout: float | None = 60.0,
    seed: int = 0,
    method: Method = "pgd",
    steps: int | None = None,
    restarts: int | None = None,
    minimal: bool = False,
    model: Model | None = None,
) -> Iterator[AttackResult]:
    """The same, portion by portion as they are done.

    model: what is asked for logits and gradients in the network's place, such as a `TorchModel` of
    it; examples are validated by the network.
    """
    network = network_of(network)
    found = chosen(method, steps, restarts)
    kind = _norm(found, norm)
    if eps is None and not minimal:
        raise InputError("eps is needed, unless the nearest example is looked for (minimal)")
    radius = np.inf if eps is None else check_eps(eps)
    Deadline(timeout)  # refuses what is no limit
    if not len(images):
        return
    if labels is not None and len(labels) != len(images):
        raise InputError(f"{len(labels)} labels for {len(images)} images")
    first = Claim.make(
        network, images[:1][0], None if labels is None else labels[0], target, margin, domain, kind,
        radius,
    )  # fmt: skip
    if model is None:
        low, high = first.region.lower, first.region.upper
        plain = found.needs == "logits"
        model = PlainModel(network) if plain else NetworkModel(network, low, high)
    one = _Attack(network, found, model, minimal, target, timeout, seed)
    portion = max(1, min(PORTION, WIDE // network.input_size))
    for begin in range(0, len(images), portion):
        part = slice(begin, begin + portion)
        yield from one.portion(first, images[part], None if labels is None else labels[part], begin)


def chosen(method: Method, steps: int | None = None, restarts: int | None = None) -> Attack:
    """The attack of a name, with steps and restarts where they are given, or a clear error."""
    if not isinstance(method, str):
        attack: Attack = method
    elif method in METHODS:
        attack = METHODS[method]()
    else:
        raise InputError(f"method {method!r} is not known; known: {', '.join(METHODS)}")
    own = {field.name for field in fields(attack)}  # type: ignore[arg-type]
    for name, value in (("steps", steps), ("restarts", restarts)):
        if value is None:
            continue
        if name not in own:
            raise InputError(f"{attack.name} has no {name}")
        attack = replace(attack, **{name: value})  # type: ignore[type-var]
    return attack


def _norm(attack: Attack, norm: str) -> NormKind:
    """The norm asked for, where the attack knows it; one of a single norm brings its own."""
    kind = NormKind.of(norm)
    if kind in attack.norms:
        return kind
    if kind is LINF and len(attack.norms) == 1:
        return attack.norms[0]
    raise InputError(f"{attack.name} knows {', '.join(attack.norms)}, not {norm}")


@dataclass(frozen=True)
class _Attack:
    """An attack on one network, for any images."""

    network: Network
    method: Attack
    model: Model
    minimal: bool
    target: Target
    timeout: float | None
    seed: int

    def portion(
        self,
        first: Claim,
        images: npt.NDArray[Any],
        labels: Sequence[Any] | npt.NDArray[Any] | None,
        begin: int,
    ) -> Iterator[AttackResult]:
        """The results of some images, of which `first` is a claim about one like them."""
        limit = None if self.timeout is None else self.timeout * len(images)
        deadline = Deadline(limit)
        points = vectors(self.network, images, first)
        logits = np.asarray(self.network.forward(points))
        claims = [
            first.like(point, None if labels is None else labels[k], self.target, logits[k])
            for k, point in enumerate(points)
        ]
        witness, lead = self._clean(claims, logits)
        still = np.flatnonzero([found is None for found in witness])
        reason = ""
        if len(still):
            some = [claims[k] for k in still.tolist()]
            found, reason = self._run(some, points[still], deadline, begin)
            lead[still] = np.minimum(lead[still], found.lead)
            for k, one in zip(still.tolist(), self._validated(some, found), strict=True):
                witness[k] = one
        seconds = deadline.spent() / len(images)
        for k, claim in enumerate(claims):
            one = witness[k]
            yield AttackResult(
                one is not None, np.inf if one is None else one.distance, one,
                int(np.argmax(logits[k])), claim.label, self.method.name, claim.region.eps,
                str(claim.region.norm), float(lead[k]), seconds, "" if one is not None else reason,
            )  # fmt: skip

    def _clean(
        self, claims: Sequence[Claim], logits: Matrix
    ) -> tuple[list[Witness | None], Vector]:
        """Images that have lost their labels already, and the leads of all."""
        lead = Criterion.of(claims).lead(logits)
        near = lead <= LEAD * (1.0 + np.abs(logits).max(axis=1))
        return [
            Validator(claim.within(0.0)).check(claim.image) if near[k] else None
            for k, claim in enumerate(claims)
        ], lead

    def _run(
        self, claims: Sequence[Claim], images: Matrix, deadline: Deadline, begin: int
    ) -> tuple[Found, str]:
        """What the attack found, and why it ended early; an error of it is a failure."""
        region = claims[0].region
        batch = Batch(
            self.model, images, Criterion.of(claims), region.norm,
            np.full(len(images), region.eps), region.lower, region.upper,
            np.random.default_rng([self.seed, begin]), deadline.remaining,
            self.network.input_shape,
        )  # fmt: skip
        try:
            if self.method.minimal:
                found = shortened(batch, self.method.run(batch))
            elif self.minimal:
                found = nearest(self.method, batch)
            else:
                found = self.method.run(batch)
        except RhobustError:
            raise
        except MemoryError:
            return Found.nothing(batch), "memory"
        except Exception as error:
            tell(error)
            return Found.nothing(batch), "failed"
        return found, "timeout" if deadline.stop() else ""

    def _validated(self, claims: Sequence[Claim], found: Found) -> list[Witness | None]:
        """The witnesses at the points found."""
        size = 1.0 + np.abs(self._outputs(claims, found)).max(axis=1)
        tried = np.flatnonzero(found.lead <= CLOSE * size)
        validators = [Validator(claims[k]) for k in tried.tolist()]
        answers: list[Witness | None] = [None] * len(claims)
        for k, one in zip(tried.tolist(), witnesses(validators, found.points[tried]), strict=True):
            answers[k] = one
        return answers

    def _outputs(self, claims: Sequence[Claim], found: Found) -> Matrix:
        return np.asarray(self.network.forward(found.points))


def vectors(network: Network, images: npt.NDArray[Any], claim: Claim) -> Matrix:
    """Images (N, ...) flat, (N, D), as `Claim.make` takes one; uint8 is divided by 255."""
    flat = np.asarray(images)
    network.check_input(flat[0])  # of another size or arrangement
    whole = flat.dtype == np.uint8
    points: Matrix = np.ascontiguousarray(flat, dtype=np.float64).reshape(len(flat), -1)
    if not np.isfinite(points).all():
        raise InputError("an image holds a number that is not finite")
    region = claim.region
    if whole and not ((region.lower <= 0) & (region.upper >= 255)).all():
        points = points / 255.0
    return points

"""Attacks on one image or on many: examples that are validated, and failures that prove nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from ..attacks.methods import METHODS, Attack
from ..attacks.models import Model, NetworkModel, PlainModel
from ..clock import Deadline
from ..compiler.base.errors import InputError
from ..compiler.base.norms import LINF, NormKind, NormName
from ..compiler.question.claim import Claim, Target, check_eps
from ..networks.given import Given, network_of
from ..results import AttackResult
from .portions import Portions, portion

Method: TypeAlias = str | Attack
"""A name in `METHODS`, or an attack with parameters of its own."""


def attack(
    network: Given,
    image: npt.ArrayLike,
    eps: float | str | Fraction | None,
    *,
    label: int | Sequence[int] | npt.NDArray[Any] | None = None,
    norm: NormName = "linf",
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
    (N, ...) with N > 1 labels, or none for the predicted ones; then there is a list of results.
    method: a name in `rhobust.attacks.methods.METHODS`, or an attack made there: noise, fgsm, pgd,
    pgd-l2, square, lbfgs, fmn, restriction, descent.  steps, restarts: of the attack, where it has
    them, its own by default.  minimal: look for the nearest example, within eps unless that is
    None, by the attack's own means or by attacks at many radii.  timeout: seconds for each image.
    Raises InputError for arguments that make no sense.
    """
    several = label is not None and np.ndim(label) > 0
    network = network_of(network, np.shape(image)[several:])
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
    norm: NormName = "linf",
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
    network = network_of(network, np.shape(images[:1])[1:])
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
    one = Portions(network, found, model, minimal, target, timeout, seed)
    count = portion(network)
    for begin in range(0, len(images), count):
        part = slice(begin, begin + count)
        yield from one.ask(first, images[part], None if labels is None else labels[part], begin)


def chosen(method: Method, steps: int | None = None, restarts: int | None = None) -> Attack:
    """The attack of a name, with steps and restarts where they are given, or a clear error."""
    if not isinstance(method, str):
        attack: Attack = method
    elif method in METHODS:
        attack = METHODS[method]()
    else:
        raise InputError(f"method {method!r} is not known; known: {', '.join(METHODS)}")
    own = getattr(attack, "__dataclass_fields__", {})
    for name, value in (("steps", steps), ("restarts", restarts)):
        if value is None:
            continue
        if name not in own:
            raise InputError(f"{attack.name} has no {name}")
        attack = replace(attack, **{name: value})  # type: ignore[type-var]
    return attack


def _norm(attack: Attack, norm: NormName) -> NormKind:
    """The norm asked for, where the attack knows it; one of a single norm brings its own."""
    kind = NormKind.of(norm)
    if kind in attack.norms:
        return kind
    if kind is LINF and len(attack.norms) == 1:
        return attack.norms[0]
    raise InputError(f"{attack.name} knows {', '.join(attack.norms)}, not {kind}")

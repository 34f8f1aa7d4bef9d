"""Attacks of the first pass, by name; what they find is validated, what they miss says nothing."""

from __future__ import annotations

from collections.abc import Sequence

from ...attacks.methods import METHODS
from ...attacks.models import NetworkModel
from ...clock import Deadline
from ...compiler.base.errors import InputError
from ...compiler.base.norms import NormKind
from ...compiler.question.claim import Claim
from ...queries.attack import attack_batch, chosen
from ...witness.label import Witness

RESTARTS = 10
"""Starts for each image of an attack that has several."""


def check_attacks(names: Sequence[str], norm: NormKind) -> tuple[str, ...]:
    """The names, each once; InputError for one that is not known, or not in this norm."""
    for name in names:
        if name not in METHODS:
            raise InputError(f"no attack is called {name!r}; there are {', '.join(METHODS)}")
        if norm not in METHODS[name].norms:
            known = ", ".join(METHODS[name].norms)
            raise InputError(f"the attack {name} knows {known}, not {norm}")
    return tuple(dict.fromkeys(names))


def attacked(
    name: str, model: NetworkModel, claim: Claim, deadline: Deadline, seed: int
) -> Witness | None:
    """A validated example within a claim's radius, if an attack finds one.

    Images are attacked one by one: so what is found of one does not depend on which others are
    asked, and a run that was stopped goes on to the same rows.
    """
    several = hasattr(METHODS[name](), "restarts")
    region = claim.region
    (found,) = attack_batch(
        claim.network, claim.image[None], [claim.label], region.eps, norm=region.norm,
        domain=(region.lower, region.upper), target=claim.targets, margin=claim.margin,
        timeout=deadline.share(), seed=seed, model=model,
        method=chosen(name, restarts=RESTARTS if several else None),
    )  # fmt: skip
    return found.witness

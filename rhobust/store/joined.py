"""Two answers about one claim as one: what either proved or showed, and no contradiction."""

from __future__ import annotations

from dataclasses import replace

from ..compiler.base.errors import Contradiction
from ..results import Verdict
from .record import Decision, Record


def joined(old: Record, new: Record) -> Record:
    """The newer record with all that the older one knows better.

    Raises Contradiction where one proves what the other shows to be false.
    """
    lower, upper = max(old.rho_lower, new.rho_lower), min(old.rho_upper, new.rho_upper)
    if lower > upper:
        raise Contradiction(
            f"of image {new.index}, one answer proves rho >= {lower!r}, another shows an example "
            f"at {upper!r}",
            {"rho_lower": lower, "rho_upper": upper},
        )
    found = {one.eps: one for one in old.decisions}
    for one in new.decisions:
        found[one.eps] = _better(found.get(one.eps), one)
    nearest = old if old.rho_upper < new.rho_upper else new
    distances = [one for one in (old.attack_distance, new.attack_distance) if one is not None]
    attack = old if distances and distances[0] == min(distances) else new
    return replace(
        new,
        rho_lower=lower,
        rho_upper=upper,
        decisions=tuple(found[eps] for eps in sorted(found)),
        rho_estimate=new.rho_estimate if new.rho_estimate is not None else old.rho_estimate,
        attack_distance=min(distances) if distances else None,
        attack_method=attack.attack_method or new.attack_method,
        witness=nearest.witness,
        witness_label=nearest.witness_label,
        certificate=new.certificate or old.certificate,
        uncertified="" if new.certificate or old.certificate else new.uncertified,
        certified_radius=(
            new.certified_radius if new.certified_radius is not None else old.certified_radius
        ),
    )


def _better(old: Decision | None, new: Decision) -> Decision:
    if old is None or old.verdict is Verdict.UNKNOWN:
        return new if old is None or not old.attacked else replace(new, attacked=True)
    if new.verdict is Verdict.UNKNOWN:
        return old
    if old.verdict is not new.verdict:
        raise Contradiction(
            f"at {new.eps!r} one answer is {old.verdict}, another {new.verdict}",
            {"eps": new.eps},
        )
    bound = max(old.margin_bound, new.margin_bound)
    return replace(new, margin_bound=bound, attacked=old.attacked or new.attacked)

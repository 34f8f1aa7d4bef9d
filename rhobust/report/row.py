"""What is known about one image, whichever question was asked, and its JSON line."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..results import AttackResult, Estimate, RhoResult, Verdict, VerifyResult
from ..witness.label import Witness

KEYS = (
    "index", "label", "predicted", "verdict", "reason", "rho_lower", "rho_upper", "eps",
    "margin_bound", "seconds", "nodes", "lps",
)  # fmt: skip
"""The keys of every line; those of `Row.extra` follow."""


@dataclass(frozen=True, slots=True)
class Row:
    """None where a question has no such answer; numbers may be infinite here, and are null in JSON.

    rho_lower is proven and rho_upper validated, whatever the question was.
    """

    index: int
    label: int
    predicted: int
    seconds: float
    verdict: Verdict | None = None
    reason: str | None = None
    rho_lower: float | None = None
    rho_upper: float | None = None
    eps: float | None = None
    margin_bound: float | None = None
    nodes: int | None = None
    lps: int | None = None
    witness: Witness | None = None
    extra: Mapping[str, float | str | bool] = field(default_factory=dict)

    def line(self) -> str:
        """The row as strict JSON on one line."""
        record = {key: getattr(self, key) for key in KEYS} | dict(self.extra)
        return json.dumps({key: finite(value) for key, value in record.items()}, allow_nan=False)


def finite(value: object) -> object:
    """The value, or None for what JSON has no number for."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def verified(index: int, result: VerifyResult, certificate: Path | None = None) -> Row:
    """ROBUST proves rho >= eps, and a witness shows that rho is at most its distance.

    certificate: where one was to be written.
    """
    extra = {"level": result.level} if result.level else {}
    if certificate is not None and result.verdict is Verdict.ROBUST:
        why = result.uncertified
        extra |= {"uncertified": why} if why else {"certificate": str(certificate)}
    return Row(
        index, result.label, result.predicted, result.seconds, result.verdict,
        result.reason or None,
        result.eps if result.verdict is Verdict.ROBUST else None,
        None if result.witness is None else result.witness.distance,
        result.eps, result.margin_bound, result.nodes, result.lps, result.witness, extra,
    )  # fmt: skip


def measured(index: int, result: RhoResult, certificate: Path | None = None) -> Row:
    """ROBUST: the domain holds no adversarial example; NOT_ROBUST: rho is exact; else UNKNOWN."""
    if result.lower == math.inf:
        verdict = Verdict.ROBUST
    else:
        verdict = Verdict.NOT_ROBUST if result.exact else Verdict.UNKNOWN
    extra: dict[str, float | str | bool] = {
        "rho_estimate": result.estimate,
        "attack": result.attack,
        "exact": result.exact,
    }
    if certificate is not None and result.certified is not None and not result.uncertified:
        extra |= {"certificate": str(certificate), "certified": result.certified}
    elif result.uncertified:
        extra |= {"uncertified": result.uncertified}
    return Row(
        index, result.label, result.predicted, result.seconds, verdict,
        (result.reason or "numerical") if verdict is Verdict.UNKNOWN else None,
        result.lower, result.upper, None, None, result.nodes, result.lps, result.witness, extra,
    )  # fmt: skip


def estimated(index: int, result: Estimate) -> Row:
    """No verdict: an estimate proves nothing below it."""
    upper = None if result.witness is None else result.distance
    extra: dict[str, float | str | bool] = {
        "rho_estimate": result.rho,
        "status": result.status,
        "norm": result.norm,
        "searched": result.searched,
    }
    if result.integer is not None:
        extra["rho_integer"] = result.integer.rho
    if result.iterated is not None:
        extra["rho_iterated"] = result.iterated.rho
        extra["iterated_from"] = result.iterated.origin
        extra["regions"] = result.iterated.regions
    return Row(
        index, result.label, result.predicted, result.seconds, rho_upper=upper, lps=result.rounds,
        witness=result.witness, extra=extra,
    )  # fmt: skip


def attacked(index: int, result: AttackResult) -> Row:
    """No verdict: a witness shows that rho is at most its distance, a failure shows nothing."""
    extra: dict[str, float | str | bool] = {
        "success": result.success,
        "distance": result.distance,
        "method": result.method,
        "norm": result.norm,
        "lead": result.lead,
    }
    return Row(
        index, result.label, result.predicted, result.seconds, reason=result.reason or None,
        rho_upper=None if result.witness is None else result.distance, eps=result.eps,
        witness=result.witness, extra=extra,
    )  # fmt: skip

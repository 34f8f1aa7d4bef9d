"""What is known about one image, whichever question was asked, and its JSON line."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..compiler.shown.record import plain
from ..metrics.intervals import Distances
from ..results import KEYS, AttackResult, Estimate, OfImage, RhoResult, Verdict, VerifyResult
from ..witness.label import Witness


@dataclass(frozen=True, slots=True)
class Row:
    """None where a question has no such answer; numbers may be infinite here, and are null in JSON.

    rho_lower is proven and rho_upper validated, whatever the question was. The keys of its line are
    `rhobust.results.KEYS`; those of `extra` follow.
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
        return json.dumps(plain(record), allow_nan=False)


def verified(index: int, result: VerifyResult, certificate: Path | None = None) -> Row:
    """certificate: where one was to be written."""
    more = {}
    if certificate is not None and result.verdict is Verdict.ROBUST and not result.uncertified:
        more = {"certificate": str(certificate)}
    return _row(index, result, more)


def measured(index: int, result: RhoResult, certificate: Path | None = None) -> Row:
    """certificate: where one was to be written."""
    more = {}
    if certificate is not None and result.certified is not None and not result.uncertified:
        more = {"certificate": str(certificate)}
    return _row(index, result, more)


def estimated(index: int, result: Estimate) -> Row:
    """No verdict."""
    return _row(index, result, {})


def attacked(index: int, result: AttackResult) -> Row:
    """No verdict."""
    return _row(index, result, {})


def known(rows: Sequence[Row]) -> Distances:
    """What rows prove and show of rho; an image that is misclassified has rho 0."""
    correct = np.array([row.label == row.predicted for row in rows])
    lower = np.array([row.rho_lower or 0.0 for row in rows])
    upper = np.array([math.inf if row.rho_upper is None else row.rho_upper for row in rows])
    # a ball without examples holds none on its surface
    beyond = [row.verdict is Verdict.ROBUST and row.eps is not None for row in rows]
    return Distances(
        np.where(correct, lower, 0.0), np.where(correct, upper, 0.0), correct,
        np.array(beyond) & correct,
    )  # fmt: skip


def _row(index: int, result: OfImage, more: Mapping[str, str]) -> Row:
    known = result.record()
    fixed = {key: known.pop(key) for key in KEYS} | {"index": index}
    return Row(**fixed, witness=result.witness, extra={**known, **more})

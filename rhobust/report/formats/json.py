"""All numbers of the report as JSON, for programs."""

from __future__ import annotations

import json as notation
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ... import __version__
from ...files.outputs import WRITTEN
from ...metrics import Accuracy, Share
from ...store.record import Run
from ..findings.gathered import Findings
from ..findings.status import WORDS, Status, statuses


def json(findings: Findings, out: Path | None) -> bytes:
    """Strict JSON with all digits; `out` is not used.  An infinite number is the text inf."""
    made = {
        "written_by": f"{WRITTEN} {__version__}",
        "run": of_run(findings.run),
        "finished": len(findings.records),
        "missing": findings.missing,
        "confidence": findings.confidence,
        "accuracy": [of_accuracy(one) for one in findings.accuracies],
        "severity": [
            {"eps": one.eps, "estimate": one.estimate, "lower": one.lower, "upper": one.upper}
            for one in findings.severities
        ],
        "classes": [
            {"eps": eps, "labels": {str(label): of_accuracy(one) for label, one in some.items()}}
            for eps, some in zip(findings.radii, findings.classes, strict=True)
        ],
        "median_rho": findings.median,
        "fits": findings.fits if isinstance(findings.fits, str) else [
            {
                "family": one.family, "parameters": dict(one.parameters), "aic": one.aic,
                "log_likelihood": one.log_likelihood, "statistic": one.statistic, "p": one.p,
                "exact": one.exact, "intervals": one.intervals, "censored": one.censored,
                "zero": one.zero, "never": one.never,
            }
            for one in findings.fits
        ],
        "images": _images(findings),
    }  # fmt: skip
    text = notation.dumps(strict(made), allow_nan=False, indent=1)
    return (text + "\n").encode("utf-8", "replace")


def of_accuracy(found: Accuracy) -> dict[str, Any]:
    """An accuracy and its parts."""
    return {
        "eps": found.eps, "images": found.images, "clean": _share(found.clean),
        "robust": _share(found.robust), "error": _share(found.error),
        "attacked": None if found.attacked is None else _share(found.attacked),
        "unknown": found.unknown,
    }  # fmt: skip


def of_run(run: Run) -> dict[str, Any]:
    """What was asked."""
    return {
        "id": run.id, "question": dict(run.question), "card": dict(run.card),
        "data": dict(run.data), "started": run.started, "command": run.command,
        "environment": dict(run.environment),
    }  # fmt: skip


def strict(value: object) -> object:
    """The value with texts for what JSON has no number for."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "inf" if value > 0 else "-inf"
    if isinstance(value, Mapping):
        return {str(key): strict(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [strict(one) for one in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def _share(share: Share) -> dict[str, Any]:
    return {"least": share.least, "most": share.most, "sampling": list(share.sampling)}


def _images(findings: Findings) -> list[dict[str, Any]]:
    found = [statuses(findings.known, eps).tolist() for eps in findings.radii]
    return [
        {
            "index": one.index, "name": one.name, "label": one.label, "predicted": one.predicted,
            "rho_lower": float(findings.known.lower[k]),
            "rho_upper": float(findings.known.upper[k]),
            "status": [WORDS[Status(column[k])] for column in found],
            "rho_estimate": one.rho_estimate, "attack_distance": one.attack_distance,
            "certified_radius": one.certified_radius,
            "witness_label": one.witness_label, "certificate": one.certificate,
            "seconds": one.seconds, "nodes": one.nodes,
        }
        for k, one in enumerate(findings.records)
    ]  # fmt: skip

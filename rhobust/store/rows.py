"""Records and runs as rows of tables, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..results import Verdict
from .packed import pack, unpack
from .record import Decision, Looked, Record, Run

PLAIN = (
    "index", "name", "label", "predicted", "rho_lower", "rho_upper", "rho_estimate",
    "attack_distance", "attack_method", "witness_label", "certificate", "uncertified",
    "certified_radius", "seconds", "nodes", "lps",
)  # fmt: skip
"""Fields of a record that are columns as they are."""
PACKED = ("witness", "image")
"""Those that are arrays."""
LOOKED = (
    "index", "rho_lower", "rho_upper", "rho_estimate", "attack_distance", "attack_method",
    "witness_label", "hardness", "seconds",
)  # fmt: skip
"""Fields of a `Looked` that are columns as they are."""
JSON = ("question", "card", "data", "environment")


def record_row(record: Record) -> dict[str, Any]:
    """The columns of a record, but for its run and its keys."""
    row: dict[str, Any] = {name: getattr(record, name) for name in PLAIN}
    for name in PACKED:
        values = getattr(record, name)
        row[name] = None if values is None else pack(values)
    return row


def decision_rows(record: Record) -> list[dict[str, Any]]:
    return [
        {
            "index": record.index, "eps": one.eps, "verdict": str(one.verdict),
            "reason": one.reason, "margin_bound": one.margin_bound,
            "attacked": int(one.attacked), "seconds": one.seconds, "nodes": one.nodes,
            "lps": one.lps,
        }
        for one in record.decisions
    ]  # fmt: skip


def record_of(row: Mapping[Any, Any], decisions: Iterable[Mapping[Any, Any]]) -> Record:
    """The record of a row, and of its decisions in order of eps."""
    fields: dict[str, Any] = {name: row[name] for name in PLAIN}
    for name in PACKED:
        fields[name] = None if row[name] is None else unpack(bytes(row[name]))
    made = tuple(
        Decision(
            one["eps"], Verdict(one["verdict"]), one["reason"], one["margin_bound"],
            bool(one["attacked"]), one["seconds"], one["nodes"], one["lps"],
        )
        for one in decisions
    )  # fmt: skip
    return Record(decisions=made, **fields)


def looked_row(looked: Looked) -> dict[str, Any]:
    """The columns of what a first pass found out, but for its run."""
    row: dict[str, Any] = {name: getattr(looked, name) for name in LOOKED}
    row["bounds"] = pack(np.array(looked.bounds, dtype=np.float64).reshape(-1))
    row["witness"] = None if looked.witness is None else pack(looked.witness)
    return row


def looked_of(row: Mapping[Any, Any]) -> Looked:
    """What `looked_row` made a row of."""
    bounds = unpack(bytes(row["bounds"])).reshape(-1, 2).tolist()
    witness = None if row["witness"] is None else unpack(bytes(row["witness"]))
    fields: dict[str, Any] = {name: row[name] for name in LOOKED}
    return Looked(bounds=tuple((eps, bound) for eps, bound in bounds), witness=witness, **fields)


def run_row(run: Run) -> dict[str, Any]:
    row: dict[str, Any] = {name: json.dumps(dict(getattr(run, name))) for name in JSON}
    return row | {
        "id": run.id, "indices": json.dumps(list(run.indices)), "started": run.started,
        "command": run.command,
    }  # fmt: skip


def run_of(row: Mapping[Any, Any]) -> Run:
    return Run(
        id=row["id"], indices=tuple(json.loads(row["indices"])), started=row["started"],
        command=row["command"], **{name: json.loads(row[name]) for name in JSON},
    )  # fmt: skip

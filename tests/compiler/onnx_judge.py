"""Judges altered ONNX files: each seed on a line of the input becomes a line of the output.

It is a program, run as `python -m tests.compiler.onnx_judge`: onnxruntime itself may crash on such
files, and then only this process ends.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from rhobust.bnb.checker.arithmetic import Refused
from rhobust.bnb.checker.onnx.reader import read_model
from rhobust.bnb.checker.rounded.root import Root
from rhobust.compiler.base.errors import FidelityError, ModelError
from rhobust.compiler.importers.fidelity import FEW, TOLERANCE
from rhobust.compiler.importers.onnx.load import load_onnx
from rhobust.compiler.network.graph import Network

from .onnx_mutants import mutant

MEGABYTES = 2048
"""What reading one of the files may need beyond all before."""
PROVIDERS = ["CPUExecutionProvider"]
FLOAT32 = 2.0**30
"""Rounding of float32 over that of float64, and twice that."""


def judged(data: bytes, path: Path) -> str:
    """refused, accepted by the importer, or by the checker as well, or what is wrong."""
    path.write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reason = ""
    try:
        network = load_onnx(path)
        told = _compared(network, data)
    except FidelityError as error:
        told = "refused" if "not finite" in str(error) else f"misread: {error}"
    except ModelError as error:
        told, reason = "refused", str(error)
    except Exception as error:  # whatever it is, it is a defect
        told = f"{type(error).__name__}: {error}"
    if told in ("refused", "accepted"):
        told = _checked(told, reason, data, path)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    return told if grown <= MEGABYTES else f"{grown} megabytes, {told}"


def _checked(told: str, reason: str, data: bytes, path: Path) -> str:
    """What becomes of it when the checker is asked, too, which must not read more."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = read_model(path)
    except Refused:
        return told
    except Exception as error:  # of no other type
        return f"checker: {type(error).__name__}: {error}"
    if "onnxruntime does not evaluate it" in reason:  # which both readers mean the same by
        return "refused by onnxruntime alone"
    if reason:
        return f"read by the checker alone: {reason}"
    session, given, double = _session(data)
    rng = np.random.default_rng(2)
    for scale in (0.5, 1.0, 5.0):
        row = (rng.normal(size=model.inputs) * scale).astype(np.float32).astype(np.float64)
        theirs = session.run(None, {given: _shaped(data, row, double)})[0].reshape(-1)
        try:
            root = Root(model, row, row)
            root.propagate()
        except Refused:  # numbers that are too large
            continue
        low, high = root.low[model.output], root.high[model.output]
        if low.shape != theirs.shape:
            return f"checker: {low.shape} numbers for {theirs.shape}"
        if not np.isfinite(theirs).all() or told == "refused":  # beyond float32
            continue
        if model.ordered:
            kind = onnx.ModelProto.FromString(data).graph.node[-1].op_type
            low, high = (_normalised(bound, kind) for bound in (low, high))
        most = TOLERANCE * max(1.0, float(np.abs(theirs).max())) + _slack(path, row)
        if not ((low - most <= theirs) & (theirs <= high + most)).all():
            return f"checker: {low} to {high}, not {theirs}"
    return f"{told} by both"


def _session(data: bytes) -> tuple[Any, str, bool]:
    """A session, the input's name, and whether it is of float64."""
    graph = onnx.ModelProto.FromString(data).graph
    constants = {tensor.name for tensor in graph.initializer}
    (given,) = (value for value in graph.input if value.name not in constants)
    double = given.type.tensor_type.elem_type == onnx.TensorProto.DOUBLE
    return onnxruntime.InferenceSession(data, providers=PROVIDERS), given.name, double


def _shaped(data: bytes, row: Any, double: bool) -> Any:
    graph = onnx.ModelProto.FromString(data).graph
    constants = {tensor.name for tensor in graph.initializer}
    (given,) = (value for value in graph.input if value.name not in constants)
    shape = [dim.dim_value or 1 for dim in given.type.tensor_type.shape.dim]
    return row.astype(np.float64 if double else np.float32).reshape(shape)


def _slack(path: Path, row: Any) -> float:
    """What rounding in float32 may change."""
    with np.errstate(all="ignore"):
        return float(load_onnx(path).enclose(row).radius[0].max() * FLOAT32)


def _compared(network: Network, data: bytes) -> str:
    """Whether an accepted network computes what onnxruntime computes, on some inputs more."""
    session, given, double = _session(data)
    rng = np.random.default_rng(1)
    numbers = sum(network.size(node) for node in network.order)
    scales = np.array([0.1, 0.5, 1.0, 1.0, 1.0, 5.0, 30.0])[: max(1, FEW // numbers)]
    inputs = rng.normal(size=(len(scales), network.input_size)) * scales[:, None]
    inputs = inputs.astype(np.float32).astype(np.float64)
    together = network.run(inputs)
    for row, joint in zip(inputs, together, strict=True):
        theirs = session.run(None, {given: _shaped(data, row, double)})[0].reshape(-1)
        with np.errstate(all="ignore"):
            enclosed = network.enclose(row)
            ours, slack = enclosed.middle[0], enclosed.radius[0].max() * FLOAT32
            if any("left out" in note for note in network.notes):
                ours, joint = (_normalised(v, network.notes[0]) for v in (ours, joint))
        if ours.shape != theirs.shape:
            return f"{ours.shape} numbers for {theirs.shape}"
        if not np.isfinite(theirs).all():  # beyond float32
            continue
        most = TOLERANCE * max(1.0, float(np.abs(theirs).max())) + slack
        for found in (ours, joint):
            if not (np.abs(found - theirs) <= most).all():
                return f"accepted, and {np.abs(found - theirs).max()} off"
    return "accepted"


def _normalised(logits: Any, note: str) -> Any:
    below = logits - logits.max()
    below = below - np.log(np.exp(below).sum())
    return below if note.startswith("LogSoftmax") else np.exp(below)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        print("ready", flush=True)
        for line in sys.stdin:
            told = judged(mutant(int(line)), Path(folder) / "mutant.onnx")
            print(" ".join(told.split()), flush=True)


if __name__ == "__main__":
    main()

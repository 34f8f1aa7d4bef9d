"""Judges altered ONNX files: each seed on a line of the input becomes a line of the output.

It is a program, run as `python -m tests.compiler.onnx_judge`: onnxruntime itself may crash on such
files, and then only this process ends.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from rhobust.compiler.errors import FidelityError, ModelError
from rhobust.compiler.graph import Network
from rhobust.compiler.importers.fidelity import FEW, TOLERANCE
from rhobust.compiler.importers.onnx import load_onnx

from .onnx_mutants import mutant

MEGABYTES = 2048
"""What reading one of the files may need beyond all before."""
FLOAT32 = 2.0**30
"""Rounding of float32 over that of float64, and twice that."""


def judged(data: bytes, path: Path) -> str:
    """refused, accepted, or what is wrong."""
    path.write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        network = load_onnx(path)
        told = _compared(network, data)
    except FidelityError as error:
        told = "refused" if "not finite" in str(error) else f"misread: {error}"
    except ModelError:
        told = "refused"
    except Exception as error:  # whatever it is, it is a defect
        told = f"{type(error).__name__}: {error}"
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    return told if grown <= MEGABYTES else f"{grown} megabytes, {told}"


def _compared(network: Network, data: bytes) -> str:
    """Whether an accepted network computes what onnxruntime computes, on some inputs more."""
    graph = onnx.ModelProto.FromString(data).graph
    constants = {tensor.name for tensor in graph.initializer}
    (given,) = (value for value in graph.input if value.name not in constants)
    shape = [dim.dim_value or 1 for dim in given.type.tensor_type.shape.dim]
    double = given.type.tensor_type.elem_type == onnx.TensorProto.DOUBLE
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(1)
    numbers = sum(int(network.graph.nodes[node]["size"]) for node in network.order)
    scales = np.array([0.1, 0.5, 1.0, 1.0, 1.0, 5.0, 30.0])[: max(1, FEW // numbers)]
    inputs = rng.normal(size=(len(scales), network.input_size)) * scales[:, None]
    inputs = inputs.astype(np.float32).astype(np.float64)
    together = network.run(inputs)
    for row, joint in zip(inputs, together, strict=True):
        value = row.astype(np.float64 if double else np.float32).reshape(shape)
        theirs = session.run(None, {given.name: value})[0].reshape(-1)
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

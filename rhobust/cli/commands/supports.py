"""The command supports: what the program reads, in the words of VNN-LIB 2.0."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ...compiler.base.errors import InputError
from ..output import tell

NETWORKS = ("SNET", "MNET", "MENET", "MINET")
"""One network; several; some equal to others; some isomorphic to others."""
TENSORS = ("SIO", "MIO")
"""One input and one output; several of them."""
HIDDEN = ("H",)
ARITHMETIC = ("BND", "OUTC", "LIN")
"""Bounds on inputs; comparisons of outputs with constants; linear terms of both."""
VERSIONS = ("1.0", "2.0")


def operators() -> Iterable[str]:
    """Those that are read of activations, or make constants for others."""
    from ...compiler.importers.onnx.load import LAST_ONLY
    from ...compiler.importers.onnx.ops import CONSTANTS_ONLY, OPERATIONS

    return sorted({*OPERATIONS, *LAST_ONLY} - {*CONSTANTS_ONLY})


def opsets() -> Iterable[str]:
    """The oldest and the newest operator set."""
    from ...compiler.importers.onnx.model import OPSETS

    return str(OPSETS.start), str(OPSETS.stop - 1)


def show(asked: Sequence[str]) -> None:
    """Prints one answer, a line each."""
    if len(asked) != 1:
        raise InputError(f"one question at a time is answered, of: {', '.join(ANSWERS)}")
    for line in ANSWERS[asked[0]]():
        tell(line)


ANSWERS: dict[str, Callable[[], Iterable[str]]] = {
    "--onnx-operators": operators,
    "--onnx-opset-versions": opsets,
    "--vnnlib-versions": lambda: VERSIONS,
    "--multiple-network-theories": lambda: NETWORKS,
    "--multiple-input-output-theories": lambda: TENSORS,
    "--hidden-node-theories": lambda: HIDDEN,
    "--arithmetic-complexity-theories": lambda: ARITHMETIC,
    "--serialise-assignments": lambda: ("false",),
}

"""The proven rho of the embedded images, by `rhobust rho digits`, in a file of the package."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import numpy as np

from ..compiler.base.arrays import Indices, Vector
from ..compiler.base.errors import InputError
from ..compiler.base.tolerances import Tolerances

FILE = "digits_rho.csv"
"""Lines of norm, index, label, lower and upper end of rho, of the network `digits`."""


@dataclass(frozen=True, eq=False)
class Proven:
    """index, label (N,): of embedded images; lower, upper (N,): proven ends of their rho."""

    norm: str
    index: Indices
    label: Indices
    lower: Vector
    upper: Vector

    def __len__(self) -> int:
        return len(self.index)

    def only(self, index: Indices) -> Proven:
        """Those of some images, by their numbers; others that are named have no exact rho."""
        keep = np.isin(self.index, index)
        return Proven(
            self.norm, self.index[keep], self.label[keep], self.lower[keep], self.upper[keep]
        )


def proven(norm: str) -> Proven:
    """The images whose rho is known exactly and is not 0; InputError for a norm without any."""
    text = (resources.files(__package__).parent / "data" / FILE).read_text(encoding="utf-8")  # type: ignore[attr-defined]
    lines = [line.split(",") for line in text.splitlines()[1:]]
    norms = list(dict.fromkeys(line[0] for line in lines))
    if norm not in norms:
        raise InputError(f"rho is shipped for the norms {', '.join(norms)}, not for {norm}")
    numbers = np.array([[float(cell) for cell in line[1:]] for line in lines if line[0] == norm])
    lower, upper = numbers[:, 2], numbers[:, 3]
    slack = np.array([Tolerances().slack(end) for end in upper.tolist()])
    numbers = numbers[(lower > 0.0) & (upper - lower <= slack)]
    whole = numbers[:, :2].astype(np.int64)
    return Proven(norm, whole[:, 0], whole[:, 1], numbers[:, 2], numbers[:, 3])

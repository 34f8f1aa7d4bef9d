"""The proven rho of images, by `rhobust rho`, in files of the package without images and models."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np

from ..compiler.base.arrays import Indices, Vector
from ..compiler.base.errors import InputError
from ..compiler.base.tolerances import Tolerances
from ..compiler.network.graph import Network
from ..data import Images


@dataclass(frozen=True, slots=True)
class Shipped:
    """A file of proven rho: lines of norm, index, label, lower and upper end.

    model: SHA-256 of the model's file that it was proven for; images: `fingerprint` of the images
    in it. model_told, images_told: where both are from, for who has others.
    """

    name: str
    file: str
    model: str
    images: str
    model_told: str
    images_told: str


DIGITS = Shipped(
    "digits",
    "digits_rho.csv",
    "2d42972c37eab2f7bce3297988f5fe3a2218621e5a4cdbadfdc61b7099e2dab4",
    "3a54f0ecf58b058e24ef305625fb10aaa296c4f0d8c7b8c3d64f3759fd988c80",
    "the embedded network",
    "the embedded images",
)
WK17A = Shipped(
    "WK17a",
    "wk17a_rho.csv",
    "41d8ddb104c1f38746a3d9c8d66dc084211aa7caf3244a31611cdfda22ab0827",
    "e58a3ed247f7165fc56e3a37b5e017487f865ac84ffb5d5621d67a8968982c6f",
    "the network of Wong and Kolter (2018) as MIPVerify has it, in ONNX",
    "the test images of MNIST, in their order",
)
SHIPPED = (DIGITS, WK17A)
"""To add one: its file in `rhobust/data/`, and its line here."""


@dataclass(frozen=True, eq=False)
class Proven:
    """index, label (N,): of images; lower, upper (N,): proven ends of their rho."""

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


def shipped(network: Network, images: Images) -> Shipped:
    """What ships for a network and images; raises InputError where it was proven for others."""
    known = next((one for one in SHIPPED if one.model == network.digest), None)
    if known is None:
        there = "; ".join(f"{one.name} ({one.model_told}, SHA-256 {one.model})" for one in SHIPPED)
        raise InputError(
            f"{network.path or network.name}: no rho ships for this model, whose SHA-256 is "
            f"{network.digest or 'not known'}; some ships for {there}"
        )
    index = sorted({int(line[1]) for line in _lines(known)})
    if index[-1] >= len(images) or fingerprint(images, index) != known.images:
        raise InputError(
            f"{images.source}: images {index[0]} to {index[-1]} are not those whose rho was proven "
            f"for {known.name}; give {known.images_told}"
        )
    return known


def fingerprint(images: Images, index: Sequence[int]) -> str:
    """SHA-256 over some images: index, label and numbers as the network sees them, one by one."""
    sha = hashlib.sha256()
    for one in index:
        sha.update(f"{one},{int(images.labels[one])}\n".encode())
        sha.update(images.vector(one).astype("<f8", copy=False).tobytes())
    return sha.hexdigest()


def proven(norm: str, known: Shipped = DIGITS) -> Proven:
    """The images whose rho is known exactly and is not 0; InputError for a norm without any."""
    lines = _lines(known)
    norms = list(dict.fromkeys(line[0] for line in lines))
    if norm not in norms:
        raise InputError(
            f"rho of {known.name} is shipped for the norms {', '.join(norms)}, not for {norm}"
        )
    numbers = np.array([[float(cell) for cell in line[1:]] for line in lines if line[0] == norm])
    lower, upper = numbers[:, 2], numbers[:, 3]
    slack = np.array([Tolerances().slack(end) for end in upper.tolist()])
    numbers = numbers[(lower > 0.0) & (upper - lower <= slack)]
    whole = numbers[:, :2].astype(np.int64)
    return Proven(norm, whole[:, 0], whole[:, 1], numbers[:, 2], numbers[:, 3])


def _lines(known: Shipped) -> list[list[str]]:
    """The cells of a file's lines, but for the first."""
    folder = resources.files(__package__).parent / "data"  # type: ignore[attr-defined]
    text = (folder / known.file).read_text(encoding="utf-8")
    return [line.split(",") for line in text.splitlines()[1:]]

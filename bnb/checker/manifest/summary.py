"""What all files of a manifest prove together, and whether it is what the manifest says."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Protocol

from ..arithmetic import Array, Refused, require
from ..statement import NORMS, digest
from ..verify import Checker
from .contents import File, Image, Manifest, Question

MOST_BYTES = 2**30
SHOWN = 10
"""Files that are named where more are refused."""


class Data(Protocol):
    """A data set, to be compared with what a manifest says of it."""

    def __len__(self) -> int: ...

    @property
    def labels(self) -> Array: ...

    def vector(self, index: int) -> Array:
        """An image as the network sees it, (D,) float64."""
        ...


@dataclass(frozen=True, slots=True)
class Summary:
    """says: what was proven; reasons: why it was not, first those of single images.

    compared: whether the data set itself was there to be compared.
    """

    accepted: bool
    says: tuple[str, ...]
    reasons: tuple[str, ...]
    proofs: int
    witnesses: int
    compared: bool
    seconds: float

    def text(self) -> str:
        """The verdict in the first line, then what was proven or what was not."""
        count = f"{self.proofs + self.witnesses:,} files, {self.seconds:.2f} s"
        if self.accepted:
            return "\n".join(["accepted", *self.says, count])
        shown = self.reasons[:SHOWN]
        more = len(self.reasons) - len(shown)
        rest = [f"and {more:,} more"] if more else []
        return "\n".join([f"refused: {shown[0]}", *shown[1:], *rest, count])


def check_file(checker: Checker, folder: Path, question: Question, image: Image, file: File) -> str:
    """Why a file does not prove its part, or "".

    It lies in the folder, has the bytes that the manifest names, and is accepted as a proof or a
    witness of the question for this very image and label.  Rule: part of a number.
    """
    try:
        path, inside = folder / file.name, folder.resolve()
        require(path.resolve().is_relative_to(inside), "is outside of the manifest's folder")
        require(path.is_file(), "is not there")
        require(path.stat().st_size <= MOST_BYTES, "is too large")
        data = path.read_bytes()
        require(sha256(data).hexdigest() == file.sha256, "is another: its SHA-256 differs")
    except (Refused, OSError, ValueError) as error:
        return str(error)
    expected = {
        "kind": file.kind, "model": question.model, "label": image.label, "targets": "any",
        "margin": question.margin, "eps": file.eps, "norm": question.norm, "image": image.sha256,
        "domain": list(question.domain),
    }  # fmt: skip
    report = checker.check(BytesIO(data), expected=expected)
    if report.accepted and report.claim["region"] == "empty":
        return "proves something of an empty region"
    return report.reason


def differences(manifest: Manifest, data: Data) -> list[str]:
    """In what a data set is not the one that a manifest speaks of.  Rule: same images."""
    if len(data) != manifest.count:
        return [f"the data set has {len(data):,} images, not {manifest.count:,}"]
    found = []
    for image in manifest.images:
        label = int(data.labels[image.index])
        if label != image.label:
            found.append(f"image {image.index}: has the label {label}, not {image.label}")
        elif digest(data.vector(image.index)) != image.sha256:
            found.append(f"image {image.index}: the data set has another")
    return found


def sentences(manifest: Manifest) -> tuple[str, ...]:
    """What the files prove if all are accepted, one sentence for each radius.

    A proof at a larger radius, and an input within a smaller one, count too.  Rule: number.
    """
    total, question = len(manifest.images), manifest.question
    of = "" if total == manifest.count else f" (of the data set's {manifest.count:,})"
    more = "" if question.margin == 0.0 else f", with a margin of {question.margin!r}"
    found = []
    for eps in question.eps:
        kept = sum(_has(image, "robust", eps) for image in manifest.images)
        lost = sum(_has(image, "witness", eps) for image in manifest.images)
        left = total - kept - lost
        number = f"{lost:,} to {lost + left:,}" if left else f"{lost:,}"
        undecided = f", {left:,} undecided" if left else ""
        found.append(
            f"{number} of {total:,} images{of} can lose their label at {eps!r} "
            f"({question.norm}){more}: {kept:,} proofs, {lost:,} witnesses{undecided}"
        )
    return tuple(found)


def _has(image: Image, kind: str, eps: float) -> bool:
    """Whether some file of an image tells what is so at a radius."""
    sign = 1.0 if kind == "robust" else -1.0
    return any(file.kind == kind and sign * (file.eps - eps) >= 0.0 for file in image.files)


def conclude(
    manifest: Manifest,
    refused: Sequence[tuple[Image, File, str]],
    data: Data | None,
    seconds: float,
) -> Summary:
    """The summary. refused: the files that `check_file` did not accept, with its reasons."""
    reasons = [f"image {image.index}: {file.name}: {why}" for image, file, why in refused]
    for image in manifest.images:
        ends = [[f.eps for f in image.files if f.kind == kind] for kind in ("robust", "witness")]
        if all(ends) and max(ends[0]) >= min(ends[1]):
            reasons.append(f"image {image.index}: a proof and a witness exclude each other")
    says = sentences(manifest)
    if manifest.says != says:
        reasons.append(f"the manifest says {' '.join(manifest.says)!r}, its files {says[0]!r}")
    if data is not None:
        reasons += differences(manifest, data)
    kinds = [file.kind for _, file in manifest.files]
    text = "\n".join(f"{one.index} {one.label} {one.sha256}" for one in manifest.images)
    told = [
        *(f"{sentence}; all accepted." for sentence in says),
        f"Norm: {NORMS[manifest.question.norm]}. Domain: {_domain(manifest.question)}. "
        f"Model: sha256 {manifest.question.model}.",
        f"Images: sha256 {sha256(text.encode()).hexdigest()} of their indices, labels and numbers, "
        + ("all those of the data set." if data is not None else "not compared with the data set."),
    ]
    return Summary(
        not reasons, tuple(told), tuple(reasons), kinds.count("robust"), kinds.count("witness"),
        data is not None, seconds,
    )  # fmt: skip


def _domain(question: Question) -> str:
    ends = [repr(float.fromhex(end)) if "0x" in end else end for end in question.domain]
    return " to ".join(ends)


def check_manifest(
    path: Path, manifest: Manifest, checker: Checker, data: Data | None = None
) -> Summary:
    """Checks one file after the other."""
    began, refused = time.perf_counter(), []
    for image, file in manifest.files:
        why = check_file(checker, path.parent, manifest.question, image, file)
        if why:
            refused.append((image, file, why))
    return conclude(manifest, refused, data, time.perf_counter() - began)

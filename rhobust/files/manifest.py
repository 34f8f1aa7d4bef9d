"""Writing one number about many images with all that proves it (docs/design/certificate.md)."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bnb.checker.arithmetic import Refused
from ..bnb.checker.manifest.contents import FORMAT, VERSION, Image, parsed, read_manifest
from ..bnb.checker.manifest.summary import sentences
from ..bnb.checker.statement import digest
from ..compiler.base.arrays import Vector
from ..compiler.base.errors import InputError
from ..compiler.network.graph import Network
from ..compiler.question.claim import Claim, Target
from .atomic import write_text
from .certificate import impossible
from .checkpoint import UNREADABLE
from .outputs import may_write
from .witness import write_witness

NAME = "manifest.json"
WITNESS = "{index}.witness.npz"
"""Name of the file of an image's witness; proofs are named by whoever writes them."""

Entry = dict[str, Any]


class Manifest:
    """The manifest of a folder that holds proofs, `folder/manifest.json`, while it is made.

    For each image of an evaluation, `add` its label, its proof's file and its witness; then
    `finish`, which writes the file. One that is there already and is about the same question is
    gone on with: images that are added again take the place of what it says of them.

    eps: the radii that sentences are about.  norm, domain, margin, target: as of `verify`.
    source, count: of the whole data set.  check: whether the checker has to accept witnesses.
    Raises InputError for a network that no certificate speaks of, for targets other than all, and
    for a folder with the manifest of another question, unless `overwrite` is set.
    """

    def __init__(
        self,
        folder: str | Path,
        network: Network,
        *,
        eps: Sequence[float],
        norm: str = "linf",
        domain: tuple[object, object] = (0.0, 1.0),
        margin: float = 0.0,
        target: Target = "any",
        source: str = "",
        count: int,
        check: bool = True,
        overwrite: bool = False,
    ) -> None:
        if impossible(network, margin):
            raise InputError(impossible(network, margin))
        if not (isinstance(target, str) and target == "any"):
            raise InputError(f"a manifest is about all targets, not {target!r}")
        self.folder, self.path, self.network = Path(folder), Path(folder) / NAME, network
        self.norm, self.domain, self.margin = norm, domain, float(margin)
        self.check, self.overwrite = check, overwrite
        may_write(self.path, "manifest", (network.path, *network.beside), overwrite)
        self._head = {
            "format": FORMAT, "version": VERSION,
            "model": {
                "file": os.path.relpath(network.path, self.folder), "sha256": network.digest,
            },
            "data": {"source": source, "count": count},
            "question": {
                "norm": norm, "eps": [float(one).hex() for one in sorted(set(eps))],
                "margin": self.margin.hex(), "domain": [_end(end) for end in domain],
            },
        }  # fmt: skip
        self._entries: dict[int, Entry] = {}
        if self.path.exists() and self.path.stat().st_size:
            self._go_on()

    def add(
        self,
        index: int,
        label: int,
        image: npt.ArrayLike,
        proof: str | Path | None = None,
        witness: npt.ArrayLike | None = None,
    ) -> str:
        """One image (D,) of the data set; returns why a file of it could not be taken in, or "".

        proof: a certificate in the folder, as `verify` and `rho` write it, or None.  witness: an
        input (D,) that loses the label, as they return it, or None: its file is written here.
        An image without either is undecided.
        """
        vector = np.asarray(image, dtype=np.float64).reshape(-1)
        entry: Entry = {"index": index, "label": label, "image": digest(vector), "files": []}
        missing = []
        if proof:
            missing.append(self._proof(entry, Path(proof)))
        if witness is not None:
            point = np.asarray(witness, dtype=np.float64).reshape(-1)
            missing.append(self._witness(entry, vector, point))
        self._entries[index] = entry
        return "; ".join(filter(None, missing))

    def __contains__(self, index: int) -> bool:
        """Whether it says something of an image."""
        return index in self._entries

    def file(self, index: int, kind: str) -> Path | None:
        """The proof ("robust") or the witness ("witness") that was taken in for an image."""
        for file in self._entries[index]["files"] if index in self else ():
            if file["kind"] == kind:
                return self.folder / str(file["file"])
        return None

    def finish(self) -> Path:
        """Writes the manifest, whole or not at all, and returns its path."""
        images = [self._entries[index] for index in sorted(self._entries)]
        full = {**self._head, "images": images, "says": []}
        full["says"] = list(sentences(parsed(full)))
        lines = ",\n  ".join(json.dumps(image) for image in images)
        rest = json.dumps({name: item for name, item in full.items() if name != "images"}, indent=1)
        write_text(self.path, f'{rest[:-2]},\n "images": [\n  {lines}\n ]\n}}\n')
        return self.path

    def _go_on(self) -> None:
        """Takes over what a manifest of the same question says."""
        try:
            before = read_manifest(self.path)
        except (Refused, OSError) as error:
            if self.overwrite:
                return
            raise InputError(f"{self.path}: cannot be gone on with: {error}") from error
        mine = parsed({**self._head, "images": [], "says": []})
        if (before.question, before.count) != (mine.question, mine.count):
            if self.overwrite:
                return
            raise InputError(
                f"{self.path}: is about another question; name another folder, or allow it by "
                "--overwrite (overwrite=True)"
            )
        self._entries = {image.index: _entry(image) for image in before.images}

    def _proof(self, entry: Entry, path: Path) -> str:
        try:
            inside = path.resolve().relative_to(self.folder.resolve())
        except ValueError:
            return f"{path} is not in the folder of the manifest"
        try:
            data = path.read_bytes()
            with zipfile.ZipFile(path) as archive, archive.open("header.npy") as stream:
                claim = json.loads(np.lib.format.read_array(stream).tobytes())["claim"]
            if claim["kind"] == "witness":
                return ""  # which is told as one
            fits = claim["kind"] == "robust" and claim["label"] == entry["label"]
        except UNREADABLE as error:
            return f"{path} cannot be read: {error}"
        if not fits:
            return f"{path} is no proof about the label {entry['label']}"
        self._put(entry, inside.as_posix(), data, "robust", claim["eps"])
        return ""

    def _witness(self, entry: Entry, image: Vector, point: Vector) -> str:
        claim = Claim.make(
            self.network, image, entry["label"], "any", self.margin, self.domain, self.norm, 0.0
        )
        distance = claim.region.distance(point)
        name = WITNESS.format(index=entry["index"])
        path = self.folder / name
        known = self._entries.get(entry["index"], {"image": "", "label": -1, "files": []})
        same = (known["image"], known["label"]) == (entry["image"], entry["label"])
        for file in known["files"] if same else []:
            if file["kind"] == "witness" and file["eps"] == float(distance).hex():
                if _sha(path) == file["sha256"]:
                    entry["files"].append(file)
                    return ""
        missing = write_witness(path, claim.within(distance), point, self.check, self.overwrite)
        if not missing:
            self._put(entry, name, path.read_bytes(), "witness", float(distance).hex())
        return missing

    @staticmethod
    def _put(entry: Entry, name: str, data: bytes, kind: str, eps: str) -> None:
        sha = hashlib.sha256(data).hexdigest()
        entry["files"].append({"file": name, "sha256": sha, "kind": kind, "eps": eps})


def _end(end: object) -> str:
    """An end of the domain: one number, or the SHA-256 of those of all inputs."""
    values = np.asarray(end, dtype=np.float64).reshape(-1)
    return float(values[0]).hex() if np.all(values == values[0]) else digest(values)


def _entry(image: Image) -> Entry:
    files = [
        {"file": one.name, "sha256": one.sha256, "kind": one.kind, "eps": one.eps.hex()}
        for one in image.files
    ]
    return {"index": image.index, "label": image.label, "image": image.sha256, "files": files}


def _sha(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""

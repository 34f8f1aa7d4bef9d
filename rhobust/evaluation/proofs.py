"""The manifest of an evaluation's proofs and witnesses, made while images are finished."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..compiler.network.graph import Network
from ..data import Images
from ..files.manifest import Manifest
from ..store.record import Record
from .asked import Asked
from .plan import Options


class Proofs:
    """Takes in what finished images have, where a folder for certificates is given.

    There is no manifest where no radius is asked for, or one target among all alone.
    Raises InputError where the folder has the manifest of another question.
    """

    def __init__(self, options: Options, network: Network, images: Images, asked: Asked) -> None:
        self.images, self.manifest = images, None
        if options.certificates is None or not asked.eps or asked.target != "any":
            return
        self.manifest = Manifest(
            options.certificates, network, eps=asked.eps, norm=asked.norm, domain=asked.domain,
            margin=asked.margin, source=images.source, count=len(images), check=options.check,
            overwrite=options.overwrite,
        )  # fmt: skip

    def keep(self, record: Record) -> Record:
        """Takes in one image; returns its record, which names the file of a witness, too."""
        if self.manifest is None:
            return record
        index, image = record.index, self.images.vector(record.index)
        missing = self.manifest.add(
            index, record.label, image, record.certificate or None, record.witness
        )
        witness = self.manifest.file(index, "witness")
        if missing and not record.uncertified:
            record = replace(record, uncertified=missing)
        if record.certificate or record.uncertified or witness is None:
            return record
        return replace(record, certificate=str(witness))

    def finish(self, records: Iterable[Record]) -> None:
        """Writes the manifest; images that earlier runs finished are taken in where it has none."""
        if self.manifest is None:
            return
        for record in records:
            if record.index not in self.manifest:
                self.keep(record)
        self.manifest.finish()

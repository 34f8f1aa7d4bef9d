"""Finished images, each made a record and kept: with its proofs, and in the store."""

from __future__ import annotations

from dataclasses import dataclass

from ..compiler.base.errors import Contradiction
from ..compiler.base.evidence import withdrawn
from ..data import Images
from ..store import Store
from ..store.record import Record, Run
from .asked import Asked, Keys
from .image.known import Known
from .proofs import Proofs


@dataclass
class Keeping:
    """Keeps what is known of finished images under one question, which `run` says."""

    images: Images
    asked: Asked
    keys: Keys
    proofs: Proofs
    store: Store | None
    run: Run

    def claim(self, index: int, label: int) -> str:
        """The key of what is claimed of an image."""
        return self.keys.claim(self.images.digest(index), label)

    def begin(self, known: Known) -> None:
        """Tells `known` what the store has about its claim, of whatever run."""
        if self.store is None:
            return
        try:
            known.learn(self.store.known(self.claim(known.index, known.label)))
        except Contradiction as found:
            withdrawn(found, image=known.name)
            known.withdraw()

    def record(self, known: Known, reason: str = "timeout") -> Record:
        """What is known as a record. reason: of radii of which nothing else is said."""
        return known.record(self.asked, self.images.vector(known.index), reason)

    def keep(self, known: Known) -> Record:
        """Keeps an image; what excludes an earlier answer withdraws both."""
        record = self.proofs.keep(self.record(known))
        if self.store is None:
            return record
        digest = self.images.digest(known.index)
        key = self.keys.answer(digest, known.label)
        claim = self.keys.claim(digest, known.label)
        try:
            return self.store.keep(self.run, record, key=key, claim=claim)
        except Contradiction as found:
            withdrawn(found, image=known.name, question=dict(self.run.question))
        known.withdraw()
        record = self.proofs.keep(self.record(known))
        return self.store.keep(self.run, record, key=key, claim=claim, withdraw=True)

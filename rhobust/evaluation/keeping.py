"""Finished images, each made a record and kept: with its proofs, and in the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

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

    def begin(self, claims: Mapping[str, Known]) -> set[int]:
        """Tells what is known of each claim what the store has about it, of whatever run.

        Returns the images of which it has what a first pass of this run found out.
        """
        if self.store is None:
            return set()
        for claim, records in self.store.known(list(claims)):
            _learn(claims[claim], partial(claims[claim].learn, records))
        before = self.store.looked(self.run)
        found: set[int] = set()
        for known in claims.values():
            if known.index in before and not known.withdrawn:
                _learn(known, partial(known.go_on, before[known.index]))
                found.add(known.index)
        return found

    def look(self, known: Known) -> None:
        """Keeps what the first pass found out of an image that it left open."""
        if self.store is not None:
            self.store.look(self.run, known.looked())

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


def _learn(known: Known, learn: Callable[[], None]) -> None:
    """Stored answers that exclude each other are withdrawn."""
    try:
        learn()
    except Contradiction as found:
        withdrawn(found, image=known.name)
        known.withdraw()

"""Hands images to workers and keeps what they find: the one writer of an evaluation."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ..clock import Interrupted, check_timeout
from ..compiler.base.arrays import Matrix
from ..compiler.network.graph import Network
from ..data import Images
from ..store import Store
from ..store.record import Record, Run
from ..workers import LOST, open_workers
from .asked import Asked, Keys
from .described import card, data_card, environment, now
from .image.known import Known
from .image.labels import BATCH, predicted
from .image.passes import FAILED, Ended, Job
from .image.setup import setup
from .keeping import Keeping
from .plan import (
    Options,
    check_certificates,
    check_images,
    chosen,
    lacks_certificate,
    plan,
)
from .proofs import Proofs
from .result import Evaluation
from .tasks import Tasks

log = logging.getLogger("rhobust")


@dataclass(frozen=True, slots=True)
class Step:
    """One image is finished. stage: 1 while all images are looked at, 2 while searches go on."""

    record: Record
    done: int
    total: int
    stage: int


def nobody(step: Step) -> None:
    """Progress for those who do not look."""


class Coordinator:
    """One evaluation. Raises InputError for what does not fit together, before any work."""

    def __init__(
        self,
        network: Network,
        images: Images,
        asked: Asked,
        options: Options,
        *,
        index: Sequence[int] | None,
        total_timeout: float | None,
        store: Store | None,
        workers: int | str | Executor,
        labelled: bool,
    ) -> None:
        images = images.fitted(network)  # a vector does not tell how its numbers are arranged
        self.network, self.images, self.asked, self.options = network, images, asked, options
        self.store, self.spec = store, workers
        self.progress: Callable[[Step], None] = nobody
        self.together: Callable[[], AbstractContextManager[None]] = nullcontext
        self.limit = check_timeout(total_timeout)
        indices = chosen(index, images)
        self.predicted: dict[int, int] = {}
        if not labelled:
            for at in range(0, len(indices), BATCH):
                some = indices[at : at + BATCH]
                given = predicted(network, self._points(some))
                self.predicted.update(zip(some, given, strict=True))
        self.labels = {
            one: int(images.labels[one]) if labelled else self.predicted[one] for one in indices
        }
        # an image whose label is the only target has no question
        indices = tuple(one for one in indices if asked.target_of(self.labels[one]))
        if asked.smoothing is not None:
            smoothing = asked.smoothing.fitted(images, indices)
            self.asked = asked = replace(asked, smoothing=smoothing)
        check_images(network, images, indices, self.labels, asked)
        check_certificates(options, network, indices)
        self.proofs = Proofs(options, network, images, asked)
        keys = Keys.of(asked, network)
        data = data_card(images)
        told = f"{data['digest']}" if labelled else f"{data['digest']} without labels"
        self.run = Run(
            keys.run(told), asked.question(network), card(network), data, indices, now(),
            options.command, environment(),
        )  # fmt: skip
        self.plan = plan(indices, asked, options, store, self.run)
        self.run = replace(self.run, indices=self.plan.indices)
        self.keeping = Keeping(images, asked, keys, self.proofs, store, self.run)
        self.records: dict[int, Record] = dict(self.plan.finished)
        self.known: dict[int, Known] = {}
        self.twins: dict[int, list[int]] = {}
        self.reason, self.stage, self.end = "", 1, float("inf")

    def work(
        self,
        progress: Callable[[Step], None] = nobody,
        together: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Evaluation:
        """Asks what is to be asked; raises `Interrupted` with what is finished after Ctrl-C.

        progress: is told of each finished image. together: within it an image is kept, told and
        counted, so that an interruption comes before or after all three.
        """
        self.progress, self.together = progress, together
        self.end = time.time() + self.limit
        try:
            if self.store is not None and self.plan.indices:
                self.store.begin(self.run)
            log.info(
                "run %s: %d images, %d of them answered, %d to ask", self.run.id,
                len(self.plan.indices), len(self.plan.finished), len(self.plan.asked),
            )  # fmt: skip
            if self.plan.asked:
                self._ask()
        except KeyboardInterrupt:
            self.reason = "interrupted"
            with self.together():
                self.proofs.finish(self.records.values())
            raise Interrupted(self._evaluation()) from None
        self.proofs.finish(self.records.values())
        return self._evaluation()

    def _ask(self) -> None:
        alone = self.spec == 1 and not isinstance(self.spec, bool)
        made = setup(self.network, alone, self.options.trust_pickle)
        with open_workers(self.spec, made) as workers:
            tasks = Tasks(workers, self.end, self._job, self._taken, self._failed)
            new = [index for index in self.plan.asked if index not in self.predicted]
            here = partial(predicted, self.network)
            self.predicted |= tasks.labels(new, self._points, here)
            firsts, looked = self._begun()
            log.info("%d images are looked at, and %d were before", len(firsts), len(looked))
            tasks.first(firsts)
            self.stage = 2
            # first those that are most nearly decided, by the cheap bounds, of those that are open
            left = [index for index in firsts + looked if index not in self.records]
            left.sort(key=self._order)
            log.info("all images were looked at, and %d are left to search", len(left))
            tasks.second(left)
            if tasks.late:
                self.reason = "timeout"

    def _order(self, index: int) -> tuple[bool, float, int]:
        known, asked = self.known[index], self.plan.asked[index]
        decided = not known.open(asked) and not (asked.rho and not known.narrow())
        return decided, -known.hardness, index

    def _begun(self) -> tuple[list[int], list[int]]:
        """Begins with what is stored; returns the images to look at, one of each claim, and those
        that an earlier evaluation has looked at, and left open.
        """
        first_of: dict[str, int] = {}
        for index in self.plan.asked:
            known = Known(index, self.images.name(index), self.labels[index], self.predicted[index])
            self.known[index] = known
            one = first_of.setdefault(self.keeping.claim(index, known.label), index)
            if one != index:
                self.twins.setdefault(one, []).append(index)
        firsts = list(first_of.values())
        if not self.plan.learns:
            return firsts, []
        looked = self.keeping.begin({claim: self.known[one] for claim, one in first_of.items()})
        for one in firsts:
            if not self.options.has(self.known[one].certificate):
                self.known[one].certificate = ""
        return [one for one in firsts if one not in looked], sorted(looked)

    def _points(self, indices: Sequence[int]) -> Matrix:
        """Images (B, D), as the network sees them."""
        return np.stack([self.images.vector(index) for index in indices])

    def _job(self, index: int) -> Job:
        return Job(
            self.known[index], self.images.vector(index), self.plan.asked[index],
            self.options.certificate(index), self.options.check, self.options.overwrite,
        )  # fmt: skip

    def _taken(self, ended: Ended) -> None:
        """What a pass found out of one image, which may finish it; the second pass does."""
        known = ended.known
        self.known[known.index] = known
        asked = self.plan.asked[known.index]
        complete = known.withdrawn or (known.done(asked) and not self._uncertified(known, asked))
        if ended.cut:
            self.reason = "timeout"
        elif complete or self.stage == 2:
            self._finish(known)
        elif self.plan.learns and not known.failed:
            with self.together():
                self.keeping.look(known)

    def _failed(self, index: int, error: str) -> None:
        known = self.known[index]
        for eps in self.asked.eps:
            known.effort(eps).reason = error if error == LOST else FAILED
        self._finish(known)

    def _uncertified(self, known: Known, asked: Asked) -> bool:
        return lacks_certificate(known.record(asked, None), self.options)

    def _finish(self, known: Known) -> None:
        """Keeps an image, and those that are the same."""
        for index in (known.index, *self.twins.get(known.index, ())):
            with self.together():
                record = self.keeping.keep(self._same(known, index))
                self.records[index] = record
                verdicts = [str(one.verdict) for one in record.decisions]
                log.debug("image %s: %s", record.name, verdicts)
                count = len(self.plan.indices)
                self.progress(Step(record, len(self.records), count, self.stage))

    def _same(self, known: Known, index: int) -> Known:
        """What is known of an image, as that of another one with the same claim."""
        return replace(known, index=index, name=self.images.name(index))

    def _evaluation(self) -> Evaluation:
        missing = [index for index in self.plan.indices if index not in self.records]
        reason = self.reason if missing else ""
        asked_as = {twin: one for one, twins in self.twins.items() for twin in twins}
        found = dict(self.records)
        for index in missing:
            if index in self.known:
                known = self._same(self.known[asked_as.get(index, index)], index)
                found[index] = self.keeping.record(known, reason or "timeout")
        records = tuple(found[index] for index in self.plan.indices if index in found)
        return Evaluation(records, self.run, reason, frozenset(missing))

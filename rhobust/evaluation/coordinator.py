"""Hands images to workers and keeps what they find: the one writer of an evaluation."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from ..clock import Interrupted, check_timeout
from ..compiler.base.errors import Contradiction, InputError
from ..compiler.base.evidence import withdrawn
from ..compiler.network.graph import Network
from ..data import Images
from ..store import Store
from ..store.record import Record, Run
from ..workers import Done, Workers, open_workers
from .asked import Asked, Keys
from .described import card, data_card, environment, now
from .known import Known
from .passes import FAILED, Ended, Job, first_pass, second_pass
from .plan import (
    Options,
    check_certificates,
    check_images,
    chosen,
    lacks_certificate,
    plan,
    predictions,
)
from .proofs import Proofs
from .result import Evaluation
from .session import setup

log = logging.getLogger("rhobust")

FIRST = 16
"""Images of one task of the first pass."""

LOOK = 1.0
"""Seconds between looks at the clock while workers are busy."""


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
            self.predicted = dict(predictions(network, images, indices))
        self.labels = {
            one: int(images.labels[one]) if labelled else self.predicted[one] for one in indices
        }
        # an image whose label is the only target has no question
        indices = tuple(one for one in indices if asked.target_of(self.labels[one]))
        check_images(network, images, indices, self.labels, asked)
        check_certificates(options, network, indices)
        self.proofs = Proofs(options, network, images, asked)
        self.keys = Keys.of(asked, network)
        data = data_card(images)
        told = f"{data['digest']}" if labelled else f"{data['digest']} without labels"
        self.run = Run(
            self.keys.run(told), asked.question(network), card(network), data, indices, now(),
            options.command, environment(),
        )  # fmt: skip
        self.plan = plan(indices, asked, options, store, self.run)
        self.run = replace(self.run, indices=self.plan.indices)
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
        for index, label in predictions(self.network, self.images, list(self.plan.asked)):
            self.predicted[index] = label
        firsts = self._begun()
        alone = self.spec == 1 and not isinstance(self.spec, bool)
        made = setup(self.network, alone, self.options.trust_pickle)
        with open_workers(self.spec, made) as workers:
            self._first(workers, firsts)
            self.stage = 2
            missing = sum(index not in self.records for index in self.plan.asked)
            log.info("all images were looked at, and %d are left to search", missing)
            self._second(workers)

    def _begun(self) -> list[int]:
        """Begins with what is stored; returns the images to look at, one of each claim."""
        first_of: dict[str, int] = {}
        for index in self.plan.asked:
            known = Known(index, self.images.name(index), self.labels[index], self.predicted[index])
            self.known[index] = known
            claim = self._claim(index)
            if claim in first_of:
                self.twins.setdefault(first_of[claim], []).append(index)
                continue
            first_of[claim] = index
            if self.store is not None and self.plan.learns:
                try:
                    known.learn(self.store.known(claim))
                    if not self.options.has(known.certificate):
                        known.certificate = ""
                except Contradiction as found:
                    withdrawn(found, image=known.name)
                    known.withdraw()
        return list(first_of.values())

    def _claim(self, index: int) -> str:
        return self.keys.claim(self.images.digest(index), self.labels[index])

    def _job(self, index: int) -> Job:
        return Job(
            self.known[index], self.images.vector(index), self.plan.asked[index],
            self.options.certificate(index), self.options.check, self.options.overwrite,
        )  # fmt: skip

    def _first(self, workers: Workers, indices: Sequence[int]) -> None:
        parts = [tuple(indices[at : at + FIRST]) for at in range(0, len(indices), FIRST)]
        waiting = deque(parts)

        def tasks() -> Iterator[tuple[Hashable, Callable[..., object], tuple[object, ...]]]:
            while waiting:
                part = waiting.popleft()
                jobs = [self._job(index) for index in part]
                yield part, first_pass, (jobs, self.end)

        def take(done: Done) -> None:
            assert isinstance(done.key, tuple)
            if done.error and len(done.key) > 1:
                waiting.extend((index,) for index in done.key)  # whose fault was it?
            elif done.error:
                self._failed(done.key[0], done.error)
            else:
                for ended in done.value:
                    self._take(ended, last=False)

        self._drive(workers, tasks, take)

    def _second(self, workers: Workers) -> None:
        """The images left, those first that are most nearly decided."""
        firsts = {twin for twins in self.twins.values() for twin in twins}
        left = [index for index in self.known if index not in self.records and index not in firsts]
        left.sort(key=lambda index: (-self.known[index].hardness, index))
        waiting = deque(left)

        def tasks() -> Iterator[tuple[Hashable, Callable[..., object], tuple[object, ...]]]:
            while waiting:
                index = waiting.popleft()
                yield index, second_pass, (self._job(index), self.end)

        def take(done: Done) -> None:
            assert isinstance(done.key, int)
            if done.error:
                self._failed(done.key, done.error)
            else:
                self._take(done.value, last=True)

        self._drive(workers, tasks, take)

    def _drive(
        self,
        workers: Workers,
        tasks: Callable[[], Iterator[tuple[Hashable, Callable[..., object], tuple[object, ...]]]],
        take: Callable[[Done], None],
    ) -> None:
        """Submits tasks a few at a time, for their order and the time left may still change."""
        while True:
            coming = tasks()
            while workers.unfinished < workers.ahead:
                if time.time() >= self.end:
                    self.reason = "timeout"
                    break
                task = next(coming, None)
                if task is None:
                    break
                key, function, arguments = task
                workers.submit(key, function, *arguments)
            if not workers.unfinished:
                return
            done = workers.next(LOOK)
            if done is not None:
                take(done)

    def _failed(self, index: int, error: str) -> None:
        known = self.known[index]
        if error.startswith("InputError: "):
            raise InputError(error.removeprefix("InputError: "))
        for eps in self.asked.eps:
            known.effort(eps).reason = error if "lost" in error else FAILED
        self._finish(known)

    def _take(self, ended: Ended, last: bool) -> None:
        """What a pass found out of one image, which may finish it."""
        known = ended.known
        self.known[known.index] = known
        asked = self.plan.asked[known.index]
        complete = known.withdrawn or (known.done(asked) and not self._uncertified(known, asked))
        if ended.cut:
            self.reason = "timeout"
        elif complete or last:
            self._finish(known)

    def _uncertified(self, known: Known, asked: Asked) -> bool:
        return lacks_certificate(known.record(asked, None), self.options)

    def _finish(self, known: Known) -> None:
        for index in (known.index, *self.twins.get(known.index, ())):
            with self.together():
                self._keep(replace(known, index=index, name=self.images.name(index)))

    def _keep(self, known: Known) -> None:
        index, image = known.index, self.images.vector(known.index)
        record = self.proofs.keep(known.record(self.asked, image))
        if self.store is not None:
            digest = self.images.digest(index)
            key = self.keys.answer(digest, known.label)
            claim = self.keys.claim(digest, known.label)
            try:
                record = self.store.keep(self.run, record, key=key, claim=claim)
            except Contradiction as found:
                withdrawn(found, image=known.name, question=dict(self.run.question))
                known.withdraw()
                record = self.proofs.keep(known.record(self.asked, image))
                self.store.keep(self.run, record, key=key, claim=claim, withdraw=True)
        self.records[index] = record
        log.debug("image %s: %s", record.name, [str(one.verdict) for one in record.decisions])
        self.progress(Step(record, len(self.records), len(self.plan.indices), self.stage))

    def _evaluation(self) -> Evaluation:
        found: list[Record] = []
        missing = [index for index in self.plan.indices if index not in self.records]
        reason = self.reason if missing else ""
        asked_as = {twin: one for one, twins in self.twins.items() for twin in twins}
        for index in self.plan.indices:
            if index in self.records:
                found.append(self.records[index])
            elif index in self.known:
                same = self.known[asked_as.get(index, index)]
                known = replace(same, index=index, name=self.images.name(index))
                image = self.images.vector(index)
                found.append(known.record(self.asked, image, reason or "timeout"))
        return Evaluation(tuple(found), self.run, reason, frozenset(missing))

"""What an evaluation has to ask: images without stored answers, and those a policy asks again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..compiler.base.errors import InputError
from ..compiler.network.graph import Network
from ..data import Images
from ..files.outputs import may_write
from ..results import Verdict
from ..store import Store
from ..store.record import Record, Run
from .asked import Asked
from .policies import policy_of


@dataclass(frozen=True, slots=True)
class Options:
    """How stored answers and certificates are dealt with; see `evaluate`.

    command: what repeats the run.
    """

    rerun: str = "never"
    only_new: bool = False
    certificates: Path | None = None
    check: bool = True
    overwrite: bool = False
    command: str = ""
    trust_pickle: bool = False

    def certificate(self, index: int) -> str:
        """The file of an image's proof, "" where none is asked for."""
        return "" if self.certificates is None else str(self.certificates / f"{index}.npz")

    def has(self, certificate: str) -> bool:
        """Whether a file of a stored answer is there, in the folder that is asked for."""
        if self.certificates is None or not certificate:
            return False
        path = Path(certificate)
        return path.parent.resolve() == self.certificates.resolve() and path.is_file()


def chosen(index: Sequence[int] | None, images: Images) -> tuple[int, ...]:
    """The images that are asked for, each once and in order; raises InputError."""
    count = len(images)
    wanted = range(count) if index is None else sorted({int(one) for one in index})
    if not len(wanted):
        raise InputError(f"no image of {images.source} is asked for")
    if wanted[0] < 0 or wanted[-1] >= count:
        raise InputError(f"image {wanted[-1]} is outside {images.source}, which has {count}")
    return tuple(wanted)


def check_images(
    network: Network,
    images: Images,
    indices: Sequence[int],
    labels: Mapping[int, int],
    asked: Asked,
) -> None:
    """That each image makes a claim: values inside the domain, label, target, margin."""
    first: dict[int, int] = {}
    low, high = (np.asarray(end, dtype=np.float64).reshape(-1) for end in asked.domain)
    if not indices:
        raise InputError(f"{images.source}: the target is the label of every image asked for")
    for index in indices:
        values = images.vector(index)
        if not ((low <= values) & (values <= high)).all():  # NaN too
            raise InputError(
                f"{images.source}: image {index} has values outside the domain; scale it, or give "
                "another domain"
            )
        first.setdefault(labels[index], index)
    for label, index in first.items():
        try:
            asked.claim(network, images.vector(index), label)
        except InputError as error:
            raise InputError(f"{images.source}: image {index}: {error}") from error


def check_certificates(options: Options, network: Network, indices: Sequence[int]) -> None:
    """That proofs can be written, each in a file of its own; makes their folder."""
    if options.certificates is None:
        return
    if network.unfiled:
        raise InputError(network.unfiled)
    try:
        options.certificates.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{options.certificates}: cannot be made: {error.strerror}") from error
    for index in indices:
        may_write(
            Path(options.certificate(index)), "certificate", (network.path, *network.beside),
            options.overwrite,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """indices: what the evaluation tells of. finished: stored answers that it tells; asked: what
    is asked of each other image. again: those of them that have stored answers.
    """

    indices: tuple[int, ...]
    finished: Mapping[int, Record]
    asked: Mapping[int, Asked]
    learns: bool
    again: frozenset[int] = frozenset()


def plan(
    indices: tuple[int, ...], asked: Asked, options: Options, store: Store | None, run: Run
) -> Plan:
    """Which images are asked what, after a policy; see `policies`."""
    policy = policy_of(options.rerun)
    if store is None:
        if options.rerun != "never" or options.only_new:
            raise InputError("rerun and only_new speak of stored answers; name a store")
        return Plan(indices, {}, dict.fromkeys(indices, asked), False)
    stored = {record.index: record for record in store.records(run)}
    if policy.elsewhere is not None:
        others = _elsewhere(store, run)
        indices = tuple(one for one in indices if policy.elsewhere(others.get(one)))
    if options.only_new:
        indices = tuple(one for one in indices if one not in stored)
    finished: dict[int, Record] = {}
    wanted: dict[int, Asked] = {}
    for index in indices:
        record = stored.get(index)
        if record is None:
            wanted[index] = asked
        elif policy.asks(record, asked.rho):
            wanted[index] = replace(asked, rho=asked.rho or policy.measures)
        elif lacks_certificate(record, options) or lacks_radius(record, asked, options):
            wanted[index] = asked
        else:
            finished[index] = record
    again = frozenset(stored) & frozenset(wanted)
    return Plan(indices, finished, wanted, policy.learns, again)


def lacks_certificate(record: Record, options: Options) -> bool:
    """Whether a proof is asked for that was not written, though there is something proven."""
    if options.certificates is None or record.uncertified or options.has(record.certificate):
        return False
    return any(one.verdict is Verdict.ROBUST for one in record.decisions)


def lacks_radius(record: Record, asked: Asked, options: Options) -> bool:
    """Whether a certified radius is asked for again that there was no time for."""
    missing = asked.smoothing is not None and record.certified_radius is None
    return missing and options.rerun == "undecided"


def _elsewhere(store: Store, run: Run) -> dict[int, Record]:
    """The answers of the last run about the same model and images with another target."""
    same = [
        one
        for one in store.runs()
        if one.question.get("model") == run.question["model"]
        and one.data.get("digest") == run.data["digest"]
        and one.question.get("target") != run.question["target"]
    ]
    if not same:
        raise InputError(
            f"{store.where}: holds no run of this model and these images with another target"
        )
    return {record.index: record for record in store.records(same[-1])}

"""Writing what a search proved as one file; its form is docs/design/certificate.md."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..bnb.certificate.encode import Arrays, NotProvable, part
from ..bnb.certificate.lean import lighter
from ..bnb.certificate.recorder import Recorder
from ..bnb.checker.arithmetic import NOT_CLOSED, OUT_OF_TIME
from ..compiler.base.errors import InputError
from ..compiler.network.graph import Network
from ..compiler.problem import Problem
from ..compiler.question.claim import Claim
from .atomic import pack, save, write_bytes
from .outputs import may_write

if TYPE_CHECKING:
    from ..bnb.check import Checker

FORMAT, VERSION = "rhobust-certificate", 1
MOST_EXACT = 2_000_000
"""Weights of a network whose certificate is checked again in exact arithmetic."""
EXACT_SECONDS = 60.0
"""For which that is tried, at most; `rhobust check --exact` takes as long as it takes."""

LEAN_SECONDS = 2.0
"""For which a certificate is tried without parts that it may not need, at most."""


class Certificate:
    """A certificate while it comes into being: one recorder for each part.

    path: where it is to be written, checked at once, see `outputs.may_write`.  check: whether the
    checker has to accept a certificate before it is written.  inputs: files besides the network's
    own that it must not replace.  Raises InputError for a network that was not read from an ONNX
    file, which is all a checker reads, and for a path that cannot be.
    """

    def __init__(
        self,
        path: str | Path,
        network: Network,
        check: bool = True,
        inputs: Sequence[str | Path | None] = (),
        overwrite: bool = False,
    ) -> None:
        self.path, self.check = Path(path), check
        if network.unfiled:
            raise InputError(network.unfiled)
        may_write(self.path, "certificate", (network.path, *network.beside, *inputs), overwrite)
        self.network = network
        self.unread = unread(network)
        self._parts: list[tuple[Recorder, int | None]] = []

    def part(self, problem: Problem, output: int | None) -> Recorder | None:
        """The recorder of the next part, None where no checker could read what it notes.

        output: the stage that is the network's output, None where the question has none.
        """
        if self.unread:
            return None
        recorder = Recorder(problem)
        self._parts.append((recorder, output))
        return recorder

    def restart(self) -> None:
        """Forgets what was noted, for another search of the same question."""
        self._parts = []

    def impossible(self, margin: float = 0.0) -> str:
        """Why no certificate can speak of such questions, or ""."""
        return impossible(self.network, margin)

    def robust(self, claim: Claim, stop: Callable[[], bool]) -> str:
        """Writes that a claim holds; returns what prevented it, or "".

        stop: whether the time is up, which ends the checker's work.
        """
        if self.impossible(claim.margin):
            return self.impossible(claim.margin)
        near = claim.region
        header = {
            "kind": "robust", "label": claim.label, "targets": list(claim.targets),
            "margin": claim.margin.hex(), "eps": float(near.eps).hex(), "norm": str(near.norm),
        }  # fmt: skip
        arrays = {"image": claim.image, "domain_low": near.lower, "domain_high": near.upper}
        return self._write(header, arrays, stop)

    def unsat(self, text: str, stop: Callable[[], bool]) -> str:
        """Writes that nothing satisfies a VNN-LIB text; returns what prevented it, or ""."""
        data = text.encode()
        header = {"kind": "property", "sha256": hashlib.sha256(data).hexdigest()}
        return self._write(header, {"text": np.frombuffer(data, dtype=np.uint8)}, stop)

    def _write(self, claim: dict[str, Any], arrays: Arrays, stop: Callable[[], bool]) -> str:
        if self.impossible():
            return self.impossible()
        parts, full = [], dict(arrays)
        for number, (recorder, output) in enumerate(self._parts):
            try:
                entry, own = part(recorder, output, self.network.output_size)
            except NotProvable as reason:
                return str(reason)
            parts.append(entry)
            full |= {f"p{number}/{name}": array for name, array in own.items()}
        header = {
            "format": FORMAT, "version": VERSION,
            "model": {"name": self.network.name, "sha256": self.network.digest},
            "claim": claim, "parts": parts,
        }  # fmt: skip
        if not self.check:
            save(self.path, full | _stored(header))
            return ""
        try:
            checker = checker_of(self.network.path, self.network.digest)
        except Exception as error:  # of the system, onnx or the checker
            return f"the checker cannot read the model: {error}"
        whole = full | _stored(header)
        if len(parts) == 1 and self._lean(checker, whole, stop):
            return ""
        missing = self._accepted(checker, whole, stop)
        if NOT_CLOSED in missing and checker.model.weights <= MOST_EXACT:
            # by float64's error bounds, which a tie, or nearly one, lies within
            end, whole = time.monotonic() + EXACT_SECONDS, full | _stored(header | {"exact": True})
            exact = self._accepted(checker, whole, lambda: stop() or time.monotonic() > end)
            missing = missing if exact == OUT_OF_TIME else exact
        if missing == OUT_OF_TIME:
            return "proven, but the time was up before the checker had accepted the certificate"
        return missing and f"the checker refuses it: {missing}"

    def _lean(self, checker: Checker, whole: Arrays, stop: Callable[[], bool]) -> bool:
        """Whether it was written without something that its proof does not need."""
        end = time.monotonic() + LEAN_SECONDS

        def late() -> bool:
            return stop() or time.monotonic() > end

        forms = lighter(whole, "p0/")
        return any(not late() and not self._accepted(checker, form, late) for form in forms)

    def _accepted(self, checker: Checker, arrays: Arrays, stop: Callable[[], bool]) -> str:
        """Writes a certificate that the checker accepts; returns why it does not, or ""."""
        file = BytesIO()
        pack(file, arrays)
        report = checker.check(file, stop=stop)
        if report.accepted:
            write_bytes(self.path, file.getvalue())
        return report.reason


def unread(network: Network) -> set[str]:
    """The kinds of a network's layers that no checker reads."""
    layers = [network.layer(node) for node in network.order[1:]]
    return {layer.kind for layer in layers if not layer.continuous}


def impossible(network: Network, margin: float = 0.0) -> str:
    """Why no certificate can speak of a network and a margin, or ""."""
    if network.unfiled:
        return network.unfiled
    if unread(network):
        named = ", ".join(sorted(unread(network)))
        return f"certificates speak of continuous layers alone, not of {named}"
    if margin and network.ordered:
        return (
            "a margin speaks of more than the order of the outputs, which is all that a "
            "softmax at the end keeps"
        )
    return ""


def header_array(header: dict[str, Any]) -> npt.NDArray[np.uint8]:
    """A header as the file has it."""
    return np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)


def _stored(header: dict[str, Any]) -> Arrays:
    return {"header": header_array(header)}


@lru_cache(maxsize=1)
def checker_of(path: str, digest: str) -> Checker:
    """One for all questions about a model; digest: that of the file when it was read."""
    from ..bnb.check import Checker

    return Checker(path)

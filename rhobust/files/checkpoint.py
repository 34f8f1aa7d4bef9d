"""Saving a search in a file, so that an interrupted one goes on where it stopped."""

from __future__ import annotations

import json
import time
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ..bnb.nodes.saved import Array, Saved
from ..compiler.base.digest import Question, differences
from ..compiler.base.errors import InputError
from ..compiler.importers.unpacking import check_npz
from .atomic import save, writable
from .outputs import apart

SECONDS, SHARE = 30.0, 0.05
"""Between two saves, at least; saving takes no larger share of the time.  The last one is made
before time runs out, or at an interruption."""

RATE = 1e8
"""Bytes a second, until it is known how fast saving is."""

ROOM = 2**28
"""Bytes of a checkpoint beyond twice the memory for open nodes."""

UNREADABLE = (
    OSError, ValueError, TypeError, KeyError, EOFError, MemoryError, RuntimeError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip


class Checkpoint:
    """One file, of one question; what an earlier run left there is taken up.

    A checkpoint is trusted as the program's own memory is: it holds the open nodes, not what closed
    the others.  Raises InputError for a file that is none, or of another question; it stays as it
    is.  memory: bytes for open nodes.  inputs: files that it must not be.
    """

    def __init__(
        self,
        path: str | Path,
        question: Question,
        memory: float,
        inputs: Sequence[str | Path | None] = (),
    ) -> None:
        self.path, self.question = Path(path), question
        apart(self.path, inputs)
        writable(self.path)
        self.part = 0
        self._most = 2.0 * memory + ROOM
        self._rate = RATE
        self._spent, self._saved = 0.0, time.monotonic()
        self._reached: int | None = None  # the part that an earlier run left open
        if self.path.exists():
            self._reached = int(self._read(("part",))["part"])

    @property
    def name(self) -> str:
        return str(self.path)

    def _read(self, names: Iterable[str] | None = None) -> Mapping[str, Array]:
        """Some of the arrays, or all of them, of a checkpoint of this question."""
        try:
            if self.path.stat().st_size > self._most:
                raise InputError(
                    f"{self.path}: holds more than memory has room for; give it more (--memory)"
                )
            with zipfile.ZipFile(self.path) as archive:
                # nothing is packed in it, so nothing can be larger than the file
                if any(entry.compress_type for entry in archive.infolist()):
                    raise ValueError("it is packed")
            check_npz(self.path)
            with np.load(self.path, allow_pickle=False) as file:
                asked = json.loads(str(file["asked"]))
                if not isinstance(asked, dict):
                    raise ValueError("it says nothing of its question")
                self._compare(asked)
                return {name: file[name] for name in names or file.files}
        except UNREADABLE as error:
            raise InputError(
                f"{self.path}: is no checkpoint of this version ({error}); name another file, or "
                "remove it"
            ) from error

    def _compare(self, asked: Question) -> None:
        different = differences(asked, self.question)
        if different:
            named = ", ".join(name.replace("_", " ").replace(".", " ") for name in different)
            raise InputError(
                f"{self.path}: belongs to another question, with another {named}; name another "
                "file, or remove it"
            )

    def skips(self, part: int) -> bool:
        """To be asked for each part of a question in turn: whether it was settled before."""
        self.part = part
        return self._reached is not None and part < self._reached

    def load(self, root: str) -> Mapping[str, Array] | None:
        if self._reached != self.part:
            return None
        self._reached = None
        kept = self._read()
        if str(kept.get("root")) != root:
            raise InputError(
                f"{self.path}: its search began from other bounds: another version or another "
                "machine saved it; name another file, or remove it"
            )
        return kept

    def due(self) -> bool:
        wait = max(SECONDS, self._spent / SHARE)
        return time.monotonic() - self._saved > wait

    def seconds(self, size: int) -> float:
        return 0.05 + 1.5 * size / self._rate

    def save(self, root: str, state: Saved) -> None:
        begin = time.monotonic()
        known = {
            "asked": np.array(json.dumps(dict(self.question))),
            "root": np.array(root),
            "part": np.array(self.part),
        }
        save(self.path, {**known, **state}, packed=False)
        self._saved = time.monotonic()
        self._spent = self._saved - begin
        size = self.path.stat().st_size
        if size > ROOM / 100:  # of a small file the rate tells nothing
            self._rate = size / max(self._spent, 1e-3)

    def done(self) -> None:
        self._reached = None
        self.path.unlink(missing_ok=True)


def resumable(
    path: str | Path,
    certificate: str | Path | None,
    question: Question,
    memory: float,
    inputs: Sequence[str | Path | None] = (),
) -> Checkpoint:
    """The checkpoint of a search; it has no proof of what was closed in an earlier run."""
    if certificate is not None:
        raise InputError("a certificate needs the whole search in one run, without a checkpoint")
    return Checkpoint(path, question, memory, inputs)

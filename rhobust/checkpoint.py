"""Saving a search in a file, so that an interrupted one goes on where it stopped."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path

import numpy as np

from .bnb.saving import State
from .compiler.errors import InputError
from .files import save, writable

SECONDS = 30.0
"""Between two saves; the last one is made when time runs out, or at an interruption."""


class Checkpoint:
    """One file, of one search; what an earlier run left there is taken up.

    A checkpoint is trusted as the program's own memory is: it holds the open nodes, not what closed
    the others.  Raises InputError for a file that is none, or of another question.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        writable(self.path)
        self.part = 0
        self._saved = time.monotonic()
        self._kept: dict[str, np.ndarray] | None = None
        if self.path.exists():
            self._kept = self._read()

    def _read(self) -> dict[str, np.ndarray]:
        try:
            with np.load(self.path, allow_pickle=False) as file:
                kept = dict(file)
            for name in ("question", "part", "counts", "learnt", "node_mark"):
                kept[name]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(
                f"{self.path}: is no checkpoint ({error}); name another file, or remove it"
            ) from error
        return kept

    def skips(self, part: int) -> bool:
        """To be asked for each part of a question in turn: whether it was settled before."""
        self.part = part
        return self._kept is not None and part < int(self._kept["part"])

    def load(self, question: str) -> State | None:
        if self._kept is None or int(self._kept["part"]) != self.part:
            return None
        if str(self._kept["question"]) != question:
            raise InputError(
                f"{self.path}: belongs to another question, or to other settings; name another "
                "file, or remove it"
            )
        return self._kept

    def due(self) -> bool:
        return time.monotonic() - self._saved > SECONDS

    def save(self, question: str, state: State) -> None:
        known = {"question": np.array(question), "part": np.array(self.part)}
        save(self.path, {**state, **known})
        self._saved = time.monotonic()

    def done(self) -> None:
        self._kept = None
        self.path.unlink(missing_ok=True)


def resumable(path: str | Path | None, certificate: str | Path | None) -> Checkpoint | None:
    """The checkpoint of a search; it has no proof of what was closed in an earlier run."""
    if path is None:
        return None
    if certificate is not None:
        raise InputError("a certificate needs the whole search in one run, without a checkpoint")
    return Checkpoint(path)

"""The worker's side of a local process: it sets itself up, and does what it is told."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from ..compiling import Turn, compiling
from .starting import ENDING
from .task import described, failure, outcome

READY = "ready"

LARGE = 31 * 2**20
"""Bytes; glibc learns from no block of 32 MiB or more."""


def serve(connection: Connection, life: int | None = None) -> None:
    """Answers tasks until it is told to end, or nobody is left to be answered.

    What it is told first is its setup, and the file by which the workers take turns in compiling
    kernels. life: a descriptor that ends with the coordinator; None where that is the parent.
    """
    for name in ENDING:  # they are the coordinator's to heed, which ends its workers
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    # glibc gives free memory back, and asks for it again a page at a time, until it has freed one
    # large block; of searches that cost a sixth of all time
    bytes(LARGE)
    threading.Thread(target=_follow, args=(life,), daemon=True).start()
    try:
        setup, turns = pickle.loads(connection.recv_bytes())
    except (EOFError, OSError):
        return
    compiling.turn = Turn(Path(turns))
    try:
        value = pickle.loads(setup)()
    except (Exception, SystemExit) as error:
        connection.send(failure(error))
        return
    connection.send(READY)
    while True:
        try:
            data = connection.recv_bytes()
        except (EOFError, OSError):
            return
        if not data:
            return
        try:
            connection.send_bytes(_answer(value, data))
        except OSError:
            return


def _follow(life: int | None) -> None:
    """Ends this process with the coordinator, whatever it is busy with."""
    if life is not None:
        wait([life])
        os._exit(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _answer(value: Any, data: bytes) -> bytes:
    """What a task comes to, as bytes."""
    try:
        function, arguments = pickle.loads(data)
    except Exception as error:
        return pickle.dumps((None, described(error)))
    answer = outcome(function, value, arguments)
    try:
        return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        return pickle.dumps((None, f"the value cannot be sent: {described(error)}"))

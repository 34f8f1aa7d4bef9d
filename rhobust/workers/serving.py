"""The worker's side of a local process: it sets itself up, and does what it is told."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ..compiling import Turn, compiling
from .task import described, failure, outcome

ENDING = ("SIGINT", "SIGTERM", "SIGHUP")
"""Signals that a terminal or a job scheduler sends to all processes of a program."""

READY = "ready"


def serve(connection: Connection, setup: bytes, turns: str) -> None:
    """Answers tasks until it is told to end, or nobody is left to be answered.

    turns: the file by which the workers take turns in compiling kernels.
    """
    compiling.turn = Turn(Path(turns))
    for name in ENDING:  # they are the coordinator's to heed, which ends its workers
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_follow, daemon=True).start()
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


def _follow() -> None:
    """Ends this process with the coordinator, whatever it is busy with."""
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

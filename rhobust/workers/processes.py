"""Workers that are processes of this machine.

`concurrent.futures.ProcessPoolExecutor` gives up all of its tasks once one process is lost, does
not tell which task that one had, and leaves its processes behind when the coordinator is killed.
So these are processes with a pipe each: whose pipe ends is lost, with the one task it had. A server
forks them (`forkserver.py`); where there can be none, or where it has ended, they are spawned. They
are not forked here: a forked process shares locks and threads of libraries that know nothing of it.
One thread hands out tasks, so that no worker waits while the caller is busy with a value; it also
starts the processes, with the signals blocked that are the coordinator's.
"""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import os
import pickle
import tempfile
import threading
from collections import deque
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from queue import Empty, SimpleQueue
from typing import Any

from .forkserver import AVAILABLE, Forked, ForkServer, of_program
from .pipes import heedless
from .serving import READY, serve
from .starting import prepared
from .task import LOST, RETRIES, Done, Failure, Function, Setup, Workers

log = logging.getLogger("rhobust")

SECONDS = 5.0
"""For a process that was told to end, or has closed its pipe."""

MOST_UNBORN = 3
"""Processes in a row that end before they are set up, after which no more are started."""


@dataclass(slots=True)
class _Order:
    """A task as bytes. lost: how often a worker ended over it."""

    key: Hashable
    data: bytes
    lost: int = 0


@dataclass(eq=False, slots=True)
class _Worker:
    """A process. ready: whether it is set up; order: what it is doing."""

    process: Forked | BaseProcess
    pipe: Connection
    ready: bool = False
    order: _Order | None = None


@dataclass(eq=False, slots=True)
class _Hands:
    """What the thread that hands out tasks holds, and no other touches."""

    waiting: deque[_Order] = field(default_factory=deque)
    workers: list[_Worker] = field(default_factory=list)
    unborn: int = 0


class Processes(Workers):
    """size processes, each with one task at a time; one that is lost is replaced."""

    def __init__(self, size: int, setup: Setup) -> None:
        self._size, self._submitted, self._told = size, 0, 0
        self._setup = pickle.dumps(setup)
        self._server: ForkServer | None = None
        self._own: ForkServer | None = None
        self._context = multiprocessing.get_context("spawn")
        self._inbox: deque[_Order] = deque()
        self._outbox: SimpleQueue[Done | Failure] = SimpleQueue()
        self._failure: Failure | None = None
        self._bell, self._ringer = self._context.Pipe(duplex=False)
        self._rung = False
        self._ending = self._killing = False
        self._hands = _Hands()
        handle, self._turns = tempfile.mkstemp(prefix="rhobust-compiling-")
        os.close(handle)
        self._thread = threading.Thread(target=self._run, name="rhobust workers", daemon=True)
        with heedless():  # the thread writes to workers that may be gone
            self._thread.start()
        atexit.register(self.close, True)

    @property
    def size(self) -> int:
        return self._size

    @property
    def unfinished(self) -> int:
        return self._submitted - self._told

    def submit(self, key: Hashable, function: Function, *arguments: Any) -> None:
        data = pickle.dumps((function, arguments), pickle.HIGHEST_PROTOCOL)
        self._submitted += 1
        self._inbox.append(_Order(key, data))
        self._ring()

    def next(self, timeout: float | None = None) -> Done | None:
        if self._failure is not None:
            self._failure.throw()
        if not self.unfinished:
            return None
        try:
            done = self._outbox.get(timeout=None if timeout is None else max(timeout, 0.0))
        except Empty:
            return None
        if isinstance(done, Failure):
            self._failure = done
            done.throw()
        self._told += 1
        return done

    def close(self, cancel: bool = False) -> None:
        self._ending = True
        self._killing = self._killing or cancel
        self._ring()
        try:
            self._thread.join()
        except BaseException:  # who asks twice does not wait for tasks in work
            self._killing = True
            self._ring()
            self._thread.join()
            raise
        finally:
            atexit.unregister(self.close)
            self._submitted = self._told

    def _ring(self) -> None:
        if not self._rung:
            self._rung = True
            with heedless(), suppress(OSError):  # the thread has ended
                self._ringer.send_bytes(b"!")

    # What follows runs in the thread.

    def _run(self) -> None:
        hands = self._hands
        try:
            self._server = of_program() or self._own_server()
            for _ in range(self._size):
                self._start()
            while not self._over():
                self._hand_out()
                self._listen()
        except Exception as error:
            log.exception("workers")
            self._outbox.put(Failure(f"{type(error).__name__}: {error}"))
        finally:
            for worker in hands.workers:
                self._release(worker)
            if self._own is not None:
                self._own.close(at_once=not any(worker.ready for worker in hands.workers))
            for worker in hands.workers:
                self._end(worker)
            self._bell.close()
            with suppress(OSError):
                os.unlink(self._turns)

    def _over(self) -> bool:
        if self._killing or (self._ending and all(w.order is None for w in self._hands.workers)):
            return True
        return not self._hands.workers  # none could be set up

    def _own_server(self) -> ForkServer | None:
        """Where the program has none that was forked from it."""
        if AVAILABLE:
            self._own = ForkServer.spawned(self._setup)
        return self._own

    def _start(self) -> None:
        process: Forked | BaseProcess
        try:
            if self._server is None:
                raise OSError
            process, ours = self._server.start()
        except OSError:
            self._server = None
            ours, theirs = self._context.Pipe()
            process = self._context.Process(target=serve, args=(theirs,), name="rhobust worker")
            with prepared():
                process.start()
            theirs.close()  # its only holder is the process, so that its end is told
        self._hands.workers.append(_Worker(process, ours))
        with suppress(OSError):  # it has ended, which is heard next
            ours.send_bytes(pickle.dumps((self._setup, self._turns)))

    def _hand_out(self) -> None:
        hands = self._hands
        while self._inbox:
            hands.waiting.append(self._inbox.popleft())
        if self._ending:
            return
        for worker in hands.workers:
            if worker.ready and worker.order is None and hands.waiting:
                worker.order = hands.waiting.popleft()
                with suppress(OSError):  # it has ended, which is heard next
                    worker.pipe.send_bytes(worker.order.data)

    def _listen(self) -> None:
        """Waits until something is to be done."""
        workers = list(self._hands.workers)
        pipes = [worker.pipe for worker in workers]
        heard = set(wait([self._bell, *pipes, *(worker.process.sentinel for worker in workers)]))
        if self._bell in heard:
            self._bell.recv_bytes()
            self._rung = False
        for worker in workers:
            if worker.pipe in heard:
                self._hear(worker)
            elif worker.process.sentinel in heard:  # all that it sent has been heard
                self._lose(worker)

    def _hear(self, worker: _Worker) -> None:
        try:
            answer = pickle.loads(worker.pipe.recv_bytes())
        except (EOFError, OSError):
            self._lose(worker)
            return
        if isinstance(answer, Failure):
            self._outbox.put(answer)
            self._hands.workers.remove(worker)
            self._end(worker)
        elif answer == READY:
            worker.ready, self._hands.unborn = True, 0
        else:
            assert worker.order is not None
            self._outbox.put(Done(worker.order.key, *answer))
            worker.order = None

    def _lose(self, worker: _Worker) -> None:
        """A worker has ended: its task is tried again, and another worker takes its place."""
        hands, order = self._hands, worker.order
        hands.workers.remove(worker)
        self._end(worker)
        code = worker.process.exitcode
        log.warning("a worker ended with status %s", code)
        if self._server is not None and self._server.gone:
            self._server = None  # and others are spawned
        elif not worker.ready:
            hands.unborn += 1
        if order is not None:
            order.lost += 1
            if order.lost > RETRIES:
                self._outbox.put(Done(order.key, error=LOST))
            else:
                hands.waiting.appendleft(order)
        if hands.unborn < MOST_UNBORN:
            self._start()
        elif not hands.workers:
            told = f"{MOST_UNBORN} processes ended before they were set up, with status {code}; "
            told += "a script that asks for workers does so under if __name__ == '__main__'"
            self._outbox.put(Failure(f"workers: {told}", given=True))

    def _release(self, worker: _Worker) -> None:
        """An idle worker is told to end, any other is ended."""
        if worker.ready and worker.order is None and not self._killing:
            with suppress(OSError):
                worker.pipe.send_bytes(b"")
        else:
            worker.process.kill()

    def _end(self, worker: _Worker) -> None:
        """Waits until a process that is about to end has ended."""
        worker.process.join(SECONDS)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.pipe.close()

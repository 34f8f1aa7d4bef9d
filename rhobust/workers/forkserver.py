"""A process that workers are forked from, so that each begins with all that it has loaded.

Imports and kernels are paid for once, and their memory is shared. A fork has one thread, and locks
that others held stay locked in it: so the server starts no thread, says no where it has some
nevertheless, and is forked only from a program that has none besides its first. It waits for its
children, ends them when it is told to, and ends with the coordinator, as they do.

Where there is no such fork (other systems than Linux), workers are spawned.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NoReturn

from .pipes import heedless
from .serving import serve
from .starting import ENDING, ONE, THREADS, blocked, prepared

START, KILL = b"s", b"k"
"""Messages to the server: a child is to be started, or ended, with its number."""

MESSAGE = struct.Struct("!cI")
CODE = struct.Struct("!i")

AVAILABLE = sys.platform == "linux" and hasattr(os, "fork")

GONE = 255
"""The exit status of a child that nobody waited for, since the server ended."""


class Forked:
    """A child of the server, with what `multiprocessing` says of a process of its own."""

    def __init__(self, server: ForkServer, number: int, report: int) -> None:
        self._server, self._number, self._report = server, number, report
        self.exitcode: int | None = None

    @property
    def sentinel(self) -> int:
        """Readable as soon as the child has ended; not to be used after `join` said so."""
        return self._report

    def is_alive(self) -> bool:
        self.join(0.0)
        return self.exitcode is None

    def kill(self) -> None:
        if self.exitcode is None:
            self._server.tell(KILL, self._number)

    def join(self, timeout: float | None = None) -> None:
        if self.exitcode is None and wait([self._report], timeout):
            told = os.read(self._report, CODE.size)
            self.exitcode = CODE.unpack(told)[0] if len(told) == CODE.size else GONE
            os.close(self._report)


class ForkServer:
    """The coordinator's side. `spawned` or `forked` makes one."""

    def __init__(self, channel: socket.socket, life: int, end: Callable[[bool], None]) -> None:
        self._channel, self._life, self._end = channel, life, end
        self._count = 0

    @classmethod
    def spawned(cls, setup: bytes) -> ForkServer:
        """A program of its own, which imports what the pickled setup names.

        It calls the setup's `warm`, where it has one. Raises OSError where it cannot be started.
        """
        context = multiprocessing.get_context("spawn")
        (ours, theirs), (life, own) = _channel(), os.pipe()
        told = Connection(theirs.detach()), Connection(life, writable=False)
        process = context.Process(target=_spawned, args=(*told, setup), name="rhobust fork server")
        with prepared():
            process.start()
        for one in told:
            one.close()

        def end(at_once: bool) -> None:
            if at_once:
                process.kill()
            process.join()

        return cls(ours, own, end)

    @classmethod
    def forked(cls, warm: Callable[[], object]) -> ForkServer | None:
        """A fork of this program, which then calls `warm`; None where that is not safe."""
        if not AVAILABLE or threads() > 1 or any(os.environ.get(name) != "1" for name in ONE):
            return None
        (ours, theirs), (life, own) = _channel(), os.pipe()
        _flush()
        with blocked():
            number = os.fork()
            if number == 0:
                ours.close()
                os.close(own)
                _alone(partial(_serve, theirs, life, warm))
        theirs.close()
        os.close(life)

        def end(at_once: bool) -> None:
            with suppress(ProcessLookupError, ChildProcessError):
                if at_once:
                    os.kill(number, signal.SIGKILL)
                os.waitpid(number, 0)

        return cls(ours, own, end)

    @property
    def gone(self) -> bool:
        """Whether the server has ended; it sends nothing before."""
        return self._channel.fileno() < 0 or bool(wait([self._channel], 0.0))

    def start(self) -> tuple[Forked, Connection]:
        """Another child, and our end of its pipe. Raises OSError where the server has ended."""
        self._count += 1
        (mine, its), (report, told) = _channel(socket.SOCK_STREAM), os.pipe()
        try:
            with heedless():
                message = MESSAGE.pack(START, self._count)
                socket.send_fds(self._channel, [message], [its.fileno(), told])
        except OSError:
            mine.close()
            os.close(report)
            raise
        finally:
            its.close()
            os.close(told)
        return Forked(self, self._count, report), Connection(mine.detach())

    def tell(self, what: bytes, number: int) -> None:
        """A message; to nobody where the server has ended."""
        with heedless(), suppress(OSError):
            self._channel.send(MESSAGE.pack(what, number))

    def close(self, at_once: bool = False) -> None:
        """Ends the server and its children. at_once: although it may not listen yet."""
        if self._channel.fileno() < 0:
            return
        self._channel.close()
        os.close(self._life)
        self._end(at_once)


_program: ForkServer | None = None


def of_program() -> ForkServer | None:
    """The server that was forked from this program, while there is one."""
    return None if _program is None or _program.gone else _program


@contextmanager
def forking(warm: Callable[[], object], workers: object = 2) -> Iterator[None]:
    """Meanwhile workers are forked from a copy of this program, which calls `warm` first.

    To be entered before anything starts a thread; else workers are started as ever. workers: as of
    `open_workers`, for only several processes are worth it.
    """
    global _program
    several = isinstance(workers, int) and workers > 1
    server = ForkServer.forked(warm) if several and _program is None else None
    if server is None:
        yield
        return
    _program = server
    try:
        yield
    finally:
        _program = None
        server.close()


def threads() -> int:
    """Of this process, those of libraries too."""
    try:
        return len(list(Path("/proc/self/task").iterdir()))
    except OSError:
        return 2  # as many as nobody may fork


def _channel(kind: int = 0) -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, kind or socket.SOCK_SEQPACKET)


# What follows runs in the server.


def _spawned(channel: Connection, life: Connection, setup: bytes) -> None:
    def warm() -> None:
        made = pickle.loads(setup)
        getattr(made, "warm", lambda: None)()

    theirs = socket.socket(fileno=os.dup(channel.fileno()))
    channel.close()
    _serve(theirs, life.fileno(), warm)


def _serve(channel: socket.socket, life: int, warm: Callable[[], object]) -> None:
    """Starts and ends children as it is told, until nobody is left to tell it."""
    for name in (*ENDING, "SIGPIPE"):  # the former are the coordinator's to heed
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    os.environ.update(dict.fromkeys(THREADS, "1"))
    with suppress(Exception):  # a worker that needs it will say what is wrong
        warm()
    if threads() > 1:
        return
    ended, told = os.pipe()
    for one in (ended, told):
        os.set_blocking(one, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    children: dict[int, tuple[int, int]] = {}  # by number: process, and where its end is told
    while True:
        heard = wait([channel, ended])
        if ended in heard:
            with suppress(BlockingIOError):
                os.read(ended, 2**16)
            _bury(children, os.WNOHANG)
        if channel not in heard:
            continue
        message, descriptors, _, _ = socket.recv_fds(channel, MESSAGE.size, 2)
        if not message:
            break
        what, number = MESSAGE.unpack(message)
        if what == START:
            pipe, report = descriptors
            process = os.fork()
            if process == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                channel.close()
                for one in (ended, told, report, *(other for _, other in children.values())):
                    os.close(one)
                _alone(partial(serve, Connection(pipe), life))
            os.close(pipe)
            children[number] = process, report
        elif number in children:
            os.kill(children[number][0], signal.SIGKILL)
    for process, _ in children.values():
        os.kill(process, signal.SIGKILL)
    _bury(children, 0)


def _bury(children: dict[int, tuple[int, int]], options: int) -> None:
    """Tells of the children that have ended."""
    for number, (process, report) in list(children.items()):
        ended, status = os.waitpid(process, options)
        if ended:
            del children[number]
            with suppress(OSError):
                os.write(report, CODE.pack(os.waitstatus_to_exitcode(status)))
            os.close(report)


def _alone(work: Callable[[], None]) -> NoReturn:
    """Does the work of a forked process, and ends it without the program's own endings."""
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        _flush()
        os._exit(code)


def _flush() -> None:
    """What is written to nobody, or was closed, is nobody's loss."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()

"""Tasks that the tests of workers hand out; processes find this file by its name alone."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from importlib import import_module
from pathlib import Path


def setup(number: int) -> int:
    return number


def fails(text: str) -> int:
    raise ValueError(text)


def ends() -> int:
    os._exit(7)


def product(value: int, factor: int) -> int:
    return value * factor


def squeeze(value: int, data: bytes) -> bytes:
    return bytes([value]) * len(data)


def raises(value: int) -> None:
    raise KeyError(f"a key of {value}")


def leaves(value: int) -> None:
    raise SystemExit(3)


def unsendable(value: int) -> object:
    return lambda: value


def kills(value: int) -> None:
    """Ends its worker each time."""
    os.kill(os.getpid(), signal.SIGKILL)


def kills_once(value: int, trace: Path) -> int:
    """Ends its worker the first time."""
    if not trace.exists():
        trace.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return value


def begin(value: int, trace: Path, seconds: float = 600.0) -> None:
    """Tells the number of its process, is busy for long, and tells its end."""
    beside = trace.with_suffix(f".{os.getpid()}")
    beside.write_text(str(os.getpid()))
    beside.rename(trace)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    trace.with_suffix(".end").touch()


def surroundings(value: int) -> tuple[str, int]:
    """Threads of its libraries, and its process."""
    return os.environ.get("OPENBLAS_NUM_THREADS", ""), os.getpid()


def compiles(value: int, folder: Path) -> tuple[int, int]:
    """How many kernels this process compiled, and how many it loaded."""
    from rhobust.compiler.base.kernel import use
    from rhobust.compiling import compiling

    compiling.ticking()
    use.numba()
    sys.path.insert(0, str(folder))
    module = import_module("a_kernel")
    ready = folder / f"ready.{os.getpid()}"
    ready.touch()
    while len(list(folder.glob("ready.*"))) < 2:
        time.sleep(0.001)
    assert module.kernel(3) == 6
    stats = module.kernel.stats
    return sum(stats.cache_misses.values()), sum(stats.cache_hits.values())


warmed = ""


def warm() -> None:
    """What a fork server does before it is asked for workers."""
    global warmed
    warmed = "warm"


def crowd() -> None:
    """Starts a thread, after which nobody should fork."""
    threading.Thread(target=time.sleep, args=(600.0,), daemon=True).start()


def family(value: int) -> tuple[str, int, int]:
    """Whether the worker began warm, its process and the one that it was started by."""
    return warmed, os.getpid(), os.getppid()


def kills_parent(value: int, trace: Path) -> int:
    """Ends the fork server the first time, and waits until that has ended this process."""
    if not trace.exists():
        trace.touch()
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600.0)
    return value

"""Workers: all answers come back, and one that is lost takes none with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from rhobust.compiler.base.errors import InputError
from rhobust.workers import LOST, Done, Workers, open_workers

HERE = Path(__file__).resolve().parent
PATIENCE = 60.0  # seconds that only a hang reaches

Opened = Callable[[Any], Workers]


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(HERE))  # which processes that are spawned inherit
    return import_module("worker_tasks")


@pytest.fixture(params=["here", "threads", "processes"])
def opened(request: pytest.FixtureRequest) -> Iterator[Opened]:
    """Opens workers of each kind with a setup."""
    kind = request.param
    with ThreadPoolExecutor(3) as pool:
        specs: dict[str, int | Executor] = {"here": 1, "threads": pool, "processes": 2}
        spec = specs[kind]
        yield lambda setup: open_workers(spec, setup)


def collected(workers: Workers) -> list[Done]:
    done = []
    while workers.unfinished:
        one = workers.next(PATIENCE)
        assert one is not None, "nobody answers"
        done.append(one)
    assert workers.next(0.0) is None
    return done


def running(process: int) -> bool:
    """Whether a process runs; one that nobody has buried yet does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def eventually(fact: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not fact():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_every_task_is_answered_once(opened: Opened, tasks: Any) -> None:
    with opened(partial(tasks.setup, 7)) as workers:
        for key in range(50):
            workers.submit(key, tasks.product, key)
        assert workers.unfinished == 50
        workers.submit("large", tasks.squeeze, bytes(2**20))
        workers.submit(("a", 1), tasks.raises)
        workers.submit("leaves", tasks.leaves)
        done = {one.key: one for one in collected(workers)}
        assert {key: done[key].value for key in range(50)} == {k: 7 * k for k in range(50)}
        assert done["large"].value == bytes([7]) * 2**20
        assert done["a", 1] == Done(("a", 1), None, "KeyError: 'a key of 7'")
        assert done["leaves"].error == "SystemExit: 3"
        assert len(done) == 53 and not done["large"].error
        workers.submit("later", tasks.product, 1)
        assert collected(workers) == [Done("later", 7)]


def test_a_setup_that_fails_is_told(opened: Opened, tasks: Any) -> None:
    with opened(partial(tasks.fails, "no such file")) as workers:
        workers.submit(0, tasks.product, 1)
        for _ in range(2):
            with pytest.raises(RuntimeError, match="ValueError: no such file"):
                workers.next(PATIENCE)


def test_a_users_error_in_a_setup_stays_one(tasks: Any) -> None:
    from rhobust import load

    with open_workers(2, partial(load, "no_such_file.onnx")) as workers:
        workers.submit(0, tasks.product, 1)
        with pytest.raises(InputError, match=r"no_such_file\.onnx"):
            workers.next(PATIENCE)


@pytest.mark.parametrize("wrong", [0, -1, True, 1.5, "host", "host:port", "", None])
def test_what_names_no_workers_is_refused(wrong: Any) -> None:
    with pytest.raises(InputError, match="workers: "):
        open_workers(wrong, int)


def test_this_process_works_when_it_is_asked(tasks: Any) -> None:
    log: list[str] = []
    with open_workers(1, lambda: log.append("set up")) as workers:
        for key in range(3):
            workers.submit(key, lambda _, key: log.append(key), key)
        assert not log
        workers.next()
        assert log == ["set up", 0] and workers.unfinished == 2


def test_an_interruption_leaves_the_task_to_be_done() -> None:
    states = iter([KeyboardInterrupt, None])

    def interrupted(_: object) -> str:
        if (kind := next(states)) is not None:
            raise kind
        return "done"

    with open_workers(1, int) as workers:
        workers.submit(0, interrupted)
        with pytest.raises(KeyboardInterrupt):
            workers.next()
        assert collected(workers) == [Done(0, "done")]


def test_processes_have_one_thread_for_libraries(
    tasks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    with open_workers(2, int) as workers:
        for key in range(20):
            workers.submit(key, tasks.surroundings)
        seen = [one.value for one in collected(workers)]
    assert {threads for threads, _ in seen} == {"1"}
    assert os.environ["OPENBLAS_NUM_THREADS"] == "2"
    assert os.getpid() not in {process for _, process in seen}


KERNEL = """
from numba import njit

@njit(cache=True)
def kernel(n):
    total = 0
    for k in range(n + 1):
        total += k
    return total
"""


def test_a_kernel_is_compiled_once(
    tasks: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "a_kernel.py").write_text(KERNEL)
    with open_workers(2, int) as workers:
        for key in range(2):
            workers.submit(key, tasks.compiles, tmp_path)
        done = collected(workers)
    assert [one.error for one in done] == ["", ""]
    assert sorted(one.value for one in done) == [(0, 1), (1, 0)]


def test_what_cannot_be_sent_is_an_error(tasks: Any) -> None:
    with open_workers(2, int) as workers:
        workers.submit(0, tasks.unsendable)
        workers.submit(1, tasks.product, 1)
        done = {one.key: one for one in collected(workers)}
        assert "cannot be sent" in done[0].error and not done[1].error
        with pytest.raises((AttributeError, TypeError), match="pickle|lambda"):
            workers.submit(2, lambda value: value)
        assert workers.unfinished == 0


def test_a_lost_workers_task_is_done_by_another(tasks: Any, tmp_path: Path) -> None:
    with open_workers(2, partial(tasks.setup, 3)) as workers:
        workers.submit("lost", tasks.kills_once, tmp_path / "trace")
        for key in range(10):
            workers.submit(key, tasks.product, key)
        done = {one.key: one for one in collected(workers)}
    assert (tmp_path / "trace").exists()
    assert done.pop("lost") == Done("lost", 3)
    assert all(done[key] == Done(key, 3 * key) for key in range(10)) and len(done) == 10


def test_a_task_that_ends_its_workers_is_given_up(tasks: Any) -> None:
    with open_workers(2, partial(tasks.setup, 3)) as workers:
        for key in range(6):
            workers.submit(key, tasks.kills if key == 1 else tasks.product, *[key] * (key != 1))
        done = {one.key: one for one in collected(workers)}
    assert done.pop(1) == Done(1, None, LOST)
    assert done == {key: Done(key, 3 * key) for key in (0, 2, 3, 4, 5)}


def test_a_worker_killed_from_outside_is_replaced(tasks: Any, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    with open_workers(2, int) as workers:
        workers.submit(0, tasks.begin, trace, 1.0)
        eventually(trace.exists)
        first = int(trace.read_text())
        os.kill(first, signal.SIGKILL)
        assert collected(workers) == [Done(0)]
        assert int(trace.read_text()) != first


def test_next_returns_after_its_time(tasks: Any, tmp_path: Path) -> None:
    with open_workers(2, int) as workers:
        workers.submit(0, tasks.begin, tmp_path / "trace")
        eventually((tmp_path / "trace").exists)
        assert workers.next(0.01) is None and workers.unfinished == 1
        workers.close(cancel=True)
        assert not running(int((tmp_path / "trace").read_text()))


def test_closing_waits_for_what_has_begun(tasks: Any, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    workers = open_workers(2, int)
    workers.submit(0, tasks.begin, trace, 0.5)
    eventually(trace.exists)
    workers.close()
    assert trace.with_suffix(".end").exists() and not running(int(trace.read_text()))
    assert workers.unfinished == 0
    workers.close(cancel=True)  # twice is no error


def test_processes_that_never_come_up_are_not_started_forever(tasks: Any) -> None:
    with open_workers(2, tasks.ends) as workers:
        workers.submit(0, tasks.product, 1)
        with pytest.raises(InputError, match="__main__"):
            workers.next(PATIENCE)


def test_a_broken_executor_loses_its_tasks(tasks: Any) -> None:
    with (
        ProcessPoolExecutor(1, get_context("spawn")) as pool,
        closing(open_workers(pool, int)) as workers,
    ):
        for key in range(5):
            workers.submit(key, tasks.kills)
        assert sorted(collected(workers), key=lambda one: str(one.key)) == [
            Done(key, None, LOST) for key in range(5)
        ]


COORDINATOR = """
import sys, time
from pathlib import Path
sys.path.insert(0, {here!r})
import worker_tasks
from rhobust.workers import open_workers

if __name__ == "__main__":
    with open_workers(2, int) as workers:
        for name in ("one", "two"):
            workers.submit(name, worker_tasks.begin, Path({folder!r}) / name)
        workers.next()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_outlives_its_coordinator(how: signal.Signals, tmp_path: Path) -> None:
    script = tmp_path / "coordinator.py"
    script.write_text(COORDINATOR.format(here=str(HERE), folder=str(tmp_path)))
    coordinator = subprocess.Popen(
        [sys.executable, str(script)], stderr=subprocess.PIPE, start_new_session=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},  # where a killed one leaves a file
    )  # fmt: skip
    try:
        traces = [tmp_path / name for name in ("one", "two")]
        eventually(lambda: all(trace.exists() for trace in traces))
        numbers = [int(trace.read_text()) for trace in traces]
        assert all(map(running, numbers))
        if how is signal.SIGINT:  # as a terminal sends it, to all of them
            os.killpg(coordinator.pid, how)
        else:
            coordinator.kill()
        _, told = coordinator.communicate(timeout=PATIENCE)
        assert (b"KeyboardInterrupt" in told) == (how is signal.SIGINT)
        assert told.count(b"Traceback") == (how is signal.SIGINT)  # of the coordinator alone
        eventually(lambda: not any(map(running, numbers)))
    finally:
        coordinator.kill()
        coordinator.wait()


PIPED = """
import os, signal, sys
sys.path.insert(0, {here!r})
import worker_tasks
from pathlib import Path
from rhobust.workers import open_workers

if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as the command line does
    with open_workers(2, int) as workers:
        for key in range(6):
            workers.submit(key, worker_tasks.kills if key == 1 else worker_tasks.surroundings)
        found = [workers.next().key for _ in range(6)]
        workers.close(cancel=True)
        workers.close()
    print("alive", sorted(found))
"""


def test_a_lost_worker_does_not_end_a_program_that_sigpipe_ends(tmp_path: Path) -> None:
    script = tmp_path / "piped.py"
    script.write_text(PIPED.format(here=str(HERE)))
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, str(script)], capture_output=True, text=True, timeout=PATIENCE,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done
        assert done.stdout == "alive [0, 1, 2, 3, 4, 5]\n"

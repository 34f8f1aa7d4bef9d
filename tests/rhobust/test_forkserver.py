"""Workers forked from a server: they begin warm, and end as all workers do.

Each program stands in a process of its own, for that of the tests may have threads.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rhobust.workers.forkserver import AVAILABLE

from .test_workers import HERE, PATIENCE, eventually, running

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="workers are forked on Linux alone")

PROGRAM = """
import os, sys
from pathlib import Path
sys.path.insert(0, {here!r})
import worker_tasks as tasks
from rhobust.workers import forking, open_workers
from rhobust.workers.forkserver import of_program

folder = Path({folder!r})

def asked(workers, count, function, *arguments):
    for key in range(count):
        workers.submit(key, function, *arguments)
    return [workers.next({patience}) for _ in range(count)]

def values(found):
    assert all(one is not None and not one.error for one in found), found
    return [one.value for one in found]

if __name__ == "__main__":
{body}
    print("ended well")
"""


def program(folder: Path, body: str) -> list[str]:
    indented = "\n".join("    " + line for line in body.strip().split("\n"))
    return [
        sys.executable, "-c",
        PROGRAM.format(here=str(HERE), folder=str(folder), patience=PATIENCE, body=indented),
    ]  # fmt: skip


def script(folder: Path, body: str) -> list[str]:
    """As a file, which programs that are spawned read again."""
    path = folder / "program.py"
    path.write_text(program(folder, body)[2])
    return [sys.executable, str(path)]


def surroundings(**more: str) -> dict[str, str]:
    ones = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    return {**os.environ, **dict.fromkeys(ones, "1"), **more}


def ends_well(command: list[str], **more: str) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=2 * PATIENCE, check=False,
        env=surroundings(**more),
    )  # fmt: skip
    assert done.returncode == 0 and done.stdout == "ended well\n", done


def test_workers_are_forked_from_one_that_is_warm(tmp_path: Path) -> None:
    """Two runs after each other share the server; a lost worker's place is taken by a fork."""
    body = """
with forking(tasks.warm):
    servers = set()
    for _ in range(2):
        with open_workers(2, int) as workers:
            found = values(asked(workers, 8, tasks.family))
            assert {warm for warm, _, _ in found} == {"warm"}
            servers |= {server for _, _, server in found}
            workers.submit("lost", tasks.kills_once, folder / "trace")
            assert workers.next(60).value == 0
            after = values(asked(workers, 8, tasks.family))
            servers |= {server for _, _, server in after}
            assert os.getpid() not in {process for _, process, _ in after}
    assert len(servers) == 1 and os.getpid() not in servers
    assert of_program() is not None
assert of_program() is None and tasks.warmed == ""
try:
    os.waitpid(-1, os.WNOHANG)
    raise AssertionError("a child is left")
except ChildProcessError:
    pass
"""
    ends_well(program(tmp_path, body))


@pytest.mark.parametrize("how", ["of the program", "its own"])
def test_a_server_that_is_lost_is_replaced(how: str, tmp_path: Path) -> None:
    enter = "with forking(tasks.warm, 2 if {} else 1):".format(how == "of the program")
    body = f"""
{enter}
    assert (of_program() is not None) == {how == "of the program"}
    with open_workers(2, int) as workers:
        workers.submit("lost", tasks.kills_parent, folder / "trace")
        found = [workers.next(60)] + asked(workers, 6, tasks.family)
        assert len(values(found)) == 7
        assert os.getpid() in {{server for _, _, server in values(asked(workers, 6, tasks.family))}}
"""
    ends_well(script(tmp_path, body))


def test_a_server_with_threads_forks_nobody(tmp_path: Path) -> None:
    body = """
with forking(tasks.crowd):
    with open_workers(2, int) as workers:
        for _, _, server in values(asked(workers, 6, tasks.family)):
            assert server == os.getpid() or len(os.listdir(f"/proc/{server}/task")) == 1
"""
    ends_well(script(tmp_path, body))


@pytest.mark.parametrize("why", ["threads", "two threads for products", "one worker"])
def test_when_a_program_is_not_forked(why: str, tmp_path: Path) -> None:
    start = "tasks.crowd()" if why == "threads" else ""
    workers = 1 if why == "one worker" else 2
    body = f"""
{start}
with forking(tasks.warm, {workers}):
    assert of_program() is None
"""
    threads = "2" if why == "two threads for products" else "1"
    ends_well(program(tmp_path, body), OPENBLAS_NUM_THREADS=threads)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_neither_server_nor_workers_outlive_the_program(
    how: signal.Signals, tmp_path: Path
) -> None:
    body = """
with forking(tasks.warm):
    with open_workers(2, int) as workers:
        for name in ("one", "two"):
            workers.submit(name, tasks.begin, folder / name)
        workers.next()
"""
    coordinator = subprocess.Popen(
        program(tmp_path, body), stderr=subprocess.PIPE, start_new_session=True,
        env=surroundings(TMPDIR=str(tmp_path)),
    )  # fmt: skip
    try:
        traces = [tmp_path / name for name in ("one", "two")]
        eventually(lambda: all(trace.exists() for trace in traces))
        numbers = [int(trace.read_text()) for trace in traces]
        children = Path(f"/proc/{numbers[0]}/stat").read_text().rpartition(")")[2].split()
        numbers.append(int(children[1]))  # the parent: the server
        assert all(map(running, numbers)) and coordinator.pid not in numbers
        if how is signal.SIGINT:  # as a terminal sends it, to all of them
            os.killpg(coordinator.pid, how)
        else:
            coordinator.kill()
        _, told = coordinator.communicate(timeout=PATIENCE)
        assert told.count(b"Traceback") == (how is signal.SIGINT)  # of the coordinator alone
        eventually(lambda: not any(map(running, numbers)))
    finally:
        coordinator.kill()
        coordinator.wait()


def test_a_task_alone_ends_no_other(tmp_path: Path) -> None:
    """What it returns, what it raises, how it was ended, and that it was ended in time."""
    body = """
from rhobust.workers import isolated
with forking(tasks.warm):
    found = [isolated(tasks.family, 0) for _ in range(2)]
    (one, two) = [value for value, error, overdue in found if error == "" and not overdue]
    assert one[0] == two[0] == "warm" and len({one[1], two[1], os.getpid()}) == 3
    assert one[2] == two[2] != os.getpid()
    assert isolated(tasks.raises, 7) == (None, "KeyError: 'a key of 7'", False)
    assert isolated(tasks.kills, 0) == (None, "its process ended with status -9", False)
    assert isolated(tasks.ends) == (None, "its process ended with status 7", False)
    late = isolated(tasks.begin, 0, folder / "trace", seconds=0.0)
    assert late == (None, "it did not end in its time", True)
    value, error, _ = isolated(tasks.unsendable, 0)
    assert value is None and "cannot be sent" in error
    assert isolated(tasks.product, 6, 7, seconds=60.0) == (42, "", False)
assert isolated(tasks.family, 0)[0][1] == os.getpid()
assert isolated(tasks.raises, 7) == (None, "KeyError: 'a key of 7'", False)
"""
    ends_well(program(tmp_path, body))

"""Workers of a Dask cluster, which here is two processes of this machine."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import rhobust
import rhobust.workers.cluster
from rhobust.compiler.base.errors import InputError
from rhobust.embedded import embedded_images
from rhobust.workers import LOST, Done, open_workers

from .test_workers import HERE, PATIENCE, collected, eventually

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def tasks() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(HERE))
        yield import_module("worker_tasks")


@pytest.fixture(scope="module")
def address(tasks: Any) -> Iterator[str]:
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.CRITICAL
    ) as cluster:
        yield cluster.scheduler_address.removeprefix("tcp://")


def test_every_task_is_answered_once(address: str, tasks: Any) -> None:
    with open_workers(address, partial(tasks.setup, 7)) as workers:
        assert workers.size == 2
        for key in range(30):
            workers.submit(key, tasks.product, key)
        workers.submit("raises", tasks.raises)
        done = {one.key: one for one in collected(workers)}
    assert done.pop("raises").error == "KeyError: 'a key of 7'"
    assert done == {key: Done(key, 7 * key) for key in range(30)}


def test_each_run_has_a_setup_of_its_own(address: str, tasks: Any) -> None:
    for number in (2, 5):
        with open_workers(address, partial(tasks.setup, number)) as workers:
            workers.submit(0, tasks.product, 3)
            assert collected(workers) == [Done(0, 3 * number)]
    with open_workers(address, partial(tasks.fails, "no such file")) as workers:
        workers.submit(0, tasks.product, 3)
        with pytest.raises(RuntimeError, match="ValueError: no such file"):
            workers.next(PATIENCE)


@pytest.mark.slow
def test_answers_are_those_of_one_process(address: str) -> None:
    images, labels = embedded_images()
    found = []
    for spec in (1, 2, address):
        with open_workers(spec, partial(rhobust.load, "digits")) as workers:
            for key in range(6):
                workers.submit(key, rhobust.verify, images[key] / 255.0, 0.05)
            found.append({one.key: one.value for one in collected(workers)})
    told = [
        {key: (one.verdict, one.margin_bound, one.label, one.nodes) for key, one in each.items()}
        for each in found
    ]
    assert told[0] == told[1] == told[2]
    assert [told[0][key][2] for key in range(6)] == labels[:6].tolist()


def test_a_lost_workers_task_is_done_by_another(address: str, tasks: Any, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    with open_workers(address, partial(tasks.setup, 3)) as workers:
        workers.submit("begins", tasks.begin, trace, 1.0)
        eventually(trace.exists)
        os.kill(int(trace.read_text()), signal.SIGKILL)
        workers.submit("once", tasks.kills_once, tmp_path / "once")
        for key in range(10):
            workers.submit(key, tasks.product, key)
        done = {one.key: one for one in collected(workers)}
    assert (tmp_path / "once").exists()
    assert done.pop("once") == Done("once", 3) and done.pop("begins") == Done("begins")
    assert done == {key: Done(key, 3 * key) for key in range(10)}


@pytest.mark.slow
def test_a_task_that_ends_its_workers_is_given_up(tasks: Any) -> None:
    dask = import_module("dask")
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        # twice two workers end, whose nannies need not replace any
        distributed.LocalCluster(
            n_workers=5, threads_per_worker=1, dashboard_address=":0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        open_workers(cluster.scheduler_address, partial(tasks.setup, 3)) as workers,
    ):  # fmt: skip
        workers.submit("kills", tasks.kills)
        for key in range(10):
            workers.submit(key, tasks.product, key)
        done = {one.key: one for one in collected(workers)}
    assert done.pop("kills") == Done("kills", None, LOST)
    assert done == {key: Done(key, 3 * key) for key in range(10)}


def test_cancelling_takes_back_what_has_not_begun(address: str, tasks: Any, tmp_path: Path) -> None:
    workers = open_workers(address, int)
    for key in range(20):
        workers.submit(key, tasks.begin, tmp_path / str(key), 0.5)
    eventually(lambda: any(tmp_path.iterdir()))
    workers.close(cancel=True)
    assert workers.unfinished == 0
    with open_workers(address, partial(tasks.setup, 1)) as workers:  # and the cluster is free
        workers.submit(0, tasks.product, 4)
        assert collected(workers) == [Done(0, 4)]
    assert len({path.stem for path in tmp_path.iterdir()}) < 10


def test_workers_of_another_version_are_refused(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rhobust, "__version__", "0.0")
    with pytest.raises(InputError, match=r"has rhobust .*, and this is 0\.0"):
        open_workers(address, int)


def test_who_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rhobust.workers.cluster, "SECONDS", 0.2)
    with pytest.raises(InputError, match=r"127\.0\.0\.1:9: no Dask scheduler answers"):
        open_workers("127.0.0.1:9", int)


def test_a_cluster_without_workers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rhobust.workers.cluster, "SECONDS", 0.5)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as cluster,
        pytest.raises(InputError, match="no workers"),
    ):
        open_workers(cluster.scheduler_address.removeprefix("tcp://"), int)


@pytest.mark.slow
def test_a_scheduler_that_ends_is_told(
    tasks: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rhobust.workers.cluster, "SECONDS", 2.0)
    with distributed.LocalCluster(n_workers=1, dashboard_address=":0") as cluster:
        workers = open_workers(cluster.scheduler_address, int)
        workers.submit(0, tasks.begin, tmp_path / "trace")
        eventually((tmp_path / "trace").exists)
    with pytest.raises(InputError, match="answers no more"), workers:
        while workers.unfinished:
            workers.next(PATIENCE)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'rhobust\[distributed\]'"):
        open_workers("127.0.0.1:9", int)

"""Workers change nothing but the time: the coordinator alone writes, and rows are the same."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import rhobust as rb
from rhobust.compiler.base.errors import InputError
from rhobust.data import digits
from rhobust.evaluation import tasks
from rhobust.evaluation.coordinator import Step
from rhobust.evaluation.image.setup import setup
from rhobust.store import Store
from rhobust.workers.here import Here

from .test_evaluate import equal

OPTIONS: dict[str, Any] = {"eps": [0.05, 0.15], "index": range(24), "timeout": 60}


@pytest.fixture(scope="module")
def alone() -> rb.Evaluation:
    return rb.evaluate("digits", digits(), **OPTIONS)


def test_an_executor_of_the_caller(alone: rb.Evaluation) -> None:
    with ThreadPoolExecutor(1) as threads:
        found = rb.evaluate("digits", digits(), workers=threads, **OPTIONS)
    assert equal(found.records, alone.records)


@pytest.mark.slow
def test_processes_come_to_the_same_rows(alone: rb.Evaluation, tmp_path: Path) -> None:
    store = tmp_path / "r.sqlite"
    found = rb.evaluate("digits", digits(), workers=2, store=store, **OPTIONS)
    assert equal(found.records, alone.records) and found.summary() == alone.summary()
    with Store.open(store, readonly=True) as kept:
        assert equal(list(kept.records(found.run)), alone.records)


@pytest.mark.long
def test_an_image_that_kills_its_workers_is_open_and_the_others_are_answered(
    alone: rb.Evaluation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What a worker loads decides what it does: a module of the test's own kills it."""
    folder = tmp_path / "extra"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "import rhobust.evaluation.image.passes as passes\n"
        "look = passes._look\n"
        "def killing(session, job, deadline):\n"
        "    if job.known.index == 5:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    look(session, job, deadline)\n"
        "passes._look = killing\n"
    )
    paths = [str(folder), *(path for path in os.environ.get("PYTHONPATH", "").split(":") if path)]
    root = str(Path(rb.__file__).resolve().parent.parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*paths, root]))
    found = rb.evaluate("digits", digits(), eps=0.05, index=range(8), workers=2)
    reasons = {one.index: one.decisions[0].reason for one in found.records}
    assert reasons.pop(5) == "worker lost" and set(reasons.values()) == {""}


@pytest.mark.slow
def test_a_worker_that_is_lost_is_replaced(alone: rb.Evaluation) -> None:
    def kill(step: Step) -> None:
        if step.done == 3:
            os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)

    found = rb.evaluate("digits", digits(), workers=2, progress=kill, **OPTIONS)
    assert equal(found.records, alone.records)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_workers_of_a_cluster(alone: rb.Evaluation, tmp_path: Path) -> None:
    distributed: Any = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, local_directory=str(tmp_path)
    ) as cluster:
        address = cluster.scheduler_address.removeprefix("tcp://")
        found = rb.evaluate("digits", digits(), workers=address, **OPTIONS)
    assert equal(found.records, alone.records)


@pytest.mark.parametrize(("size", "first", "last"), [(1, 16, 2), (2, 16, 2), (100, 4, 4)])
def test_tasks_of_the_first_pass_grow_smaller(size: int, first: int, last: int) -> None:
    """No worker waits long for another one's last task, and no image is left out."""

    class Sized(Here):
        @property
        def size(self) -> int:
            return size

    parts: list[list[int]] = []

    def noting(session: object, jobs: list[int], end: float) -> list[Any]:
        parts.append(jobs)
        return []

    with Sized(lambda: None) as workers, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "first_pass", noting)
        job: Any = int
        tasks.Tasks(workers, float("inf"), job, _nobody, _nobody).first(range(200))
    assert sum(parts, []) == list(range(200))
    assert (len(parts[0]), len(parts[-1])) == (first, last)
    assert all(len(one) >= len(other) for one, other in pairwise(parts))


def _nobody(*told: object) -> None:
    """Is told what came of images."""


def test_a_network_that_other_processes_cannot_load(tmp_path: Path) -> None:
    """The file that a worker reads has to be the one that the evaluation began with."""
    path = tmp_path / "model.onnx"
    path.write_bytes(Path(rb.load("digits").path).read_bytes())
    network = rb.load(path)
    path.write_bytes(Path(rb.load("digits_conv").path).read_bytes())
    with pytest.raises(InputError, match="is not the file that the evaluation began with"):
        setup(network, False)()

"""Workers: images and messages a second, of this process, local ones and a Dask cluster.

    python -m bench.workers [--images 200] [--rounds 3] [--messages 5000] [--kinds here,two,dask]

Images: WK17a, MNIST, l-infinity 0.1, `verify` of each, all in turn in every round, so that other
work on the machine meets all kinds alike. Workers have loaded the network, and their kernels,
before the clock starts. A kind `killed` is the Dask cluster, one of whose workers is killed in the
middle.
Messages: tasks that do nothing, and the coordinator's own processor seconds for each; waits: tasks
that sleep for --seconds, which other work on the machine does not slow down. Store: records with
image and witness, kept one by one in SQLite.
A line of JSON each; the last ones have medians, and ratios to the first kind.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rhobust import load, verify
from rhobust.compiler.network.graph import Network
from rhobust.data import Images
from rhobust.data import load as load_images
from rhobust.results import Verdict
from rhobust.store import Store
from rhobust.store.record import Decision, Record, Run
from rhobust.workers import Workers, open_workers

from .workloads import DATA

Kind = Callable[[Callable[[], Any]], Workers]


def setup() -> tuple[Network, Images]:
    """What every worker has."""
    network = load(DATA / "mipverify" / "wk17a_linf0.1.onnx")
    return network, load_images(DATA / "mnist" / "mnist_test.npz")


def decide(value: tuple[Network, Images], index: int) -> str:
    network, images = value
    label = int(images.labels[index])
    return str(verify(network, images.vector(index), 0.1, label=label, timeout=300).verdict)


def nothing(value: object, number: int) -> int:
    return number


def wait(value: object, seconds: float) -> None:
    time.sleep(seconds)


def process(value: object) -> int:
    return os.getpid()


@contextmanager
def cluster(workers: int = 2) -> Iterator[str]:
    """The address of a Dask cluster of processes of this machine."""
    from distributed import LocalCluster

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=":0",
        silence_logs=logging.CRITICAL,
    ) as local:  # fmt: skip
        yield local.scheduler_address


def drain(workers: Workers, kill_at: int = -1) -> list[Any]:
    """All values; one worker is killed once so many are there."""
    found: list[Any] = []
    victim = 0
    while workers.unfinished:
        done = workers.next()
        assert done is not None and not done.error, done
        if done.key == "process":
            victim = done.value
            continue
        found.append(done.value)
        if len(found) == kill_at and victim:
            os.kill(victim, signal.SIGKILL)
    return found


def images_a_second(workers: Workers, count: int, kill: bool) -> tuple[float, int]:
    """Throughput, and how many rows there are."""
    for index in range(4 * workers.size):
        workers.submit(index, decide, index)
    drain(workers)
    began = time.perf_counter()
    if kill:
        workers.submit("process", process)
    for index in range(count):
        workers.submit(index, decide, index)
    found = drain(workers, count // 2 if kill else -1)
    seconds = time.perf_counter() - began
    assert len(found) == count and str(Verdict.UNKNOWN) not in found
    return count / seconds, len(found)


def messages_a_second(workers: Workers, count: int) -> float:
    for index in range(20):
        workers.submit(index, nothing, index)
    drain(workers)
    began = time.perf_counter()
    for index in range(count):
        workers.submit(index, nothing, index)
    assert len(drain(workers)) == count
    return count / (time.perf_counter() - began)


def waits_a_second(workers: Workers, count: int, seconds: float) -> float:
    for index in range(4 * workers.size):
        workers.submit(index, nothing, index)
    drain(workers)
    began = time.perf_counter()
    for index in range(count):
        workers.submit(index, wait, seconds)
    assert len(drain(workers)) == count
    return count / (time.perf_counter() - began)


def writes_a_second(count: int) -> tuple[float, float]:
    """Records of MNIST's size, with image and witness, in a transaction each; and the processor's
    seconds of one."""
    rng = np.random.default_rng(0)
    question: dict[str, object] = {"eps": [0.1]}
    run = Run("bench", question, {}, {"digest": ""}, tuple(range(count)), "now")
    records = [
        Record(
            k, str(k), 1, 1, 0.1, np.inf, (Decision(0.1, Verdict.ROBUST),),
            witness=rng.random(784), image=rng.random(784),
        )
        for k in range(count)
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "r.sqlite") as store:
        store.begin(run)
        began, own = time.perf_counter(), time.process_time()
        for record in records:
            store.keep(run, record, key=record.name, claim=record.name)
        own = (time.process_time() - own) / count
        return count / (time.perf_counter() - began), own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=0.04)
    parser.add_argument("--kinds", default="here,two,dask,killed")
    chosen = parser.parse_args()
    found: dict[str, list[float]] = {}

    def note(what: str, value: float, **more: object) -> None:
        found.setdefault(what, []).append(value)
        print(json.dumps({"what": what, "a second": round(value, 2), **more}), flush=True)

    with cluster() as address:
        specs: dict[str, int | str] = {"here": 1, "two": 2, "dask": address, "killed": address}
        kinds = chosen.kinds.split(",")
        for _ in range(chosen.rounds):
            for kind in kinds if chosen.images else ():
                with open_workers(specs[kind], partial(setup)) as workers:
                    speed, rows = images_a_second(workers, chosen.images, kind == "killed")
                note(f"images, {kind}", speed, rows=rows)
            for kind in ("two", "dask") if chosen.messages else ():
                with open_workers(specs[kind], int) as workers:
                    begun = time.process_time()
                    speed = messages_a_second(workers, chosen.messages)
                    own = (time.process_time() - begun) / chosen.messages
                    note(f"messages, {kind}", speed, processor=round(own, 6))
                    waits = min(chosen.messages, 500)
                    note(f"waits, {kind}", waits_a_second(workers, waits, chosen.seconds))
            if chosen.messages:
                speed, own = writes_a_second(min(chosen.messages, 1000))
                note("store writes", speed, processor=round(own, 6))
    medians = {what: statistics.median(values) for what, values in found.items()}
    first = next(iter(medians.values()))
    for what, median in medians.items():
        ratio = round(median / first, 3) if what.startswith("images") else None
        print(json.dumps({"what": what, "median": round(median, 2), "ratio": ratio}))


if __name__ == "__main__":
    main()

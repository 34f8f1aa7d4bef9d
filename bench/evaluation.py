"""Evaluations of a test set: what the store costs, how workers scale, and what kills cost.

    RHOBUST_DATA=... python -m bench.evaluation store
    RHOBUST_DATA=... python -m bench.evaluation rate --count 1000
    RHOBUST_DATA=... python -m bench.evaluation kills --count 1000 --kills 10 --seed 0

`store`: milliseconds for an image that is kept, and one whose answer is read again.  `rate`: WK17a
in l-infinity at 0.1 with one worker and with two, in turn.  `kills`: the same with two workers,
killed (SIGKILL) at random moments and begun again, against an evaluation that was left alone.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import rhobust as rb
from rhobust.results import Verdict
from rhobust.store import Decision, Record, Run, Store

DATA = Path(os.environ.get("RHOBUST_DATA", "."))


def command(store: Path, count: int, workers: int) -> list[str]:
    """An evaluation of WK17a."""
    return [
        sys.executable, "-m", "rhobust", "evaluate",
        str(DATA / "mipverify" / "wk17a_linf0.1.onnx"),
        "--data", str(DATA / "mnist" / "mnist_test.npz"), "--index", f"0:{count}",
        "--eps", "0.1", "--timeout", "60", "--store", str(store), "--workers", str(workers),
        "--quiet",
    ]  # fmt: skip


def rows(store: Path) -> dict[int, tuple[object, ...]]:
    """What is kept of each image, but for seconds."""
    with Store.open(store, readonly=True) as opened:
        runs = opened.runs()
        assert len(runs) <= 1, "one question has two runs"
        found = [one for run in runs for one in opened.records(run)]  # none where it did not begin
    assert len({one.index for one in found}) == len(found), "a row is doubled"
    return {one.index: told(one) for one in found}


def told(record: Record) -> tuple[object, ...]:
    witness = None if record.witness is None else record.witness.tobytes()
    decisions = tuple((d.eps, d.verdict, d.reason, d.attacked) for d in record.decisions)
    return (
        record.label, record.predicted, record.rho_lower, record.rho_upper, decisions, witness,
        record.witness_label, record.attack_distance,
    )  # fmt: skip


def cost(folder: Path, count: int) -> None:
    """Milliseconds for each image: kept alone, and kept or read again with its bookkeeping."""
    draw = np.random.default_rng(0)
    image = draw.integers(0, 256, 784) / 255.0
    witness = (image + draw.normal(0.0, 0.05, 784)).astype(np.float32).astype(np.float64)
    record = Record(
        0, "0", 3, 3, 0.0, 0.09, (Decision(0.1, Verdict.NOT_ROBUST),), witness=witness,
        witness_label=5, image=image,
    )  # fmt: skip
    with Store.open(folder / "alone.sqlite") as store:
        run = Run("a", {}, {}, {}, tuple(range(count)), "now")
        store.begin(run)
        begun = time.perf_counter()
        for index in range(count):
            store.keep(run, replace(record, index=index), key="k", claim="c")
        alone = 1e3 * (time.perf_counter() - begun) / count
    size = (folder / "alone.sqlite").stat().st_size / count
    images = rb.data.load(DATA / "mnist" / "mnist_test.npz")
    network = rb.load(DATA / "mipverify" / "wk17a_linf0.1.onnx")
    seconds: list[float] = []
    for path in (None, folder / "whole.sqlite", folder / "whole.sqlite"):
        begun = time.process_time()
        # at the radius 0 nothing is asked but the label, so that what is left is bookkeeping
        rb.evaluate(network, images, eps=0.0, attacks=(), index=range(count), store=path)
        seconds.append(1e3 * (time.process_time() - begun) / count)
    print(f"kept alone {alone:.2f} ms and {size:.0f} bytes an image")
    print(f"evaluation without a store {seconds[0]:.2f}, with {seconds[1]:.2f} ms an image")
    print(f"read again {seconds[2]:.2f} ms an image")


def rate(folder: Path, count: int) -> None:
    """Wall and processor seconds with one worker and with two."""
    for workers in (1, 2):
        begun, before = time.perf_counter(), os.times()
        subprocess.run(command(folder / f"{workers}.sqlite", count, workers), check=True)
        wall, after = time.perf_counter() - begun, os.times()
        spent = after.children_user - before.children_user
        print(
            f"workers {workers}: {wall:.1f} s, {count / wall:.2f} images/s, {spent:.0f} s of cores"
        )
    print("rows equal:", rows(folder / "1.sqlite") == rows(folder / "2.sqlite"))


def kills(folder: Path, count: int, times: int, seed: int) -> None:
    """Whether what is killed and begun again comes to the rows of what was left alone."""
    whole, cut = folder / "whole.sqlite", folder / "cut.sqlite"
    begun = time.perf_counter()
    subprocess.run(command(whole, count, 2), check=True)
    wall = time.perf_counter() - begun
    print(f"left alone: {wall:.1f} s", flush=True)
    draw = random.Random(seed)
    kept: list[int] = []
    for _ in range(times):
        process = subprocess.Popen(command(cut, count, 2), start_new_session=True)
        time.sleep(draw.uniform(0.1, 1.9) * wall / times + 4.0)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kept.append(len(rows(cut)) if cut.exists() else 0)
    subprocess.run(command(cut, count, 2), check=True)
    first, second = rows(whole), rows(cut)
    differ = [k for k in sorted({*first, *second}) if first.get(k) != second.get(k)]
    print(f"killed {times} times, rows after each: {kept}")
    print(f"{len(second)} rows, {len(differ)} differ from those left alone: {differ[:10]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["store", "rate", "kills"])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.what == "store":
            cost(folder, asked.count)
        elif asked.what == "rate":
            rate(folder, asked.count)
        else:
            kills(folder, asked.count, asked.kills, asked.seed)


if __name__ == "__main__":
    main()

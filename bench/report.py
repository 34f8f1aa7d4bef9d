"""How large a report of 10,000 images is, how long it takes, and how soon a browser shows it.

    RHOBUST_DATA=... python -m bench.report [--count 10000] [--out FOLDER]

A store is filled with records of plausible values about MNIST's test images, one in ten of them
open; nothing is proven of a network.  Opening is timed from the address to the first rows of the
table in headless Chromium, where there is one, and a sort from the click to its rows.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

from rhobust.report.writing import write_run
from rhobust.store import Store
from tests.rhobust.records import made, run
from tests.rhobust.report.browser import opened

from .workloads import DATA

ROWS = "#images tbody tr.row"


def filled(path: Path, count: int) -> str:
    """A store of one run; its name."""
    with np.load(DATA / "mnist" / "mnist_test.npz") as held:
        images = held["images"][:count].reshape(count, -1) / 255.0
    with Store.open(path) as store:
        about = store.begin(run("made", count=count))
        for record in made(count, 0, (0.03, 0.05, 0.1), images):
            store.keep(about, record)
    return about.id


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = asked.out or Path(folder)
        kept = place / "results.sqlite"
        name = filled(kept, asked.count) if not kept.exists() else "made"
        report = place / "report.html"
        begin, own = time.perf_counter(), time.process_time()
        with Store.open(kept, readonly=True) as store:
            about = store.run(name)
            write_run(about, partial(store.records, about), report, overwrite=True)
        wall, own = time.perf_counter() - begin, time.process_time() - own
        size = report.stat().st_size / 1e6
        print(f"written in {wall:.1f} s, {own:.1f} s of processor time: {size:.2f} MB")
        with opened(report) as (page, said):
            for _ in range(3):
                begin = time.perf_counter()
                page.goto(report.as_uri())
                page.wait_for_selector(ROWS)
                shown = time.perf_counter() - begin
                begin = time.perf_counter()
                page.locator("#images th button").nth(5).click()
                page.wait_for_selector("#images th[aria-sort]:nth-child(6)")
                sorting = time.perf_counter() - begin
                print(f"rows after {shown:.2f} s, sorted in {sorting:.2f} s, console: {said}")


if __name__ == "__main__":
    main()

"""What an evaluation of many images on many workers takes: a simulation of its coordinator.

    python -m bench.scale [--images 1000000] [--workers 1,10,100,1000,4000] [--seed 0]
        [--result 0.0007] [--write 0.004] [--mean 0.08] [--tail 300]

One coordinator hands tasks to workers, takes their results one after the other, keeps each in the
store, and hands out the next. `--result` is what it does for a task beside the store, `--write` a
transaction, both in seconds of its own processor (`python -m bench.workers` measures them). Tasks
take a time that is lognormal, of mean `--mean`, but for the share `--hard` of images, which take
uniformly up to `--tail` seconds. Tasks hold `--batch` images each, all of which have rows of their
own. For each number of workers: hours of wall time, workers' hours, how much of the time workers
work (efficiency), and how busy the coordinator is.
"""

from __future__ import annotations

import argparse
import heapq
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Seconds = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds: result and write of the coordinator, for a task and for a row; start of a worker."""

    result: float
    write: float
    start: float = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """wall: until the last row is kept; work: of all workers; busy: of the coordinator; seconds."""

    workers: int
    wall: float
    work: float
    busy: float

    @property
    def efficiency(self) -> float:
        """Which part of the workers' time is work."""
        return self.work / (self.workers * self.wall)

    @property
    def load(self) -> float:
        """Which part of the time the coordinator is busy."""
        return self.busy / self.wall


def durations(
    images: int, mean: float, hard: float, tail: float, rng: np.random.Generator
) -> Seconds:
    """What images take, (N,): lognormal of a mean, some of them up to `tail`, uniformly."""
    sigma = 0.5
    found = rng.lognormal(np.log(mean) - 0.5 * sigma**2, sigma, images)
    slow = rng.random(images) < hard
    found[slow] = rng.uniform(0.0, tail, int(slow.sum()))
    return found


def tasks(seconds: Seconds, batch: int) -> tuple[Seconds, npt.NDArray[np.int64]]:
    """Tasks of some images each: their seconds and their rows."""
    starts = np.arange(0, len(seconds), batch)
    rows = np.minimum(batch, len(seconds) - starts)
    return np.add.reduceat(seconds, starts), rows


def simulate(seconds: Seconds, rows: npt.NDArray[np.int64], workers: int, costs: Costs) -> Outcome:
    """Plays an evaluation: tasks in their order, each to the worker that is free first.

    Events are ends of tasks, in order of time. The coordinator takes them one after the other, and
    a worker waits until its result is taken and the next task is there.
    """
    events = [(costs.start + float(own), k) for k, own in enumerate(seconds[:workers])]
    heapq.heapify(events)
    coming, free, busy = len(events), 0.0, 0.0
    while events:
        end, task = heapq.heappop(events)
        own = costs.result + costs.write * int(rows[task])
        free = max(free, end) + own
        busy += own
        if coming < len(seconds):
            heapq.heappush(events, (free + float(seconds[coming]), coming))
            coming += 1
    return Outcome(workers, free, float(seconds.sum()), busy)


def saturated(mean: float, batch: int, costs: Costs) -> float:
    """Workers that keep one coordinator busy: what a task takes over what its results take."""
    return batch * mean / (costs.result + batch * costs.write)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--workers", default="1,10,100,1000,4000")
    parser.add_argument("--result", type=float, default=0.0007)
    parser.add_argument("--write", type=float, default=0.004)
    parser.add_argument("--mean", type=float, default=0.08)
    parser.add_argument("--hard", type=float, default=0.0)
    parser.add_argument("--tail", type=float, default=300.0)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    costs = Costs(chosen.result, chosen.write)
    rng = np.random.default_rng(chosen.seed)
    spent = durations(chosen.images, chosen.mean, chosen.hard, chosen.tail, rng)
    whole, rows = tasks(spent, chosen.batch)
    print(f"saturated by {saturated(float(spent.mean()), chosen.batch, costs):.0f} workers")
    print("| workers | hours | workers' hours | efficiency | coordinator busy |")
    print("| --- | --- | --- | --- | --- |")
    for workers in map(int, chosen.workers.split(",")):
        found = simulate(whole, rows, workers, costs)
        print(
            f"| {workers:,} | {found.wall / 3600:.2f} | {workers * found.wall / 3600:,.0f} "
            f"| {found.efficiency:.0%} | {found.load:.0%} |"
        )


if __name__ == "__main__":
    main()

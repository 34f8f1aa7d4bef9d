"""What an evaluation of many images on many workers takes: a simulation of its coordinator.

    python -m bench.scale [--images 1000000] [--workers 16,100,1000] [--batch 1] [--ahead 4]
        [--result 0.0041] [--write 0.0018] [--mean 0.08] [--hard 0] [--tail 3600] [--seed 0]

One coordinator hands out tasks, takes their results one after the other, keeps each image in the
store, and hands out the next. --result is what a task costs it, --write an image, in seconds of its
own processor (`python -m bench.workers` measures both). --ahead tasks for each worker are handed
out, of which those that are not in work wait where workers fetch them. Images take a time that is
lognormal, of mean --mean, but for the share --hard of them, which take up to --tail seconds,
uniformly; a task has --batch of them. For each number of workers: hours of wall time, hours of all
workers, how much of these is work (efficiency), and how busy the coordinator is.
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


def simulate(
    seconds: Seconds,
    rows: npt.NDArray[np.int64],
    workers: int,
    costs: Costs,
    ahead: int = 1,
) -> Outcome:
    """Plays an evaluation of tasks (T,) in their order; ahead: handed out for each worker.

    Two kinds of events, in order of time: a worker ends a task, and begins the next one that was
    handed out; the coordinator is done with a result, and hands out one more.
    """
    own = costs.result + costs.write * rows
    begun = min(workers, len(seconds))
    events = [(costs.start + float(seconds[k]), 0, k) for k in range(begun)]
    heapq.heapify(events)
    handed = min(ahead * workers, len(seconds))
    idle, free, busy = workers - begun, 0.0, 0.0
    while events:
        now, kind, task = heapq.heappop(events)
        if kind == 0:
            free = max(free, now) + float(own[task])
            busy += float(own[task])
            heapq.heappush(events, (free, 1, task))
            idle += 1
        else:
            handed = min(handed + 1, len(seconds))
        if idle and begun < handed:
            heapq.heappush(events, (now + float(seconds[begun]), 0, begun))
            begun, idle = begun + 1, idle - 1
    return Outcome(workers, free, float(seconds.sum()), busy)


def saturated(mean: float, batch: int, costs: Costs) -> float:
    """Workers that keep one coordinator busy: what a task takes over what its results take."""
    return batch * mean / (costs.result + batch * costs.write)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--workers", default="16,100,1000")
    parser.add_argument("--result", type=float, default=0.0041)
    parser.add_argument("--write", type=float, default=0.0018)
    parser.add_argument("--mean", type=float, default=0.08)
    parser.add_argument("--hard", type=float, default=0.0)
    parser.add_argument("--tail", type=float, default=3600.0)
    parser.add_argument("--ahead", type=int, default=4)
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
        found = simulate(whole, rows, workers, costs, chosen.ahead)
        print(
            f"| {workers:,} | {found.wall / 3600:.2f} | {workers * found.wall / 3600:,.0f} "
            f"| {found.efficiency:.0%} | {found.load:.0%} |"
        )


if __name__ == "__main__":
    main()

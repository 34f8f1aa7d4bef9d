"""Table 1 of MIPVerify (Tjeng, Xiao, Tedrake 2019): the two networks of MNIST that are at hand.

    RHOBUST_DATA=... python -m bench.tables.mipverify [--quick] [--out FOLDER] [--count N M]

The adversarial error of WK17a and RSL18a in l-infinity at 0.1, between what is shown and what is
not proven.  --count: how many test images of each.  The images are kept in FOLDER/mipverify.sqlite,
where an evaluation of `rhobust evaluate` with the same question is taken up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import rhobust as rb
from rhobust.evaluation import Evaluation, evaluate
from rhobust.evaluation.asked import model_digest
from rhobust.results import Verdict
from rhobust.store import Record, Store

from ..workloads import DATA, MNIST, RSL18A, WK17A
from .kept import Kept
from .page import Page, arguments, between, folder, percent

EPS = 0.1


@dataclass(frozen=True, slots=True)
class Row:
    """published: clean error, lower and upper end of the adversarial error, in per cent."""

    name: str
    path: str
    seconds: float
    published: tuple[float, float, float]


ROWS = (
    Row("WK17a, CNN", WK17A, 120.0, (1.89, 4.38, 4.38)),
    Row("RSL18a, MLP of one layer of 500", RSL18A, 60.0, (4.18, 14.36, 30.81)),
)  # fmt: skip
FULL, QUICK = (10_000, 200), (60, 10)


def judged(row: Row, count: int, store: Path) -> Evaluation:
    """What the store has decided of all the images, whatever the effort was; or an evaluation."""
    return known(row, count, store) or evaluate(
        DATA / row.path, DATA / MNIST, eps=EPS, index=range(count), timeout=row.seconds,
        store=store,
    )  # fmt: skip


def known(row: Row, count: int, store: Path) -> Evaluation | None:
    digest = model_digest(rb.load(DATA / row.path))
    wanted = {
        "model": digest, "norm": "linf", "domain": [0.0, 1.0], "target": "any", "margin": 0.0,
        "eps": [EPS], "rho": False,
    }  # fmt: skip
    if not store.exists():
        return None
    with Store.open(store, readonly=True) as opened:
        for run in opened.runs():
            same = all(run.question.get(name) == value for name, value in wanted.items())
            if same and list(run.indices) == list(range(count)):
                records = tuple(opened.records(run))
                if len(records) == count and not any(map(undecided, records)):
                    return Evaluation(records, run)
    return None


def undecided(record: Record) -> bool:
    decision = record.at(EPS)
    return record.correct and (decision is None or decision.verdict is Verdict.UNKNOWN)


def told(row: Row, found: Evaluation) -> list[str]:
    """A row of the table, and its difference to the publication."""
    count = len(found)
    lower, upper = found.robust(EPS)
    open_ = sum(map(undecided, found.records))
    clean, low, high = row.published
    seconds = sorted(one.seconds for one in found.records)
    return [
        row.name, f"{count:,} of 10,000", percent(1.0 - found.clean, 2),
        between(1.0 - upper, 1.0 - lower, 2), str(open_), f"{clean} %",
        f"{low} %" if low == high else f"{low} to {high} %",
        f"{sum(seconds):.0f} s, median {1000 * seconds[count // 2]:.0f} ms, "
        f"largest {seconds[-1]:.1f} s",
    ]  # fmt: skip


HEAD = (
    "network", "test images", "clean error", "adversarial error at 0.1", "undecided",
    "published: clean", "published: adversarial", "seconds",
)  # fmt: skip


def main(given: Sequence[str] | None = None) -> None:
    parser = arguments(__doc__, "mipverify")
    parser.add_argument("--count", type=int, nargs=2, default=None)
    chosen = parser.parse_args(given)
    out = folder(chosen, "mipverify")
    counts: Sequence[int] = chosen.count or (QUICK if chosen.quick else FULL)
    kept, store = Kept(out), out / "mipverify.sqlite"
    page = Page("mipverify", "MIPVerify (Tjeng, Xiao, Tedrake 2019), Table 1")
    table, seconds = [], 0.0
    for row, count in zip(ROWS, counts, strict=True):
        found = judged(row, count, store)
        seconds += sum(one.seconds for one in found.records)
        table.append(told(row, found))
        print(" | ".join(table[-1]), flush=True)
    page.text(
        "An image counts as an error where it is misclassified or an input within l∞ 0.1 gets "
        "another label; the lower end is shown by validated inputs, the upper end is what is not "
        "proven robust. Undecided are those between the two."
    )
    page.table(HEAD, table)
    page.differs(
        "The weights of the table's other networks are not at hand, those of CIFAR-10 among them.",
        "Branch and bound on ReLUs with proven bounds, in the place of a commercial MILP solver.",
        "A row of fewer images than 10,000 says so; the rest of the test set is a matter of time "
        "alone (`--count 10000 10000`).",
    )
    page.write(out, kept, f"{seconds:.0f} s of the program's own clock")
    print(f"rhobust {rb.__version__}; images kept in {store}")


if __name__ == "__main__":
    main()

"""Two runs on the same images: by hand, between what open images could be, or refused."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rhobust as rb
from rhobust.compiler.base.errors import InputError
from rhobust.evaluation import Evaluation
from rhobust.report.comparison.compared import Compared
from rhobust.report.comparison.formats import FORMATS, chosen
from rhobust.report.comparison.wording import difference, names, row, summary
from rhobust.report.findings.gathered import Findings
from rhobust.results import Verdict
from rhobust.store.record import Decision, Record, Run

from ..records import made, record, run
from .test_page import EVIL, read


def gathered(records: Sequence[Record], about: Run | None = None) -> Findings:
    return Findings.gather(about or run(count=len(records)), lambda: records)


def pair(first: Sequence[Record], second: Sequence[Record]) -> Compared:
    return Compared.of(gathered(first), gathered(second, run("other", count=len(second))))


def at(index: int, verdict: Verdict) -> Record:
    lower, upper = (0.0, 0.05) if verdict is Verdict.NOT_ROBUST else (0.0, math.inf)
    return record(index, lower, upper, Decision(0.1, verdict, "" if lower == upper else "timeout"))


R, N, U = Verdict.ROBUST, Verdict.NOT_ROBUST, Verdict.UNKNOWN


def ten() -> Compared:
    """Of ten images five are gained, one is lost, one is open in the second."""
    one = [N, N, N, N, N, R, R, R, N, R]
    other = [R, R, R, R, R, N, R, R, N, U]
    first = [at(k, v) for k, v in enumerate(one)]
    return pair(first, [at(k, v) for k, v in enumerate(other)])


def test_changes_by_hand() -> None:
    compared = ten()
    change = compared.changes[compared.radii.index(0.1)]
    assert (change.first.robust.least, change.first.robust.most) == (4, 4)
    assert (change.second.robust.least, change.second.robust.most) == (7, 8)
    assert (change.least, change.most, change.better, change.worse) == (3, 4, 5, 1)
    assert change.test.p == pytest.approx(14 / 64)
    assert change.test.p_worst == pytest.approx(2 * (1 + 7 + 21) / 2**7)
    assert compared.changed == [0, 1, 2, 3, 4, 5, 9]
    told = row(change)
    assert [one.replace("\u202f", " ") for one in told] == [
        "0.1", "40.0 %", "70.0 % \u2013 80.0 %", "+30.0 % to +40.0 %", "5", "1", "0.22", "0.45",
    ]  # fmt: skip
    text = " ".join(summary(compared)).replace("\u202f", " ")
    assert "10 images in both: first digits (run made), second digits (run other)." in text
    assert "changes by +30.0 % to +40.0 % of the images: proven. 5 images gained, 1 lost" in text
    assert "at most 0.45 whatever the open images are" in text


def test_a_run_is_like_itself() -> None:
    records = made(50, 1)
    compared = pair(records, records)
    assert not compared.changed and not any(mask.any() for mask in compared.nearer)
    for change in compared.changes:
        assert change.test.p == 1.0 and change.better == change.worse == 0
        assert change.least <= 0 <= change.most


@given(st.integers(1, 60), st.integers(0, 10**6))
def test_the_true_change_lies_between(count: int, seed: int) -> None:
    both = [made(count, seed, doubtful=0.5), made(count, seed, doubtful=0.5, differ=1)]
    draw = np.random.default_rng(seed)
    rho = [
        [one.rho_lower + draw.random() * (one.rho_upper - one.rho_lower) for one in records]
        for records in both
    ]
    for change in pair(*both).changes:
        kept = [np.array([x > change.eps for x in some]) for some in rho]
        more = int(kept[1].sum()) - int(kept[0].sum())
        assert change.least <= more <= change.most
        assert change.better <= int((kept[1] & ~kept[0]).sum())
        assert change.worse <= int((kept[0] & ~kept[1]).sum())
        told = difference(change).replace("\u2212", "-").replace("+", "").split(" to ")
        ends = [Fraction(one.split("\u202f")[0]) for one in told]
        if len(ends) == 2:
            assert ends[0] <= Fraction(100 * change.least, count)
            assert Fraction(100 * change.most, count) <= ends[1]


def test_images_of_one_run_alone_are_left_out() -> None:
    records = made(20, 2)
    compared = pair(records[:15], records[5:])
    assert list(compared.indices) == list(range(5, 15)) and compared.left_out == 10
    assert compared.changes[0].first.images == 10
    assert "10 images of only one of the two are left out." in summary(compared)


@pytest.mark.parametrize(
    ("question", "data", "message"),
    [
        ({"norm": "l2"}, {}, "norm is linf and l2"),
        ({"target": 3}, {}, "target is any and 3"),
        ({}, {"digest": "2" * 64}, "different images"),
        ({}, {"shape": [3, 3]}, "different images"),
    ],
)
def test_what_is_not_comparable_is_refused(
    question: dict[str, object], data: dict[str, object], message: str
) -> None:
    records = made(5)
    about = run("other", count=5)
    about = replace(about, question={**about.question, **question}, data={**about.data, **data})
    with pytest.raises(InputError, match=message):
        Compared.of(gathered(records), gathered(records, about))


def test_other_images_are_refused() -> None:
    with pytest.raises(InputError, match="no image in common"):
        pair([record(0, 0.1, 0.1)], [record(1, 0.1, 0.1)])
    with pytest.raises(InputError, match="image 0 has the label 1 in one run and 2"):
        pair([record(0, 0.1, 0.1)], [record(0, 0.1, 0.1, label=2)])


def test_numbers_may_have_been_stored_as_others() -> None:
    records, about = made(5), run("other", count=5)
    about = replace(about, question={**about.question, "domain": (0, 1), "margin": 0})
    Compared.of(gathered(records), gathered(records, about))


def test_models_are_called_by_their_names() -> None:
    records = made(5)
    other = gathered(records, run("other", count=5, name="better"))
    assert names(Compared.of(gathered(records), other)) == ("digits", "better")


def images() -> Compared:
    pixels = np.random.default_rng(0).random((60, 20))
    first, second = made(60, 3, images=pixels), made(60, 3, images=pixels, differ=1)
    first = [replace(one, name=EVIL[k % len(EVIL)]) for k, one in enumerate(first)]
    about = run(EVIL[0], count=60, shape=(4, 5), name=EVIL[9])
    return Compared.of(
        gathered(first, about), gathered(second, run(EVIL[1], count=60, shape=(4, 5)))
    )


def test_the_page_is_one_file_of_texts() -> None:
    found = read(FORMATS["html"](images()))
    assert len(found.scripts) == 1 and "alert(1)" not in found.scripts[0]
    for kind, attributes in found.elements:
        assert not [key for key in attributes if key.startswith("on")]
        assert kind not in ("iframe", "link", "object")
        assert (attributes.get("src") or "data:").startswith("data:") and "href" not in attributes
    assert sum(kind == "img" for kind, _ in found.elements) > 12
    read(FORMATS["html"](pair([record(0, 0.0, 0.0, predicted=3)], [record(0, 0.0, math.inf)])))


def test_json_and_markdown_say_the_same() -> None:
    compared = ten()
    made_ = json.loads(FORMATS["json"](compared), parse_constant=pytest.fail)
    assert made_["images"] == 10 and [one["index"] for one in made_["changed"]] == [
        0, 1, 2, 3, 4, 5, 9,
    ]  # fmt: skip
    assert made_["changes"][-1]["mcnemar"]["second"] == 5
    text = FORMATS["md"](compared)
    assert "## 7 images changed" in text and "broken → proven" in text
    assert "<script" not in FORMATS["md"](images()).replace("\\<", "")


def test_formats_follow_from_the_suffix() -> None:
    assert chosen("", Path("a.htm")) == chosen("", Path("a")) == "html"
    assert chosen("json", Path("a.txt")) == "json"
    with pytest.raises(InputError, match="html, md, json, and not as 'csv'"):
        chosen("", Path("a.csv"))


def test_evaluations_are_compared(tmp_path: Path) -> None:
    records, other = tuple(made(20, 4)), tuple(made(20, 4, differ=1))
    first = Evaluation(records, run(count=20))
    second = Evaluation(other, run("other", count=20))
    out = tmp_path / "both.md"
    assert rb.write_comparison(first, second, out) == out
    assert "20 images in both" in out.read_text(encoding="utf-8")
    out.write_text("a letter")
    with pytest.raises(InputError, match="no report"):
        rb.write_comparison(first, second, out)
    rb.write_comparison(first, second, out, format="json", overwrite=True)
    assert json.loads(out.read_text(encoding="utf-8"))["images"] == 20
    assert rb.write_report(first, tmp_path / "one.csv", confidence=0.9).exists()

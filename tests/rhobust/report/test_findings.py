"""What reports say: the words by hand, numbers rounded outward, images chosen as they claim."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhobust.compiler.base.errors import InputError
from rhobust.report.findings.advice import ADVICE, OTHER, advice
from rhobust.report.findings.gathered import Findings
from rhobust.report.findings.numbers import (
    down,
    ends,
    highest,
    lowest,
    percent,
    radius,
    seconds,
    up,
)
from rhobust.report.findings.selection import selected
from rhobust.report.findings.status import Status, counts, statuses
from rhobust.report.findings.wording import summary
from rhobust.results import Verdict
from rhobust.store.record import Decision, Record

from ..records import made, record, run


def gathered(records: Sequence[Record], count: int | None = None) -> Findings:
    return Findings.gather(run(count=count or len(records)), lambda: records)


def thousand() -> list[Record]:
    """960 of 1,000 have their label; 931 proven at 0.1, 3 open; attacks break 20 of the others."""
    records = []
    for k in range(1000):
        if k < 931:
            one = record(k, 0.0, math.inf, Decision(0.1, Verdict.ROBUST), attack=math.inf)
        elif k < 934:
            one = record(k, 0.05, math.inf, Decision(0.1, Verdict.UNKNOWN, "timeout"), attack=0.2)
        elif k < 960:
            near = 0.09 if k < 954 else 0.3
            one = record(k, 0.01, 0.08, Decision(0.1, Verdict.NOT_ROBUST), attack=near)
        else:
            one = record(k, 0.0, 0.0, Decision(0.1, Verdict.NOT_ROBUST), predicted=3)
        records.append(one)
    return records


def test_the_summary_in_words() -> None:
    told = [one.replace("\u202f", " ") for one in summary(gathered(thousand(), 1010))]
    assert told[0] == (
        "The clean accuracy of digits is 96.0 %: 960 of 1,000 images get their label."
    )
    assert told[1].startswith("Within \u03b5 = 0.05 in l\u221e the robust accuracy is between")
    assert told[2] == (
        "Within \u03b5 = 0.1 in l\u221e the robust accuracy is between 93.1 % and 93.4 %: proven. "
        "Attacks alone would say 94.0 %. 3 images are open."
    )
    assert re.fullmatch(
        r"Of all images of the kind, 94\.[0-9] % to 97\.[0-9] % get their label and 91\.[0-9] % to "
        r"94\.[0-9] % keep it, each with a confidence of 95 %\.",
        told[3],
    )
    assert told[4].startswith("10 images of 1,010 are not finished")


def test_many_radii_share_the_sentences() -> None:
    asked = replace(run(count=5), question={"eps": [k / 100 for k in range(1, 21)]})
    told = summary(Findings.gather(asked, lambda: made(5)))
    radii = [one.split(" ")[3] for one in told if one.startswith("Within")]
    assert radii == ["0.01", "0.07", "0.14", "0.2"]


def test_an_exact_accuracy_is_said_to_be_exact() -> None:
    told = summary(gathered(thousand()[:931]))[2].replace("\u202f", " ")
    assert "the robust accuracy is 100.0 % (exactly 931 images): proven." in told
    assert "open" not in told


@given(st.integers(1, 20_000), st.data())
def test_shares_are_rounded_outward(images: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, images))
    low, high = (Fraction(one(count, images).split("\u202f")[0]) for one in (lowest, highest))
    share = Fraction(100 * count, images)
    unit = Fraction(1, 100 if images > 1000 else 10)
    assert low <= share <= high and high - low <= unit
    near = Fraction(percent(count, images).split("\u202f")[0])
    assert abs(near - share) <= (unit / 2 if unit <= share <= 100 - unit else unit)
    assert (near == 0) == (count == 0) and (near == 100) == (count == images)


@given(st.floats(1e-12, 1e6), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_numbers_are_rounded_outward(value: float, one: float, other: float) -> None:
    assert Fraction(down(value)) <= Fraction(value) <= Fraction(up(value))
    lower, upper = sorted((one, other))
    low, high = (part.split("\u202f")[0] for part in ends(lower, upper).split(" to "))
    assert Fraction(low) <= 100 * Fraction(lower) and 100 * Fraction(upper) <= Fraction(high)


def test_radii_are_told_as_they_were_asked_for() -> None:
    assert [radius(x) for x in (0.1, 0.05, 8 / 255, 1 / 255, 0.1 / 3, 1.0, 0.0)] == [
        "0.1", "0.05", "8/255", "1/255", "0.0333333333333", "1", "0",
    ]  # fmt: skip


def test_times_have_units() -> None:
    told = [seconds(one).replace("\u202f", " ") for one in (0.123, 90.0, 150.0, 9000.0, math.nan)]
    assert told == ["0.12 s", "90.00 s", "2.5 min", "2.5 h", "-"]


@given(st.integers(1, 60), st.integers(0, 10**6))
def test_every_image_has_one_status(count: int, seed: int) -> None:
    findings = gathered(made(count, seed, wrong=0.2, doubtful=0.5))
    for eps, found in zip(findings.radii, findings.accuracies, strict=True):
        wrong, broken, unknown, proven = counts(statuses(findings.known, eps))
        assert wrong + broken + unknown + proven == count
        assert (proven, unknown) == (found.robust.least, found.unknown)
        assert wrong == count - found.clean.least
        assert wrong + broken == found.error.least


def test_the_chosen_images_are_what_they_are_called() -> None:
    records = made(700, 3)
    chosen = selected(gathered(records))
    correct = [one for one in records if one.correct]
    assert [records[k].rho_upper for k in chosen.worst] == sorted(o.rho_upper for o in correct)[:8]
    most = sorted((one.rho_lower for one in correct), reverse=True)[:8]
    assert [records[k].rho_lower for k in chosen.robust] == most
    assert len(set(chosen.pictures)) == len(chosen.pictures) == 600
    assert {*chosen.worst, *chosen.robust, *chosen.across} <= set(chosen.pictures)
    assert not {one.index for one in records if not one.correct} & {
        *chosen.worst, *chosen.robust, *chosen.across,
    }  # fmt: skip


def test_few_images_are_all_chosen() -> None:
    chosen = selected(gathered([record(4, 0.1, 0.2), record(9, 0.0, 0.0, predicted=3)]))
    assert (chosen.worst, chosen.robust, chosen.across) == ([4], [4], [4])
    assert chosen.pictures == [4, 9]
    none = selected(gathered([record(9, 0.0, 0.0, predicted=3)]))
    assert (none.worst, none.robust, none.across) == ([], [], [])


def test_radii_are_the_ones_asked_for_or_the_median() -> None:
    asked = replace(run(count=3), question={"eps": ["0.2", 0.1]})
    some = [record(0, 0.1, 0.3, Decision(0.15, Verdict.UNKNOWN, "timeout"))]
    assert Findings.gather(asked, lambda: some).radii == (0.1, 0.15, 0.2)
    alone = [record(k, x, x) for k, x in enumerate((0.11, 0.1234, 0.2))]
    assert Findings.gather(replace(asked, question={}), lambda: alone).radii == (0.12,)


def test_nothing_finished_is_no_report() -> None:
    with pytest.raises(InputError, match="no image is finished"):
        gathered([], 5)


def test_a_contradiction_is_no_report() -> None:
    with pytest.raises(InputError, match="image 1"):
        gathered([record(0, 0.1, 0.2), record(1, 0.3, 0.2)])


def test_open_images_stand_under_their_reason() -> None:
    records = [
        record(k, 0.01, 0.5, Decision(0.1, Verdict.UNKNOWN, why))
        for k, why in enumerate(("memory", "timeout", "timeout", ""))
    ]
    found = gathered(records).reasons
    assert {why: [one.index for one in some] for why, some in found.items()} == {
        "timeout": [1, 2], "memory": [0], "no reason": [3],
    }  # fmt: skip
    assert advice("timeout") == ADVICE["timeout"] == advice("timeout: late")
    assert advice("no reason") == OTHER


def test_attacks_speak_at_the_radii_asked_for() -> None:
    assert gathered([record(0, 0.1, 0.2)]).attacks == []
    found = gathered(thousand()).attacks
    assert found == [(0.05, 0.96), (0.1, 0.94)]


def test_fits_say_why_there_are_none() -> None:
    assert "one side" in str(gathered([record(k, 0.1, math.inf) for k in range(9)]).fits)
    assert not isinstance(gathered(made(40)).fits, str)


def test_statuses_by_hand() -> None:
    findings = gathered(thousand())
    found = statuses(findings.known, 0.1)
    assert np.bincount(found, minlength=4).tolist() == [40, 26, 3, 931]
    assert [one.word for one in Status] == ["wrong label", "broken", "open", "proven"]

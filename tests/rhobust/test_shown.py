"""Results in a line, in a notebook, as JSON and as tables: short, strict, and whole."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rhobust as rb
from rhobust.compiler.base.arrays import Vector
from rhobust.compiler.shown.numbers import digits
from rhobust.compiler.shown.pixels import THUMBNAIL, Seen, image_shape
from rhobust.compiler.shown.record import Result, plain
from rhobust.compiler.shown.told import CELL, FACT, LINE, ROWS, Detail, Picture, Told, cut
from rhobust.compiler.shown.value import Shown
from rhobust.metrics import Accuracy, Curve, Frequency, Severity, Share
from rhobust.metrics.sampling import Ends
from rhobust.queries.explanation import Explanation, LayerUnits, Remainder, Rival
from rhobust.queries.solve import SolveResult
from rhobust.report.row import attacked, estimated, known, measured, verified
from rhobust.results import (
    KEYS,
    AttackResult,
    Estimate,
    Iterated,
    OnGrid,
    RhoResult,
    Verdict,
    VerifyResult,
)
from rhobust.smoothing.accuracy import Accuracy as Smooth
from rhobust.smoothing.certificate import Answer, Certificate
from rhobust.smoothing.rows import Row as SmoothRow
from rhobust.training.fine_tuning import Round
from rhobust.training.history import Epoch, History
from rhobust.witness.label import Witness
from rhobust.witness.property import PropertyWitness

MOST = 600
"""Characters of a line, whatever is shown."""
MOST_HTML = 250_000
"""Characters in a notebook: the numbers of its pictures, and little besides."""

floats = st.floats(allow_nan=True, allow_infinity=True)
finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
radii = st.floats(0.0, math.inf)
counts = st.integers(0, 10**12)
labels = st.integers(0, 10**6)
texts = st.text(max_size=2000)


@st.composite
def witnesses(draw: st.DrawFn) -> Witness:
    side = draw(st.sampled_from([1, 2, 5, 28, 300]))
    channels = draw(st.sampled_from([1, 3]))
    size = channels * side * side
    numbers = np.random.default_rng(draw(st.integers(0, 9)))
    image, point = numbers.uniform(size=(2, size))
    if draw(st.booleans()):
        point[0] = draw(floats)
    seen = Seen(image, (channels, side, side), 0.0, draw(st.sampled_from([0.0, 1.0, math.inf])))
    return Witness(point, draw(radii), draw(labels), draw(floats), draw(radii),
                   draw(st.sampled_from([seen, None])))  # fmt: skip


some_witness = st.none() | witnesses()
verdicts = st.sampled_from(Verdict)
verify_results = st.builds(
    VerifyResult, verdicts, texts, some_witness, floats, labels, labels, radii, radii, counts,
    counts, texts, st.sampled_from(["", "real", "float32"]),
)  # fmt: skip
rho_results = st.builds(
    RhoResult, radii, radii, some_witness, texts, floats, floats, labels, labels, radii, counts,
    counts, certified=st.none() | radii, uncertified=texts,
)  # fmt: skip
attack_results = st.builds(
    AttackResult, st.booleans(), radii, some_witness, labels, labels, texts, radii,
    st.sampled_from(["linf", "l1", "l2"]), floats, radii, texts,
)  # fmt: skip
iterated = st.builds(Iterated, radii, some_witness, st.none() | labels, radii, counts, texts)
on_grid = st.builds(OnGrid, radii, st.just(np.arange(9000)), some_witness)
estimates = st.builds(
    Estimate, radii, texts, some_witness, st.none() | labels, labels, labels, counts, counts, radii,
    integer=st.none() | on_grid, iterated=st.none() | iterated,
)  # fmt: skip
of_image = st.one_of(verify_results, rho_results, attack_results, estimates)
property_witnesses = st.builds(
    PropertyWitness, st.lists(st.fractions(), max_size=40).map(tuple),
    st.lists(finite, max_size=40).map(np.array),
)  # fmt: skip
solve_results = st.builds(
    SolveResult, st.sampled_from(["sat", "unsat", "unknown", "timeout"]), texts,
    st.none() | property_witnesses, floats, radii, counts, counts, texts,
)  # fmt: skip
rivals = st.builds(Rival, labels, floats, floats)
layers = st.builds(LayerUnits, texts, counts, counts, counts, counts, counts, counts)
remainders = st.builds(Remainder, counts, floats, floats, floats, counts, st.booleans())
explanations = st.builds(
    Explanation, verdicts, texts, some_witness, labels, labels, radii, texts,
    st.lists(rivals, min_size=1, max_size=30).map(tuple), st.lists(layers, max_size=30).map(tuple),
    counts, st.just(np.ones(9000)), counts, counts, floats, st.none() | remainders, radii,
)  # fmt: skip
epochs = st.builds(Epoch, counts, floats, floats, radii, radii, radii, st.none() | floats)
many_epochs = st.lists(epochs, max_size=4).map(lambda some: tuple(some) * 8)
histories = st.builds(History, texts, counts, many_epochs, counts, texts)
shares = st.builds(Share, st.just(3), st.just(5), st.just(7), st.just(Ends(0.1, 0.9)))
others = st.one_of(
    solve_results, explanations, iterated, on_grid, witnesses(), property_witnesses, rivals, layers,
    remainders, epochs, histories, shares,
    st.builds(Certificate, st.integers(-1, 9), radii, labels, counts, counts, radii, radii),
    st.builds(Answer, st.sampled_from([True, False, None]), labels, radii, counts, counts, radii),
    st.builds(Smooth, st.just(np.arange(5000.0)), st.just(5000), radii),
    st.builds(SmoothRow, counts, labels, labels, radii, st.booleans(), counts, counts, radii, radii,
              radii, counts, st.none() | counts, counts, st.none() | radii, st.none(), texts),
    st.builds(Round, counts, counts, counts, counts, floats, histories),
    st.builds(Frequency, radii, st.just(0.25), st.just(0.5), counts),
    st.builds(Severity, radii, st.none() | floats, st.none() | floats, st.none() | floats, texts,
              counts, counts),
    st.builds(Curve, st.just(np.arange(9000.0)), st.just(np.ones(9000)), st.just(np.ones(9000)),
              counts),
    st.builds(Accuracy, radii, counts, shares, shares, shares, st.none() | shares, counts, radii),
)  # fmt: skip


class Strict(HTMLParser):
    """Reads a page, and fails at what is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in {"div", "strong", "table", "tr", "th", "td", "figure", "img", "figcaption"}
        assert {name for name, _ in attributes} <= {
            "class",
            "style",
            "src",
            "alt",
            "height",
            "width",
        }
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check_shown(value: Shown) -> None:
    line = repr(value)
    assert len(line) <= MOST and line.isprintable() and line[0] == "<" and line[-1] == ">"
    page = value._repr_html_()
    assert len(page) <= MOST_HTML
    reader = Strict()
    reader.feed(page)
    reader.close()
    assert not reader.open


def strict(text: str) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    return json.loads(text, parse_constant=refuse)


@given(st.one_of(of_image, others))
def test_every_result_is_shown_in_a_line_and_in_a_notebook(result: Result) -> None:
    check_shown(result)


@given(st.one_of(of_image, others))
def test_json_is_strict_and_says_what_the_dict_says(result: Result) -> None:
    text = result.to_json()
    assert "\n" not in text
    assert strict(text) == result.to_dict()


@given(of_image)
def test_answers_about_images_have_the_fixed_keys(
    result: VerifyResult | RhoResult | AttackResult | Estimate,
) -> None:
    told = result.to_dict()
    assert tuple(told)[: len(KEYS)] == KEYS and told["index"] is None
    row: Mapping[type, Any] = {
        VerifyResult: verified, RhoResult: measured, AttackResult: attacked, Estimate: estimated,
    }  # fmt: skip
    line = strict(row[type(result)](3, result).line())
    assert line == told | {"index": 3}, "the command writes what the result says"


@given(st.lists(st.tuples(texts, texts), max_size=60), texts)
def test_a_line_keeps_its_length_and_a_notebook_its_tags(
    facts: list[tuple[str, str]], head: str
) -> None:
    class Long(Shown):
        def _told(self) -> Told:
            return Told(head, tuple(facts))

        def _detail(self) -> Detail:
            rows = tuple((name, value, head) for name, value in facts)
            return Detail(
                ("a", head), rows * 3, tuple(Picture(head, "data:,", 1, 900) for _ in facts)
            )

    check_shown(Long())
    assert len(repr(Long())) <= LINE + FACT


def test_a_line_by_hand() -> None:
    result = VerifyResult(Verdict.ROBUST, "", None, 0.123456, 4, 4, 0.1, 1.25, 1024, 1, "", "real")
    assert repr(result) == (
        "<VerifyResult ROBUST: label 4, radius 0.1, margin at least 0.1234, 1.25 s, 1,024 nodes, "
        "1 LP>"
    )
    found = RhoResult(0.123456, 0.234561, None, "timeout", 0.5, math.inf, 3, 5, 1.0, 10, 2)
    assert repr(found) == (
        "<RhoResult rho in [0.1234, 0.2346]: label 3, predicted 5, timeout, estimate 0.5000, "
        "1.00 s, 10 nodes, 2 LPs>"
    )


@given(texts, st.integers(2, 50))
def test_cut_texts_are_printable_and_begin_as_they_did(text: str, most: int) -> None:
    found = cut(text, most)
    assert len(found) <= most and (not found or found.isprintable())
    plain_text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    assert found == plain_text or plain_text.startswith(found[:-1].rstrip())


def test_html_is_escaped() -> None:
    result = SolveResult("unknown", "<script>alert(1)</script>", None, math.nan, 0.0, 0, 0)
    assert "<script>" not in result._repr_html_() and "&lt;script&gt;" in result._repr_html_()


def test_pictures_are_small_and_show_the_example() -> None:
    rng = np.random.default_rng(0)
    image = rng.uniform(size=3 * 600 * 400)
    seen = Seen(image, (3, 600, 400), 0.0, 1.0)
    pictures = seen.pictures(1.0 - image, ("image: 1", "example: 2"))
    assert [one.caption for one in pictures[:2]] == ["image: 1", "example: 2"]
    assert "at most 1" in pictures[2].caption
    assert all(max(one.height, one.width) == THUMBNAIL for one in pictures)
    assert all(one.address.startswith("data:image/png;base64,") for one in pictures)
    assert not seen.pictures(image[:-1], ("", "")), "another size is no image"
    flat = Seen(np.zeros(5), (5,), 0.0, 1.0)
    assert not flat.pictures(np.ones(5), ("", "")), "five numbers are no image"


@pytest.mark.parametrize(
    ("shape", "square", "drawn"),
    [
        ((28, 28), False, (28, 28)),
        ((1, 28, 28), False, (28, 28)),
        ((28, 28, 1), False, (28, 28)),
        ((3, 8, 9), False, (3, 8, 9)),
        ((8, 9, 3), False, (8, 9, 3)),
        ((1, 3, 8, 9), False, (3, 8, 9)),
        ((64,), False, None),
        ((64,), True, (8, 8)),
        ((63,), True, None),
        ((1,), True, None),
        ((2, 8, 9), False, None),
        ((2000, 2000), False, None),
    ],
)
def test_shapes_of_images(
    shape: tuple[int, ...], square: bool, drawn: tuple[int, ...] | None
) -> None:
    assert image_shape(shape, square=square) == drawn


@given(floats)
def test_numbers_are_short_and_rounded_outwards(value: float) -> None:
    from rhobust.compiler.shown.numbers import at_least, at_most

    assert len(digits(value)) <= 18
    if math.isfinite(value):
        assert Fraction(at_least(value)) <= Fraction(value) <= Fraction(at_most(value))


def test_plain_values() -> None:
    value = {1: (Fraction(1, 4), np.float32(0.5)), "a": [math.nan, -math.inf], "b": Verdict.ROBUST}
    assert plain(value) == {"1": [0.25, 0.5], "a": [None, None], "b": "ROBUST"}
    assert plain(np.array([[1.0, math.inf]])) == [[1.0, None]]
    assert plain(Fraction(10) ** 400) is None


def test_a_network_answers_with_pictures_in_a_notebook() -> None:
    images = rb.data.digits()
    image, label = images.vector(3), int(images.labels[3])
    found = rb.attack("digits", image, 0.3, label=label)
    assert isinstance(found, AttackResult) and found.success
    assert found._repr_html_().count("<img") == 3
    assert f"image: {label}" in found._repr_html_()
    assert rb.verify("digits", image, 0.01)._repr_html_().count("<img") == 0


def test_rows_say_what_their_results_say() -> None:
    """Of misclassified images rho is 0, whatever was proven of single targets."""
    results = [
        VerifyResult(Verdict.ROBUST, "", None, 0.1, 1, 1, 0.1, 0.1, 1, 1),
        VerifyResult(Verdict.UNKNOWN, "timeout", None, -1.0, 1, 1, 0.1, 0.1, 1, 1),
        VerifyResult(Verdict.ROBUST, "", None, 0.1, 1, 2, 0.1, 0.1, 1, 1),
    ]
    found = known([verified(k, one) for k, one in enumerate(results)])
    assert found.lower.tolist() == [0.1, 0.0, 0.0]
    assert found.upper.tolist() == [math.inf, math.inf, 0.0]
    assert found.begins[0] > 0.1
    lost = rb.metrics.frequency(found, 0.1)
    assert (lost.lower, lost.upper) == (1 / 3, 2 / 3)


def test_lists_of_results_are_tables() -> None:
    pandas = pytest.importorskip("pandas")
    results = [
        VerifyResult(Verdict.ROBUST, "", None, 0.5, 1, 1, 0.1, 0.1, 1, 1),
        RhoResult(0.25, math.inf, None, "timeout", math.inf, math.inf, 3, 3, 1.0, 10, 2),
    ]
    frame = rb.to_dataframe(results)
    assert isinstance(frame, pandas.DataFrame) and list(frame.columns[: len(KEYS)]) == list(KEYS)
    assert frame["index"].tolist() == [0, 1]
    assert frame["verdict"].tolist() == ["ROBUST", "UNKNOWN"]
    assert frame["rho_upper"].tolist()[1] == math.inf, "infinite numbers stay"
    assert rb.to_dataframe([]).empty
    with pytest.raises(Exception, match="not of a int"):
        rb.to_dataframe([3])  # type: ignore[list-item]


def test_tables_need_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(Exception, match=r"needs pandas: pip install 'rhobust\[pandas\]'"):
        rb.to_dataframe([])


def test_lines_of_results_are_read_by_the_metrics(tmp_path: Path) -> None:
    results = [RhoResult(0.1, 0.2, None, "timeout", 0.3, 0.3, 3, 3, 1.0, 10, 2)] * 2
    path = tmp_path / "found.jsonl"
    path.write_text("\n".join(one.to_json() for one in results) + "\n")
    read = rb.metrics.curve(str(path))
    assert read.eps.tolist() == [0.1, 0.2] and read.images == 2


def big(size: int) -> Vector:
    return np.zeros(size)


def test_tables_of_a_notebook_are_cut() -> None:
    layer = LayerUnits("a" * 500, 1, 1, 1, 1)
    rivals_of = (Rival(1, 0.0, 0.0),)
    found = Explanation(
        Verdict.UNKNOWN, "timeout", None, 0, 0, 0.1, "linf", rivals_of, (layer,) * 100, 0,
        big(10**6), 1, 1, 0.0, None, 0.0,
    )  # fmt: skip
    page = found._repr_html_()
    assert f"and {100 - ROWS} more" in page and "a" * CELL not in page


def test_problems_and_solutions_are_told() -> None:
    x = rb.Variable(2, 0, 1, "x")
    z = rb.relu(x[0] - x[1], "z")
    problem = rb.Problem(rb.maximize(z + x[1]), [x[0] <= 0.75, x[1] >= 0.5, z <= 3])
    assert repr(problem) == (
        "<Problem: maximize z + x[1], subject to x[0] <= 0.75, and x[1] >= 0.5, and z <= 3, "
        "2 numbers in x, 1 unit defined by disjunctions>"
    )
    solution = problem.solve()
    check_shown(problem)
    check_shown(solution)
    numbers = f"value {solution.value!r}, bound {solution.bound!r}"  # all digits of what is proven
    assert repr(solution).startswith(f"<Solution optimal: {numbers}, values of x, ")
    told = strict(solution.to_json())
    assert told["status"] == "optimal" and told["reason"] is None
    assert told["values"]["x"][1] == pytest.approx(1.0)
    before = solution.values["x"].copy()
    late = replace(solution, status="timeout", reason="timeout")
    assert repr(late).startswith("<Solution timeout: ")  # once
    assert repr(replace(late, status="unknown", reason="memory")).startswith(
        "<Solution unknown (memory): "
    )
    rb.Problem([x <= 0.25]).solve()
    assert (solution.values["x"] == before).all(), "later answers leave it as it is"
    assert repr(rb.Problem(rb.minimize(rb.norm1(x)), [x[0] >= 0.5])).startswith(
        "<Problem: minimize norm1(x), subject to x[0] >= 0.5, 2 numbers in x"
    )
    many = rb.Problem([x[0] <= 1.0] * 50)
    assert "any solution" in repr(many) and "and 46 more formulas" in repr(many)


def test_networks_and_images_are_told() -> None:
    network, images = rb.load("digits"), rb.data.digits()
    assert repr(network) == (
        "<Network 'digits': 64 inputs, 10 outputs (as the model gives them), 80 ReLUs, dense 40, "
        "relu 40, dense 40, relu 40, dense 10>"
    )
    check_shown(network)
    check_shown(images)
    assert images._repr_html_().count("<img") == 10 and "2,600" in network._repr_html_()
    assert images.take([0])._repr_html_().count("<img") == 1
    flat = rb.data.Images("five", np.zeros((3, 5)), np.zeros(3, dtype=np.int64))
    assert "<img" not in flat._repr_html_() and "3 of shape (5,)" in repr(flat)


def test_a_reason_that_is_the_status_is_told_once() -> None:
    result = SolveResult("timeout", "timeout", None, math.nan, 0.0, 0, 0)
    assert repr(result).startswith("<SolveResult timeout") and "(timeout)" not in repr(result)

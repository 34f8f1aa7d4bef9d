"""An evaluation says what the questions about single images say, and asks nothing twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rhobust as rb
from rhobust.clock import Interrupted
from rhobust.compiler.base.errors import InputError
from rhobust.data import Images, digits
from rhobust.evaluation import Evaluation
from rhobust.evaluation.coordinator import Step
from rhobust.evaluation.image import passes
from rhobust.results import Verdict
from rhobust.store import Record, Store

from ..store.examples import same

SPENT = ("seconds", "decisions")


@pytest.fixture(scope="module")
def network() -> rb.Network:
    return rb.load("digits")


@pytest.fixture(scope="module")
def images() -> Images:
    return digits()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, float]]]:
    """The questions that are asked of the search, as they come."""
    told: list[tuple[str, float]] = []

    def verifying(network: Any, image: Any, eps: float, **more: Any) -> Any:
        told.append(("verify", eps))
        return rb.verify(network, image, eps, **more)

    def measuring(network: Any, image: Any, **more: Any) -> Any:
        told.append(("rho", 0.0))
        return rb.rho(network, image, **more)

    monkeypatch.setattr(passes, "verify", verifying)
    monkeypatch.setattr(passes, "rho", measuring)
    yield told


def equal(one: Sequence[Record], other: Sequence[Record]) -> bool:
    """Whether rows agree in all but seconds."""

    def verdicts(record: Record) -> list[object]:
        return [(d.eps, d.verdict, d.reason, d.attacked, d.margin_bound) for d in record.decisions]

    pairs = list(zip(one, other, strict=True))
    return all(same(a, b, SPENT) and verdicts(a) == verdicts(b) for a, b in pairs)


@pytest.mark.parametrize(
    ("norm", "eps", "more"),
    [
        ("linf", 0.12, {}),
        pytest.param("l1", 1.5, {}, marks=pytest.mark.slow),
        ("l2", 0.5, {}),
        pytest.param("linf", 0.2, {"target": "second"}, marks=pytest.mark.slow),
        ("linf", 0.1, {"target": 3, "margin": 1.0}),
    ],
)
def test_verdicts_are_those_of_verify(
    network: rb.Network, images: Images, norm: str, eps: float, more: dict[str, Any]
) -> None:
    index = [k for k in range(12) if images.labels[k] != 3]
    found = rb.evaluate(network, images, eps=eps, norm=norm, index=index, timeout=30, **more)
    assert [one.index for one in found.records] == index
    for one in found.records:
        alone = rb.verify(
            network, images.vector(one.index), eps, label=int(images.labels[one.index]),
            norm=norm, timeout=30, **more,
        )  # fmt: skip
        (decision,) = one.decisions
        assert decision.verdict is alone.verdict, one.index
        assert decision.verdict is not Verdict.UNKNOWN
        if decision.verdict is Verdict.NOT_ROBUST:
            assert one.witness is not None and one.rho_upper <= eps
            point = np.asarray(network.forward(one.witness[None])[0])
            assert point[one.witness_label] + 1e-6 >= point[one.label] + more.get("margin", 0.0)
        else:
            assert one.rho_lower >= eps and decision.margin_bound >= 0.0


@pytest.mark.slow
def test_rho_is_that_of_rho(network: rb.Network, images: Images) -> None:
    index = [0, 3, 8, 11]
    found = rb.evaluate(network, images, eps=0.05, rho=True, index=index, timeout=60)
    for one in found.records:
        label = int(images.labels[one.index])
        alone = rb.rho(network, images.vector(one.index), label=label, timeout=60)
        assert one.exact and alone.exact
        assert abs(one.rho_upper - alone.upper) <= 2e-4 * alone.upper
        assert (one.rho_lower > 0.05) == (one.decisions[0].verdict is Verdict.ROBUST)


def test_estimates_are_those_of_rho_estimate(network: rb.Network, images: Images) -> None:
    found = rb.evaluate(network, images, eps=0.05, estimate=True, index=[0, 3, 8, 21], timeout=60)
    for one in found.records:
        label = int(images.labels[one.index])
        alone = rb.rho_estimate(network, images.vector(one.index), label=label, target="any")
        assert one.rho_estimate == (alone.rho if one.correct else 0.0)
        assert one.rho_upper <= alone.distance
    only = rb.evaluate(network, images, estimate=True, attacks=(), index=[0, 3])
    assert [one.rho_estimate for one in only.records] == [
        one.rho_estimate for one in found.records[:2]
    ]
    assert [one.decisions for one in only.records] == [(), ()]


def test_misclassified_images_have_rho_0(network: rb.Network, images: Images) -> None:
    logits = network.forward(images.values.reshape(200, -1) / 255.0)
    wrong = np.flatnonzero(np.argmax(logits, axis=1) != images.labels)[:2].tolist()
    found = rb.evaluate(network, images, eps=[0.0, 1e-9, 0.3], rho=True, index=wrong)
    for one in found.records:
        assert (one.rho_lower, one.rho_upper) == (0.0, 0.0) and not one.correct
        assert [d.verdict for d in one.decisions] == [Verdict.NOT_ROBUST] * 3
        assert one.witness is not None and np.array_equal(one.witness, images.vector(one.index))
    assert found.clean == 0.0 and found.robust(0.3) == (0.0, 0.0) == found.robust(0)


def test_a_radius_that_another_decides_is_not_asked(
    network: rb.Network, images: Images, asked: list[tuple[str, float]]
) -> None:
    eps = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3]
    found = rb.evaluate(network, images, eps=eps, attacks=(), index=range(6), timeout=30)
    assert len(asked) <= 6 * 3  # two halvings of six, or three
    for one in found.records:
        verdicts = [d.verdict for d in one.decisions]
        assert verdicts == sorted(verdicts, reverse=True)  # ROBUST before NOT_ROBUST
        assert Verdict.UNKNOWN not in verdicts


def test_what_is_stored_is_not_asked_again(
    network: rb.Network, images: Images, tmp_path: Path, asked: list[tuple[str, float]]
) -> None:
    path = tmp_path / "results.sqlite"
    options: dict[str, Any] = {"store": path, "timeout": 30, "attacks": ()}
    first = rb.evaluate(network, images, eps=0.15, index=range(8), **options)
    count = len(asked)
    assert count > 0
    again = rb.evaluate(network, images, eps=0.15, index=range(8), **options)
    assert len(asked) == count and equal(again.records, first.records)
    wider = rb.evaluate(network, images, eps=0.15, index=range(10), **options)
    assert equal(wider.records[:8], first.records) and len(wider) == 10
    count = len(asked)
    nearer = rb.evaluate(network, images, eps=0.1, index=range(8), **options)
    robust = [one.index for one in first.records if one.decisions[0].verdict is Verdict.ROBUST]
    assert len(asked) - count <= 8 - len(robust)
    assert {one.index for one in nearer.records if one.rho_lower >= 0.1} >= set(robust)
    with Store.open(path, readonly=True) as store:
        assert [run.question["eps"] for run in store.runs()] == [[0.15], [0.1]]
        assert store.runs()[0].indices == tuple(range(10))
        assert equal(list(store.records(store.runs()[0])), wider.records)


def test_an_interrupted_evaluation_goes_on_to_the_same_rows(
    network: rb.Network, images: Images, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"eps": [0.05, 0.15], "index": range(12), "timeout": 60}
    whole = rb.evaluate(network, images, store=tmp_path / "whole.sqlite", **options)
    path = tmp_path / "cut.sqlite"
    for stop in (1, 7):

        def stopping(step: Step, stop: int = stop) -> None:
            if step.done == stop:
                raise KeyboardInterrupt

        with pytest.raises(Interrupted) as error:
            rb.evaluate(network, images, store=path, progress=stopping, **options)
        part = error.value.result
        assert isinstance(part, Evaluation) and part.reason == "interrupted"
        low, high = part.robust(0.15)
        assert low <= whole.robust(0.15)[0] <= high
        assert len(part.finished) + len(part.unfinished) == 12
        assert "ended early (interrupted)" in part.summary()
    again = rb.evaluate(network, images, store=path, **options)
    assert equal(again.records, whole.records)
    assert again.run.id == whole.run.id and again.summary() == whole.summary()


@pytest.mark.parametrize(
    "more",
    [
        {},
        pytest.param({"rho": True, "estimate": True}, marks=pytest.mark.slow),
        {"eps": [0.05, 0.15]},
    ],
)
def test_what_a_first_pass_left_open_is_not_looked_at_again(
    network: rb.Network,
    images: Images,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    more: dict[str, Any],
) -> None:
    count = 5 if "rho" in more else 16
    options: dict[str, Any] = {"eps": 0.15, "index": range(count), "attacks": ("fgsm",), **more}
    whole = rb.evaluate(network, images, store=tmp_path / "whole.sqlite", **options)
    looked: list[int] = []
    look = passes._look

    def noting(session: Any, job: Any, deadline: Any) -> None:
        looked.append(job.known.index)
        look(session, job, deadline)

    def stopping(step: Step) -> None:
        if step.stage == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(passes, "_look", noting)
    path = tmp_path / "cut.sqlite"
    for expected in (count, 0, 0):  # each evaluation finishes one image more
        with pytest.raises(Interrupted):
            rb.evaluate(network, images, store=path, progress=stopping, **options)
        assert len(looked) == expected
        looked.clear()
    wider = rb.evaluate(network, images, store=path, **{**options, "index": range(count + 2)})
    assert looked == [count, count + 1] and equal(wider.records[:count], whole.records)
    with Store.open(path, readonly=True) as store:
        assert store.looked(wider.run) == {}


def test_an_image_whose_first_pass_failed_is_looked_at_again(
    network: rb.Network, images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(session: Any, job: Any, deadline: Any) -> None:
        raise ZeroDivisionError

    options: dict[str, Any] = {"eps": 0.15, "index": range(3), "store": tmp_path / "r.sqlite"}
    with monkeypatch.context() as patch:
        patch.setattr(passes, "_look", failing)
        patch.setattr("rhobust.evaluation.tasks.second_pass", _ended)
        found = rb.evaluate(network, images, **options)
    with Store.open(tmp_path / "r.sqlite", readonly=True) as store:
        assert store.looked(found.run) == {}


def test_labels_that_a_worker_failed_to_give_are_given_here(
    network: rb.Network, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(session: Any, points: Any) -> list[int]:
        raise MemoryError

    whole = rb.evaluate(network, images, eps=0.05, index=range(6))
    monkeypatch.setattr("rhobust.evaluation.tasks.labels", failing)
    assert equal(rb.evaluate(network, images, eps=0.05, index=range(6)).records, whole.records)


def test_the_time_for_all_leaves_the_rest_undecided(
    network: rb.Network, images: Images, tmp_path: Path
) -> None:
    path = tmp_path / "results.sqlite"
    options: dict[str, Any] = {"eps": 0.1, "index": range(20), "store": path}
    cut = rb.evaluate(network, images, total_timeout=1e-9, **options)
    assert cut.reason == "timeout" and len(cut.unfinished) == 20 == len(cut.records)
    assert cut.robust(0.1) == (0.0, cut.clean)
    assert {one.decisions[0].reason for one in cut.records if one.correct} == {"timeout"}
    with Store.open(path) as store:
        assert list(store.records(store.runs()[0])) == []
    assert rb.evaluate(network, images, **options).robust(0.1)[0] > 0.5


def test_searches_begin_where_a_proof_is_nearest(
    network: rb.Network, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, float]] = []
    second = passes._settle

    def noting(session: Any, job: Any, deadline: Any) -> None:
        told.append((job.known.index, job.known.hardness))
        second(session, job, deadline)

    monkeypatch.setattr(passes, "_settle", noting)
    rb.evaluate(network, images, eps=0.25, attacks=(), index=range(30), timeout=0.2)
    assert len(told) > 5 and len({index for index, _ in told}) == len(told)
    assert [bound for _, bound in told] == sorted((bound for _, bound in told), reverse=True)


def test_a_short_time_for_each_image_is_undecided_and_kept(
    network: rb.Network, images: Images, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"eps": 0.1, "index": [0, 4], "store": tmp_path / "r.sqlite"}
    short = rb.evaluate(network, images, timeout=1e-9, **options)
    assert [one.decisions[0].reason for one in short.records] == ["timeout"] * 2
    assert short.reason == "" and not short.unfinished
    kept = rb.evaluate(network, images, timeout=1e-9, **options)
    assert equal(kept.records, short.records)
    more = rb.evaluate(network, images, timeout=30, **options)
    assert Verdict.UNKNOWN not in [one.decisions[0].verdict for one in more.records]


def test_the_same_image_is_asked_once(
    network: rb.Network, images: Images, asked: list[tuple[str, float]], tmp_path: Path
) -> None:
    twice = Images("twice", images.values[[3, 5, 3, 3]], images.labels[[3, 5, 3, 3]], 255.0)
    with Store.open(tmp_path / "r.sqlite") as store:
        found = rb.evaluate(network, twice, eps=0.25, attacks=(), timeout=30, store=store)
        assert [one.index for one in store.records(found.run)] == [0, 1, 2, 3]
    assert len(asked) <= 2
    assert same(found.records[0], found.records[2], ("index", "name"))
    assert [one.name for one in found.records] == ["0", "1", "2", "3"]


def test_what_is_known_of_an_image_holds_for_the_same_one(
    network: rb.Network, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the time ends before either is finished."""
    twice = Images("twice", images.values[[3, 3]], images.labels[[3, 3]], 255.0)
    monkeypatch.setattr("rhobust.evaluation.tasks.second_pass", _ended)
    found = rb.evaluate(network, twice, eps=[0.05, 0.145], attacks=(), total_timeout=60)
    assert found.unfinished == {0, 1} and found.reason == "timeout"
    assert same(found.records[0], found.records[1], ("index", "name"))
    assert found.records[1].rho_lower == 0.05


def _ended(session: Any, job: Any, end: float) -> Any:
    return passes.Ended(job.known, cut=True)


def test_labels_are_predicted_where_there_are_none(network: rb.Network, images: Images) -> None:
    some = images.values[:6]
    found = rb.evaluate("digits", some, eps=0.01)
    predicted = np.argmax(network.forward(some.reshape(6, -1) / 255.0), axis=1)
    assert [one.label for one in found.records] == predicted.tolist() and found.clean == 1.0
    given = rb.evaluate("digits", some / 255.0, labels=images.labels[:6], eps="1/100")
    assert [one.label for one in given.records] == images.labels[:6].tolist()


def test_certificates_are_written_and_missing_ones_made_later(
    network: rb.Network, images: Images, tmp_path: Path
) -> None:
    folder, store = tmp_path / "proofs", tmp_path / "r.sqlite"
    options: dict[str, Any] = {"eps": [0.05, 0.1], "index": [0, 1], "store": store}
    without = rb.evaluate(network, images, **options)
    assert [one.certificate for one in without.records] == ["", ""]
    found = rb.evaluate(network, images, certificates=folder, **options)
    assert [one.certificate for one in found.records] == [
        str(folder / "0.npz"), str(folder / "1.npz"),
    ]  # fmt: skip
    assert all(Path(one.certificate).stat().st_size for one in found.records)


def test_an_error_leaves_one_image_open_and_the_others_are_answered(
    network: rb.Network, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = passes._look

    def failing(session: Any, job: Any, deadline: Any) -> None:
        if job.known.index == 1:
            raise ZeroDivisionError("a defect")
        if job.known.index == 2:
            raise MemoryError
        look(session, job, deadline)

    monkeypatch.setattr(passes, "_look", failing)
    found = rb.evaluate(network, images, eps=0.05, index=range(5))
    reasons = [one.decisions[0].reason for one in found.records]
    assert reasons == ["", "failed", "memory", "", ""]


def test_verdicts_that_exclude_each_other_are_withdrawn(
    network: rb.Network,
    images: Images,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RHOBUST_REPORTS", str(tmp_path))
    path = tmp_path / "r.sqlite"
    options: dict[str, Any] = {"eps": [0.3], "index": [3], "store": path, "timeout": 30}
    honest = rb.evaluate(network, images, **options)
    assert honest.records[0].decisions[0].verdict is Verdict.NOT_ROBUST

    def proves(*told: Any) -> Any:
        return np.ones(9)

    monkeypatch.setattr(passes, "plain_bounds", proves)
    found = rb.evaluate(network, images, rerun="always", **options)
    (one,) = found.records
    assert [(d.verdict, d.reason) for d in one.decisions] == [(Verdict.UNKNOWN, "contradiction")]
    assert one.rho_lower == 0.0
    assert len(list(tmp_path.glob("rhobust-contradiction-*.json"))) == 1
    with Store.open(path) as store:
        assert equal(list(store.records(found.run)), found.records)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"eps": ()}, "nothing is asked"),
        ({"eps": -1.0}, "at least 0"),
        ({"eps": [0.1, np.nan]}, "at least 0"),
        ({"eps": 0.1, "attacks": ["magic"]}, "no attack is called 'magic'"),
        ({"eps": 0.1, "norm": "l7"}, "l7"),
        ({"eps": 0.1, "timeout": 0}, "timeout"),
        ({"eps": 0.1, "index": [200]}, "outside"),
        ({"eps": 0.1, "index": []}, "no image"),
        ({"eps": 0.1, "target": 77}, "image 0"),
        ({"eps": 0.1, "labels": [1, 2]}, "200 whole numbers"),
        ({"eps": 0.1, "rerun": "always"}, "name a store"),
        ({"eps": 0.1, "only_new": True}, "name a store"),
        ({"eps": 0.1, "domain": (0.0, 0.5)}, "outside the domain"),
        ({"eps": 0.1, "workers": 0}, "workers"),
    ],
)
def test_what_makes_no_sense_is_refused(
    network: rb.Network, images: Images, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        rb.evaluate(network, images, **more)


def test_models_without_a_file_have_no_other_processes(images: Images) -> None:
    plain = rb.load("digits").logits()
    with pytest.raises(InputError, match="was not read from a file"):
        rb.evaluate(replace(plain, path=""), images, eps=0.1, index=[0], workers=2)

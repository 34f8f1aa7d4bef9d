"""Keys tell questions apart; policies say which stored answers are asked again."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rhobust as rb
from rhobust.bnb.settings import Settings
from rhobust.compiler.base.errors import InputError
from rhobust.data import Images, digits
from rhobust.evaluation.asked import Asked, Keys, model_digest
from rhobust.evaluation.certified import Smoothing
from rhobust.evaluation.policies import POLICIES
from rhobust.results import Verdict
from rhobust.store import Store

BASE = Asked("linf", (0.0, 1.0), "any", 0.0, (0.1,), False, False, ("pgd",), 60.0, 0, Settings())
OTHER: dict[str, Any] = {
    "norm": "l2", "domain": (0.0, 2.0), "target": (3,), "margin": 0.5,
    "eps": (0.1, 0.2), "rho": True, "estimate": True,
    "attacks": (), "timeout": None, "seed": 1, "settings": Settings(root_steps=7),
    "smoothing": Smoothing(0.25),
}  # fmt: skip
TRUE = {"norm", "domain", "target", "margin"}
"""What an answer is true of; the rest is effort."""


@pytest.fixture(scope="module")
def network() -> rb.Network:
    return rb.load("digits")


def test_every_field_is_told_apart() -> None:
    assert set(OTHER) == {item.name for item in fields(Asked)}


@pytest.mark.parametrize("name", OTHER)
def test_each_field_changes_the_key(network: rb.Network, name: str) -> None:
    one, other = Keys.of(BASE, network), Keys.of(replace(BASE, **{name: OTHER[name]}), network)
    assert one.answer("i", 3) != other.answer("i", 3) and one.run("d") != other.run("d")
    assert (one.claim("i", 3) == other.claim("i", 3)) == (name not in TRUE)


def test_image_label_model_and_engine_change_the_key(
    network: rb.Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Keys.of(BASE, network)
    told = {keys.answer("i", 3), keys.answer("j", 3), keys.answer("i", 4)}
    told |= {Keys.of(BASE, rb.load("digits_conv")).answer("i", 3)}
    monkeypatch.setattr("rhobust.evaluation.asked.__version__", "9.9")
    told |= {Keys.of(BASE, network).answer("i", 3)}
    assert len(told) == 5 and all(len(key) == 64 for key in told)
    assert keys.answer("i", 3) == Keys(keys.question, keys.truth).answer("i", 3)


def test_what_no_answer_depends_on_changes_no_key(network: rb.Network) -> None:
    more = replace(BASE, settings=Settings(threads=4, memory=1e9, batch=7))
    assert Keys.of(more, network) == Keys.of(BASE, network)
    assert model_digest(network) == network.digest
    assert model_digest(network.logits()) == model_digest(network.logits())
    assert len(model_digest(replace(network, digest=""))) == 64


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, rb.evaluation.Evaluation]:
    """A store with images 0 to 5 at 0.2, of which 2 are UNKNOWN for want of time."""
    path = tmp_path_factory.mktemp("kept") / "r.sqlite"
    found = rb.evaluate("digits", digits(), eps=0.2, index=range(6), timeout=30, store=path)
    with Store.open(path) as store:
        for index in (1, 3):
            (record,) = [one for one in found.records if one.index == index]
            (decision,) = record.decisions
            open_ = replace(decision, verdict=Verdict.UNKNOWN, reason="timeout")
            unknown = replace(
                record, rho_lower=0.0, rho_upper=np.inf, witness=None, decisions=(open_,),
                attack_distance=None,
            )  # fmt: skip
            store.keep(found.run, unknown, key="k", claim="c", withdraw=True)
    return path, found


def copied(kept: tuple[Path, Any], tmp_path: Path) -> Path:
    path = tmp_path / "r.sqlite"
    path.write_bytes(kept[0].read_bytes())
    return path


def asked_of(path: Path, **more: Any) -> tuple[list[int], rb.evaluation.Evaluation]:
    """Which images are finished in the course of an evaluation, and the evaluation."""
    told: list[int] = []
    options: dict[str, Any] = {"eps": 0.2, "index": range(6), "timeout": 30} | more
    found = rb.evaluate(
        "digits", digits(), store=path, progress=lambda step: told.append(step.record.index),
        **options,
    )  # fmt: skip
    return sorted(told), found


def test_never_asks_only_what_has_no_answer(kept: Any, tmp_path: Path) -> None:
    path = copied(kept, tmp_path)
    told, found = asked_of(path)
    assert told == [] and found.robust(0.2)[0] < found.robust(0.2)[1]
    assert asked_of(path, index=range(8))[0] == [6, 7]


def test_undecided_asks_what_is_open(kept: Any, tmp_path: Path) -> None:
    told, found = asked_of(copied(kept, tmp_path), rerun="undecided")
    assert told == [1, 3] and found.robust(0.2) == kept[1].robust(0.2)


def test_always_asks_all(kept: Any, tmp_path: Path) -> None:
    told, found = asked_of(copied(kept, tmp_path), rerun="always")
    assert told == [0, 1, 2, 3, 4, 5] and found.robust(0.2) == kept[1].robust(0.2)


@pytest.mark.slow
def test_refine_measures_what_is_decided(kept: Any, tmp_path: Path) -> None:
    path = copied(kept, tmp_path)
    told, found = asked_of(path, rerun="refine")
    assert told == [0, 2, 4, 5]
    assert [one.index for one in found.records if one.exact] == told
    again, _ = asked_of(path, rerun="refine")
    assert again == []
    with Store.open(path) as store:
        (run,) = store.runs()
        assert [one.exact for one in store.records(run)] == [one.exact for one in found.records]


def test_retarget_asks_what_was_robust_against_another_target(kept: Any, tmp_path: Path) -> None:
    path = copied(kept, tmp_path)
    first = {one.index: one.decisions[0].verdict for one in kept[1].records}
    robust = [k for k in (0, 2, 4, 5) if first[k] is Verdict.ROBUST]
    told, found = asked_of(path, rerun="retarget", target="second")
    assert told == robust and [one.index for one in found.records] == robust
    with pytest.raises(InputError, match="with another target"):
        asked_of(tmp_path / "new.sqlite", rerun="retarget")


def test_only_new_tells_of_new_images_alone(kept: Any, tmp_path: Path) -> None:
    path = copied(kept, tmp_path)
    told, found = asked_of(path, index=range(8), only_new=True)
    assert told == [6, 7] and len(found) == 2 == len(found.records)
    with Store.open(path, readonly=True) as store:
        assert store.runs()[0].indices == tuple(range(8))
    nothing = asked_of(path, index=range(8), only_new=True)[1]
    assert len(nothing) == 0 and nothing.robust(0.2) == (0.0, 0.0)


def test_another_data_set_is_another_run(kept: Any, tmp_path: Path) -> None:
    path, whole = copied(kept, tmp_path), digits()
    part = Images("part", whole.values[4:6], whole.labels[4:6], 255.0)
    told: list[int] = []
    found = rb.evaluate(
        "digits", part, eps=0.2, timeout=30, store=path, attacks=(),
        progress=lambda step: told.append(step.stage),
    )  # fmt: skip
    assert found.run.id != kept[1].run.id
    verdicts = [one.decisions[0].verdict for one in kept[1].records[4:]]
    assert [one.decisions[0].verdict for one in found.records] == verdicts
    assert told == [1, 1]  # what is known of the same images decided them


def test_the_policies_are_those_of_the_page() -> None:
    assert list(POLICIES) == ["never", "always", "undecided", "refine", "retarget"]

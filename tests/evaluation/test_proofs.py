"""The manifest of an evaluation proves its number again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import rhobust as rb
from rhobust.bnb.check import Checker, read_manifest
from rhobust.bnb.checker.manifest.summary import Summary, check_manifest
from rhobust.clock import Interrupted
from rhobust.compiler.base.errors import InputError
from rhobust.data import Images
from rhobust.embedded import embedded_file
from rhobust.evaluation.coordinator import Step
from rhobust.results import Verdict


@pytest.fixture(scope="module")
def images() -> Images:
    return rb.data.digits()


def checked(folder: Path, images: Images) -> Summary:
    path = folder / "manifest.json"
    checker = Checker(embedded_file("digits"))
    return check_manifest(path, read_manifest(path), checker, images)


def test_a_number_is_proven_by_its_files(images: Images, tmp_path: Path) -> None:
    folder, store = tmp_path / "proofs", tmp_path / "r.sqlite"
    asked: dict[str, Any] = {
        "eps": [0.1, 0.2], "index": range(12), "certificates": folder, "store": store,
    }  # fmt: skip
    told: list[int] = []

    def interrupts(step: Step) -> None:
        told.append(step.record.index)
        if len(told) == 5:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        rb.evaluate("digits", images, progress=interrupts, **asked)
    some = checked(folder, images)
    assert some.accepted and len(read_manifest(folder / "manifest.json").images) == 5
    found = rb.evaluate("digits", images, **asked)
    whole = checked(folder, images)
    assert whole.accepted, whole.reasons
    for eps, sentence in zip((0.1, 0.2), whole.says, strict=False):
        verdicts = [one.at(eps).verdict for one in found.records]  # type: ignore[union-attr]
        proofs, lost = verdicts.count(Verdict.ROBUST), verdicts.count(Verdict.NOT_ROBUST)
        undecided = len(verdicts) - proofs - lost
        number = f"{lost}" if not undecided else f"{lost} to {lost + undecided}"
        assert sentence.startswith(f"{number} of 12 images")
        assert f": {proofs} proofs, {lost} witnesses" in sentence
    assert {Path(one.certificate).parent for one in found.records} == {folder}
    before = (folder / "manifest.json").read_bytes()
    rb.evaluate("digits", images, **asked)
    assert (folder / "manifest.json").read_bytes() == before


def test_a_manifest_that_is_lost_is_made_again(images: Images, tmp_path: Path) -> None:
    folder, store = tmp_path / "proofs", tmp_path / "r.sqlite"
    asked: dict[str, Any] = {"eps": 0.1, "index": [0, 7], "store": store}
    rb.evaluate("digits", images, certificates=folder, **asked)
    before = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").unlink()
    rb.evaluate("digits", images, certificates=folder, **asked)
    after = json.loads((folder / "manifest.json").read_text())
    assert after["says"] == before["says"] and checked(folder, images).accepted
    # and in another folder all proofs are
    rb.evaluate("digits", images, certificates=tmp_path / "other", **asked)
    assert checked(tmp_path / "other", images).says == checked(folder, images).says


def test_what_is_proven_at_once_is_certified_at_once(images: Images, tmp_path: Path) -> None:
    """So that an interruption in the first pass loses none of it."""
    stages: list[int] = []
    found = rb.evaluate(
        "digits", images, eps=0.01, index=range(4), certificates=tmp_path,
        progress=lambda step: stages.append(step.stage),
    )  # fmt: skip
    assert stages == [1, 1, 1, 1]
    assert all(Path(one.certificate).is_file() for one in found.records)


def test_another_question_needs_another_folder(images: Images, tmp_path: Path) -> None:
    asked: dict[str, Any] = {"index": [0], "certificates": tmp_path}
    rb.evaluate("digits", images, eps=0.05, **asked)
    with pytest.raises(InputError, match="another question"):
        rb.evaluate("digits", images, eps=0.04, **asked)
    rb.evaluate("digits", images, eps=0.04, overwrite=True, **asked)
    assert "at 0.04" in checked(tmp_path, images).says[0]


def test_one_target_among_all_has_no_manifest(images: Images, tmp_path: Path) -> None:
    found = rb.evaluate(
        "digits", images, eps=0.05, index=[0], target="second", certificates=tmp_path
    )
    assert found.records[0].certificate and not (tmp_path / "manifest.json").exists()

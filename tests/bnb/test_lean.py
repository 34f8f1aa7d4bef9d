"""Certificates are written without what their proofs do not need."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import rhobust as rb
from rhobust.bnb.certificate.encode import Arrays
from rhobust.bnb.certificate.lean import lighter, with_first, without_bounds
from rhobust.bnb.check import Checker
from rhobust.data import digits
from rhobust.embedded import embedded_file


def stored(path: Path) -> Arrays:
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


def written(path: Path, check: bool, index: int = 0) -> Arrays:
    images = digits()
    found = rb.verify(
        "digits", images.vector(index), 0.15, label=int(images.labels[index]), certificate=path,
        check=check, overwrite=True,
    )  # fmt: skip
    assert found.uncertified == "" and found.verdict.name == "ROBUST"
    return stored(path)


def test_bounds_that_a_proof_does_not_need_are_left_out(tmp_path: Path) -> None:
    full = written(tmp_path / "full.npz", False)
    short = written(tmp_path / "short.npz", True)
    assert len(full["p0/tight_unit"]) and not len(short["p0/tight_unit"])
    sizes = [(tmp_path / name).stat().st_size for name in ("short.npz", "full.npz")]
    assert sizes[0] < sizes[1]
    checker = Checker(embedded_file("digits"))
    for name in ("short.npz", "full.npz"):
        assert checker.check(tmp_path / name).accepted


def test_bounds_that_it_needs_stay(tmp_path: Path) -> None:
    full = written(tmp_path / "full.npz", False, 4)
    short = written(tmp_path / "short.npz", True, 4)
    assert len(full["p0/tight_unit"]) == len(short["p0/tight_unit"]) > 0
    np.savez(tmp_path / "none.npz", **without_bounds(full, "p0/"))  # type: ignore[arg-type]
    assert not Checker(embedded_file("digits")).check(tmp_path / "none.npz").accepted


def test_slopes_that_no_pass_used_are_zero(tmp_path: Path) -> None:
    """Of units that are free and unstable some have negative coefficients in every row."""
    found = written(tmp_path / "full.npz", False, 8)
    slopes = found["p0/alpha32"]
    assert len(slopes) > 10 and 0.3 < np.mean(slopes == 0.0) < 1.0
    assert Checker(embedded_file("digits")).check(tmp_path / "full.npz").accepted


def groups() -> Arrays:
    """Two roots with four groups of two units each, of eleven."""
    members = np.arange(8).reshape(1, 4, 2) + np.array([0, 3])[:, None, None]
    none = np.zeros(0, dtype=np.int64)
    return {
        "p0/groups": members, "p0/share": np.ones((2, 11)), "p0/tight_unit": none,
        "p0/origin": np.array([0, 1, -1]),
    }  # fmt: skip


def test_the_first_groups_keep_their_shares_alone() -> None:
    some = with_first(groups(), "p0/", 2)
    assert some["p0/groups"].tolist() == [[[0, 1], [2, 3]], [[3, 4], [5, 6]]]
    held = [np.flatnonzero(row).tolist() for row in some["p0/share"]]
    assert held == [[0, 1, 2, 3], [3, 4, 5, 6]]
    padded = groups()
    padded["p0/groups"][:, 0, 1] = -1  # of no unit
    held = [np.flatnonzero(row).tolist() for row in with_first(padded, "p0/", 1)["p0/share"]]
    assert held == [[0], [3]]


def test_what_is_tried() -> None:
    assert [form["p0/groups"].shape[1] for form in lighter(groups(), "p0/")] == [1, 2]
    none = groups() | {"p0/groups": np.empty((0, 0, 0), dtype=np.int64)}
    assert not list(lighter(none, "p0/"))

"""Checkpoints in files: taken up, removed once the question is settled, refused where they do not
belong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import rhobust as rb
from rhobust.bnb.search import Settings
from rhobust.compiler.base.errors import InputError
from rhobust.embedded import embedded_images

from .test_asked import ask

FEW = Settings(nodes=2, root_steps=0, tighten_steps=0, joint=False, boxes=False)
MANY = Settings(root_steps=0, tighten_steps=0, joint=False, boxes=False)


def image() -> np.ndarray:
    return np.asarray(embedded_images()[0][0].ravel() / 255.0)


def test_a_verdict_in_two_runs(tmp_path: Path) -> None:
    network, file = rb.load("digits"), tmp_path / "search"
    eps = 0.95 * rb.rho(network, image(), timeout=600).lower
    first = rb.verify(network, image(), eps, settings=FEW, checkpoint=file)
    assert (first.verdict, first.reason) == ("UNKNOWN", "node_limit") and file.is_file()
    with pytest.raises(InputError, match="another question, with another region eps;"):
        rb.verify(network, image(), 0.99 * eps, settings=FEW, checkpoint=file)
    second = rb.verify(network, image(), eps, settings=MANY, checkpoint=file)
    assert second.verdict == "ROBUST" and second.nodes > first.nodes
    assert not file.exists()


def test_a_file_that_is_no_checkpoint(tmp_path: Path) -> None:
    file = tmp_path / "search"
    file.write_text("nothing of the kind")
    with pytest.raises(InputError, match="no checkpoint"):
        rb.verify(rb.load("digits"), image(), 0.1, checkpoint=file)
    assert file.read_text() == "nothing of the kind"


def test_a_proof_is_of_one_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="in one run"):
        rb.verify(
            rb.load("digits"), image(), 0.1, checkpoint=tmp_path / "a", certificate=tmp_path / "b"
        )


def test_a_damaged_checkpoint_is_refused_and_stays(tmp_path: Path) -> None:
    """Also where its arrays are whole, but none of such a search."""
    file = tmp_path / "search"
    assert ask(file, 40).reason == "node_limit"
    with np.load(file) as arrays:
        kept = dict(arrays)
    whole = file.read_bytes()
    spoiled = [
        {**kept, "node_lower": kept["node_lower"][:, :-1]},
        {**kept, "counts": kept["counts"][:2]},
        {**kept, "counts": np.array(["a"] * 5)},
        {name: array for name, array in kept.items() if name != "node_beta"},
        {name: array for name, array in kept.items() if name != "part"},
        {**kept, "asked": np.array("[]")},
        {**kept, "root": np.array("0")},
    ]
    for number, arrays in enumerate(spoiled):
        with file.open("wb") as stream:
            np.savez(stream, **arrays)
        before = file.read_bytes()
        with pytest.raises(InputError, match=str(file)):
            ask(file, 80)
        assert file.read_bytes() == before, number
    for data in (whole[:-100], whole[: len(whole) // 2]):
        file.write_bytes(data)
        with pytest.raises(InputError, match="no checkpoint"):
            ask(file, 80)
        assert file.read_bytes() == data

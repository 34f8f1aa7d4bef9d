"""The scripts of published tables: what they keep, and that a stopped one ends in the same page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.tables.kept import Kept
from bench.tables.page import RUNTIME, Page, between
from bench.tables.penalised import Penalised
from rhobust.compiler.base.errors import InputError
from rhobust.compiler.importers.plain import dense_network
from rhobust.queries.attack import attack_batch

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted((ROOT / "bench" / "tables").glob("*.md"))


def test_an_answer_is_made_once(tmp_path: Path) -> None:
    made = []

    def make() -> dict[str, float]:
        made.append(1)
        return {"rho": 0.1 + 0.2}

    asked = {"image": 3, "eps": 0.1}
    first = Kept(tmp_path).get(asked, make)
    assert Kept(tmp_path).get({"eps": 0.1, "image": 3}, make) == first == {"rho": 0.1 + 0.2}
    assert len(made) == 1
    Kept(tmp_path).get({**asked, "image": 4}, make)
    assert len(made) == 2


def test_a_line_that_a_kill_cut_off_is_forgotten(tmp_path: Path) -> None:
    Kept(tmp_path).get({"k": 1}, lambda: 10)
    path = tmp_path / "answers.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"asked": {"k": 2}, "ans')
    again = Kept(tmp_path)
    assert again.get({"k": 2}, lambda: 20) == 20
    assert [json.loads(line)["answer"] for line in path.read_text().splitlines()] == [10, 20]
    path.write_bytes(b"no answer\n" + whole)
    with pytest.raises(InputError, match="line 1"):
        Kept(tmp_path)


def test_a_file_that_is_gone_is_made_again(tmp_path: Path) -> None:
    path, made = tmp_path / "network", []

    def make() -> None:
        made.append(1)
        path.write_text("weights")

    for _ in range(2):
        Kept(tmp_path).made(path, make)
    assert len(made) == 1
    path.unlink()
    Kept(tmp_path).made(path, make)
    assert len(made) == 2 and path.exists()


class Stop(Exception):
    """In the place of a kill."""


@given(st.lists(st.integers(0, 12), max_size=4), st.integers(1, 5))
def test_a_stopped_table_ends_in_the_same_page(stops: list[int], size: int) -> None:
    import tempfile

    def page(folder: Path, limit: int) -> str:
        left = [limit]

        def make(index: list[int]) -> list[float]:
            if left[0] <= 0:
                raise Stop
            left[0] -= 1
            return [float(np.sqrt(k)) for k in index]

        kept = Kept(folder)
        values = kept.each({"what": "root"}, range(12), make, size)
        whole = Page("roots", "Roots")
        whole.table(("k", "root"), [[str(k), f"{one:.3f}"] for k, one in enumerate(values)])
        whole.write(folder, kept, "0")
        return (folder / "roots.md").read_text()

    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        for limit in stops:
            try:
                page(Path(one), limit)
            except Stop:
                assert not (Path(one) / "roots.md").exists()
        assert page(Path(one), 99) == page(Path(other), 99)


def test_shares_are_told_with_both_ends() -> None:
    assert between(0.25, 0.25) == "25.0 %"
    assert between(0.25, 0.5) == "25.0 to 50.0 %"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages_tell_how_they_were_made(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert f"python -m bench.tables.{page.stem}" in text and RUNTIME in text
    assert (page.parent / f"{page.stem}.py").exists()
    assert "What differs" in text


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_baseline_ends_just_beyond_the_border(seed: int) -> None:
    """Of a linear network of two labels: in the direction of the gradient, and by less than a
    factor between the last two weights beyond it.
    """
    rng = np.random.default_rng(seed)
    row, image = rng.uniform(0.5, 1.0, 6) * rng.choice([-1.0, 1.0], 6), rng.uniform(0.4, 0.6, 6)
    away = rng.uniform(0.05, 0.4)
    bias = away * np.linalg.norm(row) - row @ image
    net = dense_network([(np.stack([row, np.zeros(6)]), np.array([bias, 0.0]))])
    method = Penalised(halvings=4)
    (found,) = attack_batch(net, image[None], [0], 1.0, method=method, target="second")
    assert found.success and found.witness is not None
    step = found.witness.point - image
    assert step @ row == pytest.approx(-np.linalg.norm(step) * np.linalg.norm(row), rel=1e-3)
    assert away * 0.999 <= np.linalg.norm(step) <= away * 1.001 * 10.0 ** (1.0 / 16.0)

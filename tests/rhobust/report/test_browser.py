"""The page in a browser: it opens without a word, sorts, filters, and fits a phone and paper."""

from __future__ import annotations

import math
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rhobust as rb
from rhobust.evaluation import Evaluation
from rhobust.report.writing import write_run

from ..records import made, record, run
from .browser import FLAGS, chromium, opened
from .test_page import EVIL

pytestmark = pytest.mark.slow

COUNT = 300


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    images = np.random.default_rng(0).random((COUNT, 20))
    records = [
        replace(one, name=EVIL[k] if k < len(EVIL) else one.name, certificate=f"{folder}/{k}.npz")
        for k, one in enumerate(made(COUNT, 2, images=images))
    ]
    records += [record(COUNT, 0.0, math.inf), record(COUNT + 1, math.inf, math.inf)]
    return write_run(run(count=COUNT, shape=(4, 5)), records, folder / "report.html")


def column(page: Any, place: int) -> list[str]:
    found: list[str] = page.eval_on_selector_all(
        "#images tbody tr.row", f"rows => rows.map(row => row.cells[{place}].textContent)"
    )
    return found


def test_it_opens_sorts_and_tells_of_one_image(report: Path) -> None:
    with opened(report) as (page, said):
        assert page.inner_text("h1") == "Robustness of digits"
        names = page.eval_on_selector_all("#images th button", "all => all.map(b => b.textContent)")
        assert names[:3] == ["image", "name", "label"] and "\u03c1 \u2265" in names
        assert column(page, 0)[:3] == ["0", "1", "2"]
        assert len(column(page, 0)) < 100  # of 302: rows out of sight are not there

        at = names.index("\u03c1 \u2265")
        button = page.locator("#images th button").nth(at)
        button.click()
        low = column(page, at)
        values = [float(one) for one in low]
        assert values == sorted(values)
        button.click()
        assert column(page, at)[0] == "\u221e"
        assert page.locator("#images th").nth(at).get_attribute("aria-sort") == "descending"
        assert page.locator("#images th[aria-sort]").count() == 1

        page.select_option("#filter-status", label="open")
        page.select_option("#filter-radius", label="0.1")
        where = names.index("\u03b5 = 0.1")
        assert set(column(page, where)) <= {"open", "open (timeout)"}
        page.select_option("#filter-status", "")
        page.fill("#filter-text", "17")
        assert column(page, 0) == ["17"] or "17" in column(page, 0)
        page.fill("#filter-text", "")

        page.locator("#images th button").nth(0).click()
        page.locator("#images tbody tr.row").nth(3).click()
        details = page.locator("#details")
        assert details.is_visible() and "rhobust check" in details.inner_text()
        assert details.locator("img").count() in (1, 3)
        page.keyboard.press("Escape")
        assert not details.is_visible()

        page.eval_on_selector(".scroller", "one => { one.scrollTop = one.scrollHeight; }")
        page.wait_for_function(
            f"[...document.querySelectorAll('#images tr.row')].at(-1).dataset.k === '{COUNT + 1}'"
        )
        assert not said


def test_it_fits_a_phone_and_both_schemes(report: Path) -> None:
    colours = set()
    for width, scheme in ((390, "light"), (390, "dark"), (1280, "dark")):
        with opened(report, width, scheme) as (page, said):
            assert page.evaluate("document.documentElement.scrollWidth") == width
            assert (
                float(page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")) >= 16
            )
            colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
            assert not said
    assert len(colours) == 2


def test_on_paper_it_is_black_on_white(report: Path, tmp_path: Path) -> None:
    with opened(report, scheme="dark") as (page, said):
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 700, "height": 900})
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.evaluate("document.documentElement.scrollWidth") == 700
        assert page.locator("#images tbody tr.row").count() == 200
        assert (
            page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        )
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
        page.pdf(path=str(tmp_path / "report.pdf"))
        assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
        assert not said


def test_a_comparison_opens_on_a_phone(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((40, 20))
    both = [
        Evaluation(tuple(made(40, 3, images=images, differ=k)), run(str(k), 40, (4, 5)))
        for k in (0, 1)
    ]
    path = rb.write_comparison(both[0], both[1], tmp_path / "both.html")
    with opened(path, 390) as (page, said):
        assert page.locator("path.points").count() == 3
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert not said


def test_the_script_runs_without_what_drives_a_browser(report: Path, tmp_path: Path) -> None:
    """Chromium alone writes the page down as its script has left it."""
    command = [
        chromium(), "--headless", *FLAGS, f"--user-data-dir={tmp_path}", "--dump-dom",
        report.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = done.stdout
    assert found.count('class="row"') > 10 and 'aria-sort="ascending"' in found
    assert re.search(r'id="shown"[^>]*>302 images<', found)

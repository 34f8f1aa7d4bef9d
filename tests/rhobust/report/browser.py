"""A headless Chromium, where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def chromium() -> str:
    """Where Chromium is; skips the test where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("there is no Chromium (apt-get install chromium)")


@contextmanager
def opened(path: Path, width: int = 1280, scheme: Any = "light") -> Iterator[tuple[Any, list[str]]]:
    """A page that is open, and what its console says, or what it asks of a network."""
    if find_spec("playwright") is None:
        pytest.skip("playwright is not installed (pip install playwright)")
    program = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=FLAGS)
        try:
            context = browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme=scheme
            )
            page, said = context.new_page(), list[str]()
            page.on("console", lambda message: said.append(str(message.text)))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on(
                "request",
                lambda asked: (
                    said.append(asked.url) if not asked.url.startswith(("file:", "data:")) else None
                ),
            )
            page.goto(path.as_uri())
            yield page, said
        finally:
            browser.close()

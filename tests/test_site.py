"""The pages make a site: it builds without a warning, every link leads somewhere, and nothing is
loaded from other hosts. RHOBUST_SITE may name a folder that `mkdocs build --strict` has filled."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import rhobust

ROOT = Path(__file__).resolve().parent.parent
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if "RHOBUST_SITE" in os.environ:
        return Path(os.environ["RHOBUST_SITE"])
    if find_spec("mkdocs") is None or find_spec("mkdocstrings") is None:
        pytest.skip("building the site needs the extra docs: pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


class Page(HTMLParser):
    """The places of a page, and what it links to and loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.places: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.text: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if given.get("rel") not in ("canonical", "next", "prev") and LOADED.get(tag, "") in given:
            self.loaded.append(given[LOADED[tag]])

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path.resolve(): Page(path) for path in sorted(site.rglob("*.html"))}


def broken(path: Path, targets: list[str], pages: dict[Path, Page]) -> Iterator[str]:
    for target in targets:
        parts = urlsplit(target)
        if parts.scheme:
            continue
        file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if path.name == "404.html" and parts.path.startswith("/"):
            continue  # as seen from wherever the missing page would be
        place = unquote(parts.fragment)
        if not file.is_file():
            yield target
        elif place and file in pages and place not in pages[file].places:
            yield target


def test_every_link_leads_somewhere(pages: dict[Path, Page]) -> None:
    assert len(pages) > 20
    found = {
        path.name: list(broken(path, [*page.links, *page.loaded], pages))
        for path, page in pages.items()
    }
    assert not {name: targets for name, targets in found.items() if targets}


def test_nothing_is_loaded_from_other_hosts(pages: dict[Path, Page]) -> None:
    loaded = [target for page in pages.values() for target in page.loaded]
    assert loaded
    assert not [target for target in loaded if urlsplit(target).scheme not in ("", "data")]


def test_every_public_name_is_explained(site: Path, pages: dict[Path, Page]) -> None:
    """Names of the package, and those that its public modules list."""
    wanted = set()
    for name in rhobust.__all__:
        value = getattr(rhobust, name)
        listed = [f"{name}.{inner}" for inner in getattr(value, "__all__", [])]
        wanted |= {f"rhobust.{inner}" for inner in listed or [name]}
    folder = site / "reference" / "api"
    places = set().union(*(pages[path.resolve()].places for path in folder.glob("*.html")))
    constants = {"rhobust.smoothing.ABSTAIN", "rhobust.metrics.Results"}
    twice = {"rhobust.evaluation.Evaluation", "rhobust.evaluation.evaluate"}
    assert not wanted - places - constants - twice


def test_every_command_is_explained(site: Path, pages: dict[Path, Page]) -> None:
    from typer.main import get_command

    from rhobust.cli.app import app

    text = " ".join(pages[(site / "reference" / "options.html").resolve()].text)
    names = getattr(get_command(app), "commands")  # noqa: B009  (of a type that typer keeps)
    assert "verify" in names
    assert not [name for name in names if f"rhobust {name}" not in text]

"""What is installed is what is in the checkout."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINKED = ["compiler", "lp", "bnb"]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def packages_on_disk() -> set[str]:
    found = set()
    for top in ["rhobust", *LINKED]:
        for marker in (ROOT / top).rglob("__init__.py"):
            parts = marker.relative_to(ROOT).parts[:-1]
            if parts[0] == "rhobust" and len(parts) > 1 and parts[1] in LINKED:
                continue  # through a link
            found.add(".".join(parts if parts[0] == "rhobust" else ("rhobust", *parts)))
    return found


def test_every_folder_is_packaged(project: dict[str, Any]) -> None:
    listed = project["tool"]["setuptools"]["packages"]
    assert len(listed) == len(set(listed))
    assert set(listed) == packages_on_disk()


def test_every_folder_with_code_is_a_package() -> None:
    for top in ["rhobust", *LINKED]:
        for path in (ROOT / top).rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), path


def test_folders_at_the_top_are_mapped(project: dict[str, Any]) -> None:
    mapped = project["tool"]["setuptools"]["package-dir"]
    assert mapped == {"rhobust": "rhobust", **{f"rhobust.{name}": name for name in LINKED}}


@pytest.mark.parametrize("name", LINKED)
def test_a_checkout_resolves_through_links(name: str) -> None:
    link = ROOT / "rhobust" / name
    assert link.is_symlink() and link.readlink() == Path("..") / name
    assert link.resolve() == ROOT / name


def test_data_files_are_packaged(project: dict[str, Any]) -> None:
    """All files that are no Python: the mark of types, embedded data, style of pages, recipes."""
    for package in ("rhobust", "rhobust.data", "rhobust.report.page", "rhobust.training.recipes"):
        folder = ROOT.joinpath(*package.split("."))
        patterns = project["tool"]["setuptools"]["package-data"][package]
        taken = {path for pattern in patterns for path in folder.glob(pattern)}
        kept = {path for path in folder.iterdir() if path.is_file() and path.suffix != ".py"}
        assert kept and kept == taken, package


def test_the_version_is_one(project: dict[str, Any]) -> None:
    import rhobust

    assert rhobust.__version__ == project["project"]["version"]


def test_the_root_is_no_package() -> None:
    """With a marker there, a clone in a folder named rhobust (git's own choice) would stand in the
    installed package's place in every test."""
    assert not (ROOT / "__init__.py").exists()

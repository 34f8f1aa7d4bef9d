"""What is installed is what is in the checkout."""

from __future__ import annotations

import email
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import rhobust
from rhobust.cli.app import app
from rhobust.cli.commands.version import EXTRA, NEEDED
from rhobust.cli.commands.version import told as versions

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
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "rhobust.__version__"}
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert cited is not None and cited[1] == rhobust.__version__
    heads = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert "Unreleased" in heads[0] or heads[0].split()[0] == rhobust.__version__
    released = [re.fullmatch(r"\d+\.\d+\.\d+( \(.*\))?", head) for head in heads[1:]]
    assert released and all(released)


def test_what_versions_are_told_of(project: dict[str, Any]) -> None:
    def names(wanted: list[str]) -> set[str]:
        return {re.split(r"[\[><=]", one)[0] for one in wanted}

    extras = project["project"]["optional-dependencies"]
    used = {
        name for extra in extras if extra not in ("test", "docs") for name in names(extras[extra])
    }
    assert set(NEEDED) == names(project["project"]["dependencies"]) | {"llvmlite"}
    assert set(EXTRA) == used
    told = dict(line.split(None, 1) for line in versions().splitlines())
    assert told["rhobust"] == rhobust.__version__ and told["numpy"] == np.__version__
    assert platform.python_version() in told["python"] and told["BLAS"] and told["processors"]
    assert set(NEEDED) <= told.keys() and Path(told["kernels"]).name


def test_version_on_the_command_line() -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["--version"]).stdout == f"rhobust {rhobust.__version__}\n"
    for order in (["--version", "--verbose"], ["--verbose", "--version"]):
        assert runner.invoke(app, order).stdout.splitlines() == versions().splitlines()
    alone = runner.invoke(app, ["--verbose"])
    assert alone.exit_code == 2 and alone.stderr.startswith("error: --verbose goes with --version")


def test_reports_ask_for_versions() -> None:
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    assert len(forms) == 4
    for form in forms:
        assert form.stem == "config" or "rhobust --version --verbose" in form.read_text()
    for page in ("SECURITY.md", "docs/design/release.md"):
        assert "rhobust --version --verbose" in (ROOT / page).read_text()


BUILD = "import sys; from setuptools import build_meta; build_meta.build_{}(sys.argv[1])"


def build(kind: str, source: Path, out: Path) -> None:
    """An sdist or a wheel of a folder, as the program `build` makes it."""
    command = [sys.executable, "-c", BUILD.format(kind), str(out)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_what_is_published(project: dict[str, Any], tmp_path: Path) -> None:
    """Both files hold what they should and say what an index wants; the sdist makes the wheel."""
    pytest.importorskip("setuptools", minversion="77")
    left = shutil.ignore_patterns(
        ".git", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".venv", ".hypothesis"
    )
    shutil.copytree(ROOT, tmp_path / "source", symlinks=True, ignore=left)
    name = f"rhobust-{rhobust.__version__}"
    build("sdist", tmp_path / "source", tmp_path)
    with tarfile.open(tmp_path / f"{name}.tar.gz") as packed:
        assert not any(member.issym() or member.islnk() for member in packed.getmembers())
        inside = {member.name.partition("/")[2] for member in packed.getmembers()}
        packed.extractall(tmp_path, filter="data")
    wanted = {"LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "SECURITY.md", "mkdocs.yml"}
    wanted |= {"tests/test_packaging.py", "docs/design/release.md", "bench/RESULTS.md"}
    assert wanted <= inside

    build("wheel", tmp_path / name, tmp_path)
    wheel = tmp_path / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        files = set(archive.namelist())
        about = email.message_from_bytes(archive.read(f"{name}.dist-info/METADATA"))
        starts = archive.read(f"{name}.dist-info/entry_points.txt").decode()
    code = {file for file in files if file.endswith(".py")}
    wanted = {
        f"{package.replace('.', '/')}/{path.name}"
        for package in project["tool"]["setuptools"]["packages"]
        for path in ROOT.joinpath(*package.split(".")).glob("*.py")
    }
    assert code == wanted  # the links in rhobust/ lead to the folders at the top
    assert "rhobust/py.typed" in files and "rhobust/data/README.md" in files
    assert (
        any(file.endswith(".css") for file in files)
        and f"{name}.dist-info/licenses/LICENSE" in files
    )
    assert not any(file.startswith(("tests", "bench", "docs")) for file in files)
    assert about["Version"] == rhobust.__version__ and about["License-Expression"] == "MIT"
    assert about["Requires-Python"] == ">=3.11"
    assert about["Description-Content-Type"] == "text/markdown"
    assert str(about.get_payload()).startswith("# rhobust")
    kinds = about.get_all("Classifier") or []
    assert "Typing :: Typed" in kinds and not any(kind.startswith("License") for kind in kinds)
    assert "rhobust = rhobust.__main__:main" in starts

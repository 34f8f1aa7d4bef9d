"""The examples of the README and of the pages run, and say what they promise."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)  # files have a title


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    for block in blocks("README.md", "python"):
        exec(compile(block, "README.md", "exec"), names)
    result = names["result"]
    assert 0.0 < result.lower <= result.upper < 1.0
    assert "ROBUST" in capsys.readouterr().out.splitlines()[1]


PAGES = [str(page.relative_to(ROOT)) for page in sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES)
def test_examples_of_the_pages_run(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each print gives one line; the comment behind it tells how it begins, up to , or :."""
    names: dict[str, Any] = {}
    for block in blocks(page, "python"):
        if "RHOBUST_DATA" in block and "RHOBUST_DATA" not in os.environ:
            continue
        exec(compile(block, page, "exec"), names)
        told = capsys.readouterr().out.splitlines()
        printed = re.findall(r"^print\(.*?\)(?:  # (.*))?$", block, flags=re.MULTILINE)
        assert len(told) == len(printed), (page, block)
        for line, comment in zip(told, printed, strict=True):
            assert line.startswith(re.split(r"[:,]| \.\.\.", comment)[0]), (page, line, comment)


def test_linked_files_exist() -> None:
    for page in ("README.md", *PAGES):
        text = (ROOT / page).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert ((ROOT / page).parent / target).exists(), (page, target)


def test_the_test_command_is_the_one_that_ci_runs() -> None:
    (commands,) = blocks("README.md", "sh")[:1]
    command = commands.splitlines()[1].split("  ")[0].strip()
    tail = command.replace("pip install", "pip install --quiet")
    assert tail in (ROOT / ".ci" / "run").read_text(encoding="utf-8")

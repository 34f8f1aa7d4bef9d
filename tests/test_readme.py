"""The README's example runs, and says what it promises."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    for block in blocks("README.md", "python"):
        exec(compile(block, "README.md", "exec"), names)
    result = names["result"]
    assert 0.0 < result.lower <= result.upper < 1.0
    assert "ROBUST" in capsys.readouterr().out.splitlines()[1]


PAGES = [str(page.relative_to(ROOT)) for page in sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES)
def test_examples_of_the_pages_run(page: str) -> None:
    names: dict[str, Any] = {}
    for block in blocks(page, "python"):
        exec(compile(block, page, "exec"), names)


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

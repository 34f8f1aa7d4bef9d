"""Words that were given up for those of the field, or for plainer ones, do not come back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
RETIRED = {
    "anew": "again", "dearest": "costliest", "lest": "so that ... not", "lone": "single",
    "by itself": "on its own, alone", "by themselves": "on their own, alone",
}  # fmt: skip
OLD = ("CHANGELOG.md", "RESULTS.md", Path(__file__).name)
FOLDERS = ("compiler", "lp", "bnb", "rhobust", "tests", "bench", "docs")


def texts() -> list[Path]:
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.*")]
    found += [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    return [path for path in found if path.suffix in (".py", ".md") and path.name not in OLD]


@pytest.mark.parametrize("word", RETIRED)
def test_retired_words_are_not_used(word: str) -> None:
    pattern = re.compile(rf"\b{word}\b", re.IGNORECASE)
    seen = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in texts()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line)
    ]
    assert not seen, f"instead of {word!r} write {RETIRED[word]!r}"

"""docs/design/checker.md names every rule of the checker, and each part's number of lines."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rhobust.bnb import checker

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "bnb" / "checker"
PAGE = (ROOT / "docs" / "design" / "checker.md").read_text()
RULE = re.compile(r"Rule: ([a-z ]+)\.")


def table(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading; "\\|" is no end of a cell."""
    lines = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0].splitlines()
    rows = [line.strip("| ") for line in lines if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)] for row in rows[2:]]


RULES = {row[0]: row[3] for row in table("The rules, in the order in which a proof uses them")}


def found(name: str) -> Any:
    """What a dotted name below the checker is."""
    module, *rest = name.split(".")
    item: Any = importlib.import_module(f"{checker.__name__}.{module}")
    for part in rest:
        if inspect.ismodule(item) and not hasattr(item, part):
            item = importlib.import_module(f"{item.__name__}.{part}")
        else:
            item = getattr(item, part)
    return item


def documented() -> Iterator[tuple[str, str]]:
    """Dotted name and rule of each function and class, and of methods that take a rule over."""
    for info in pkgutil.walk_packages(checker.__path__, f"{checker.__name__}."):
        module = importlib.import_module(info.name)
        own = [(n, i) for n, i in vars(module).items() if inspect.getmodule(i) is module]
        for name, item in own:
            items = [(name, item)]
            if inspect.isclass(item):
                items += [(f"{name}.{n}", getattr(item, n)) for n in vars(item)]
            for path, it in items:
                rule = RULE.search(inspect.getdoc(it) or "") if callable(it) else None
                if rule:
                    yield f"{info.name.removeprefix(checker.__name__ + '.')}.{path}", rule[1]


def test_every_rule_is_on_the_page() -> None:
    rules = list(documented())
    assert len(rules) > 30
    missing = [(name, rule) for name, rule in rules if f"`{name}`" not in RULES.get(rule, "")]
    assert not missing


@pytest.mark.parametrize("rule", RULES)
def test_every_function_named_is_of_its_rule(rule: str) -> None:
    names = re.findall(r"`([\w.]+)`", RULES[rule])
    assert names
    for name in names:
        told = RULE.search(inspect.getdoc(found(name)) or "")
        assert told and told[1] == rule, name


def test_lines_of_each_part() -> None:
    """To within ten; every file belongs to one part."""
    rest = {path.relative_to(FOLDER): path for path in FOLDER.rglob("*.py")}
    rest[Path("check.py")] = ROOT / "bnb" / "check.py"
    total = sum(len(path.read_text().splitlines()) for path in rest.values())
    for files, lines, _ in table("What the lines buy"):
        mine = 0
        for name in re.findall(r"`([\w./]+)`", files):
            own = [path for path in rest if str(path) == name or str(path).startswith(name)]
            assert own, name
            mine += sum(len(rest.pop(path).read_text().splitlines()) for path in own)
        assert abs(mine - int(lines.replace(",", ""))) <= 10, (files, mine)
    assert not rest
    told = re.search(r"Together ([\d,]+) lines", PAGE)
    assert told and abs(total - int(told[1].replace(",", ""))) <= 10, total

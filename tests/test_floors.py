"""The floors of the package: a folder names only folders below its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ["rhobust", "bnb", "lp", "compiler"]  # from the roof down
FILES = [
    path
    for floor in FLOORS
    for path in sorted((ROOT / floor).rglob("*.py"))
    if not (floor == "rhobust" and path.relative_to(ROOT).parts[1] in FLOORS)
]


def place(path: Path) -> list[str]:
    """The package that a file belongs to, as the import system sees it."""
    parts = list(path.relative_to(ROOT).parts[:-1])
    return parts if parts[0] == "rhobust" else ["rhobust", *parts]


def floor(package: list[str]) -> str:
    """The floor of a package name: what stands in the face itself is the roof."""
    return package[1] if len(package) > 1 and package[1] in FLOORS else "rhobust"


def imports(path: Path) -> Iterator[tuple[int, int, list[str]]]:
    """(line, level, dotted name) of every import, those inside functions included."""
    for statement in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                yield statement.lineno, 0, alias.name.split(".")
        elif isinstance(statement, ast.ImportFrom):
            names = statement.module.split(".") if statement.module else []
            for alias in statement.names:
                yield statement.lineno, statement.level, [*names, alias.name]


def test_there_is_something_to_check() -> None:
    assert {floor(place(path)) for path in FILES} == set(FLOORS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards(path: Path) -> None:
    package = place(path)
    own = FLOORS.index(floor(package))
    for line, level, name in imports(path):
        where = f"{path.relative_to(ROOT)}:{line}"
        if level == 0:
            assert name[0] not in FLOORS, f"{where}: import inside the package relatively"
            continue
        assert level <= len(package), f"{where} points out of the package"
        target = [*package[: len(package) - level + 1], *name]
        other = FLOORS.index(floor(target))
        assert other >= own, f"{where}: {FLOORS[own]} may not name {FLOORS[other]}"
        assert own == 0 or len(target) > 1 and target[1] in FLOORS, f"{where}: names the face"


def test_kernels_stand_alone() -> None:
    """A file of kernels imports array aliases, and what makes kernels of its loops."""
    kernels = [path for path in FILES if "kernels" in (path.stem, path.parent.name)]
    assert len(kernels) > 2
    for path in kernels:
        for line, level, name in imports(path):
            assert not level or name[-2] in ("arrays", "kernel"), f"{path.relative_to(ROOT)}:{line}"


ROOMS = {
    "bnb": [  # files that stand in no folder are rooms of their own
        "tree_size", "search", "resume", "root", "split_batch", "leaves", "bound_batch", "tighten",
        "branching", "state", "caller", "settings", "tracking", "certificate", "presolve", "nodes",
        "bounds",
    ],
}  # fmt: skip
"""The rooms of a floor, from the roof down: each names only rooms below its own."""


def room(target: list[str]) -> str:
    """The room of a module of a floor, by its dotted name."""
    return target[2] if len(target) > 2 else ""


@pytest.mark.parametrize("name", ROOMS)
def test_rooms_point_downwards(name: str) -> None:
    order = ROOMS[name]
    for path in (ROOT / name).rglob("*.py"):
        package = place(path)
        own = room([*package, path.stem])
        if own not in order:  # the checker, which names nothing of the rest
            continue
        for line, level, imported in imports(path):
            target = [*package[: len(package) - level + 1], *imported]
            if level and floor(target) == name:
                where = f"{path.relative_to(ROOT)}:{line}"
                assert room(target) in order, f"{where}: {room(target)} is no room of {name}"
                below = order.index(room(target)) >= order.index(own)
                assert below, f"{where}: {own} may not name {room(target)}"


MUTUAL = {
    f"rhobust.compiler.language.{name}"
    for name in (
        "activations", "concatenation", "expressions", "formulas", "norms", "numpy_calls", "written"
    )
}  # fmt: skip
"""Expressions carry formulas, which relate expressions; operators make all the others of both."""


def named() -> dict[str, set[str]]:
    """The modules that each module names; the face, which tells the version, is none."""
    modules = {".".join([*place(path), path.stem]): path for path in FILES}
    found: dict[str, set[str]] = {}
    for module, path in modules.items():
        package = place(path)
        targets = (
            [*package[: len(package) - level + 1], *name]
            for _, level, name in imports(path) if level
        )  # fmt: skip
        several = (
            (".".join(target), ".".join([*target, "__init__"]), ".".join(target[:-1]),
             ".".join([*target[:-1], "__init__"]))
            for target in targets
        )  # fmt: skip
        hit = {next((name for name in names if name in modules), "") for names in several}
        found[module] = hit - {"", module, "rhobust.__init__"}
    return found


def test_no_files_name_each_other() -> None:
    """Nothing is left but the language once all that names nothing left is taken away."""
    left = named()
    del left["rhobust.__init__"]
    while free := {module for module, targets in left.items() if not targets & left.keys()}:
        left = {module: targets for module, targets in left.items() if module not in free}
    while used := left.keys() - set[str]().union(*left.values()):  # and all that nothing names
        left = {module: targets for module, targets in left.items() if module not in used}
    assert left.keys() == MUTUAL

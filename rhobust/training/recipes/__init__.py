"""Configurations of training whose figures are known, by name.

To add one: a file NAME.toml here, with a table [about], and its figures in docs/guides/training.
"""

from __future__ import annotations

from pathlib import Path

from ...compiler.base.errors import InputError
from ..config import About, Config
from ..config import about as read_about
from ..config import read as read_config

FOLDER = Path(__file__).resolve().parent


def names() -> list[str]:
    """All recipes."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def text(name: str) -> str:
    """A recipe as it is written; InputError for no recipe's name."""
    return _path(name).read_text(encoding="utf-8")


def about(name: str) -> About:
    """What a recipe is for, what it reaches, and what it costs."""
    return read_about(_path(name))


def read(name: str, folder: Path) -> Config:
    """A recipe whose outputs, and data unless a path is absolute, lie in a folder."""
    return read_config(_path(name), folder)


def _path(name: str) -> Path:
    if name not in names():
        raise InputError(f"no recipe is called {name!r}; there are: {', '.join(names())}")
    return FOLDER / f"{name}.toml"

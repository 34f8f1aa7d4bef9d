"""Configurations in TOML: read with the file's name in every error, paths beside the file."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..compiler.base.errors import InputError


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a file; InputError where it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: cannot be read as TOML: {error}") from error


def refuse_unknown(path: Path, before: str, held: Mapping[str, Any], names: Iterable[str]) -> None:
    """InputError for a key that is none of some names; before: the table's name and a dot."""
    known = tuple(names)
    for name in held:
        if name not in known:
            raise InputError(f"{path}: {before}{name} is not known; there are: {', '.join(known)}")


def beside(path: Path, name: str) -> str:
    """A file's name with environment variables, seen from the configuration; "" stays so."""
    expanded = os.path.expandvars(name)
    left = re.search(r"\$\{(\w+)\}", expanded)
    if left:
        raise InputError(
            f"{path}: {name} names the environment variable {left[1]}, which is not set; set it, "
            "or write the path"
        )
    return str(path.parent.absolute() / expanded) if name else ""

"""Spellings of options that are not listed any more, and are taken as long as scripts use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

RETIRED: Mapping[str, Mapping[str, str]] = {
    "bench-attacks": {"--method": "--attacks"},
    "metrics": {"--correct": "--correct-only"},
}
"""By command: former names, and what they are called now."""

BARE = ("check", "explain")
"""Commands of one answer whose --json was a word of its own, and means standard output alone."""


def spelled(command: str, arguments: Sequence[str]) -> list[str]:
    """The arguments of a command as they are spelled today; what follows `--` is left alone."""
    known = RETIRED.get(command, {})
    end = arguments.index("--") if "--" in arguments else len(arguments)
    today: list[str] = []
    for argument in arguments[:end]:
        name, equals, value = argument.partition("=")
        today.append(known.get(name, name) + equals + value)
    if command in BARE:
        today = list(_named(today))
    return [*today, *arguments[end:]]


def _named(arguments: Sequence[str]) -> Iterator[str]:
    for place, argument in enumerate(arguments):
        following = arguments[place + 1 : place + 2]
        if argument == "--json" and not (following and _takes_json(following[0])):
            yield "--json=-"
        else:
            yield argument


def _takes_json(name: str) -> bool:
    """Whether an argument is a file for JSON: a manifest, which looks like one, is an input."""
    from ..files.outputs import KINDS
    from .output import STANDARD

    path = Path(name)
    if name in STANDARD or path.suffix not in (".json", ".jsonl"):
        return name in STANDARD
    return not (path.is_file() and KINDS["manifest"](path))

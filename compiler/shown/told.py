"""What a value says of itself, in one line and in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

LINE, HEAD, FACT, CELL = 480, 80, 160, 60
"""Characters of a line, of what it begins with, of a fact in it, and of a cell of a table."""
ROWS = 16
"""Rows of a table."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG file as a data address, its sides in pixels, and the words below it."""

    caption: str
    address: str
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Told:
    """head: what it is.  facts: names and texts; a text without a name stands for itself."""

    head: str
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Detail:
    """What a notebook shows besides: a table with its headings, and pictures."""

    heads: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    pictures: tuple[Picture, ...] = ()


def line(told: Told) -> str:
    """In angle brackets; facts that would make it longer than LINE are left out."""
    head = cut(told.head, HEAD)
    parts: list[str] = []
    room = LINE - len(head)
    for name, value in told.facts:
        part = cut(f"{name} {value}" if name else value, FACT)
        room -= len(part) + 2
        if room < 0:
            parts.append("\N{HORIZONTAL ELLIPSIS}")
            break
        parts.append(part)
    return f"<{head}: {', '.join(parts)}>" if parts else f"<{head}>"


def cut(text: str, most: int) -> str:
    """A text on one line, in at most so many characters; what cannot be printed is a space."""
    # of a long text only its beginning is looked at
    near = " ".join("".join(_printed(text[: 2 * most + 2])).split())
    if len(near) <= most and len(text) <= 2 * most + 2:
        return near
    return near[: most - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def _printed(text: str) -> Iterator[str]:
    return (one if one.isprintable() else " " for one in text)


def count(number: int, name: str) -> str:
    """So many of a thing, as in 1 node, 1,024 nodes."""
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def some(texts: list[str] | tuple[str, ...], most: int, joint: str = ", ") -> str:
    """The first texts of many, and how many are left."""
    left = len(texts) - most
    return joint.join(texts[:most]) + (f"{joint}and {left:,} more" if left > 0 else "")

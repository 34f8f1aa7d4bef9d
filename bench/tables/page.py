"""A page in Markdown: what was asked, how long it took, tables, figures, and what differs."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rhobust.files.atomic import write_text

from .kept import Kept

LARGEST = 90_000
"""Bytes of a picture."""
RUNTIME = "Runtime: "
"""How the only line begins that differs between two runs."""


def arguments(doc: str | None, name: str) -> argparse.ArgumentParser:
    """The options that all tables have."""
    told = (doc or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog=f"python -m bench.tables.{name}", description=told)
    parser.add_argument("--quick", action="store_true", help="few images, short training")
    parser.add_argument(
        "--out", type=Path, default=None, help=f"folder of answers, networks and the page "
        f"(build/tables/{name}, or {name}-quick)",
    )  # fmt: skip
    return parser


def folder(chosen: argparse.Namespace, name: str) -> Path:
    own = Path("build") / "tables" / (f"{name}-quick" if chosen.quick else name)
    out: Path = chosen.out or own
    out.mkdir(parents=True, exist_ok=True)
    return out


@dataclass
class Page:
    """Written as NAME.md."""

    name: str
    title: str
    options: list[str] = field(default_factory=lambda: told(sys.argv[1:]))
    parts: list[str] = field(default_factory=list)

    def text(self, *paragraphs: str) -> None:
        self.parts += [" ".join(paragraph.split()) for paragraph in paragraphs]

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        lines = [head, ["---"] * len(head), *rows]
        self.parts.append("\n".join("| " + " | ".join(line) + " |" for line in lines))

    def items(self, *points: str) -> None:
        self.parts.append("\n".join("- " + " ".join(point.split()) for point in points))

    def differs(self, *points: str) -> None:
        """What differs from the publication, and why."""
        self.heading("What differs, and why")
        self.items(*points)

    def heading(self, text: str) -> None:
        self.parts.append(f"## {text}")

    def figure(self, path: Path, told: str) -> None:
        """A picture that stands beside the page, made smaller by fewer colours if it is large."""
        if path.stat().st_size > LARGEST:
            from PIL import Image

            with Image.open(path) as picture:
                few = picture.convert("RGB").quantize(
                    96, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
                )
            few.save(path, optimize=True)
        self.parts.append(f"![{told}]({path.name})")

    def write(self, out: Path, kept: Kept, runtime: str = "") -> None:
        """Prints the page, and writes it to the folder; runtime: in place of the processor's."""
        runtime = runtime or f"{kept.seconds:.0f} processor seconds of finished steps"
        command = " ".join([f"python -m bench.tables.{self.name}", *self.options])
        machine = f"{platform.machine()}, Python {sys.version.split()[0]}, one thread"
        head = f"# {self.title}\n\nCommand: `{command}`. {RUNTIME}{runtime}, one core ({machine})."
        whole = "\n\n".join([head, *self.parts]) + "\n"
        write_text(out / f"{self.name}.md", whole)
        print(whole, flush=True)


def told(options: Sequence[str]) -> list[str]:
    """What a command was given, but for the folder."""
    left, found = list(options), list[str]()
    while left:
        one = left.pop(0)
        if one == "--out":
            del left[:1]
        elif not one.startswith("--out="):
            found.append(one)
    return found


def percent(value: float, digits: int = 1) -> str:
    return f"{100.0 * value:.{digits}f} %"


def between(lower: float, upper: float, digits: int = 1) -> str:
    """A proven share: one number where both ends meet."""
    if lower == upper:
        return percent(lower, digits)
    return f"{100.0 * lower:.{digits}f} to {100.0 * upper:.{digits}f} %"

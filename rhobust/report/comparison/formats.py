"""What a comparison can be written as."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from ... import __version__
from ...compiler.base.errors import InputError
from ...files.outputs import WRITTEN
from ..findings.numbers import radius
from ..findings.status import WORDS, Status
from ..formats.json import of_accuracy, of_run, strict
from ..formats.markdown import plain, table
from .compared import Compared
from .page import page
from .wording import MEANING, NAMES, names, row, summary


def html(compared: Compared) -> str:
    """The page."""
    return page(compared)


def markdown(compared: Compared) -> str:
    """Words, and the table of radii and of images that changed."""
    one, other = names(compared)
    parts = [f"<!-- {WRITTEN} -->", f"# {plain(one)} and {plain(other)}"]
    parts += [plain(line) for line in summary(compared)]
    parts += [table(NAMES, [row(change) for change in compared.changes]), plain(MEANING)]
    radii = [f"ε = {radius(eps)}" for eps in compared.radii]
    rows = [
        [
            compared.indices[place],
            *(
                f"{WORDS[Status(int(a[place]))]} → {WORDS[Status(int(b[place]))]}"
                for a, b in compared.statuses
            ),
        ]
        for place in compared.changed
    ]  # fmt: skip
    parts += [f"## {len(rows):,} images changed", table(["image", *radii], rows)]
    return "\n\n".join(parts) + "\n"


def notation(compared: Compared) -> str:
    """Strict JSON with all digits; an infinite number is the text inf."""
    made = {
        "written_by": f"{WRITTEN} {__version__}",
        "first": of_run(compared.first.run),
        "second": of_run(compared.second.run),
        "images": len(compared.indices),
        "left_out": compared.left_out,
        "changes": [
            {
                "eps": one.eps, "first": of_accuracy(one.first), "second": of_accuracy(one.second),
                "least": one.least, "most": one.most, "better": one.better, "worse": one.worse,
                "mcnemar": asdict(one.test),
            }
            for one in compared.changes
        ],
        "changed": [
            {
                "index": compared.indices[place],
                "status": [
                    [WORDS[Status(int(a[place]))], WORDS[Status(int(b[place]))]]
                    for a, b in compared.statuses
                ],
            }
            for place in compared.changed
        ],
    }  # fmt: skip
    return json.dumps(strict(made), allow_nan=False, indent=1) + "\n"


FORMATS: Mapping[str, Callable[[Compared], str]] = {
    "html": html, "md": markdown, "json": notation,
}  # fmt: skip


def chosen(form: str, out: Path) -> str:
    """The name of a format: the one asked for, or that of the file's suffix; else html."""
    suffix = out.suffix.lower().removeprefix(".")
    name = form or ("html" if suffix == "htm" else suffix)
    if name and name not in FORMATS:
        raise InputError(f"a comparison is written as {', '.join(FORMATS)}, and not as {name!r}")
    return name or "html"

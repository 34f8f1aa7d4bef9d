"""Documentation of arguments as lists: docstrings name them in running text, as `name: meaning.`"""

from __future__ import annotations

import re
from typing import Any

import griffe

CLOSING = re.compile(r"(?<=[.\n])\s+(?=(?:Raises|Promise|Source|See|Shapes)\b)")


class Arguments(griffe.Extension):  # type: ignore[misc]  # griffe need not be installed
    """Rewrites docstrings of functions, and of classes whose fields are named so."""

    def on_function_instance(self, *, func: Any, **_: Any) -> None:
        listed(func, [one.name for one in func.parameters])

    def on_class_members(self, *, cls: Any, **_: Any) -> None:
        listed(cls, list(cls.members))


def listed(thing: Any, names: list[str]) -> None:
    """Begins an item of a list where a sentence begins with names and a colon."""
    names = [name for name in names if not name.startswith("_")]
    if thing.docstring is None or not names:
        return
    name = "(?:" + "|".join(map(re.escape, sorted(names, key=len, reverse=True))) + ")"
    several = rf"{name}(?: \([^()]*\))?(?:,? (?:and )?{name}(?: \([^()]*\))?)*(?: \([^()]*\))?"
    begins = re.compile(rf"(?:^|(?<=[.:;\n]))\s*({several}): ", flags=re.MULTILINE)
    head, gap, body = thing.docstring.value.partition("\n")
    if begins.search(body):
        body = begins.sub(r"\n- **\1**: ", body)
        body = CLOSING.sub("\n\n", body)
        thing.docstring.value = head + gap + re.sub(r"([^\n])\n- ", r"\1\n\n- ", body)

"""HTML from Python values: every text is escaped, unless it was made here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape
from typing import Any


class Html(str):
    """Markup, which is not escaped again."""

    __slots__ = ()


VOID = ("br", "col", "img", "input", "link", "meta")
"""Elements without contents."""


def text(value: object) -> Html:
    """A value as text: markup stays, all else is escaped."""
    return value if isinstance(value, Html) else Html(escape(_clean(str(value)), quote=True))


def joined(parts: Iterable[object], between: str = "") -> Html:
    """Parts one after the other."""
    return Html(text(between).join(text(part) for part in parts))


def element(name: str, /, *parts: object, **attributes: object) -> Html:
    """An element; None and False leave an attribute out, `class_` is class, `a_b` is a-b."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text("" if value is True else value)}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in VOID:
        return Html(f"<{name}{told}>")
    return Html(f"<{name}{told}>{joined(parts)}</{name}>")


def data(value: Any) -> Html:
    """Strict JSON that may stand in a script element: nothing in it ends the element.

    No `<` is left, so neither `</script` nor `<!--` can appear.  Halves of pairs, which UTF-8 has
    no form for and which programs end at that write the page, become U+FFFD.
    """
    made = json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    made = re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", made)
    for sign in "<>&\u2028\u2029":
        made = made.replace(sign, f"\\u{ord(sign):04x}")
    return Html(made)


def _clean(value: str) -> str:
    """Without what no HTML text may hold: control characters and halves of pairs."""
    return "".join(
        one if one in "\t\n" or (one >= " " and not "\x7f" <= one <= "\x9f" and not _half(one))
        else "\N{REPLACEMENT CHARACTER}"
        for one in value
    )  # fmt: skip


def _half(one: str) -> bool:
    return "\ud800" <= one <= "\udfff"

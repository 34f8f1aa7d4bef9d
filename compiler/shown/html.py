"""A value as a few lines of a notebook: no colours of its own, so that light and dark both do."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from .told import CELL, FACT, HEAD, ROWS, Detail, Picture, Told, cut

SIDE = 112
"""Pixels that the longer side of a picture takes on the screen."""
PICTURES = 12
CELLS = 8
"""Columns of a table."""
LEFT = "text-align:left;vertical-align:top"


def html(told: Told, detail: Detail) -> str:
    """A heading, the facts, a table and pictures; all texts are escaped and cut."""
    parts = [f"<strong>{_text(told.head, HEAD)}</strong>"]
    facts = [
        _row((f'<th style="{LEFT}">{_text(name, CELL)}</th>', _cell(value, FACT)))
        for name, value in told.facts[:ROWS]
    ]
    parts.append(_table(facts))
    heads = _row(f'<th style="{LEFT}">{_text(one, CELL)}</th>' for one in detail.heads[:CELLS])
    rows = [_row(_cell(one, CELL) for one in row[:CELLS]) for row in detail.rows[:ROWS]]
    left = len(detail.rows) - ROWS
    if left > 0:
        rows.append(_row([_cell(f"and {left:,} more", CELL)]))
    parts.append(_table([heads, *rows] if rows else []))
    parts += [_figure(picture) for picture in detail.pictures[:PICTURES]]
    return f'<div class="rhobust">{"".join(parts)}</div>'


def _text(text: str, most: int) -> str:
    return escape(cut(text, most))


def _cell(text: str, most: int) -> str:
    return f'<td style="{LEFT}">{_text(text, most)}</td>'


def _row(cells: Iterable[str]) -> str:
    return f"<tr>{''.join(cells)}</tr>"


def _table(rows: list[str]) -> str:
    return f"<table>{''.join(rows)}</table>" if rows else ""


def _figure(picture: Picture) -> str:
    caption = _text(picture.caption, CELL)
    factor = SIDE / max(picture.height, picture.width, 1)
    height, width = (max(1, round(factor * side)) for side in (picture.height, picture.width))
    image = (
        f'<img src="{picture.address}" alt="{caption}" height="{height}" width="{width}" '
        'style="image-rendering:pixelated">'
    )
    figure = "display:inline-block;margin:0.4em 0.6em 0 0;vertical-align:top"
    return f'<figure style="{figure}">{image}<figcaption>{caption}</figcaption></figure>'

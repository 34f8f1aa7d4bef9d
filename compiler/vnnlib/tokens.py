"""Lists in parentheses, evaluated as they close: no list is stored, and nothing recurses.

The innermost lists of a property file are mostly a few texts that occur thousands of times. Each
is one token, and its value is kept by its text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, NoReturn, TypeVar

from ..base.errors import PropertyError

DEPTH = 100
"""Lists inside each other; what walks a tree later may recurse this far."""

WORD = r"""[^\s()\[\];"|]++ | \[[^\[\]();"|]*+\] | "[^"]*+" | \|[^|]*+\|"""
TOKEN = re.compile(
    r"""\s*+ (?: (?P<inner> \( [^();"|]*+ \) )
               | (?P<open> \( ) | (?P<close> \) )
               | (?P<word> """
    + WORD
    + r""" ) | ;[^\n]*+ | \Z | (?P<bad> . ) )""",
    re.VERBOSE | re.DOTALL,
)
INSIDE = re.compile(r"\s*+ (?: (?P<word> " + WORD + r" ) | \Z | (?P<bad> . ) )", re.VERBOSE)

Value = TypeVar("Value")


class Word(NamedTuple):
    """A name, number, index in brackets, or quoted text; `offset` is its place in the file."""

    text: str
    offset: int


class Refused(Exception):
    """What a list says cannot be read; `Lists.at` adds file and line.

    word: where, if not in the list as a whole; never one that an equal list may share.
    """

    def __init__(self, message: str, word: Word | None = None) -> None:
        self.word = word
        super().__init__(message)


Reduce = Callable[[Sequence["Word | Value"]], Value]
"""The value of a list from its words and the values of the lists in it; it depends on them alone,
and on names that are never redefined."""


class Lists:
    """The outermost lists of a text, one by one."""

    def __init__(self, source: str, text: str) -> None:
        self.source = source
        self.text = text
        self.end = 0  # of what is read already

    def fail(self, offset: int | None, message: str) -> NoReturn:
        line = None if offset is None else self.text.count("\n", 0, offset) + 1
        raise PropertyError(self.source, line, message) from None

    @contextmanager
    def at(self, offset: int | None) -> Iterator[None]:
        """What is refused inside is reported with its line, or the line of `offset`."""
        try:
            yield
        except Refused as refusal:
            self.fail(refusal.word.offset if refusal.word else offset, str(refusal))

    def values(self, reduce: Reduce[Value]) -> Iterator[tuple[Value, int]]:
        """(value, offset) of each outermost list; the text is read no further than that list.

        `end` is where the list ends, and the next one is looked for.
        """
        known: dict[str, Value] = {}
        start = None
        while start != self.end:
            start = self.end
            yield from self._next(reduce, known)

    def _next(self, reduce: Reduce[Value], known: dict[str, Value]) -> Iterator[tuple[Value, int]]:
        """The same of one list, or none."""
        lists: list[tuple[list[Word | Value], int]] = []
        for match in TOKEN.finditer(self.text, self.end):
            kind = match.lastgroup
            if kind is None:  # a comment, or the end
                continue
            token, offset = match[kind], match.start(kind)
            if kind == "inner":
                value = known.get(token)
                if value is None:
                    words = self._words(token, offset)
                    with self.at(offset):
                        value = known[token] = reduce(words)
            elif kind == "word":
                if not lists:
                    self.fail(offset, f"{token[:40]!r} stands outside any list; is a ( missing?")
                lists[-1][0].append(Word(token, offset))
                continue
            elif kind == "open":
                if len(lists) == DEPTH:
                    self.fail(offset, f"lists are nested deeper than {DEPTH}; flatten them")
                lists.append(([], offset))
                continue
            elif kind == "close":
                if not lists:
                    self.fail(offset, "a ) without its (")
                items, offset = lists.pop()
                with self.at(offset):
                    value = reduce(items)
            else:
                self._unexpected(token, offset)
            if lists:
                lists[-1][0].append(value)
            else:
                self.end = match.end()
                yield value, offset
                return
        if lists:
            self.fail(lists[-1][1], "a ( is never closed: the file is cut off, or lacks a )")

    def _words(self, token: str, offset: int) -> list[Word]:
        words = []
        for match in INSIDE.finditer(token[1:-1]):
            place = offset + 1 + match.start(match.lastgroup or 0)
            if match.lastgroup == "word":
                words.append(Word(match["word"], place))
            elif match.lastgroup == "bad":
                self._unexpected(match["bad"], place)
        return words

    def _unexpected(self, character: str, offset: int) -> NoReturn:
        what = "is never closed" if character in '"|[' else "is not expected here"
        self.fail(offset, f"{character!r} {what}; correct the file")

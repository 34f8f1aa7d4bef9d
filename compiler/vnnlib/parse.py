"""Properties from VNN-LIB files, versions 1.0 and 2.0 as far as they are linear."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from ..base.errors import PropertyError
from ..base.late import go_on
from ..importers.unpacking import NotUnpacked, read
from ..question.and_or_tree import Tree, conjunction
from ..question.property import Property
from .declarations import Constant, DeclaredNetwork
from .plain import Plain
from .statements import Assertion, Nothing, Statements
from .tokens import Lists

LARGEST = 2**28
"""Characters of a file."""


def read_vnnlib(path: str | Path) -> Property:
    """The property in a `.vnnlib` or `.vnnlib.gz` file.

    Promise: decimals are taken at their exact values, assertions may stand in any order and form,
    and what is not understood is refused with its line, never ignored.
    """
    source = str(path)
    return parse_vnnlib(read_text(source), source)


def parse_vnnlib(text: str, source: str = "property") -> Property:
    """The property in the text of a VNN-LIB file."""
    reader = Statements()
    lists, plain = Lists(source, text), Plain(text, reader.names)
    asserted: list[Tree] = []
    lists.end = plain.read(0, asserted)
    for value, offset in lists.values(reader.value):
        go_on()
        match value:
            case Assertion(tree):
                asserted.append(tree)
            case Constant() | DeclaredNetwork():
                with lists.at(offset):
                    reader.names.add(value)
            case Nothing(command=True):
                pass
            case _:
                lists.fail(offset, "no statement; is an (assert ...) or its ( missing?")
        lists.end = plain.read(lists.end, asserted)
    with lists.at(None):
        networks = reader.names.finished()
    return Property(networks, conjunction(asserted), source)


def read_text(path: str | Path) -> str:
    """What a `.vnnlib` or `.vnnlib.gz` file says; PropertyError where it cannot be read."""
    source = str(path)
    try:
        return read(source, LARGEST).decode("utf-8-sig")
    except FileNotFoundError as error:
        raise PropertyError(source, None, "no such file") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        message = "truncated, or not compressed by gzip; fetch it again"
        raise PropertyError(source, None, message) from error
    except UnicodeDecodeError as error:
        raise PropertyError(source, None, "is no text; give a .vnnlib file") from error
    except NotUnpacked as error:
        raise PropertyError(source, None, str(error)) from error
    except (OSError, ValueError) as error:
        raise PropertyError(source, None, f"cannot be read: {error}") from error

"""A value that says what it is, in one line and in a notebook."""

from __future__ import annotations

from .html import html
from .told import Detail, Told, line


class Shown:
    """A value that is shown by what it tells of itself, and by no dump of what it holds."""

    __slots__ = ()

    def _told(self) -> Told:
        """What a line says: quickly made, whatever the size."""
        return Told(type(self).__name__)

    def _detail(self) -> Detail:
        """What a notebook shows besides."""
        return Detail()

    def __repr__(self) -> str:
        return line(self._told())

    def _repr_html_(self) -> str:
        return html(self._told(), self._detail())

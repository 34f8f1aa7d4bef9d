"""Values that took time to find, as many as fit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any


class Kept(OrderedDict[Hashable, Any]):
    """The last few values, by their keys."""

    MOST = 32

    def keep(self, key: Hashable, value: Any) -> None:
        """Adds a value, and forgets the oldest beyond so many."""
        self[key] = value
        while len(self) > self.MOST:
            self.popitem(last=False)

"""Names that every solver's reader takes: letters, digits and underscores, each given once."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST = 60
"""Characters of a name before its number; some readers stop at 255 altogether."""


class Names:
    """Gives out names.  Elements are numbered behind them, as in relu_7, which keeps them apart."""

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self._taken = set(reserved)

    def fresh(self, wanted: str) -> str:
        """`wanted` as far as possible; two calls never give the same name."""
        base = re.sub(r"[^A-Za-z0-9_]", "_", wanted)[:LONGEST]
        if not re.match(r"[A-Za-z]", base):
            base = f"v{base}"
        name, serial = base, 1
        while name in self._taken:
            serial += 1
            name = f"{base}_{serial}"
        self._taken.add(name)
        return name

    def elements(self, wanted: str, size: int) -> list[str]:
        """Names of the elements of a vector."""
        base = self.fresh(wanted)
        return [f"{base}_{k}" for k in range(size)]

"""Declarations of version 1, and bounds of single inputs as numbers: most of what most files say.

Such statements are recognised as a whole; whatever else stands in a file, or looks unusual in any
way, is left to `Lists`, which reads these to the same end.
"""

from __future__ import annotations

import re
from fractions import Fraction

from ..base.late import go_on
from ..question.and_or_tree import Atom, Place, Tree
from .names import Names
from .tokens import Word

STATEMENT = re.compile(
    r"""(?: \s++ | ;[^\n]*+ )*+ \( (?:
        assert \s*+ \( (?P<relation> [<>]= ) \s++ X_(?P<input> 0 | [1-9][0-9]{0,8} )
            \s++ (?P<sign> -? ) (?P<whole> [0-9]{1,60}+ ) (?: \. (?P<decimals> [0-9]{0,60}+ ) )?+
            \s*+ \) \s*+ \)
      | declare-const \s++ (?P<name> (?P<side> [XY] )_(?P<element> 0 | [1-9][0-9]{0,8} ) )
            \s++ Real \s*+ \)
    )""",
    re.VERBOSE,
)

OFTEN = 1000
"""Statements between two looks at the clock."""


class Plain:
    """Reads plain statements of a text; names: those declared so far, to which it adds."""

    def __init__(self, text: str, names: Names) -> None:
        self.text, self.names = text, names
        self._numbers: dict[tuple[str, str, str | None], Fraction] = {}

    def read(self, start: int, found: list[Tree]) -> int:
        """Adds the bounds that stand at `start`, one after the other; where something else does."""
        match, done = STATEMENT.match(self.text, start), 0
        while match is not None:
            done += 1
            if done % OFTEN == 0:
                go_on()
            relation, element, sign, whole, decimals, name, side, declared = match.groups()
            if relation is None:
                place = Place(side == "Y", int(declared))
                if place in self.names.flat or self.names.networks:
                    break
                self.names.declare(place, Word(name, match.start("name")))
            else:
                place = Place(False, int(element))
                if place not in self.names.flat:
                    break
                value = self._number((sign, whole, decimals))
                upper = relation == "<="
                found.append(
                    Atom(((place, 1 if upper else -1),), -value if upper else value, False)
                )
            start = match.end()
            match = STATEMENT.match(self.text, start)
        return start

    def _number(self, parts: tuple[str, str, str | None]) -> Fraction:
        value = self._numbers.get(parts)
        if value is None:
            sign, whole, decimals = parts
            digits = int(whole + (decimals or ""))
            value = Fraction(-digits if sign else digits, 10 ** len(decimals or ""))
            self._numbers[parts] = value
        return value

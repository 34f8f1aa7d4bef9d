"""Declarations of version 1, and bounds of single inputs as numbers: most of what most files say.

Such statements are recognised as a whole; whatever else stands in a file, or looks unusual in any
way, is left to `Lists`, which reads these to the same end.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TypeAlias

from ..base.late import go_on
from ..question.and_or_tree import Atom, Place, Tree
from .names import Names

STATEMENT = re.compile(
    r"""(?: \s++ | ;[^\n]*+ )*+ \( (?:
        assert \s*+ \( (?P<relation> [<>]= ) \s++ X_(?P<input> 0 | [1-9][0-9]{0,8} )
            \s++ (?P<sign> -? ) (?P<whole> [0-9]{1,60}+ ) (?: \. (?P<decimals> [0-9]{0,60}+ ) )?+
            \s*+ \) \s*+ \)
      | declare-const \s++ (?P<side> [XY] )_(?P<element> 0 | [1-9][0-9]{0,8} )
            \s++ Real \s*+ \)
    )""",
    re.VERBOSE,
)

OFTEN = 1000
"""Statements between two looks at the clock."""

Terms: TypeAlias = tuple[tuple[Place, int], ...]


class _Constants(dict[tuple[str, str, str | None, bool], Fraction]):
    """What stands beside the variable in a bound, by sign, digits, decimals and whether it is an
    upper one; each is made once, for most numbers of a file occur often.
    """

    def __missing__(self, parts: tuple[str, str, str | None, bool]) -> Fraction:
        sign, whole, decimals, upper = parts
        digits = int(whole + (decimals or ""))
        negative = upper != bool(sign)
        value = Fraction(-digits if negative else digits, 10 ** len(decimals or ""))
        self[parts] = value
        return value


class Plain:
    """Reads plain statements of a text; names: those declared so far, to which it adds."""

    def __init__(self, text: str, names: Names) -> None:
        self.text, self.names = text, names
        self._inputs: dict[str, tuple[Terms, Terms]] = {}
        self._constants = _Constants()

    def read(self, start: int, found: list[Tree]) -> int:
        """Adds the bounds that stand at `start`, one after the other; where something else does."""
        match, done = STATEMENT.match(self.text, start), 0
        while match is not None:
            done += 1
            if done % OFTEN == 0:
                go_on()
            relation, element, sign, whole, decimals, side, declared = match.groups()
            if relation is None:
                place = Place(side == "Y", int(declared))
                if place in self.names.flat or self.names.networks:
                    break
                self.names.declare(place, match.start("side"))
            else:
                terms = self._inputs.get(element) or self._known(element)
                if terms is None:
                    break
                upper = relation == "<="
                constant = self._constants[sign, whole, decimals, upper]
                found.append(Atom(terms[upper], constant, False))
            start = match.end()
            match = STATEMENT.match(self.text, start)
        return start

    def _known(self, element: str) -> tuple[Terms, Terms] | None:
        """The terms of a lower and of an upper bound of an input, if it is declared."""
        place = Place(False, int(element))
        if place not in self.names.flat:
            return None
        both = self._inputs[element] = ((place, -1),), ((place, 1),)
        return both

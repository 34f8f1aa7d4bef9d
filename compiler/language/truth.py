"""What Python must not take for true or false while variables have no values."""

from __future__ import annotations

from typing import Never

from ..base.errors import LanguageError
from ..shown.value import Shown

TRUTH = (
    "it has no truth value while its variables have none. Write rb.And(a, b) or a & b for `and`, "
    "also for a <= x <= b, rb.Or(a, b) or a | b for `or`, ~a for `not`, rb.maximum and rb.minimum "
    "for max and min; if, in and sorted cannot be asked of it"
)
BRACKETS = "&, | and ~ join relations, which need brackets: (x <= 0) | (x >= 1)"


class Undecided(Shown):
    """What Python must not take for true: `and`, `or`, `max` or `if` would drop constraints."""

    def __bool__(self) -> Never:
        raise LanguageError(f"a {type(self).__name__} was used as a condition, but {TRUTH}")

    def __contains__(self, item: object) -> Never:
        raise LanguageError(f"a {type(self).__name__} was asked with `in`, but {TRUTH}")


class Unjoined(Undecided):
    """What `&`, `|` and `~` do not join: they bind more strongly than comparisons do."""

    def __and__(self, other: object) -> Never:
        raise LanguageError(BRACKETS)

    __or__ = __rand__ = __ror__ = __and__

    def __invert__(self) -> Never:
        raise LanguageError(BRACKETS)

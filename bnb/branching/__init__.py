"""What nodes are split on: a table of branching rules, in the order in which they are asked.

A rule is one file with one class, see `state.BranchingRule`, and one line here. Any split is sound:
a rule decides how many nodes a search needs, and nothing else.
"""

from __future__ import annotations

from ..state import BranchingRule, State
from .fallback import Fallback
from .inputs import Halving
from .relu import LargestLoss

RULES: tuple[type[BranchingRule], ...] = (LargestLoss, Halving, Fallback)
"""After an ascent a later rule may overrule the earlier ones; after an LP the first that knows."""


def rules(state: State) -> list[BranchingRule]:
    """Those that apply to a search whose reduced problem is known."""
    return [kind(state) for kind in RULES if kind.applies(state)]

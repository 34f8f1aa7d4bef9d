"""Tighter bounds than those of a pass: a table of tighteners, in the order in which they are used.

A tightener is one file with one class, see `state.Tightener`, and one line here. One that is to
count in certificates needs a recorder (`certificate`) and a checker (`checker/rounded`) too; one
that is not has no use where there is a recorder, for the checker would refuse what it proved.
"""

from __future__ import annotations

from ..state import State, Tightener
from .below_split import BelowSplit
from .fbbt import Fbbt
from .input_boxes import InputBoxes
from .multi_neuron import MultiNeuron
from .objective_cut import ObjectiveCut
from .recomputed import Recomputed
from .ties import Ties
from .unit_trees import UnitTrees

TIGHTENERS: tuple[type[Tightener], ...] = (
    UnitTrees,
    InputBoxes,
    Fbbt,
    Recomputed,
    BelowSplit,
    ObjectiveCut,
    MultiNeuron,  # what groups gain is what triangles lose, with the bounds that all others left
    Ties,
)


def tighteners(state: State) -> list[Tightener]:
    """Those that apply to a search whose reduced problem is known."""
    return [kind(state) for kind in TIGHTENERS if kind.applies(state)]

"""A model and a property file as one question for another solver."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..compiler.language.formulas import Formula, any_of
from ..compiler.network.graph import Network
from ..compiler.question.property import Property
from ..compiler.steps.compile import compile_formulas
from ..compiler.vnnlib.writer import write_vnnlib
from ..files.outputs import WRITTEN
from ..queries.solve import check
from .milp import milp
from .mps import write_mps
from .smtlib import write_property_smtlib
from .tensors import tensors

Export = Callable[[Sequence[Network], Property], str]


def smtlib(networks: Sequence[Network], asked: Property) -> str:
    """Networks and property in SMT-LIB 2, exactly; satisfiable when some input satisfies it."""
    check(networks, asked)
    return write_property_smtlib(networks, asked)


def mps(networks: Sequence[Network], asked: Property) -> str:
    """Networks and property as a MILP in MPS, feasible up to rounding when some input satisfies it.

    One program for all parts: the box holds all of them, disjunctions have binaries, and strict
    relations are written as ones that are not. Raises LanguageError for inputs without bounds.
    """
    check(networks, asked)
    parts = asked.parts
    lower = np.zeros(asked.inputs)
    upper = lower
    if parts:
        lower = np.min([part.lower for part in parts], axis=0)
        upper = np.max([part.upper for part in parts], axis=0)
    x, y = tensors(networks, asked, lower, upper)
    whole: Formula = asked.formula(x.affine, y) if parts else any_of()
    return write_mps(milp(compile_formulas([whole], inputs=(x,))))


def vnnlib(networks: Sequence[Network], asked: Property) -> str:
    """The property alone as VNN-LIB 1.0, exactly: of version 2.0, or rid of what repeats itself."""
    check(networks, asked)
    return write_vnnlib(asked)


FORMATS: dict[str, Export] = {"smtlib": smtlib, "mps": mps, "vnnlib": vnnlib}
REMARK = {"smtlib": ";", "mps": "*", "vnnlib": ";"}
"""How a line begins that a format's readers skip."""


def export(form: str, networks: Sequence[Network], asked: Property) -> str:
    """The text of a file, which says what wrote it: as one of ours it may be written again."""
    return f"{REMARK[form]} {WRITTEN}\n{FORMATS[form](networks, asked)}"

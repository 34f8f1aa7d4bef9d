"""Networks of which only the order of outputs is known: their values are refused by name.

The softmax, or the logistic function of a classifier, is left out of a network that ends with it.
What compares two of its outputs is the same with and without; what speaks of their values is not.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..base.errors import LanguageError
from ..language.exact_rows import Form, entries, values
from ..language.expressions import Affine, Variable
from ..language.formulas import And, Ball, Formula, Or, requirements
from ..network.graph import Network
from ..operators import LinearOperator


def check_values(formulas: Iterable[Formula], optimised: Affine | None = None) -> None:
    """Raises LanguageError where something speaks of values that are left out of a network.

    optimised: an expression whose size matters, such as an objective.
    """
    given = list(formulas)
    needed = [found for formula in given for found in requirements(formula)]
    if optimised is not None:
        _none(optimised)
        needed.extend(optimised.requires)
    for formula in given:
        _check(formula, frozenset())
    for formula in {id(found): found for found in needed}.values():
        # what defines an output speaks of it, and of nothing newer
        _check(formula, frozenset((_newest(formula),)))


def _outputs(affine: Affine) -> dict[Variable, Network]:
    """The variables of an expression that stand for outputs of such networks."""
    found = {}
    for term in affine.terms:
        source = term.variable.source
        if source is not None and isinstance(source.function, Network) and source.function.ordered:
            found[term.variable] = source.function
    return found


def _newest(formula: Formula) -> int:
    """The greatest serial number of a variable of the formula."""
    match formula:
        case And(parts) | Or(parts):
            return max(map(_newest, parts), default=-1)
        case _:
            return max((term.variable.serial for term in formula.affine.terms), default=-1)


def _check(formula: Formula, defined: frozenset[int]) -> None:
    match formula:
        case And(parts) | Or(parts):
            for part in parts:
                _check(part, defined)
        case Ball(affine):
            _none(affine)
        case _:
            found = {
                name: network
                for name, network in _outputs(formula.affine).items()
                if name.serial not in defined
            }
            if found and not _compares(formula.affine, {name.serial for name in found}):
                _refuse(next(iter(found.values())))


def _none(affine: Affine) -> None:
    for network in _outputs(affine).values():
        _refuse(network)


def _compares(affine: Affine, outputs: set[int]) -> bool:
    """Whether each element that speaks of outputs compares two of one variable, and no more."""

    def named(operator: LinearOperator, variable: Variable) -> list[Form[tuple[int, int]]]:
        return [{(variable.serial, k): v for k, v in row.items()} for row in entries(operator)]

    for row, constant in values(affine, named):
        if not outputs.intersection(serial for serial, _ in row):
            continue
        same = len({serial for serial, _ in row}) == 1
        if not (same and len(row) == 2 and sum(row.values()) == 0 == constant):
            return False
    return True


def _refuse(network: Network) -> None:
    raise LanguageError(
        f"this speaks of values of {network.name}, whose outputs are {network.meaning}: only "
        f"comparisons of two of them, such as y[0] >= y[1], are read. To ask of the numbers before "
        f"it, apply the network that its method logits() gives"
    )

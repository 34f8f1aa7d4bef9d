"""Answering a property file: is there an input that satisfies it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .bnb.search import Settings
from .clock import Deadline
from .compiler.arrays import Vector
from .compiler.compiled import compile_formulas
from .compiler.errors import InputError, LanguageError
from .compiler.graph import Network
from .compiler.importers.vnnlib import read_vnnlib
from .compiler.language import Variable
from .compiler.property import Property
from .compiler.property_witness import PropertyValidator, PropertyWitness
from .compiler.translation import formula, stacked
from .decide import Progress, quiet
from .loading import load
from .settle import settle


@dataclass(frozen=True, slots=True)
class SolveResult:
    """status: sat, unsat, timeout or unknown, the last two with what stood in the way.

    witness: inputs and the runtime's outputs for sat. bound: what is proven of the parts still
    open.
    """

    status: str
    reason: str
    witness: PropertyWitness | None
    bound: float
    seconds: float
    nodes: int
    lps: int


def solve(
    model: str | Path | Network | Sequence[str | Path | Network],
    question: str | Path | Property,
    timeout: float = 60.0,
    settings: Settings | None = None,
    seed: int = 0,
    progress: Progress = quiet,
) -> SolveResult:
    """Whether some input satisfies a VNN-LIB property; sat means that what it describes exists.

    model: a file or a network, or one for each network the property declares.  timeout: seconds,
    reading included.  Raises InputError and ModelError for what cannot be read, PropertyError for
    what the property says outside the language.
    """
    deadline = Deadline(timeout)
    several = [model] if isinstance(model, str | Path | Network) else list(model)
    networks = [m if isinstance(m, Network) else load(m) for m in several]
    asked = question if isinstance(question, Property) else read_vnnlib(question)
    return _Solving(networks, asked, deadline, settings or Settings(), seed, progress).run()


class _Solving:
    def __init__(
        self,
        networks: Sequence[Network],
        asked: Property,
        deadline: Deadline,
        settings: Settings,
        seed: int,
        progress: Progress,
    ) -> None:
        check(networks, asked)
        self.networks, self.asked = networks, asked
        self.deadline, self.settings, self.progress = deadline, settings, progress
        self.rng = np.random.default_rng(seed)
        self.nodes = self.lps = 0

    def run(self) -> SolveResult:
        """Part after part: one box each."""
        reason, bound = "", np.inf
        for part in self.asked.parts:
            if self.deadline.stop():
                reason, bound = "timeout", -np.inf
                break
            validator = PropertyValidator(self.networks, self.asked, part.lower, part.upper)
            x = inputs(self.networks, part.lower, part.upper, self.asked.source)
            y = stacked(
                [
                    network(v)[: signature.output_size]
                    for network, v, signature in zip(
                        self.networks, x, self.asked.networks, strict=True
                    )
                ]
            )
            rest = formula(part.rest, stacked([v.affine for v in x]), y)
            problem = compile_formulas([rest], inputs=x).problem
            outcome = settle(
                problem, validator.accept, self.deadline, self.settings, self.rng, self.progress
            )
            self.nodes += outcome.statistics.nodes
            self.lps += outcome.statistics.lps
            if outcome.status == "accepted":
                return self._result("sat", "", validator.witness, -np.inf)
            if outcome.status == "open":
                reason, bound = outcome.reason, min(bound, outcome.bound)
        if reason:
            return self._result(
                "timeout" if reason == "timeout" else "unknown", reason, None, bound
            )
        return self._result("unsat", "", None, 0.0)

    def _result(
        self, status: str, reason: str, witness: PropertyWitness | None, bound: float
    ) -> SolveResult:
        return SolveResult(
            status, reason, witness, bound, self.deadline.spent(), self.nodes, self.lps
        )


def check(networks: Sequence[Network], asked: Property) -> None:
    """Whether the networks are those that the property speaks of."""
    if len(networks) != len(asked.networks):
        raise InputError(
            f"{asked.source} speaks of {len(asked.networks)} networks; {len(networks)} were given"
        )
    for network, signature in zip(networks, asked.networks, strict=True):
        sizes = (network.input_size, network.output_size)
        # version 1.0 numbers only what it needs of the outputs
        if signature.input_size != sizes[0] or signature.output_size > sizes[1]:
            raise InputError(
                f"{asked.source} declares {signature.input_size} inputs and "
                f"{signature.output_size} outputs, but {network.name} has {sizes[0]} and {sizes[1]}"
            )


def inputs(
    networks: Sequence[Network], lower: Vector, upper: Vector, source: str
) -> tuple[Variable, ...]:
    """A variable for each network's input, within a box (D,)."""
    missing = np.flatnonzero(~(np.isfinite(lower) & np.isfinite(upper)))
    if len(missing):
        raise LanguageError(
            f"{source}: input {missing[0]} has no finite bounds; the search needs a box"
        )
    x: list[Variable] = []
    start = 0
    for network in networks:
        end = start + network.input_size
        x.append(Variable(network.input_size, lower[start:end], upper[start:end], "x"))
        start = end
    return tuple(x)

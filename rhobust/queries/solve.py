"""Answering a property file: is there an input that satisfies it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..attacks.conjunctions import attack_conjunctions, conjunctions
from ..attacks.sampling import sampled
from ..bnb.search import Outcome, Settings
from ..clock import Deadline
from ..compiler.base.arrays import Indices, Vector
from ..compiler.base.errors import Contradiction, InputError, LanguageError
from ..compiler.base.evidence import REASON
from ..compiler.language.expressions import Variable
from ..compiler.network.graph import Network
from ..compiler.question.property import Property
from ..compiler.question.property_boxes import Part
from ..compiler.question.to_formula import formula, stacked
from ..compiler.shown.numbers import at_least
from ..compiler.shown.record import Result
from ..compiler.shown.told import Detail, Told, count
from ..compiler.steps.compile import compile_formulas
from ..compiler.vnnlib.parse import parse_vnnlib, read_text
from ..files.certificate import Certificate, unread
from ..files.checkpoint import Checkpoint, resumable
from ..networks.declared import declared
from ..witness.property import PropertyValidator, PropertyWitness
from .asked import about_property
from .certify import NOT_IN_TIME, written
from .copies import TwoCopies
from .engine import FirstFound, Progress, ask, ending, quiet

COPIES = 0.7
"""The part of the time in which differences of copies are bounded."""
ONE = "certificates speak of one network"
QUICK, LONG = 128, 2**31
"""Cells of the copies' input before an attack, and after it."""


@dataclass(frozen=True, slots=True, repr=False)
class SolveResult(Result):
    """status: sat, unsat, timeout or unknown, the last two with what stood in the way.

    witness: inputs and the runtime's outputs for sat. bound: what is proven of the parts still
    open. uncertified: why a certificate that was asked for is not there.
    """

    status: str
    reason: str
    witness: PropertyWitness | None
    bound: float
    seconds: float
    nodes: int
    lps: int
    uncertified: str = ""

    def record(self) -> dict[str, Any]:
        """The keys of `rhobust vnncomp --json`; witness: in VNN-COMP's form, None without one."""
        found = {"status": self.status, "reason": self.reason or None, "bound": self.bound}
        found |= {"seconds": self.seconds, "nodes": self.nodes, "lps": self.lps}
        found["witness"] = None if self.witness is None else self.witness.text()
        return found | ({"uncertified": self.uncertified} if self.uncertified else {})

    def _told(self) -> Told:
        other = self.reason and self.reason != self.status
        answer = f"{self.status} ({self.reason})" if other else self.status
        facts = [] if self.witness is None else [("", self.witness.says)]
        if np.isfinite(self.bound) and self.status not in ("sat", "unsat"):
            facts.append(("bound", at_least(self.bound)))
        if self.uncertified:
            facts.append(("no certificate:", self.uncertified))
        work = f"{count(self.nodes, 'node')}, {count(self.lps, 'LP')}"
        facts += [("", f"{self.seconds:.2f} s"), ("", work)]
        return Told(f"SolveResult {answer}", tuple(facts))

    def _detail(self) -> Detail:
        return Detail() if self.witness is None else self.witness.detail()


@np.errstate(all="ignore")  # huge weights overflow, which no bound overlooks
def solve(
    model: str
    | Path
    | Network
    | Sequence[str | Path | Network]
    | Mapping[str, str | Path | Network],
    question: str | Path | Property,
    timeout: float | None = 60.0,
    settings: Settings | None = None,
    seed: int = 0,
    progress: Progress = quiet,
    certificate: str | Path | None = None,
    checkpoint: str | Path | None = None,
    trust_pickle: bool = False,
    check: bool = True,
    overwrite: bool = False,
    threads: int | None = None,
    memory: float | None = None,
) -> SolveResult:
    """Whether some input satisfies a VNN-LIB property; sat means that what it describes exists.

    model: a file or a network, or one for each network the property declares, in its order or by
    its names; one that is equal to another needs none.  timeout: seconds,
    reading included.  certificate: a file to write the proof of an unsat into; for it the question
    has to be a VNN-LIB file, and the result says why there is none where it is about several
    networks, inputs or outputs.  check: whether the checker has to accept it
    before it is written, within the time.
    checkpoint: a file in which an undecided search is kept, and from which it goes on.
    trust_pickle: whether models may be pickles, which can run any program; see `load`.
    overwrite: whether a certificate may replace a file that is none.  threads, memory (MB for open
    nodes): of the search, in the place of those of `settings`.
    Raises InputError and ModelError for what cannot be read, PropertyError for what the property
    says outside the language.
    """
    deadline = Deadline(timeout)
    several = [model] if isinstance(model, str | Path | Network) else model
    text = "" if isinstance(question, Property) else read_text(question)
    with ending(deadline.stop) as end:
        asked = question if isinstance(question, Property) else parse_vnnlib(text, str(question))
    if end.reason:
        status = "timeout" if end.reason == "timeout" else "unknown"
        return SolveResult(status, end.reason, None, -np.inf, deadline.spent(), 0, 0)
    networks = declared(several, asked, trust_pickle)
    files = [path for network in networks for path in (network.path, *network.beside)]
    if not isinstance(question, Property):
        files.append(str(question))
    proof, uncertified = None, ""
    if certificate is not None:
        if isinstance(question, Property):
            raise InputError("a certificate needs a VNN-LIB file; this property is none")
        uncertified = networks[0].beyond if len(networks) == 1 else ONE
        if not uncertified:
            proof = Certificate(certificate, networks[0], check, (*files, checkpoint), overwrite)
    spent = Settings.of(settings, threads, memory)
    solving = _Solving(networks, asked, deadline, spent, seed, progress, proof)
    if checkpoint is not None:
        about = about_property(networks, asked, spent)
        solving.saver = resumable(checkpoint, certificate, about, spent.memory, files)
    result = solving.run()
    if solving.saver is not None and result.status in ("sat", "unsat"):
        solving.saver.done()
    if proof is None or result.status != "unsat":
        return replace(result, uncertified=uncertified if result.status == "unsat" else "")
    missing = NOT_IN_TIME
    with ending(deadline.stop, lambda: {"property": asked.source}) as end:
        missing = _written(proof, solving, text)
    if end.reason == REASON:
        return replace(result, status="unknown", reason=REASON, uncertified=REASON)
    return replace(result, uncertified=missing, seconds=deadline.spent())


def prove(
    network: Network,
    text: str,
    path: Path,
    seconds: float,
    settings: Settings,
    seed: int,
    check: bool = True,
    overwrite: bool = False,
) -> str:
    """Writes a proof that a VNN-LIB text is unsat; returns what prevented it, or "".

    Raises InputError for a network of which there are no certificates, Contradiction where the text
    has a solution.
    """
    proof = Certificate(path, network, check, overwrite=overwrite)
    deadline = Deadline(seconds)
    if proof.impossible():
        raise InputError(proof.impossible())
    asked = parse_vnnlib(text, "the question")
    solving = _Solving([network], asked, deadline, settings, seed, proof=proof)
    return _written(proof, solving, text) if _proves(solving, text) else NOT_IN_TIME


def _written(proof: Certificate, solving: _Solving, text: str) -> str:
    """What prevents the certificate of a text that was proven unsat, or ""."""

    def again(settings: Settings) -> bool:
        return _proves(replace(solving, settings=settings, saver=None), text)

    stop = solving.deadline.stop
    return written(proof, lambda: proof.unsat(text, stop), again, solving.settings)


def _proves(solving: _Solving, text: str) -> bool:
    """Whether a search finds again that a text is unsat.  Raises Contradiction where it is not."""
    found = solving.run()
    if found.reason == REASON:
        raise Contradiction("the search for a proof contradicted itself")
    if found.witness is not None:
        raise Contradiction(
            "what was proven to have no solution has one",
            {"question": text, "point": [str(v) for v in found.witness.inputs]},
        )
    return found.status == "unsat"


@dataclass(slots=True)
class _Solving:
    """A property, part after part: one box each."""

    networks: Sequence[Network]
    asked: Property
    deadline: Deadline
    settings: Settings
    seed: int
    progress: Progress = quiet
    proof: Certificate | None = None
    saver: Checkpoint | None = None
    nodes: int = 0
    lps: int = 0

    def run(self) -> SolveResult:
        check(self.networks, self.asked)
        answer: tuple[str, str, PropertyWitness | None, float] = "unknown", "", None, -np.inf
        with ending(self.deadline.stop, lambda: {"property": self.asked.source}) as end:
            answer = self._run()
        if end.reason:
            answer = "timeout" if end.reason == "timeout" else "unknown", end.reason, None, -np.inf
        return SolveResult(*answer, self.deadline.spent(), self.nodes, self.lps)

    def _run(self) -> tuple[str, str, PropertyWitness | None, float]:
        reason, bound, rng = "", np.inf, np.random.default_rng(self.seed)
        for number, part in enumerate(self.asked.parts):
            if self.deadline.stop():
                reason, bound = "timeout", -np.inf
                break
            if self.saver is not None and self.saver.skips(number):
                continue
            witness, outcome = self._part(part, rng)
            if witness is not None:
                return "sat", "", witness, -np.inf
            if outcome.status != "closed":
                reason, bound = outcome.reason or "numerical", min(bound, outcome.bound)
                if self.saver is not None:
                    break  # a checkpoint is of one part
        if reason:
            return "timeout" if reason == "timeout" else "unknown", reason, None, bound
        return "unsat", "", None, 0.0

    def _part(self, part: Part, rng: np.random.Generator) -> tuple[PropertyWitness | None, Outcome]:
        copies = None
        if self.proof is None and self.saver is None:
            copies = TwoCopies.of(self.networks, self.asked, part)
        quick = copies and self._copies(copies, part, QUICK)
        if quick:
            return quick
        lower, upper = stand_in(part.lower, part.upper)
        bounded = (lower == part.lower).all() and (upper == part.upper).all()
        x = inputs(self.networks, lower, upper)
        whole = [network(v) for network, v in zip(self.networks, x, strict=True)]
        asked = zip(whole, self.asked.networks, strict=True)
        y = stacked([output[: signature.output_size] for output, signature in asked])
        rest = formula(part.rest, stacked([v.affine for v in x]), y)
        compiled = compile_formulas([rest], inputs=x)
        problem = compiled.problem
        recorder = None
        if self.proof is not None:
            recorder = self.proof.part(problem, compiled.stage(whole[0]))
        validator = PropertyValidator(self.networks, self.asked, lower, upper)
        found = FirstFound(problem, validator)

        jumps = any(unread(network) for network in self.networks)

        def accept(point: Vector) -> bool:
            found.witness = validator.check(point)
            return found.witness is not None

        def attack(atoms: Indices) -> bool:
            if jumps:
                return sampled(self.networks, self.asked, lower, upper, accept, rng)
            cases = conjunctions(found.tree, atoms)
            oracle = self.settings.oracle
            attack_conjunctions(problem, cases, found.accept, self.deadline, rng, oracle)
            return found.witness is not None

        if copies is not None:
            attack(np.arange(len(problem.offset)))
            if found.witness is not None:
                return found.witness, Outcome("accepted", "", -np.inf, 0.0)
            longer = self._copies(copies, part, LONG)
            if longer is not None:
                return longer
        outcome = ask(
            problem, found, self.deadline.remaining, self.settings, attack=attack,
            progress=self.progress, recorder=recorder, saver=self.saver,
        )  # fmt: skip
        self.nodes += outcome.statistics.nodes
        self.lps += outcome.statistics.lps
        witness = found.settled(outcome)
        if witness is None and not bounded:
            missing = np.flatnonzero(~(np.isfinite(part.lower) & np.isfinite(part.upper)))
            raise LanguageError(
                f"{self.asked.source}: input {missing[0]} has no finite bounds; the search needs a "
                "box, and found nothing in one near 0"
            )
        return witness, outcome

    def _copies(
        self, copies: TwoCopies, part: Part, most: int
    ) -> tuple[PropertyWitness | None, Outcome] | None:
        """The answer where differences of two copies of one network tell it, in so many cells."""
        validator = PropertyValidator(self.networks, self.asked, part.lower, part.upper)
        shown: list[PropertyWitness] = []

        def accept(point: Vector) -> bool:
            found = validator.check(point)
            shown.extend([] if found is None else [found])
            return found is not None

        # what is left of the time is for a search that knows of all relations
        share = Deadline(self.deadline.share(COPIES))
        done, cells = copies.closed(accept, most, share.stop)
        self.nodes += cells
        if shown:
            return shown[0], Outcome("accepted", "", -np.inf, 0.0)
        return (None, Outcome("closed", "", 0.0, np.inf)) if done else None


def check(networks: Sequence[Network], asked: Property) -> None:
    """Whether the networks are those that the property speaks of.

    Of a network whose softmax is left out a property may only compare two outputs.
    """
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
    start = 0
    for network, signature in zip(networks, asked.networks, strict=True):
        end = start + signature.output_size
        if network.ordered and not asked.compares(start, end):
            raise InputError(
                f"{asked.source} speaks of the values of {network.name}, which ends with a "
                "softmax; of such outputs only comparisons of two are read"
            )
        start = end


def stand_in(lower: Vector, upper: Vector) -> tuple[Vector, Vector]:
    """A box within one that is not bounded: where a solution may be found, and nothing proven."""
    low = np.where(np.isfinite(lower), lower, np.where(np.isfinite(upper), upper - 2.0, -1.0))
    high = np.where(np.isfinite(upper), upper, np.where(np.isfinite(lower), lower + 2.0, 1.0))
    return low, high


def inputs(networks: Sequence[Network], lower: Vector, upper: Vector) -> tuple[Variable, ...]:
    """A variable for each network's input, within a box (D,)."""
    x: list[Variable] = []
    start = 0
    for network in networks:
        end = start + network.input_size
        x.append(Variable(network.input_size, lower[start:end], upper[start:end], "x"))
        start = end
    return tuple(x)

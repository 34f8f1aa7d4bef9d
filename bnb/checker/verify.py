"""From a certificate's file to a verdict on it: accepted with a statement, or refused."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from .archive import Archive
from .arithmetic import Array, Refused, require
from .claim import Part, check_property, check_robust, read_part
from .exact.leaf import Leaves, read_cases
from .exact.root import ExactRoot
from .exact.rows import ExactReduced
from .expectation import difference
from .model import Model
from .onnx.reader import read_model
from .rounded.root import Root, atom_rows
from .rounded.rows import Reduced
from .rounded.unit_trees import improve
from .statement import Statement
from .tree.proof import Proof, read_proof
from .tree.tree import Tree
from .unpacking import content
from .witness import check_witness

FORMAT, VERSION = "rhobust-certificate", 1
MOST_PARTS = 10_000  # each with a root of its own: time
SEE = "to see what is proven, leave out "


@dataclass(frozen=True, slots=True)
class Report:
    """`statement`: what was proven; `reason`: why the certificate was refused; else empty.

    claim: what was proven, by the names of `expectation`, with numbers as hexadecimal floats and
    arrays by size, range and SHA-256.  exact: whether it was checked in whole numbers.
    """

    accepted: bool
    reason: str
    statement: str
    nodes: int
    seconds: float
    claim: dict[str, Any] = field(default_factory=dict)
    exact: bool = False

    def text(self) -> str:
        """The verdict in the first line, then what was proven, if anything was."""
        lines = ["accepted", self.statement] if self.accepted else [f"refused: {self.reason}"]
        how = ", in exact arithmetic" if self.exact else ""
        return "\n".join([*lines, f"{self.nodes} nodes, {self.seconds:.2f} s{how}"])


class Checker:
    """Checks certificates of one model.

    Accepted means that the statement is true of real arithmetic on the stored weights. Whatever
    the files hold, the answer is a report; only a model that cannot be read raises an error.
    """

    def __init__(self, model_path: str | Path) -> None:
        self.model = read_model(Path(model_path))

    def check(
        self,
        certificate_path: str | Path | IO[bytes],
        property_path: str | Path | None = None,
        exact: bool = False,
        expected: Mapping[str, Any] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> Report:
        """What the certificate proves; with a property's file, only if it is the one proven.

        exact: in whole numbers, as where the certificate itself asks for it.  expected: facts of
        `read_expectation` that the claim must agree with.  stop: asked now and then; once it is
        true the certificate is refused with `OUT_OF_TIME`.
        """
        began = time.perf_counter()
        told, claim, reason, nodes = "", {}, "", 0
        try:
            with np.errstate(all="ignore"):
                given = certificate_path
                archive = Archive(Path(given) if isinstance(given, str) else given)
                asked = archive.header.get("exact", False)
                require(type(asked) is bool, "the header's form")
                exact = exact or asked
                statement, parts = self._claim(archive, property_path)
                other = difference(expected or {}, statement.facts, self.model.outputs)
                require(not other, f"the claim is not the one expected: {other}; {SEE}--expect")
                for number, (part, item) in enumerate(
                    zip(parts, archive.header["parts"], strict=True)
                ):
                    prefix = f"p{number}/"
                    nodes += check_part(archive, item, prefix, part, self.model, exact, stop)
                told, claim = self._told(statement), statement.told()
        except Refused as refusal:
            reason = str(refusal)
        except Exception as error:  # whatever a hostile file provokes is no proof
            reason = f"{type(error).__name__}: {error}"[:300]
        if reason:
            nodes = 0
        return Report(not reason, reason, told, nodes, time.perf_counter() - began, claim, exact)

    def _told(self, statement: Statement) -> str:
        """The sentences, each on a line of its own."""
        model = self.model
        last = f"Model: {model.name}, sha256 {model.digest}, {model.inputs} inputs, "
        last += f"{model.outputs} outputs; they are those of real arithmetic on the stored weights"
        return "\n".join(f"{sentence}." for sentence in (*statement.sentences, last))

    def _claim(
        self, archive: Archive, property_path: str | Path | None
    ) -> tuple[Statement, list[Part]]:
        """What is claimed, and the parts that cover it."""
        model, header = self.model, archive.header
        form, version = header.get("format"), header.get("version")
        known = form == FORMAT and version == VERSION
        told = f"not a certificate of a known version: {str(form)[:40]!r}, {str(version)[:20]!r}"
        require(known, f"{told}; {FORMAT!r}, {VERSION} is what this checker reads")
        theirs = header["model"]["sha256"]
        told = f"the certificate is of another model: it names the SHA-256 {str(theirs)[:64]!r}, "
        told += f"this file has {model.digest}; give the model that it was written for"
        require(theirs == model.digest, told)
        claim, items = header["claim"], header["parts"]
        require(isinstance(claim, dict) and isinstance(items, list), "the header's form")
        require(len(items) <= MOST_PARTS, "too many parts")
        parts = [read_part(archive, item, f"p{k}/", model) for k, item in enumerate(items)]
        if claim["kind"] in ("robust", "witness"):
            require(property_path is None, f"the claim is not about a property; {SEE}--property")
            check_claim = check_robust if claim["kind"] == "robust" else check_witness
            statement = check_claim(archive, claim, model, parts)
        else:
            require(claim["kind"] == "property", "a claim of an unknown kind")
            text = archive.take("text", "u1", (None,)).tobytes()
            if property_path is not None:
                same = content(Path(property_path), 2**28) == text
                require(same, f"the property is another; {SEE}--property")
            statement = check_property(text, claim, model, parts)
        statement.facts["model"] = model.digest
        return statement, parts


def check_part(
    archive: Archive,
    header: Any,
    prefix: str,
    part: Part,
    model: Model,
    exact: bool,
    stop: Callable[[], bool] | None = None,
) -> int:
    """The number of nodes of a part's tree, all of which are closed.  Rule: dead atom."""
    root = (ExactRoot if exact else Root)(model, part.low, part.high, part.ball)
    root.stop = stop
    root.propagate()
    dead = root.least(*root.backward(*atom_rows(root, part))) > 0.0
    units, place = _units(archive, header, prefix, root)
    proof = read_proof(archive, header, prefix, part, len(place))
    plain = (proof.row < 0).all() and not proof.tighten.any() and not len(proof.kept)
    kind = ExactReduced if exact else Reduced
    reduced = kind(root, part, {} if plain else units, not plain)
    if not plain:
        improve(archive, prefix, part, reduced, place)
    leaves = _leaves(header, part, root, reduced, units, place, proof) if part.rational else None
    if not plain:
        kept = (reduced.low < 0.0) & (reduced.high > 0.0)
        kept[place[proof.kept]] = True
        reduced.squeeze(kept)
        place = np.cumsum(kept)[place] - 1
    return Tree(reduced, part, proof, place[proof.kept], dead, leaves).check()


def _leaves(
    header: Any,
    part: Part,
    root: Root,
    reduced: Reduced,
    units: dict[int, Array],
    place: Array,
    proof: Proof,
) -> Leaves:
    """The leaves that are closed in rationals, and what is known of phases on the whole box."""
    cases = read_cases(header["rational"], len(proof.kept), part.atoms, len(proof.split))
    phases = {}
    for number, source in root.relus.items():
        phases[number] = np.where(root.low[source] >= 0.0, 1, 0)
        phases[number][root.high[source] <= 0.0] = -1
    named = [(number, int(element)) for number, own in units.items() for element in own]
    for (number, element), low, high in zip(named, reduced.low, reduced.high, strict=False):
        phases[number][element] = 1 if low >= 0.0 else -1 if high <= 0.0 else 0
    kept = [named[where] for where in place[proof.kept]]
    return Leaves(root.model, part, phases, kept, cases, root.stop)


def _units(
    archive: Archive, header: Any, prefix: str, root: Root
) -> tuple[dict[int, Array], Array]:
    """The elements of each relu tensor that are listed as unstable or not shown to be stable;
    and where among all of them the listed ones are."""
    named = Counter(root.tensors[number].name for number in root.relus)
    numbers = {root.tensors[number].name: number for number in root.relus}
    require(isinstance(header["layers"], list), "layers")
    total = archive.take(prefix + "units", "i", (None,))
    listed: dict[int, Array] = {}
    start = 0
    for item in header["layers"]:
        number, size = numbers.get(item["name"], -1), item["units"]
        known = named[item["name"]] == 1 and number not in listed
        require(known, f"the model's layer {item['name']!r}")
        require(type(size) is int and 0 <= size <= len(total) - start, "a layer's units")
        mine = total[start : start + size]
        good = np.all((mine >= 0) & (mine < root.tensors[number].size)) and np.all(
            np.diff(mine) > 0
        )
        require(good, "a layer's units are out of range or order")
        listed[number], start = mine, start + size
    require(start == len(total), "units without a layer")
    units, before, places = {}, 0, dict.fromkeys(listed, np.zeros(0, dtype=np.int64))
    for number, source in root.relus.items():
        low, high = root.low[source], root.high[source]
        mine = listed.get(number, total[:0])
        both = np.union1d(mine, np.flatnonzero((low < 0.0) & (high > 0.0)))
        if len(both):
            units[number] = both
            places[number] = before + np.searchsorted(both, mine)
            before += len(both)
    return units, np.concatenate([total[:0], *(places[number] for number in listed)])

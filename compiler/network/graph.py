"""A network as a directed acyclic graph of layers, whatever file it came from."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..base.arrays import Matrix, Numbers, Vector
from ..base.digest import UNASKED
from ..base.errors import InputError
from ..base.kept import Kept
from ..base.late import go_on
from ..base.untrusted import attempt
from ..language.concatenation import expression_of
from ..language.expressions import Affine, Application, Expression, Operand, define
from ..shown.told import Detail, Told, count
from ..shown.value import Shown
from .error_analysis import Enclosed, within_bounds
from .layers import Layer, Linear
from .node import Node

if TYPE_CHECKING:
    import networkx as nx

Runtime = Callable[[Matrix], Matrix]
"""The source's own float32 evaluation: rows of inputs to rows of outputs."""


MOST = 8
"""Layers that are told in a line."""


@dataclass(frozen=True, eq=False, repr=False)
class Network(Shown):
    """A feed-forward network with one input and one output, both flat vectors.

    nodes: by their names, each behind what feeds it; `input` is the input's name. digest: SHA-256
    of what defines it, which for one that was read from an ONNX file (onnx) are the file's bytes.
    path: of the file that it was read from, "" where there is none; beside: of other files with
    weights.
    beyond: what it does that its file does not, and how to get a file that does; "" for all others.
    ordered: the source ends with a softmax that is left out; only the order of outputs is its own.
    """

    nodes: dict[str, Node]
    output: str
    input_shape: tuple[int, ...]
    name: str = field(default="network", metadata=UNASKED)
    runtime: Runtime | None = field(default=None, metadata=UNASKED)
    digest: str = ""
    onnx: bool = False
    notes: tuple[str, ...] = field(default=(), metadata=UNASKED)
    ordered: bool = False
    path: str = field(default="", metadata=UNASKED)
    beside: tuple[str, ...] = field(default=(), metadata=UNASKED)
    beyond: str = field(default="", metadata=UNASKED)

    INPUT = "input"

    def _told(self) -> Told:
        from .described import kind_of  # made of layers

        shape = "" if len(self.input_shape) == 1 else f" of shape {self.input_shape}"
        names = [f"{kind_of(self.layer(node))} {self.size(node)}" for node in self.order[1:]]
        layers = count(len(names), "layer")
        return Told(f"Network {self.name!r}", (
            ("", f"{count(self.input_size, 'input')}{shape}"),
            ("", f"{count(self.output_size, 'output')} ({self.meaning})"),
            ("", count(self.relus, "ReLU")),
            ("", ", ".join(names) if len(names) <= MOST else layers),
        ))  # fmt: skip

    def _detail(self) -> Detail:
        from .described import kind_of, parameters

        rows = []
        for node in self.order[1:]:
            layer = self.layer(node)
            size = self.size(node)
            numbers = (size, layer.units(size), parameters(layer))
            cells = (f"{number:,}" if number else "" for number in numbers)
            rows.append((node, kind_of(layer), *cells))
        return Detail(("layer", "kind", "outputs", "ReLUs", "parameters"), tuple(rows))

    def __getstate__(self) -> dict[str, object]:
        """What defines it; what is known besides is found out again."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @cached_property
    def compiled(self) -> Kept:
        """Claims about it that were compiled, for others like them."""
        return Kept()

    @property
    def meaning(self) -> str:
        """What the outputs are."""
        if self.ordered:
            return "numbers before a softmax or logistic function, in the order of its values"
        return "as the model gives them"

    @property
    def unfiled(self) -> str:
        """Why no certificate can speak of it, which speaks of an ONNX file alone; "" if one can."""
        if self.onnx:
            return ""
        if self.beyond:
            return f"{self.name}: {self.beyond}"
        return (
            f"{self.name} was not read from an ONNX file, and a certificate speaks of one; export "
            "the network first: rhobust convert MODEL --out NEW.onnx (network.save(...))"
        )

    def logits(self) -> Network:
        """The network whose outputs are on their own what a softmax was left out behind.

        It is none that was read from a file, and has no certificates.
        """
        name = f"the logits of {self.name}" if self.ordered else self.name
        return replace(self, ordered=False, onnx=False, digest="", name=name)

    @property
    def input_size(self) -> int:
        return int(np.prod(self.input_shape, dtype=np.int64))

    @property
    def output_size(self) -> int:
        return self.size(self.output)

    @cached_property
    def order(self) -> list[str]:
        """The nodes that the output depends on, in topological order, input first."""
        needed = {self.output}
        for node in reversed(self.nodes.values()):
            if node.name in needed:
                needed.update(node.sources)
        return [self.INPUT, *(name for name in self.nodes if name in needed)]

    @cached_property
    def graph(self) -> nx.DiGraph:
        """For those who look at it with networkx: nodes carry `layer` and `size`, in topological
        order, and edges `slots`, the positions of the arguments that they feed.
        """
        import networkx as nx

        made = nx.DiGraph()
        made.add_node(self.INPUT, size=self.input_size)
        for node in self.nodes.values():
            made.add_node(node.name, layer=node.layer, size=node.size)
            for slot, source in enumerate(node.sources):
                made.add_edge(source, node.name)
                made.edges[source, node.name].setdefault("slots", []).append(slot)
        return made

    def layer(self, node: str) -> Layer:
        return self.nodes[node].layer

    def size(self, node: str) -> int:
        """How many numbers a node gives."""
        return self.input_size if node == self.INPUT else self.nodes[node].size

    @cached_property
    def sources(self) -> dict[str, list[str]]:
        """For each node the nodes that feed it, by argument position."""
        fed = {name: list(self.nodes[name].sources) for name in self.order[1:]}
        return {self.INPUT: [], **fed}

    @cached_property
    def readers(self) -> Counter[str]:
        """How many nodes each node feeds."""
        return Counter(source for node in self.nodes.values() for source in {*node.sources})

    @property
    def relus(self) -> int:
        """Number of rectified units; the maximum of n numbers counts as n - 1."""
        return sum(self.layer(node).units(self.size(node)) for node in self.order[1:])

    @cached_property
    def work(self) -> int:
        """Multiplications of one forward pass, about."""
        total = 0
        for node in self.order[1:]:
            layer = self.layer(node)
            if isinstance(layer, Linear):
                total += layer.operator.terms * layer.operator.out_size
        return total

    def onnx_bytes(self) -> bytes:
        """The network as an ONNX model, weight for weight, in float32 where that holds them all.

        A softmax that was left out stays out. Raises InputError for what ONNX has no operator for.
        """
        from .onnx_writer import onnx_model

        nodes = [self.nodes[name] for name in self.order[1:]]
        return onnx_model(self.name, self.INPUT, self.input_shape, nodes, self.output)

    def save(self, path: str | Path, overwrite: bool = False) -> None:
        """Writes `onnx_bytes` to a file, whole or not at all.

        Raises InputError where the file is there already, unless it may be replaced.
        """
        target = Path(path)
        if target.exists() and not overwrite:
            raise InputError(f"{path}: is there already; save(..., overwrite=True) replaces it")
        data = self.onnx_bytes()
        beside = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            beside.write_bytes(data)
            beside.replace(target)
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
        finally:
            beside.unlink(missing_ok=True)

    def check_input(self, values: npt.ArrayLike, what: str = "image") -> Vector:
        """`values` as a flat float64 vector, or a clear error.

        They are flat, or in the network's shape but for axes of length 1; nothing is rearranged.
        """
        try:
            given = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"{what} is no array of numbers: {error}") from error
        flat = np.ascontiguousarray(given).reshape(-1)
        if len(flat) != self.input_size:
            raise InputError(
                f"{what} has {len(flat)} numbers, but {self.name} takes {self.input_size} "
                f"(shape {self.input_shape})"
            )
        if not arranged(given.shape, self.input_shape):
            raise InputError(
                f"{what} of shape {given.shape} is arranged differently from the "
                f"{self.input_shape} that {self.name} takes{_moved(given.shape, self.input_shape)}"
            )
        if not np.isfinite(flat).all():
            raise InputError(f"{what} holds a number that is not finite")
        return flat

    def values(self, inputs: Numbers) -> dict[str, Numbers]:
        """The value of every node, (B, size) each.  inputs (B, input_size), float64 or exact."""
        known = {self.INPUT: inputs}
        for node in self.order[1:]:
            go_on()
            known[node] = self.layer(node).value([known[s] for s in self.sources[node]])
        return known

    def run(self, inputs: Matrix) -> Matrix:
        """The runtime's outputs, (B, output_size), NaN where it fails.  inputs (B, input_size)."""
        nothing = np.full((len(inputs), self.output_size), np.nan)
        runtime = self.runtime
        if runtime is None:
            return nothing
        found = attempt(lambda: np.asarray(runtime(inputs), dtype=np.float64), nothing)
        return found if found.shape == nothing.shape else nothing

    def forward(self, inputs: Numbers) -> Numbers:
        """The network's output, (B, output_size).  inputs (B, input_size), float64 or exact."""
        return self.values(inputs)[self.output]

    def enclose(self, values: Vector, radius: Vector | None = None) -> Enclosed:
        """The output at one input, (1, output_size), with a rigorous bound on its error.

        radius: how far the true input can be from `values`, elementwise.
        """
        known = {self.INPUT: Enclosed.point(values, radius)}
        for node in self.order[1:]:
            go_on()
            known[node] = self.layer(node).enclosure([known[s] for s in self.sources[node]])
        return known[self.output]

    def _near(self, x: Affine) -> dict[str, list[Enclosed]]:
        """What encloses the sources of each layer that jumps, where x has the bounds it has."""
        jumps = [node for node in self.order[1:] if not self.layer(node).continuous]
        if not jumps:
            return {}
        last = self.order.index(jumps[-1])
        with np.errstate(all="ignore"):  # without bounds nothing is known, which NaN says
            known = {self.INPUT: within_bounds(x)}
            for node in self.order[1:last]:
                go_on()
                known[node] = self.layer(node).enclosure([known[s] for s in self.sources[node]])
        return {node: [known[s] for s in self.sources[node]] for node in jumps}

    def __call__(self, x: Operand | Sequence[Operand]) -> Affine:
        """The output as an expression of the constraint language, with all its formulas.

        x: an expression, a list of expressions and numbers, which are put after each other, or a
        constant in any shape; of one the outputs as numbers are `forward(x.reshape(1, -1))[0]`.
        """
        return self.apply(expression_of(x))[self.output]

    def apply(self, x: Expression) -> dict[str, Affine]:
        """Every node as an expression; see `__call__`."""
        if x.size != self.input_size:
            raise InputError(f"{self.name} takes {self.input_size} numbers, not {x.size}")
        known = {self.INPUT: x.affine}
        near = self._near(x.affine)
        for node in self.order[1:]:
            go_on()
            layer = self.layer(node)
            sources = [known[s] for s in self.sources[node]]
            if node in near:
                result = layer.bounded(sources, near[node], node)
            else:
                result = layer.formula(sources, node)
            shared = self.readers[node] > 1 or node == self.output
            # an output that speaks of order alone has a variable of its own, to be known by
            known_by = self.ordered and node == self.output
            if known_by or layer.named == "always" or (shared and layer.named == "if_shared"):
                source = Application(x.affine, self.runtime and self.run, self.name, self)
                result = define(result, node, source if node == self.output else None)
            known[node] = result
        return known


def arranged(given: tuple[int, ...], taken: tuple[int, ...]) -> bool:
    """Whether numbers of one shape stand in the order of the other; one that is flat tells none."""
    first, second = ([side for side in shape if side != 1] for shape in (given, taken))
    return min(len(first), len(second)) < 2 or first == second


def _moved(given: tuple[int, ...], taken: tuple[int, ...]) -> str:
    """How to come from one shape to the other."""
    first, second = ([side for side in shape if side != 1] for shape in (given, taken))
    if [first[-1], *first[:-1]] == second:
        return "; its channels come first: np.moveaxis(np.squeeze(image), -1, 0)"
    if [*first[1:], first[0]] == second:
        return "; its channels come last: np.moveaxis(np.squeeze(image), 0, -1)"
    return "; give it in that shape, or flat in its order"


class GraphBuilder:
    """Grows a graph node by node; used by all importers."""

    def __init__(self, input_shape: tuple[int, ...]) -> None:
        self.nodes: dict[str, Node] = {}
        self.input_shape = input_shape

    def size(self, node: str) -> int:
        if node == Network.INPUT:
            return int(np.prod(self.input_shape, dtype=np.int64))
        return self.nodes[node].size

    def add(self, name: str, layer: Layer, size: int, *sources: str) -> str:
        """Append a layer fed by `sources`, which are there already; returns its name, made unique.

        Raises KeyError for a source that is not.
        """
        for source in sources:
            self.size(source)
        unique, serial = name or layer.kind, 1
        while unique in self.nodes or unique == Network.INPUT:
            serial += 1
            unique = f"{name or layer.kind}.{serial}"
        self.nodes[unique] = Node(unique, layer, size, sources)
        return unique

    def finish(self, output: str, **details: object) -> Network:
        return Network(dict(self.nodes), output, self.input_shape, **details)  # type: ignore[arg-type]

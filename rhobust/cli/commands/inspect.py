"""The commands inspect and convert: what a model file was understood to be, told or written."""

from __future__ import annotations

import operator
import os
import sys
from importlib import import_module
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ...compiler.base.errors import InputError
from ...compiler.importers.fidelity import compare, probes
from ...compiler.network.described import kind_of, parameters
from ...compiler.network.graph import Network
from ...files.atomic import write_bytes
from ...files.outputs import may_write
from ...networks.load import load
from ..output import no_standard, stream, tell
from .solve import files


def show(model: str, module: str, shape: str, trust_pickle: bool = False) -> None:
    """Prints the layers of a model and how far they are from its runtime."""
    network = given(model, module, shape, trust_pickle)
    terminal = Console(file=stream()).is_terminal
    console = Console(file=stream(), width=None if terminal else 100, highlight=False)
    console.print(_table(network))
    whole = sum(parameters(network.layer(node)) for node in network.order[1:])
    tell(f"input shape   {' x '.join(map(str, network.input_shape))}")
    tell(f"outputs       {network.output_size}")
    tell(f"ReLUs         {network.relus:,}")
    tell(f"parameters    {whole:,}")
    if network.runtime is not None:
        most = max(compare(network, group) for group in probes(network))
        tell(f"fidelity      {most:.1e} largest relative difference from the model's runtime")
    tell(f"sha256        {network.digest or 'unknown'}")
    for note in network.notes:
        tell(f"note          {note}")


def convert(
    model: str, out: Path, module: str, shape: str, trust_pickle: bool, overwrite: bool
) -> None:
    """rhobust convert: the network as an ONNX file, which is read again before it is told."""
    no_standard(out, "model")
    inputs = files([model])
    may_write(out, "model", inputs, overwrite)
    network = given(model, module, shape, trust_pickle)
    write_bytes(out, network.onnx_bytes())
    written = load(out)
    tell(f"{out}: {written.input_size:,} inputs, {written.output_size:,} outputs, ", end="")
    tell(f"{written.relus:,} ReLUs, sha256 {written.digest}")
    for note in network.notes:
        tell(f"note          {note}")


def given(model: str, module: str, shape: str, trust_pickle: bool) -> Network:
    """The network of a file, which may need --module and --shape."""
    sides = None
    if shape:
        sides = [int(side) if side.strip().isdigit() else 0 for side in shape.split(",")]
        if not all(sides):
            raise InputError(f"--shape is whole numbers with commas, as 1,28,28; not {shape!r}")
    if module or trust_pickle:  # classes of this folder are found, as by python
        sys.path.insert(0, os.getcwd())
    made = _module(module) if module else None
    if made is not None and sides is None:
        raise InputError("--module needs --shape, of one input, as 1,28,28")
    return load(model, shape=sides, module=made, trust_pickle=trust_pickle)


def _module(text: str) -> object:
    """What PACKAGE:CLASS makes."""
    package, colon, name = text.partition(":")
    if not (package and colon and name):
        raise InputError(f"--module is PACKAGE:CLASS, as models:Net; not {text!r}")
    try:
        return operator.attrgetter(name)(import_module(package))()
    except Exception as error:  # of the user's own code
        raise InputError(
            f"--module {text}: cannot be made: {type(error).__name__}: {error}; it is called "
            "without arguments, as in this folder"
        ) from error


def _table(network: Network) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("layer", overflow="fold")
    table.add_column("kind", overflow="fold")
    table.add_column("after", overflow="fold")
    table.add_column("outputs", justify="right")
    table.add_column("parameters", justify="right")
    table.add_row(network.INPUT, "input", "", f"{network.input_size:,}", "")
    for node in network.order[1:]:
        layer = network.layer(node)
        count, size = parameters(layer), network.size(node)
        after = ", ".join(network.sources[node])
        table.add_row(node, kind_of(layer), after, f"{size:,}", f"{count:,}" if count else "")
    return table

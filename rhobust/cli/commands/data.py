"""The commands data fetch, show and normalize."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn

from ...compiler.base.errors import InputError
from ...data import load, write_normalized
from ...data.fetching import SETS
from ...data.fetching import fetch as fetch_files
from ...networks.load import load as load_model
from .. import output
from ..options import numbers
from ..output import no_standard, tell
from ..progress import Progress

SHOWN = 20
"""Labels that are counted one by one."""


def fetch(name: str, out: Path | None, url: str | None, overwrite: bool) -> None:
    """rhobust data fetch."""
    no_standard(out, "folder")
    if name not in SETS:
        raise InputError(f"no data set is called {name!r}; there are {', '.join(SETS)}")
    folder = Path(name) if out is None else out
    console = Console(file=output.stream(), highlight=False)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    ) as bar:  # fmt: skip
        tasks = {remote.name: bar.add_task(remote.name) for remote in SETS[name].files}

        def told(file: str, there: int, size: int) -> None:
            bar.update(tasks[file], completed=there, total=size)

        found = fetch_files(SETS[name], folder, url, told, overwrite)
    for path in found:
        tell(f"{path}  {path.stat().st_size:,} bytes")
    tell(f"use it as --data {folder}")


def show(source: Path, labels: Path | None, layout: str, domain: tuple[float, float]) -> None:
    """rhobust data show."""
    images = load(source, labels, domain=domain, layout=layout)
    counts = Counter(images.labels.tolist())
    low, high = float(np.min(images.values)), float(np.max(images.values))
    tell(f"{source}: {len(images)} images of shape {images.shape}, {images.values.dtype}")
    if images.layout:
        order = "last" if images.layout.startswith("nhwc") else "first"
        tell(f"layout: {images.layout} (channels {order})")
    tell(f"numbers: {low:g} to {high:g}" + (", seen divided by 255" if images.divisor > 1 else ""))
    first = [f"{label}: {counts[label]}" for label in sorted(counts)[:SHOWN]]
    more = f" and {len(counts) - SHOWN} more" if len(counts) > SHOWN else ""
    tell(f"labels: {len(counts)} ({', '.join(first)}{more})")
    if images.names:
        tell(f"names: {images.name(0)} to {images.name(len(images) - 1)}")
    if images.told:
        tell(f"note: {images.told}")
    tell(f"digest: {images.digest()}")


def normalize(
    model: str, mean: str, std: str, layout: str, out: Path, trust_pickle: bool, overwrite: bool
) -> None:
    """rhobust data normalize."""
    no_standard(out, "model")
    centre, scale = numbers(mean or "0", "--mean"), numbers(std or "1", "--std")
    given = load_model(model, trust_pickle=trust_pickle)
    network = write_normalized(
        given, out, centre, scale, layout=layout or None, overwrite=overwrite
    )
    tell(f"{out}: {network.input_size} inputs of shape {network.input_shape}, in units of x")
    tell(f"the same as {model} of (x - {mean or '0'}) / {std or '1'}, checked against its runtime")

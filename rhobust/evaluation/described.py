"""What a run says of its model, its images and the machine, for those who read it later."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from ..compiler.network.graph import Network
from ..data import Images
from .asked import model_digest

PACKAGES = ("rhobust", "numpy", "scipy", "numba", "highspy", "onnx", "onnxruntime", "sqlalchemy")


def card(network: Network) -> dict[str, object]:
    """The model, as `Run.card` has it."""
    layers = [
        {"name": node, "kind": network.layer(node).kind, "size": network.size(node)}
        for node in network.order[1:]
    ]
    return {
        "name": network.name, "path": network.path, "digest": model_digest(network),
        "layers": layers, "input_shape": list(network.input_shape),
        "outputs": network.output_size, "relus": network.relus, "notes": list(network.notes),
    }  # fmt: skip


def data_card(images: Images) -> dict[str, object]:
    """The images, as `Run.data` has them."""
    return {
        "source": images.source, "count": len(images), "shape": list(images.shape),
        "digest": images.digest(), "divisor": float(images.divisor),
    }  # fmt: skip


def environment() -> dict[str, object]:
    """Versions, processor and system."""
    found: dict[str, object] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found | {
        "processor": _processor(), "cores": os.cpu_count() or 0, "system": platform.platform(),
    }  # fmt: skip


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            named = [line for line in file if line.startswith("model name")]
        return named[0].partition(":")[2].strip() if named else platform.machine()
    except OSError:
        return platform.processor() or platform.machine()

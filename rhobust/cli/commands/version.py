"""What `rhobust --version --verbose` tells: the versions of everything that an answer rests on."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ... import __version__

NEEDED = (
    "numpy", "scipy", "numba", "llvmlite", "networkx", "highspy", "onnx", "onnxruntime", "typer",
    "rich", "matplotlib", "pillow", "sqlalchemy",
)  # fmt: skip
"""Packages that are installed with rhobust, and what compiles its kernels."""

EXTRA = ("torch", "scikit-learn", "joblib", "keras", "foolbox", "psycopg", "pandas", "distributed")
"""Packages of its extras, told where they are installed."""

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def told() -> str:
    """One line a fact: a name, and what it is."""
    lines = [
        ("rhobust", __version__),
        ("installed in", str(Path(__file__).parents[2])),
        ("python", f"{platform.python_implementation()} {sys.version.split()[0]}"),
        ("platform", platform.platform()),
    ]
    for name in (*NEEDED, *EXTRA):
        try:
            lines.append((name, version(name)))
        except PackageNotFoundError:
            if name in NEEDED:
                lines.append((name, "not installed"))
    lines += [("BLAS", _blas()), ("processors", _processors()), ("threads", _threads())]
    lines.append(("kernels", _kernels()))
    return "\n".join(f"{name:14}{what}" for name, what in lines)


def _blas() -> str:
    """The library of numpy's products, as numpy was built with it."""
    try:
        import numpy as np

        found = np.show_config(mode="dicts")
        built = found["Build Dependencies"]["blas"]
        return f"{built['name']} {built['version']}"
    except (ImportError, KeyError, TypeError) as error:
        return f"unknown ({type(error).__name__})"


def _processors() -> str:
    try:
        usable = len(os.sched_getaffinity(0))
    except AttributeError:  # not every system says so
        return str(os.cpu_count() or "unknown")
    return f"{os.cpu_count() or 'unknown'}, of which {usable} may be used"


def _threads() -> str:
    """What the environment says of the threads of products; `rhobust` itself says 1 unless told."""
    told = [f"{name}={os.environ[name]}" for name in THREADS if name in os.environ]
    return ", ".join(told) or "as the libraries choose"


def _kernels() -> str:
    """Where numba keeps compiled kernels: beside the code, where that can be written."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        return named
    folder = Path(__file__).parents[2] / "bnb" / "bounds" / "kernels"
    if os.access(folder, os.W_OK):
        return str(folder.resolve() / "__pycache__")
    return f"numba's folder of the user, as {folder.resolve()} cannot be written"

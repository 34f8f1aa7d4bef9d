"""What is kept of a contradiction, for a report: a file with all that the finder knew."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .errors import Contradiction

log = logging.getLogger("rhobust")

REASON = "contradiction"
"""The reason of an answer that was withdrawn."""

FOLDER = "RHOBUST_REPORTS"
"""The environment variable that names the folder of reports; the temporary one without it."""


def withdrawn(found: Contradiction, **facts: object) -> str:
    """Keeps the evidence of a contradiction in a file, logs where, and returns the reason."""
    told = {
        "contradiction": str(found), "evidence": found.evidence, **facts, "versions": _versions(),
    }  # fmt: skip
    text = json.dumps(told, indent=1, default=str, sort_keys=True)
    name = f"rhobust-contradiction-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
    path = Path(os.environ.get(FOLDER) or tempfile.gettempdir()) / name
    try:
        path.write_text(text)
        kept = f"please report it with {path}"
    except OSError as error:
        kept = f"its evidence could not be kept: {error}"
    log.error("a defect of rhobust: %s; the answer is withdrawn, %s", found, kept)
    return REASON


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in ("rhobust", "numpy", "scipy", "numba", "highspy", "onnxruntime"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found

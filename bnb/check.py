"""The checker: `python bnb/check.py CERTIFICATE MODEL`, or `python bnb/check.py MANIFEST`.

It needs numpy, the standard library and onnx, and shares no code with the search.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if __package__:
    from .checker.arithmetic import Refused
    from .checker.expectation import Unreadable, read_expectation
    from .checker.manifest.contents import is_manifest, read_manifest
    from .checker.manifest.summary import check_manifest
    from .checker.verify import Checker, Report
else:
    from checker.arithmetic import Refused  # type: ignore[import-not-found, no-redef]
    from checker.expectation import (  # type: ignore[import-not-found, no-redef]
        Unreadable,
        read_expectation,
    )
    from checker.manifest.contents import (  # type: ignore[import-not-found, no-redef]
        is_manifest,
        read_manifest,
    )
    from checker.manifest.summary import (  # type: ignore[import-not-found, no-redef]
        check_manifest,
    )
    from checker.verify import Checker, Report  # type: ignore[import-not-found, no-redef]

__all__ = [
    "Checker", "Refused", "Report", "Unreadable", "is_manifest", "main", "read_expectation",
    "read_manifest",
]  # fmt: skip

REFUSED = 3  # apart from 1, Python's own, and 2, of arguments


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 accepted, 3 refused, 2 where model or expectation cannot be read."""
    parser = argparse.ArgumentParser(description="Check certificates of a model.")
    parser.add_argument("certificate", help="one, or a manifest of many")
    parser.add_argument("model", nargs="?", help=".onnx or .onnx.gz; a manifest names its own")
    parser.add_argument("--property", help="the VNN-LIB file that the claim must be about")
    parser.add_argument("--expect", help="JSON of the claim that must be proven")
    parser.add_argument("--exact", action="store_true", help="exact rationals")
    given = parser.parse_args(arguments)
    if is_manifest(Path(given.certificate)):
        return _manifest(Path(given.certificate), given.model)
    if given.model is None:
        parser.error("the model that the certificate is about is missing")
    try:
        checker = Checker(given.model)
    except Exception as error:
        remedy = "; the certificate comes first" if given.model.endswith(".npz") else ""
        print(f"error: {given.model}: {error}{remedy}", file=sys.stderr)
        return 2
    expected = None
    if given.expect is not None:
        try:
            expected = read_expectation(Path(given.expect))
        except Unreadable as error:
            print(f"error: {given.expect}: {error}", file=sys.stderr)
            return 2
    report = checker.check(given.certificate, given.property, given.exact, expected)
    print(report.text())
    return 0 if report.accepted else REFUSED


def _manifest(path: Path, model: str | None) -> int:
    try:
        manifest = read_manifest(path)
    except Refused as refusal:
        print(f"refused: {refusal}")
        return REFUSED
    where = Path(model) if model is not None else path.parent / manifest.model
    try:
        checker = Checker(where)
    except Exception as error:
        print(f"error: {where}: {error}", file=sys.stderr)
        return 2
    summary = check_manifest(path, manifest, checker)
    print(summary.text())
    return 0 if summary.accepted else REFUSED


if __name__ == "__main__":
    sys.exit(main())

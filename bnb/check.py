"""The checker of certificates: `python bnb/check.py CERTIFICATE MODEL`.

It needs numpy, the standard library and onnx, and shares no code with the search.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if __package__:
    from .checker.expectation import Unreadable, read_expectation
    from .checker.verify import Checker, Report
else:
    from checker.expectation import (  # type: ignore[import-not-found, no-redef]
        Unreadable,
        read_expectation,
    )
    from checker.verify import Checker, Report  # type: ignore[import-not-found, no-redef]

__all__ = ["Checker", "Report", "Unreadable", "main", "read_expectation"]

REFUSED = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 accepted, 3 refused, 2 where model or expectation cannot be read."""
    parser = argparse.ArgumentParser(description="Check a certificate of a model.")
    parser.add_argument("certificate")
    parser.add_argument("model", help=".onnx or .onnx.gz")
    parser.add_argument("--property", help="the VNN-LIB file that the claim must be about")
    parser.add_argument("--expect", help="JSON of the claim that must be proven")
    parser.add_argument("--exact", action="store_true", help="exact rationals")
    given = parser.parse_args(arguments)
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


if __name__ == "__main__":
    sys.exit(main())

"""The errors a user can cause; each says what, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class RhobustError(Exception):
    """Base of all errors that are not a defect of the program."""


class InputError(RhobustError):
    """An argument or a file of data that cannot be used."""


class ModelError(RhobustError):
    """A model file that cannot be read, or whose meaning we cannot take over exactly."""

    def __init__(self, source: str, message: str) -> None:
        self.source = source
        super().__init__(f"{source}: {message}")


class UnsupportedLayer(ModelError):
    """An operation that has no relation in the constraint language."""

    def __init__(self, source: str, kind: str, node: str, supported: Iterable[str]) -> None:
        self.kind = kind
        self.node = node
        super().__init__(
            source,
            f"node {node!r} is a {kind}, which has no relation in the constraint language; "
            f"supported: {', '.join(sorted(supported))}. Export the model without it.",
        )


class UnsupportedAttribute(ModelError):
    """An attribute, or a value of one, that we do not read; it is refused, never ignored."""

    def __init__(self, source: str, node: str, attribute: str, reason: str) -> None:
        self.node = node
        self.attribute = attribute
        super().__init__(
            source, f"node {node!r}: attribute {attribute!r} {reason}. Export the model without it"
        )


class FidelityError(ModelError):
    """Our forward pass and the source runtime disagree."""


class PropertyError(RhobustError):
    """A property file that cannot be read, or that says what the language cannot; with its line."""

    def __init__(self, source: str, line: int | None, message: str) -> None:
        self.source = source
        self.line = line
        super().__init__(f"{source}: {message}" if line is None else f"{source}:{line}: {message}")


class LanguageError(RhobustError):
    """An expression outside the constraint language."""


class ElementError(LanguageError, IndexError):
    """An index that names no element of an expression."""


class Contradiction(Exception):
    """Two results about one question exclude each other: one of them is a defect of the program.

    Never a user's error: whoever answers a question turns it into an unknown with this reason.
    evidence: what a report needs, as numbers and texts that JSON holds.
    """

    def __init__(self, message: str, evidence: Mapping[str, object] | None = None) -> None:
        self.evidence = dict(evidence or {})
        super().__init__(message)

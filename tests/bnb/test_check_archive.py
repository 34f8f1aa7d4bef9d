"""Arrays of a certificate: of the type, shape and size asked for, and finite."""

from __future__ import annotations

import io

import numpy as np
import pytest

from rhobust.bnb.checker.archive import Archive
from rhobust.bnb.checker.arithmetic import Refused


def archive(header: bytes = b"{}", **arrays: np.ndarray) -> Archive:
    stream = io.BytesIO()
    np.savez(stream, header=np.frombuffer(header, dtype=np.uint8), **arrays)  # type: ignore[arg-type]
    stream.seek(0)
    return Archive(stream)


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
def test_numbers_that_are_not_finite_are_refused(kind: str, number: float) -> None:
    """The limit compared with float32 numbers would be infinite itself."""
    with np.errstate(all="ignore"), pytest.raises(Refused, match="not finite"):
        archive(a=np.array([0.5, number], dtype=kind)).take("a", "f", (2,))


def test_the_largest_numbers_of_each_type() -> None:
    single = float(np.finfo(np.float32).max)
    assert archive(a=np.array([single], dtype="f4")).take("a", "f", (1,)).tolist() == [single]
    assert archive(a=np.array([1e100])).take("a", "f", (1,)).tolist() == [1e100]
    with pytest.raises(Refused, match="not finite"):
        archive(a=np.array([1e101])).take("a", "f", (1,))


def test_whole_numbers_beyond_int64_are_refused() -> None:
    with pytest.raises(Refused, match="type of a"):
        archive(a=np.array([0, 2**63], dtype="u8"))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_a_header_holds_numbers(text: str) -> None:
    with pytest.raises(Refused, match=f"the header holds {text}"):
        archive(f'{{"a": {text}}}'.encode())

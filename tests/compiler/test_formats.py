"""The table of file formats."""

from __future__ import annotations

from pathlib import Path

import pytest

import rhobust
from rhobust.compiler.base.errors import ModelError
from rhobust.compiler.importers import FORMATS, PICKLED, load


@pytest.mark.parametrize("suffix", [*FORMATS, *PICKLED])
def test_a_missing_file_is_named_whatever_its_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    with pytest.raises(ModelError, match="model.*(no such file|pip install)"):
        load(path, trust_pickle=True)


@pytest.mark.parametrize("suffix", PICKLED)
def test_a_pickle_is_not_opened_unless_it_is_trusted(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(b"cbuiltins\nexit\n(tR.")  # ends the program of whoever reads it
    for reader in (load, rhobust.load):
        with pytest.raises(ModelError, match="trust_pickle=True"):
            reader(path)


def test_an_unknown_format_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        load(tmp_path / "model.tflite")
    assert all(suffix in str(caught.value) for suffix in (*FORMATS, *PICKLED))

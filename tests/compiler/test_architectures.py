"""What PyTorch's default exporter makes of torchvision's families is read, or refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from rhobust.compiler.base.errors import ModelError

pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from bench.architectures import CANNOT, FAMILIES, exported  # noqa: E402
from bench.channels_last import compared  # noqa: E402


def test_there_are_25_families() -> None:
    assert len(FAMILIES) == 25 and FAMILIES.keys() > CANNOT.keys()


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FAMILIES)
def test_exported_models_are_read_or_refused_by_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    exported(FAMILIES[name](), path)
    if name in CANNOT:
        with pytest.raises(ModelError, match=f"is a {CANNOT[name]}.*Export the model without"):
            compared(path)
    else:
        assert compared(path) < 1e-5

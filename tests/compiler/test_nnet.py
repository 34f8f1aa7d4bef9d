"""Networks from `.nnet` files, against a plain loop over the numbers of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhobust.compiler.base.errors import ModelError
from rhobust.compiler.importers import load
from rhobust.compiler.importers.fidelity import compare
from rhobust.compiler.importers.nnet import from_nnet

from .onnx_models import check_network

SMALL = """// two inputs, one rectifier
// one output
2,2,1,2,
2,1,1,
0,
-1.0,0.0,
1.0,10.0,
0.5,5.0,2.0,
2.0,10.0,4.0,
1.0,-2.0,
0.25,
3.0,
-1.0,
"""


def text(rng: np.random.Generator, sizes: list[int]) -> str:
    """A random file with the digits that such files have."""

    def line(values: Any) -> str:
        return "".join(f"{value:.5e}," for value in np.atleast_1d(values)) + "\n"

    lines = ["// random\n", f"{len(sizes) - 1},{sizes[0]},{sizes[-1]},{max(sizes)},\n"]
    lines += [",".join(map(str, sizes)) + ",\n", "0,\n"]
    low = rng.normal(size=sizes[0])
    lines += [line(low), line(low + 1)]
    lines += [line(rng.normal(size=sizes[0] + 1)), line(rng.uniform(0.5, 3.0, sizes[0] + 1))]
    for taken, given in zip(sizes[:-1], sizes[1:], strict=True):
        lines += [line(row) for row in rng.normal(size=(given, taken))]
        lines += [line(bias) for bias in rng.normal(size=given)]
    return "".join(lines)


def evaluated(content: str, point: list[float], normalize: bool) -> list[float]:
    """The output by the definition, number by number, without the clipping of the input."""
    rows = [line for line in content.splitlines() if not line.startswith("//")]
    numbers = [[float(part) for part in row.split(",") if part] for row in rows]
    sizes = [int(size) for size in numbers[1]]
    mean, span = numbers[5], numbers[6]
    values = list(point)
    if normalize:
        values = [(x - m) / r for x, m, r in zip(values, mean[:-1], span[:-1], strict=True)]
    row = 7
    for layer, given in enumerate(sizes[1:], start=1):
        weights, biases = numbers[row : row + given], numbers[row + given : row + 2 * given]
        row += 2 * given
        sums = []
        for weight, bias in zip(weights, biases, strict=True):
            total = bias[0]
            for w, x in zip(weight, values, strict=True):
                total += w * x
            sums.append(total)
        values = sums if layer == len(sizes) - 1 else [max(total, 0.0) for total in sums]
    return [y * span[-1] + mean[-1] for y in values] if normalize else values


def write(folder: Path, content: str) -> Path:
    path = folder / "model.nnet"
    path.write_text(content)
    return path


def test_a_file_by_hand(tmp_path: Path) -> None:
    network = load(write(tmp_path, SMALL))
    assert (network.name, network.input_shape, network.relus) == ("model", (2,), 1)
    # (2.5 - 0.5) / 2 = 1 and (5 - 5) / 10 = 0: 3 * max(1 + 0.25, 0) - 1 = 2.75, then * 4 + 2
    assert network.forward(np.array([[2.5, 5.0]])).tolist() == [[13.0]]
    assert "bounds its inputs by [-1, 0] and [1, 10]" in network.notes[0]
    raw = from_nnet(tmp_path / "model.nnet", normalize=False)
    assert raw.forward(np.array([[1.0, 0.0]])).tolist() == [[2.75]]
    assert "normalize=False" in raw.notes[1] and raw.digest != network.digest


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_file_agrees_with_a_plain_loop(tmp_path: Path, seed: int, normalize: bool) -> None:
    rng = np.random.default_rng(seed)
    content = text(rng, [4, 7, 6, 3][: 3 + seed % 2])
    network = from_nnet(write(tmp_path, content), normalize)
    inputs = 3 * rng.normal(size=(1000, 4))
    expected = np.array([evaluated(content, row.tolist(), normalize) for row in inputs])
    found = network.forward(inputs)
    assert np.abs(found - expected).max() < 1e-13 * max(1.0, np.abs(expected).max())
    assert compare(network, inputs) < 1e-13
    check_network(network)


def test_lines_without_their_last_comma_and_blank_lines(tmp_path: Path) -> None:
    digest = from_nnet(write(tmp_path, SMALL)).digest
    bare = SMALL.replace(",\n", "\n\n").replace("2,1,1\n", " 2, 1, 1\n")
    assert from_nnet(write(tmp_path, bare)).digest == digest


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("-1.0,\n", "", "ends too early"),
        ("2,1,1,", "2,1,2,", "do not lead from 2 inputs to 1 outputs"),
        ("2,1,1,", "2,1,", "line 4: holds 2 numbers, not 3"),
        ("2,1,1,", "2,1.5,1,", "no sizes of layers"),
        ("2,2,1,2,", "2,0,1,2,", "no sizes of layers"),
        ("1.0,-2.0,", "1.0,x,", "line 10: is not made of numbers"),
        ("1.0,-2.0,", "1.0,nan,", "NaN"),
        ("1.0,-2.0,", "1.0,1e999,", "infinity"),
        ("2.0,10.0,4.0,", "2.0,0.0,4.0,", "a range is zero"),
        ("3.0,\n", "3.0,4.0,\n", "holds 2 numbers, not 1"),
        ("-1.0,\n", "-1.0,\n7.0,\n", "beyond the last bias"),
    ],
)
def test_damaged_files_are_explained(tmp_path: Path, old: str, new: str, words: str) -> None:
    head, tail = SMALL.rsplit(old, 1) if old == "-1.0,\n" else SMALL.split(old, 1)
    with pytest.raises(ModelError, match=words):
        load(write(tmp_path, head + new + tail))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "model.nnet"
    with pytest.raises(ModelError, match="no such file"):
        load(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match="cannot be read as text"):
        load(path)
    for end in range(0, len(SMALL) - 1, 5):
        with pytest.raises(ModelError):
            load(write(tmp_path, SMALL[:end]))

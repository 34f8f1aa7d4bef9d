"""Files that unpack to far more than they are: refused before they are in memory."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat
from typer.testing import CliRunner

import rhobust as rb
from rhobust.bnb.check import Checker
from rhobust.bnb.checker import unpacking as checkers
from rhobust.bnb.checker.archive import MOST_HEADER
from rhobust.cli.app import app
from rhobust.compiler.base.errors import ModelError, PropertyError
from rhobust.compiler.importers import unpacking
from rhobust.compiler.importers.unpacking import NotUnpacked, check_mat, check_npz, check_zip, read
from rhobust.compiler.vnnlib.parse import read_text
from rhobust.embedded import embedded_file

SIZE = 2**24


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits at which a test needs little memory."""
    monkeypatch.setattr(unpacking, "FREE", 2**20)
    monkeypatch.setattr(checkers, "FREE", 2**20)


def peak(call: Callable[[], Any]) -> int:
    """Bytes that a call takes at most."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def packed(path: Path, parts: int = 1) -> Path:
    """Zeros, in parts: the end of the file speaks of the last one alone."""
    path.write_bytes(gzip.compress(bytes(SIZE // parts)) * parts)
    return path


@pytest.mark.parametrize("parts", [1, 64])
def test_gzipped_models_and_properties(tmp_path: Path, parts: int) -> None:
    net, asked = packed(tmp_path / "m.onnx.gz", parts), packed(tmp_path / "p.vnnlib.gz", parts)

    def refused() -> None:
        with pytest.raises(ModelError, match="unpacks to"):
            rb.load(net)
        with pytest.raises(PropertyError, match="unpacks to"):
            read_text(asked)
        with pytest.raises(Exception, match="out of all proportion"):
            Checker(net)

    assert peak(refused) < SIZE / 2


def test_what_is_in_proportion_is_read(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 4, 2**20 + 1, dtype=np.uint8).tobytes()
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(data, 1))
    assert read(path, 2**30) == data == checkers.content(path, 2**30)
    (tmp_path / "a").write_bytes(data)
    assert read(tmp_path / "a", len(data)) == data
    for name in ("a", "a.gz"):
        with pytest.raises(NotUnpacked):
            read(tmp_path / name, len(data) - 1)
    path.write_bytes(gzip.compress(data, 1)[:-9])
    with pytest.raises(EOFError):
        read(path, 2**30)


def test_archives_of_arrays(tmp_path: Path) -> None:
    path = tmp_path / "images.npz"
    np.savez_compressed(path, images=np.zeros((SIZE // 64, 64), dtype=np.uint8), labels=np.zeros(2))

    def refused() -> None:
        result = CliRunner().invoke(
            app, ["verify", "digits", "--eps", "0.1", "--data", str(path), "--index", "0"]
        )
        assert result.exit_code == 2 and "unpacks to" in result.stderr, result.output

    refused()  # what is imported takes memory, too
    assert peak(refused) < SIZE / 2
    np.savez_compressed(path, images=np.zeros((100, 64), dtype=np.uint8), labels=np.zeros(100))
    check_npz(path)
    with pytest.raises(NotUnpacked):
        np.savez_compressed(path, images=np.zeros(SIZE))
        check_zip(path)


def test_an_array_that_says_more_than_it_has(tmp_path: Path) -> None:
    path = tmp_path / "images.npz"
    with zipfile.ZipFile(path, "w") as archive, archive.open("images.npy", "w") as entry:
        header = {"descr": "|u1", "fortran_order": False, "shape": (10**12, 64)}
        np.lib.format.write_array_header_1_0(entry, header)
    with pytest.raises(NotUnpacked, match="has fewer"):
        check_npz(path)
    result = CliRunner().invoke(app, ["verify", "digits", "--eps", "0.1", "--data", str(path)])
    assert result.exit_code == 2 and "has fewer" in result.stderr


def test_an_encrypted_archive(tmp_path: Path) -> None:
    path = tmp_path / "images.npz"
    np.savez(path, images=np.zeros((1, 64)), labels=np.zeros(1))
    data = bytearray(path.read_bytes())
    for head, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(head) + place] |= 1
    path.write_bytes(data)
    with pytest.raises(NotUnpacked, match=r"images.npy in it is encrypted"):
        check_npz(path)
    result = CliRunner().invoke(app, ["verify", "digits", "--eps", "0.1", "--data", str(path)])
    assert result.exit_code == 2 and "encrypted" in result.stderr
    report = Checker(embedded_file("digits")).check(path)
    assert not report.accepted and "encrypted" in report.reason


@pytest.mark.parametrize("method", [6, 12, 14, 0x6666])
def test_a_method_of_packing_that_no_reader_has(tmp_path: Path, method: int) -> None:
    path = tmp_path / "images.npz"
    np.savez(path, images=np.zeros((1, 64)), labels=np.zeros(1))
    data = bytearray(path.read_bytes())
    for head, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = data.index(head) + place
        data[at : at + 2] = method.to_bytes(2, "little")
    path.write_bytes(data)
    with pytest.raises(NotUnpacked, match=rf"images.npy in it is packed by method {method} of ZIP"):
        check_npz(path)
    arguments = ["verify", "digits", "--eps", "0.1", "--data", str(path)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2 and f"method {method} of ZIP" in result.stderr
    kept = CliRunner().invoke(app, [*arguments[:4], "--index", "0", "--checkpoint", str(path)])
    assert kept.exit_code == 2 and str(path) in kept.stderr.replace("\n", "")
    assert path.read_bytes() == data


def test_matlab_files(tmp_path: Path) -> None:
    path = tmp_path / "m.mat"
    savemat(path, {"a": np.zeros(SIZE // 8)}, do_compression=True)

    def refused() -> None:
        with pytest.raises(NotUnpacked):
            check_mat(path)

    assert peak(refused) < SIZE / 2
    with pytest.raises(ModelError, match="unpacks to"):
        rb.from_mat(path)
    savemat(path, {"a": np.zeros(SIZE // 8)})
    check_mat(path)
    path.write_bytes(b"no such file at all")
    check_mat(path)


def test_a_certificate_with_a_large_header(tmp_path: Path) -> None:
    path = tmp_path / "proof.npz"
    header = json.dumps({"parts": [[]] * (MOST_HEADER // 4)}).encode()
    np.savez_compressed(path, header=np.frombuffer(header, dtype=np.uint8))
    checker = Checker(embedded_file("digits"))
    report = checker.check(path)
    assert not report.accepted and "the header is too large" in report.reason

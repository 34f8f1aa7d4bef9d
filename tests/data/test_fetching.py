"""Data sets from a server: checked, gone on from, and nothing kept that is not the known file."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from rhobust.cli.app import app
from rhobust.compiler.base.errors import InputError
from rhobust.data import fetching, load
from rhobust.data.fetching import SETS, DataSet, Remote, fetch

from . import files

runner = CliRunner()
CONTENT = bytes(range(256)) * 4000
REMOTE = Remote("x.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


class Server(ThreadingHTTPServer):
    """Files by name; `most` bytes of an answer are sent, `ranges` says whether parts are."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content: dict[str, bytes] = {"x.bin": CONTENT}
        self.most, self.ranges = 10**9, True
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/data"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        content = self.server.content.get(self.path.removeprefix("/data/"))
        if content is None:
            self.send_error(404)
            return
        start = int(asked[6:-1]) if asked and self.server.ranges else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:][: self.server.most])

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def known(server: Server, *remotes: Remote) -> DataSet:
    return DataSet(server.url, remotes or (REMOTE,))


def test_a_file_is_fetched_once(server: Server, tmp_path: Path) -> None:
    heard: list[tuple[str, int, int]] = []
    folder = tmp_path / "deep" / "er"
    told = lambda *what: heard.append(what)  # noqa: E731
    (path,) = fetch(known(server), folder, progress=told)
    assert path == folder / "x.bin" and path.read_bytes() == CONTENT
    assert heard[-1] == ("x.bin", len(CONTENT), len(CONTENT))
    assert [there for _, there, _ in heard] == sorted(there for _, there, _ in heard)
    fetch(known(server), folder)
    assert server.asked == [None] and [entry.name for entry in folder.iterdir()] == ["x.bin"]
    path.write_bytes(CONTENT[:-1] + b"?")  # as long, and not the same
    with pytest.raises(InputError, match="is there already, and is another file"):
        fetch(known(server), folder)
    assert path.read_bytes()[-1:] == b"?" and server.asked == [None]
    fetch(known(server), folder, overwrite=True)
    assert path.read_bytes() == CONTENT and server.asked == [None, None]


@pytest.mark.parametrize("ranges", [True, False])
def test_what_broke_off_goes_on(server: Server, tmp_path: Path, ranges: bool) -> None:
    server.most, server.ranges = 300_000, ranges
    with pytest.raises(InputError, match="broke after 300000 of 1024000 bytes; ask again"):
        fetch(known(server), tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.bin.part"]
    server.most = 10**9
    (path,) = fetch(known(server), tmp_path)
    assert path.read_bytes() == CONTENT and server.asked == [None, "bytes=300000-"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.bin"]


@pytest.mark.parametrize("content", [CONTENT[::-1], CONTENT + b"more", CONTENT * 2])
def test_another_file_is_refused(server: Server, tmp_path: Path, content: bytes) -> None:
    server.content["x.bin"] = content
    with pytest.raises(InputError, match="is not the file that is known: its SHA-256 should be"):
        fetch(known(server), tmp_path)
    assert not list(tmp_path.iterdir())


def test_servers_that_are_not_there(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the server answers 404"):
        fetch(known(server, replace(REMOTE, name="y.bin")), tmp_path)
    with pytest.raises(InputError, match="cannot be reached .*without a network, put the file"):
        fetch(known(server), tmp_path, "http://127.0.0.1:9/")
    with pytest.raises(InputError, match="should begin with http"):
        fetch(known(server), tmp_path, "file:///etc")
    assert not list(tmp_path.iterdir())


def archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def test_archives_give_their_known_files_alone(server: Server, tmp_path: Path) -> None:
    inside = {"in/a.bin": b"first", "in/b.bin": b"second", "../evil": b"!", "other": b"?"}
    data = archive(inside)
    server.content["x.tar.gz"] = data
    members = (("in/a.bin", 5), ("in/b.bin", 6))
    remote = Remote("x.tar.gz", len(data), hashlib.sha256(data).hexdigest(), members)
    found = fetch(known(server, remote), tmp_path / "out")
    assert [path.read_bytes() for path in found] == [b"first", b"second"]
    everything = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert everything == {"a.bin", "b.bin"}
    fetch(known(server, remote), tmp_path / "out")
    assert len(server.asked) == 1
    found[0].write_bytes(b"other than that")
    with pytest.raises(InputError, match="is another file"):
        fetch(known(server, remote), tmp_path / "out")
    for wrong in ((("in/a.bin", 4),), (("in/c.bin", 5),), (("in", 0),)):
        with pytest.raises(InputError, match="cannot be unpacked"):
            fetch(known(server, replace(remote, members=wrong)), tmp_path / str(wrong)[:10])


def test_the_command(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """mnist of three images, from a mirror, is data for a network of these files."""
    rng = np.random.default_rng(0)
    remotes = []
    for part in ("t10k", "train"):
        for what, values in (
            ("images-idx3", rng.integers(0, 256, (3, 8, 8), np.uint8)),
            ("labels-idx1", np.arange(3, dtype=np.uint8)),
        ):
            path = files.idx(tmp_path / f"{part}-{what}-ubyte.gz", values)
            data = path.read_bytes()
            server.content[path.name] = data
            remotes.append(Remote(path.name, len(data), hashlib.sha256(data).hexdigest()))
    arguments = ["data", "fetch", "mnist", "--out", str(tmp_path / "m"), "--url", server.url]
    refused = runner.invoke(app, arguments)  # the real ones have other checksums
    assert refused.exit_code == 2 and "broke after" in refused.stderr
    for path in (tmp_path / "m").iterdir():
        path.unlink()
    monkeypatch.setitem(fetching.SETS, "mnist", DataSet("http://127.0.0.1:9", tuple(remotes)))
    done = runner.invoke(app, arguments)
    assert done.exit_code == 0 and f"use it as --data {tmp_path / 'm'}" in done.stdout
    shown = runner.invoke(app, ["data", "show", str(tmp_path / "m")])
    assert shown.exit_code == 0 and "3 images of shape (8, 8), uint8" in shown.stdout
    assert "labels: 3 (0: 1, 1: 1, 2: 1)" in shown.stdout
    assert load(tmp_path / "m").digest() in shown.stdout
    asked = ["verify", "digits", "--eps", "0.001", "--data", str(tmp_path / "m"), "--index", "0"]
    assert runner.invoke(app, asked).exit_code == 0


def test_names_that_are_none(tmp_path: Path) -> None:
    refused = runner.invoke(app, ["data", "fetch", "imagenet", "--out", str(tmp_path)])
    assert refused.exit_code == 2 and "there are mnist, cifar10" in refused.stderr


def test_the_sets_are_what_readers_take() -> None:
    """Names and sizes: five batches of 10,000 records, and one to test."""
    (batches,) = SETS["cifar10"].files
    assert len(batches.members) == 6
    for name, size in batches.members:
        assert name.startswith("cifar-10-batches-bin/") and size == 10_000 * 3073
    assert len({remote.sha256 for each in SETS.values() for remote in each.files}) == 5
    assert all(len(remote.sha256) == 64 for each in SETS.values() for remote in each.files)

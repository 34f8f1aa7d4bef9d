"""The same store on a PostgreSQL server, which the test starts."""

from __future__ import annotations

import math
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import rhobust as rb
from rhobust.compiler.base.errors import InputError
from rhobust.results import Verdict
from rhobust.store import Store
from rhobust.store.record import Looked

from .examples import record, run, same

pytestmark = pytest.mark.slow


def other_user() -> int | None:
    """A user to run the server as where this is root, which PostgreSQL refuses."""
    if os.geteuid():
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    pytest.skip("no user but root is here, and PostgreSQL refuses to run as root")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server that is there for this module."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: rhobust[postgresql]")
    initdb, control = shutil.which("initdb"), shutil.which("pg_ctl")
    if initdb is None or control is None:
        pytest.skip("initdb and pg_ctl are not in PATH")
    user = other_user()

    def call(*command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, user=user, cwd="/")
        if done.returncode:
            pytest.skip(f"no server can be started: {done.stderr.strip().splitlines()[-1:]}")

    # not pytest's own folder, which other users may not enter
    with tempfile.TemporaryDirectory() as name:
        if user is not None:
            os.chown(name, user, -1)
        folder, port = Path(name) / "data", free_port()
        call(initdb, "-D", str(folder), "-A", "trust", "-U", "tester", "-E", "UTF8", "--no-sync")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {name} -F"
        call(control, "-D", str(folder), "-o", options, "-l", f"{name}/log", "-w", "start")
        try:
            yield f"postgresql://tester@127.0.0.1:{port}/postgres"
        finally:
            call(control, "-D", str(folder), "-m", "immediate", "stop")


def test_records_come_back_as_they_were(server: str) -> None:
    with Store.open(server) as store:
        store.begin(run("p" * 16))
        made = [record(index, verdict) for index, verdict in enumerate(Verdict)]
        for one in made:
            assert same(store.keep(run("p" * 16), one, key="k", claim=f"p {one.index}"), one)
        assert all(map(same, store.records("p" * 16), made))
        assert [(claim, one.index) for claim, (one,) in store.known(["p 1"])] == [("p 1", 1)]
        store.look(run("p" * 16), Looked(1, 0.0, math.inf))
        assert list(store.looked(run("p" * 16))) == [1]
        kept = store.keep(run("p" * 16), record(1, Verdict.UNKNOWN))
        assert store.looked(run("p" * 16)) == {}
        assert kept.decisions[0].verdict is list(Verdict)[1]


def test_two_writers_do_not_double_rows(server: str) -> None:
    def write(first: int) -> None:
        with Store.open(server) as store:
            store.begin(run("q" * 16, tuple(range(first, first + 40))))
            for index in range(first, first + 40):
                store.keep(run("q" * 16), record(index))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, [0, 10, 20, 0]))
    with Store.open(server, readonly=True) as store:
        assert [one.index for one in store.records("q" * 16)] == list(range(60))
        assert store.run("q" * 16).indices == tuple(range(60))


def test_evaluations_go_on_from_a_server(server: str) -> None:
    found = rb.evaluate("digits", rb.data.digits(), eps=0.05, index=range(6), store=server)
    again = rb.evaluate("digits", rb.data.digits(), eps=0.05, index=range(6), store=server)
    assert all(map(same, found.records, again.records)) and len(again.records) == 6


def test_what_cannot_be_reached_is_one_line(server: str) -> None:
    for address in (server.replace("/postgres", "/nothing"), "postgresql://u:secret@127.0.0.1:1/x"):
        with pytest.raises(InputError) as error:
            Store.open(address)
        assert "\n" not in str(error.value) and "secret" not in str(error.value)

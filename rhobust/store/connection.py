"""Connections to SQLite files and PostgreSQL servers, whose errors are told in one line."""

from __future__ import annotations

import math
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from ..compiler.base.errors import InputError
from ..files.atomic import special

PATIENCE = 60.0
"""Seconds that a writer waits for another one."""

INTERVAL = 0.1
"""Seconds between transactions that wait for the disk, where many come in that time. Each makes
durable all before it, and so does closing. What is committed survives a killed process in any case;
a loss of power takes what was kept since the last of those, and leaves the file whole."""

READING = "rhobust_reading"
"""The execution option of connections that only read."""

HEADER = b"SQLite format 3\0"


def connect(name: str | Path, readonly: bool) -> tuple[Engine, str]:
    """The engine of a store, and what messages call it: no password is in that."""
    if isinstance(name, str) and "://" in name:
        return _server(name, readonly)
    path = Path(name)
    _check(path, readonly)
    return _sqlite(path, readonly), str(path)


@contextmanager
def told(where: str) -> Iterator[None]:
    """What the database refuses, as an error of input that names it."""
    try:
        yield
    except DBAPIError as error:
        said = " ".join(str(error.orig).split()) or type(error.orig).__name__
        raise InputError(
            f"{where}: the store cannot be used: {said}; what was committed is kept"
        ) from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        said = " ".join(str(error).split())
        raise InputError(f"{where}: the store cannot be used: {said}") from error


def _check(path: Path, readonly: bool) -> None:
    if special(path) or path.is_dir():
        raise InputError(f"{path}: a store is a file, and this is none")
    if not path.exists():
        if readonly:
            raise InputError(f"{path}: no such store of results")
        if not path.parent.is_dir():
            raise InputError(f"{path}: cannot be made: there is no folder {path.parent}")
        return
    try:
        with path.open("rb") as file:
            head = file.read(len(HEADER))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if head and head != HEADER:
        raise InputError(f"{path}: is no SQLite file; name another one with --store")
    if not readonly and not os.access(path, os.W_OK):
        raise InputError(f"{path}: cannot be written: {os.strerror(13)}")


def _sqlite(path: Path, readonly: bool) -> Engine:
    # a path may hold what an address gives a meaning to, so it is no part of one
    address = f"{path.resolve().as_uri()}?mode={'ro' if readonly else 'rwc'}"
    if readonly and not os.access(path.resolve().parent, os.W_OK):
        # where no lock can be made nobody writes, unless a log beside the file says otherwise
        address += "" if Path(f"{path}-wal").exists() else "&immutable=1"

    def opened() -> Any:
        return sqlite3.connect(
            address, uri=True, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )

    # without a path in its address SQLAlchemy would take the file for one in memory
    engine = create_engine("sqlite://", creator=opened, poolclass=QueuePool)

    @event.listens_for(engine, "connect")
    def _(connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    waited = [-math.inf]

    @event.listens_for(engine, "begin")
    def _(connection: Any) -> None:
        # at once a writer: a reader that becomes one later could not wait for another
        reads = readonly or connection.get_execution_options().get(READING)
        if not reads:
            now = time.monotonic()
            full = now - waited[0] >= INTERVAL
            waited[0] = now if full else waited[0]
            level = "FULL" if full else "NORMAL"
            connection.exec_driver_sql(f"PRAGMA synchronous = {level}")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def settle(engine: Engine) -> None:
    """Once a store is known to be ours: readers and one writer do not wait for each other."""
    if engine.dialect.name == "sqlite":
        connection = engine.raw_connection()
        try:
            # another process may be at it at the same moment, and whoever opens next tries again
            with suppress(sqlite3.OperationalError):
                connection.cursor().execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()


def _server(name: str, readonly: bool) -> tuple[Engine, str]:
    try:
        url = make_url(name)
    except ArgumentError:
        raise InputError("--store: the address of the server cannot be read") from None
    where = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite":
        if not url.database:
            raise InputError(f"{where}: names no file, and what is in memory is not kept")
        _check(Path(url.database), readonly)
        return _sqlite(Path(url.database), readonly), url.database
    if url.get_backend_name() != "postgresql":
        raise InputError(f"{where}: stores are SQLite files and postgresql:// servers")
    if find_spec("psycopg") is None:
        raise InputError(f"{where}: this needs psycopg: pip install 'rhobust[postgresql]'")
    url = URL.create(
        "postgresql+psycopg", url.username, url.password, url.host, url.port, url.database,
        url.query,
    )  # fmt: skip
    try:
        return create_engine(url), where
    except (NoSuchModuleError, ArgumentError, ImportError) as error:
        raise InputError(f"{where}: cannot be opened: {error}") from error

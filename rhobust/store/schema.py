"""The tables of a store, the same in SQLite and PostgreSQL, and the versions of their form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    func,
    insert,
    inspect,
    select,
    update,
)

from ..compiler.base.errors import InputError

VERSION = 1
"""Of the tables' form."""

METADATA = MetaData()

STORE = Table("rhobust_store", METADATA, Column("version", Integer, nullable=False))
"""One row."""

RUNS = Table(
    "rhobust_runs",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("serial", BigInteger, nullable=False),
    Column("question", Text, nullable=False),
    Column("card", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("indices", Text, nullable=False),
    Column("started", String(40), nullable=False),
    Column("command", Text, nullable=False),
    Column("environment", Text, nullable=False),
)
"""serial: in order of their beginning; mappings and indices are JSON."""


def _number(name: str, **options: Any) -> Column[Any]:
    return Column(name, Double, **options)


RECORDS = Table(
    "rhobust_records",
    METADATA,
    Column("run", String(64), ForeignKey(RUNS.c.id), primary_key=True),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("key", String(64), nullable=False),
    Column("claim", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("label", Integer, nullable=False),
    Column("predicted", Integer, nullable=False),
    _number("rho_lower", nullable=False),
    _number("rho_upper", nullable=False),
    _number("rho_estimate"),
    _number("attack_distance"),
    Column("attack_method", Text, nullable=False),
    Column("witness", LargeBinary),
    Column("witness_label", Integer),
    Column("image", LargeBinary),
    Column("certificate", Text, nullable=False),
    Column("uncertified", Text, nullable=False),
    _number("certified_radius"),
    _number("seconds", nullable=False),
    Column("nodes", BigInteger, nullable=False),
    Column("lps", BigInteger, nullable=False),
    Index("rhobust_by_key", "key"),
    Index("rhobust_by_claim", "claim"),
)
"""A row for each image of a run. key: of question and effort, claim: of what is true or not."""

DECISIONS = Table(
    "rhobust_decisions",
    METADATA,
    Column("run", String(64), ForeignKey(RUNS.c.id), primary_key=True),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    _number("eps", primary_key=True),
    Column("verdict", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    _number("margin_bound", nullable=False),
    Column("attacked", Integer, nullable=False),
    _number("seconds", nullable=False),
    Column("nodes", BigInteger, nullable=False),
    Column("lps", BigInteger, nullable=False),
)

LOOKED = Table(
    "rhobust_looked",
    METADATA,
    Column("run", String(64), ForeignKey(RUNS.c.id), primary_key=True),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    _number("rho_lower", nullable=False),
    _number("rho_upper", nullable=False),
    Column("bounds", LargeBinary, nullable=False),
    _number("rho_estimate"),
    _number("attack_distance"),
    Column("attack_method", Text, nullable=False),
    Column("witness", LargeBinary),
    Column("witness_label", Integer),
    _number("hardness", nullable=False),
    _number("seconds", nullable=False),
)
"""Images that were looked at and are not finished, for the run alone: nobody else reads it, so a
store without it has the same form, and the next one who writes to it makes it."""

MIGRATIONS: dict[int, Callable[[Connection], None]] = {}
"""From a version to the next, each within the transaction that also changes the number."""


def prepare(connection: Connection, where: str, readonly: bool) -> None:
    """Makes the tables, or brings them to this version; InputError where that cannot be."""
    found = inspect(connection).get_table_names()
    if STORE.name not in found:
        if readonly or (found and connection.dialect.name == "sqlite"):
            raise InputError(f"{where}: holds no results of rhobust evaluate")
        METADATA.create_all(connection)
        connection.execute(insert(STORE).values(version=VERSION))
        return
    version = connection.execute(select(func.max(STORE.c.version))).scalar()
    if not isinstance(version, int) or version > VERSION:
        raise InputError(
            f"{where}: was written in form {version} by another rhobust; this one knows forms up "
            f"to {VERSION}: update it, or name another store"
        )
    if version < VERSION and readonly:
        raise InputError(f"{where}: has the old form {version}; rhobust evaluate renews it")
    while version < VERSION:
        if version not in MIGRATIONS:
            raise InputError(f"{where}: form {version} is no longer known; name another store")
        MIGRATIONS[version](connection)
        version += 1
        connection.execute(update(STORE).values(version=version))
    if not readonly and LOOKED.name not in found:
        LOOKED.create(connection, checkfirst=True)

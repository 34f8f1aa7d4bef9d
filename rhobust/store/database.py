"""The store: runs and their records in a database, one transaction for each finished image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from ..compiler.base.errors import InputError
from .connection import READING, connect, settle, told
from .joined import joined
from .record import Looked, Record, Run
from .rows import (
    decision_rows,
    looked_of,
    looked_row,
    record_of,
    record_row,
    run_of,
    run_row,
)
from .schema import DECISIONS, LOOKED, RECORDS, RUNS, prepare

BATCH = 200
"""Records read at a time."""

TRIES = 5
"""Of a transaction that another writer got ahead of."""


class Store:
    """Results of evaluations in an SQLite file or on a PostgreSQL server.

    What `keep` was called for stays once it returns, also when the process is killed.
    Several writers may keep records of one run: each image has one row.
    """

    def __init__(self, engine: Engine, where: str, readonly: bool = False) -> None:
        self.engine, self.where, self.readonly = engine, where, readonly
        self.reader = engine.execution_options(**{READING: True})

    @classmethod
    def open(cls, name: str | Path, readonly: bool = False) -> Store:
        """The store in a file, or on a server (postgresql://user:password@host/name).

        A file is made where there is none, unless readonly. Raises InputError for what is no store,
        or one of a form that this version does not know.
        """
        engine, where = connect(name, readonly)
        store = cls(engine, where, readonly)
        with told(where):
            try:
                with engine.begin() as connection:
                    prepare(connection, where, readonly)
            except IntegrityError:  # two processes made the tables at the same moment
                with engine.begin() as connection:
                    prepare(connection, where, readonly)
            if not readonly:
                settle(engine)
        return store

    def close(self) -> None:
        """Ends its connections; what was kept stays."""
        self.engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def runs(self) -> list[Run]:
        """All runs, in the order in which they began."""
        with told(self.where), self.reader.connect() as connection:
            rows = connection.execute(select(RUNS).order_by(RUNS.c.serial, RUNS.c.id))
            return [run_of(row) for row in rows.mappings()]

    def run(self, id: str) -> Run:
        """One run; raises InputError where there is none of this name."""
        with told(self.where), self.reader.connect() as connection:
            row = connection.execute(select(RUNS).where(RUNS.c.id == id)).mappings().first()
        if row is None:
            raise InputError(f"{self.where}: holds no run {id!r}")
        return run_of(row)

    def begin(self, run: Run) -> Run:
        """Keeps a run; one that is there already gets the images that it did not have."""
        with told(self.where):
            for _ in range(TRIES):
                try:
                    with self.engine.begin() as connection:
                        return self._begin(connection, run)
                except IntegrityError:  # another process began it at the same moment
                    continue
        raise InputError(f"{self.where}: the run could not be begun")

    def _begin(self, connection: Connection, run: Run) -> Run:
        known = connection.execute(select(RUNS).where(RUNS.c.id == run.id).with_for_update())
        row = known.mappings().first()
        if row is None:
            last = connection.execute(select(func.max(RUNS.c.serial))).scalar() or 0
            connection.execute(insert(RUNS).values(**run_row(run), serial=last + 1))
            return run
        old = run_of(row)
        both = replace(run, indices=tuple(sorted({*old.indices, *run.indices})))
        values = {key: run_row(both)[key] for key in ("indices", "command", "environment")}
        connection.execute(update(RUNS).where(RUNS.c.id == run.id).values(**values))
        return replace(both, started=old.started)

    def records(self, run: Run | str) -> Iterator[Record]:
        """The finished images of a run, by index."""
        wanted = run.id if isinstance(run, Run) else run
        last = -1
        with told(self.where):
            while True:
                rows = (
                    select(RECORDS)
                    .where(RECORDS.c.run == wanted, RECORDS.c.index > last)
                    .order_by(RECORDS.c.index)
                    .limit(BATCH)
                )
                with self.reader.connect() as connection:
                    found = self._read(connection, rows)
                if not found:
                    return
                last = found[-1].index
                yield from found

    def known(self, claims: Sequence[str]) -> Iterator[tuple[str, list[Record]]]:
        """All that is kept about each of some claims, whatever run it was found in.

        Claims about which nothing is kept are left out.
        """
        for at in range(0, len(claims), BATCH):
            wanted = (
                select(RECORDS)
                .where(RECORDS.c.claim.in_(claims[at : at + BATCH]))
                .order_by(RECORDS.c.run, RECORDS.c.index)
            )
            found: dict[str, list[Record]] = {}
            with told(self.where), self.reader.connect() as connection:
                rows = connection.execute(wanted).mappings().all()
                for row, record in zip(rows, self._records(connection, rows), strict=True):
                    found.setdefault(row["claim"], []).append(record)
            yield from found.items()

    def look(self, run: Run, looked: Looked) -> None:
        """Keeps what the first pass of a run found out of an image, until the image is kept."""
        with told(self.where), suppress(IntegrityError):  # another writer looked at the same moment
            with self.engine.begin() as connection:
                connection.execute(delete(LOOKED).where(_place(LOOKED, run.id, looked.index)))
                connection.execute(insert(LOOKED).values(run=run.id, **looked_row(looked)))

    def looked(self, run: Run) -> dict[int, Looked]:
        """What `look` kept of the images of a run that are not finished, by index."""
        with told(self.where), self.reader.connect() as connection:
            rows = connection.execute(select(LOOKED).where(LOOKED.c.run == run.id)).mappings()
            return {row["index"]: looked_of(row) for row in rows}

    def keys(self, run: Run | str) -> Mapping[int, str]:
        """The keys of the finished images of a run, by index."""
        wanted = run.id if isinstance(run, Run) else run
        rows = select(RECORDS.c.index, RECORDS.c.key).where(RECORDS.c.run == wanted)
        with told(self.where), self.reader.connect() as connection:
            return {index: key for index, key in connection.execute(rows)}

    def keep(
        self,
        run: Run | str,
        record: Record,
        *,
        key: str = "",
        claim: str = "",
        withdraw: bool = False,
    ) -> Record:
        """Keeps a finished image in one transaction, and returns what is kept.

        What another run or writer had found out about it is joined with it, so that nothing that
        was proven or shown is lost. withdraw: the record replaces all that was kept instead.
        Raises Contradiction where the two exclude each other.
        """
        wanted = run.id if isinstance(run, Run) else run
        with told(self.where):
            for attempt in range(TRIES):
                try:
                    with self.engine.begin() as connection:
                        return self._keep(connection, wanted, record, key, claim, withdraw)
                except IntegrityError:  # another writer kept the image at the same moment
                    if attempt == TRIES - 1:
                        raise
        raise AssertionError("the last try returns or raises")

    def _keep(
        self,
        connection: Connection,
        run: str,
        record: Record,
        key: str,
        claim: str,
        withdraw: bool,
    ) -> Record:
        mine = _place(RECORDS, run, record.index)
        old = self._read(connection, select(RECORDS).where(mine).with_for_update())
        kept = joined(old[0], record) if old and not withdraw else record
        row = {**record_row(kept), "key": key, "claim": claim}
        if old:
            connection.execute(update(RECORDS).where(mine).values(**row))
            connection.execute(delete(DECISIONS).where(_place(DECISIONS, run, record.index)))
        else:
            connection.execute(insert(RECORDS).values(run=run, **row))
        decisions = [{"run": run, **one} for one in decision_rows(kept)]
        if decisions:
            connection.execute(insert(DECISIONS), decisions)
        connection.execute(delete(LOOKED).where(_place(LOOKED, run, record.index)))
        return kept

    def _read(self, connection: Connection, wanted: Any) -> list[Record]:
        return self._records(connection, connection.execute(wanted).mappings().all())

    def _records(self, connection: Connection, rows: Sequence[RowMapping]) -> list[Record]:
        """The records of rows, in their order; those of a run stand together."""
        found: list[Record] = []
        for run, several in groupby(rows, key=lambda row: str(row["run"])):
            of_run = list(several)
            indices = [row["index"] for row in of_run]
            decisions: dict[int, list[Any]] = {index: [] for index in indices}
            asked = (
                select(DECISIONS)
                .where(DECISIONS.c.run == run, DECISIONS.c.index.in_(indices))
                .order_by(DECISIONS.c.index, DECISIONS.c.eps)
            )
            for one in connection.execute(asked).mappings():
                decisions[one["index"]].append(one)
            found += [record_of(row, decisions[row["index"]]) for row in of_run]
        return found


def _place(table: Table, run: str, index: int) -> ColumnElement[bool]:
    """The rows of one image of a run."""
    return (table.c.run == run) & (table.c.index == index)

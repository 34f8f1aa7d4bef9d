"""What is kept comes back as it was, joined with what was known, and nothing of it twice."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Connection, text

from rhobust.compiler.base.arrays import Vector
from rhobust.compiler.base.errors import Contradiction, InputError
from rhobust.results import Verdict
from rhobust.store import Decision, Record, Store, schema
from rhobust.store.connection import READING, connect
from rhobust.store.joined import joined
from rhobust.store.packed import pack, unpack
from rhobust.store.record import Looked

from .examples import looks, record, records, run, same, vectors


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "results.sqlite") as opened:
        yield opened


@given(vectors)
def test_vectors_come_back_bit_by_bit(vector: Vector) -> None:
    assert unpack(pack(vector)).tobytes() == vector.astype(np.float64).tobytes()


def test_images_of_bytes_take_a_byte_a_number_or_less() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, 784)
    assert len(pack(pixels / 255.0)) < 784 + 50
    assert len(pack((pixels / 255.0).astype(np.float32).astype(np.float64))) < 4 * 784 + 50
    blank = np.zeros(784)
    assert len(pack(blank)) < 50


@pytest.mark.parametrize("data", [b"", b"x123", b"b123", b"d" + b"\x78\x9c"])
def test_damaged_arrays_are_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="an array in the store"):
        unpack(data)


@given(records)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_records_come_back_as_they_were(store: Store, made: Record) -> None:
    store.begin(run())
    store.keep(run(), made, withdraw=True)
    back = [one for one in store.records(run()) if one.index == made.index]
    assert len(back) == 1 and same(back[0], made)


def test_runs_come_back_in_the_order_of_their_beginning(store: Store) -> None:
    first, second = run("b" * 16, (3, 1)), run("a" * 16, (2,))
    assert store.begin(first) == first and store.begin(second) == second
    assert [one.id for one in store.runs()] == [first.id, second.id]
    assert store.run(second.id) == second
    with pytest.raises(InputError, match="holds no run 'c'"):
        store.run("c")


def test_a_run_that_is_begun_again_has_the_images_of_both(store: Store) -> None:
    store.begin(run(indices=(1, 2)))
    both = store.begin(run(indices=(5, 2)))
    assert both.indices == (1, 2, 5) and store.runs() == [both]


def test_many_records_are_told_by_index(store: Store) -> None:
    store.begin(run())
    for index in [*range(300, 510), *range(250)]:
        store.keep(run(), record(index), key=f"key {index}")
    told = [one.index for one in store.records(run())]
    assert told == [*range(250), *range(300, 510)]
    assert store.keys(run())[7] == "key 7" and len(store.keys(run())) == len(told)
    assert [one.decisions[0].eps for one in store.records(run().id)] == [0.1] * len(told)


def test_what_is_known_of_a_claim_is_told_of_all_runs(store: Store) -> None:
    for name in ("a", "b"):
        store.begin(run(name))
        store.keep(run(name), record(4), claim="c")
        store.keep(run(name), record(5), claim="d")
    found = {
        claim: [one.index for one in several] for claim, several in store.known(["e", "d", "c"])
    }
    assert found == {"c": [4, 4], "d": [5, 5]}
    many = [f"{place}" for place in range(1000)]
    assert [claim for claim, _ in store.known([*many, "c"])] == ["c"]


@given(looks)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_a_first_pass_found_out_is_kept_until_the_image_is(store: Store, made: Looked) -> None:
    mine, other = run(), run("b" * 16)
    for one in (mine, other):
        store.begin(one)
        store.look(one, Looked(made.index, 0.0, 0.5))
    store.look(mine, made)
    store.keep(other, record(made.index))
    assert same(store.looked(mine)[made.index], made) and store.looked(other) == {}
    store.keep(mine, record(made.index))
    assert store.looked(mine) == {}


def test_a_store_without_a_table_of_looks_gets_one(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite"
    with Store.open(path) as store:
        store.begin(run())
        store.keep(run(), record(2))
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE rhobust_looked")
    connection.close()
    with Store.open(path, readonly=True) as reader:
        assert [one.index for one in reader.records(run())] == [2]
    with Store.open(path) as store:
        store.look(run(), Looked(3, 0.0, 0.5))
        assert list(store.looked(run())) == [3]


def test_a_later_answer_loses_nothing_of_an_earlier_one(store: Store) -> None:
    store.begin(run())
    store.keep(run(), record(1, Verdict.ROBUST))
    kept = store.keep(run(), record(1, Verdict.UNKNOWN, certificate="1.npz"))
    assert kept.decisions[0].verdict is Verdict.ROBUST
    assert (kept.rho_lower, kept.certificate) == (0.1, "1.npz")
    assert [same(one, kept) for one in store.records(run())] == [True]


def test_answers_that_exclude_each_other_are_not_joined(store: Store) -> None:
    store.begin(run())
    store.keep(run(), record(1, Verdict.ROBUST))
    with pytest.raises(Contradiction):
        store.keep(run(), record(1, Verdict.NOT_ROBUST))
    (kept,) = store.records(run())
    assert same(kept, record(1, Verdict.ROBUST))
    withdrawn = record(1, Verdict.UNKNOWN)
    assert same(store.keep(run(), withdrawn, withdraw=True), withdrawn)


def test_the_joined_interval_is_the_narrower_one() -> None:
    near = np.array([0.5])
    old = record(rho_lower=0.02, rho_upper=0.3, witness=near, witness_label=7, attack_distance=0.3)
    new = record(rho_lower=0.1, rho_upper=0.4, attack_distance=math.inf, rho_estimate=0.4)
    both = joined(old, new)
    assert (both.rho_lower, both.rho_upper, both.witness_label) == (0.1, 0.3, 7)
    assert both.witness is near and (both.attack_distance, both.rho_estimate) == (0.3, 0.4)
    other = replace(new, decisions=(Decision(0.05, Verdict.ROBUST), Decision(0.2, Verdict.UNKNOWN)))
    assert [one.eps for one in joined(old, other).decisions] == [0.05, 0.1, 0.2]
    with pytest.raises(Contradiction, match="shows an example"):
        joined(replace(old, rho_upper=0.05), new)
    with pytest.raises(Contradiction, match="at 0.1 one answer"):
        joined(record(rho_lower=0.0), record(verdict=Verdict.NOT_ROBUST, rho_upper=math.inf))


def test_threads_may_share_a_store(store: Store) -> None:
    store.begin(run())

    def keep(first: int) -> int:
        for index in range(first, first + 20):
            store.keep(run(), record(index))
        return len(list(store.records(run())))

    with ThreadPoolExecutor(8) as threads:
        counts = list(threads.map(keep, range(0, 80, 10)))
    assert [one.index for one in store.records(run())] == list(range(90)) and max(counts) <= 90


def test_a_reader_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite"
    with pytest.raises(InputError, match="no such store"):
        Store.open(path, readonly=True)
    with Store.open(path) as store:
        store.begin(run())
        store.keep(run(), record(2))
    before = path.read_bytes()
    with Store.open(path, readonly=True) as reader:
        assert [one.index for one in reader.records(run())] == [2]
        with pytest.raises(InputError, match="readonly"):
            reader.keep(run(), record(3))
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["odd name?#%20.sqlite", "ä.db"])
def test_names_mean_what_they_say(tmp_path: Path, name: str) -> None:
    with Store.open(str(tmp_path / name)) as store:
        store.begin(run())
    assert {path.name for path in tmp_path.iterdir()} == {name}


def test_files_that_are_no_store_stay_as_they_are(tmp_path: Path) -> None:
    other, foreign = tmp_path / "notes.txt", tmp_path / "foreign.sqlite"
    other.write_text("something else entirely")
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    before = foreign.read_bytes()
    for path, said in (
        (other, "is no SQLite file"), (foreign, "holds no results"), (tmp_path, "is a file"),
        (tmp_path / "no" / "x.sqlite", "there is no folder"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):
            Store.open(path)
    assert other.read_text() == "something else entirely" and foreign.read_bytes() == before


def test_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite"
    with Store.open(path) as store:
        store.begin(run())
        for index in range(30):
            store.keep(run(), record(index))
    data = bytearray(path.read_bytes())
    data[2000:] = b"x" * (len(data) - 2000)
    path.write_bytes(bytes(data))
    path.with_name("other.sqlite").write_bytes(b"SQLite format 3\0" + b"y" * 4000)
    for name in ("results.sqlite", "other.sqlite"):
        with pytest.raises(InputError) as error, Store.open(tmp_path / name) as store:
            list(store.records(run()))
        assert str(tmp_path / name) in str(error.value) and "\n" not in str(error.value)


def test_postgresql_needs_psycopg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rhobust.store.connection.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs psycopg: pip install 'rhobust\[postgresql\]'"):
        Store.open("postgresql://me:secret@host/x")


@pytest.mark.parametrize("name", ["mysql://host/x", "sqlite://", "postgresql://[", "nothing://x"])
def test_addresses_of_other_servers_are_refused(name: str) -> None:
    with pytest.raises(InputError) as error:
        Store.open(name)
    assert "\n" not in str(error.value)


def test_a_form_of_the_future_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite"
    Store.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE rhobust_store SET version = 99")
    connection.close()
    with pytest.raises(InputError, match="form 99 by another rhobust"):
        Store.open(path)


def test_an_old_form_is_brought_to_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.sqlite"
    with Store.open(path) as store:
        store.begin(run())

    def more(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE rhobust_runs ADD COLUMN more TEXT"))

    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 2)
    with pytest.raises(InputError, match="old form"):
        Store.open(path, readonly=True)
    monkeypatch.setitem(schema.MIGRATIONS, schema.VERSION - 2, more)
    with pytest.raises(InputError, match="no longer known"):
        Store.open(path)  # one step is missing, so none was taken
    with sqlite3.connect(path) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(rhobust_runs)")]
    connection.close()
    assert "more" not in columns
    monkeypatch.setitem(schema.MIGRATIONS, schema.VERSION - 1, lambda connection: None)
    with Store.open(path) as store:
        assert [one.id for one in store.runs()] == [run().id]
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT version FROM rhobust_store").fetchall() == [
            (schema.VERSION,)
        ]
    connection.close()


@pytest.mark.parametrize(("interval", "levels"), [(0.0, [2, 2, 2]), (1e9, [2, 1, 1])])
def test_a_transaction_waits_for_the_disk_unless_one_just_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interval: float, levels: list[int]
) -> None:
    """2 is FULL, where a committed row is on the disk, and all before it; 1 is NORMAL."""
    monkeypatch.setattr("rhobust.store.connection.INTERVAL", interval)
    engine, _ = connect(tmp_path / "r.sqlite", False)
    found = []
    for _ in levels:
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS a (b)")
            found.append(connection.exec_driver_sql("PRAGMA synchronous").scalar())
    with engine.execution_options(**{READING: True}).connect() as reading:
        assert reading.exec_driver_sql("PRAGMA synchronous").scalar() == levels[-1]
    engine.dispose()
    assert found == levels

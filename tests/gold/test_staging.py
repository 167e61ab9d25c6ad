"""Frames into staging by COPY: what comes out of Postgres is what went in, to the last digit."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

import psycopg2
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from jobs.common.db import connect
from jobs.common.runlog import Run, run_context
from jobs.common.settings import Settings
from jobs.gold import staging
from jobs.gold.binary_rows import HEADER, TRAILER
from jobs.gold.staging import RowStream, StagingTable
from tests.gold.keys import as_bytes
from tests.support.money import in_units

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TABLE = StagingTable(
    "fidelity",
    (
        ("nth", "integer"),
        ("word", "text"),
        ("price", "numeric(12, 4)"),
        ("total", "numeric(18, 4)"),
        ("moment", "timestamptz"),
        ("day", "date"),
        ("units", "integer"),
        ("key", "bigint"),
        ("yes", "boolean"),
        ("fields", "jsonb"),
    ),
)
DDL = (
    "nth int, word string, price bigint, total bigint, moment timestamp, day date,"
    " units int, key bigint, yes boolean, fields string"
)
AWKWARD = (
    "", " ", "NULL", "null", "\\N", "\\.", "\\", '"', '""', "'", ",", "\n", "\r\n", "\r", "\t",
    "a\nb", 'say "hi", twice', "\\.\n", "é🎉\u2028", "\u0001\u007f", "{}", "0x", "-1", "NaN", "t",
)  # fmt: skip
OLDEST, NEWEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def random_text(chance: Random) -> str:
    others = [random_character(chance) for _ in range(len(AWKWARD))]
    pieces = chance.choices([*AWKWARD, *others], k=chance.randint(1, 8))
    return chance.choice([pieces[0], "".join(pieces)])


def random_character(chance: Random) -> str:
    """Any, of each length in UTF-8, but what bronze keeps out: NUL and lone surrogates."""
    point = chance.randrange(1, chance.choice([0x80, 0x800, 0x10000, 0x110000]))
    return "" if 0xD800 <= point < 0xE000 else chr(point)


def random_row(chance: Random, nth: int) -> tuple[Any, ...]:
    """A row, each value null now and then, and often at its limit."""
    text = random_text(chance)
    values: tuple[Any, ...] = (
        text,
        Decimal(
            chance.choice([1, -1]) * chance.choice([0, 1, 10**12 - 1, chance.randrange(10**12)])
        )
        / 10**4,
        Decimal(chance.choice([1, -1]) * chance.choice([0, 10**18 - 1, chance.randrange(10**18)]))
        / 10**4,
        OLDEST + timedelta(microseconds=chance.randrange((NEWEST - OLDEST) // MICROSECOND)),
        date.fromordinal(chance.randint(date(1900, 1, 1).toordinal(), 3_000_000)),
        chance.choice([-(2**31), 2**31 - 1, 0, chance.randrange(1000)]),
        chance.choice([-(2**63), 2**63 - 1, 0, chance.randrange(-(2**63), 2**63)]),
        chance.choice([True, False]),
        {"text": text, random_text(chance): None},
    )
    return (nth, *(None if chance.random() < 0.15 else value for value in values))


def as_spark(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The row as the jobs hand it over: JSON as text, decimals as ten-thousandths."""
    *values, fields = map(in_units, row)
    return (*values, None if fields is None else json.dumps(fields, ensure_ascii=False))


@pytest.fixture(scope="module")
def new_run(gold_settings: Settings) -> Iterator[Callable[[], Run]]:
    """A run that is under way; each call gives a clean one by number."""
    with run_context(gold_settings, "fidelity", ("fidelity",)) as run:

        def again() -> Run:
            with run.conn, run.conn.cursor() as cur:
                for name in map(sql.Identifier, (TABLE.name(run), TABLE.open_name(run))):
                    cur.execute(sql.SQL("DROP TABLE IF EXISTS staging.{}").format(name))
            return run

        yield again


def rows_of(run: Run, name: str = "") -> list[tuple[Any, ...]]:
    with run.conn, run.conn.cursor() as cur:
        names = ", ".join(TABLE.column_names)
        cur.execute(f"SELECT {names} FROM staging.{name or TABLE.name(run)} ORDER BY nth")
        return cur.fetchall()


@pytest.mark.parametrize("told", [None, 600], ids=["by tasks", "by the driver"])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=2)
def test_every_value_comes_out_as_it_went_in(
    spark: SparkSession, new_run: Callable[[], Run], told: int | None, seed: int
) -> None:
    chance, run = Random(seed), new_run()
    rows = [random_row(chance, n) for n in range(600)]
    frame = spark.createDataFrame([as_spark(row) for row in rows], DDL).repartition(3)
    staging.create(run.conn, TABLE, run)
    assert staging.copy(run.conn, frame, TABLE, run, run.settings, told) == len(rows)
    found = rows_of(run)
    assert found == rows
    # Equal decimals may differ in places; here they must not.
    assert [str(row[2:4]) for row in found] == [str(quantized(row)[2:4]) for row in rows]


def quantized(row: tuple[Any, ...]) -> tuple[Any, ...]:
    places = Decimal("0.0001")
    return tuple(v.quantize(places) if isinstance(v, Decimal) else v for v in row)


def test_columns_are_matched_by_name(spark: SparkSession, new_run: Callable[[], Run]) -> None:
    run, row = new_run(), random_row(Random(1), 0)
    frame = spark.createDataFrame([as_spark(row)], DDL)
    staging.create(run.conn, TABLE, run)
    turned = frame.select("nth", *reversed(frame.columns[1:]))
    staging.copy(run.conn, turned, TABLE, run, run.settings)
    assert rows_of(run) == [row]


def test_a_bigint_may_come_as_its_eight_bytes(
    spark: SparkSession, new_run: Callable[[], Run]
) -> None:
    run, (_, *row) = new_run(), random_row(Random(1), 0)
    keys = [0, 1, -1, 2**60 - 1, 2**63 - 1, -(2**63), None]
    rows = [(n, *row[:6], key, *row[7:]) for n, key in enumerate(keys)]
    in_bytes = [None if key is None else as_bytes(key) for key in keys]
    frame = spark.createDataFrame(
        [(*as_spark(r)[:7], key, *as_spark(r)[8:]) for r, key in zip(rows, in_bytes, strict=True)],
        DDL.replace("key bigint", "key binary"),
    )
    staging.create(run.conn, TABLE, run)
    staging.copy(run.conn, frame, TABLE, run, run.settings)
    assert rows_of(run) == rows


@pytest.mark.parametrize("told", [None, 0], ids=["by tasks", "by the driver"])
def test_an_empty_frame_leaves_an_empty_table(
    spark: SparkSession, new_run: Callable[[], Run], told: int | None
) -> None:
    run, none = new_run(), spark.createDataFrame([], DDL)
    staging.create(run.conn, TABLE, run)
    assert staging.copy(run.conn, none, TABLE, run, run.settings, told) == 0
    assert rows_of(run) == []


def test_rows_of_attempts_that_did_not_end_are_dropped(
    spark: SparkSession, new_run: Callable[[], Run]
) -> None:
    run = new_run()
    staging.create(run.conn, TABLE, run)
    # A task that wrote, and was lost before it could say so.
    with run.conn, run.conn.cursor() as cur:
        cur.execute(f"INSERT INTO staging.{TABLE.name(run)} (nth) VALUES (9)")
    row = random_row(Random(2), 0)
    frame = spark.createDataFrame([as_spark(row)], DDL)
    assert staging.copy(run.conn, frame, TABLE, run, run.settings) == 1
    assert rows_of(run) == [row]


def test_an_attempt_that_goes_on_beside_the_others_is_ended_and_finds_no_table_any_more(
    spark: SparkSession, new_run: Callable[[], Run]
) -> None:
    run = new_run()
    staging.create(run.conn, TABLE, run)
    row = random_row(Random(2), 0)
    frame = spark.createDataFrame([as_spark(row)], DDL)
    insert = f"INSERT INTO staging.{TABLE.open_name(run)} (nth) VALUES (9)"

    with closing(connect(run.settings)) as lost, ThreadPoolExecutor(1) as pool:
        begun = pool.submit(written_once_it_can_be, lost, insert)
        assert staging.copy(run.conn, frame, TABLE, run, run.settings) == 1
        assert begun.result()
        with pytest.raises(psycopg2.OperationalError):
            lost.commit()

    with closing(connect(run.settings)) as late, pytest.raises(psycopg2.errors.UndefinedTable):
        late.cursor().execute(insert)
    assert rows_of(run) == [row]


def written_once_it_can_be(conn: Connection, insert: str) -> bool:
    """Without a commit."""
    for _ in range(2_000):
        try:
            conn.cursor().execute(insert)
            return True
        except psycopg2.errors.UndefinedTable:
            conn.rollback()
            time.sleep(0.002)
    return False


def test_a_task_that_fails_leaves_nothing_behind_for_the_next_attempt(
    spark: SparkSession, new_run: Callable[[], Run]
) -> None:
    run = new_run()
    staging.create(run.conn, TABLE, run)
    rows = [as_spark(random_row(Random(n), n)) for n in range(3)]
    broken = [*rows[:2], (*rows[2][:-1], "no json")]
    frame = spark.createDataFrame(broken, DDL)
    one_task = run.settings.model_copy(update={"load_parallelism": 1})
    with pytest.raises(Exception, match="invalid input syntax for type json"):
        staging.copy(run.conn, frame, TABLE, run, one_task)
    assert rows_of(run, TABLE.open_name(run)) == []


def test_at_most_the_set_number_of_tasks_copy_at_once(
    spark: SparkSession, new_run: Callable[[], Run]
) -> None:
    run = new_run()
    staging.create(run.conn, TABLE, run)
    rows = [as_spark(random_row(Random(n), n)) for n in range(20)]
    frame = spark.createDataFrame(rows, DDL).repartition(10)
    limited = run.settings.model_copy(update={"load_parallelism": 3})

    assert staging.copy(run.conn, frame, TABLE, run, limited) == 20

    with run.conn, run.conn.cursor() as cur:
        cur.execute(f"SELECT count(DISTINCT xmin::text) FROM staging.{TABLE.name(run)}")
        assert cur.fetchone() == (3,)


@given(batches=st.lists(st.lists(st.binary(max_size=5))), size=st.integers(1, 40))
def test_a_stream_is_the_rows_one_after_the_other_however_they_are_asked_for(
    batches: list[list[bytes]], size: int
) -> None:
    def slices() -> Iterator[pa.RecordBatch]:
        for rows in batches:
            whole = pa.array([b"before", *rows, b"after"], pa.binary())
            yield pa.RecordBatch.from_arrays([whole.slice(1, len(rows))], ["row"])

    stream = RowStream(slices())
    read = b"".join(iter(lambda: stream.read(size), b""))
    flat = [row for rows in batches for row in rows]
    assert read == b"".join([HEADER, *flat, TRAILER])
    assert stream.rows == len(flat)

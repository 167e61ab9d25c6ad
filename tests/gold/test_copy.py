"""COPY from the executors: what a frame holds arrives in Postgres exactly."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.common.runlog import run_context
from jobs.common.settings import Settings
from jobs.gold import staging
from tests.support.money import in_units

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PROBE = staging.StagingTable(
    "probe",
    (
        ("id", "integer"),
        ("words", "text"),
        ("price", "numeric(12, 4)"),
        ("total", "numeric(18, 4)"),
        ("moment", "timestamptz"),
        ("flag", "boolean"),
        ("big", "bigint"),
    ),
)
SCHEMA = (
    "id int, words string, price bigint, total bigint, moment timestamp, flag boolean, big bigint"
)
# Postgres text holds no NUL, and UTF-8 no lone surrogates; bronze keeps both out.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
ODD = st.sampled_from(
    ["", "NULL", "\\N", "\\.", '"', '""', "a,b", "a\nb", "\r\n", "\r", "'", "{x}", " x ", "\t"]
)


def money(digits: int) -> st.SearchStrategy[Decimal]:
    limit = Decimal(10**digits - 1) / 10_000
    return st.decimals(-limit, limit, places=4)


ROW = st.tuples(
    st.none() | TEXT | ODD,
    st.none() | money(12),
    st.none() | money(18),
    st.none() | st.datetimes(datetime(1900, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)),
    st.none() | st.booleans(),
    st.none() | st.integers(-(2**63), 2**63 - 1),
)


@settings(max_examples=10)
@given(st.lists(ROW, min_size=1, max_size=200))
def test_every_value_arrives_as_it_was(
    spark: SparkSession, gold_settings: Settings, rows: list[tuple[object, ...]]
) -> None:
    numbered = [(n, *row) for n, row in enumerate(rows)]
    handed = [tuple(map(in_units, row)) for row in numbered]
    frame = spark.createDataFrame(handed, SCHEMA).repartition(2)
    columns = ", ".join(PROBE.column_names)

    with run_context(gold_settings, "probe", ("probe",)) as run:
        staging.create(run.conn, PROBE, run)
        count = staging.copy(run.conn, frame, PROBE, run, gold_settings)
        with run.conn, run.conn.cursor() as cur:
            cur.execute(f"SELECT {columns} FROM staging.{PROBE.name(run)} ORDER BY id")
            found = cur.fetchall()
            cur.execute(f"DROP TABLE staging.{PROBE.name(run)}")

    assert count == len(rows)
    assert found == numbered

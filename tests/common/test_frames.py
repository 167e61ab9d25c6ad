"""Rows of the driver become a frame as they are, and no Python worker reads them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from jobs.common.frames import frame_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

SCHEMA = (
    "code string, first date, n int, price decimal(12,4), raw binary, at timestamp, good boolean"
)
ROWS: list[tuple[Any, ...]] = [
    (
        "A1",
        date(1, 1, 1),
        1,
        Decimal("2.5"),
        b"\x00\xff",
        datetime(2011, 1, 5, 9, tzinfo=UTC),
        True,
    ),
    ("", date(9999, 12, 31), -(2**31), Decimal("-99999999.9999"), b"", None, False),
    (None, None, None, None, None, None, None),
]


def told(spark: SparkSession, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    found = frame_of(spark, rows, SCHEMA).collect()
    return [
        (
            *row[:4],
            None if row[4] is None else bytes(row[4]),
            row[5] and row[5].astimezone(UTC),
            row[6],
        )
        for row in found
    ]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_values_are_as_they_were(spark: SparkSession, count: int) -> None:
    rows = ROWS[:count]

    assert told(spark, rows) == rows
    assert frame_of(spark, rows, SCHEMA).dtypes == [
        tuple(field.split(" ")) for field in SCHEMA.split(", ")
    ]


def test_spark_knows_the_rows_before_it_runs(spark: SparkSession) -> None:
    plan = frame_of(spark, ROWS, SCHEMA)._jdf.queryExecution().optimizedPlan()

    assert plan.getClass().getSimpleName() == "LocalRelation"


def test_a_row_of_another_length_is_refused(spark: SparkSession) -> None:
    with pytest.raises(ValueError, match="is shorter than"):
        frame_of(spark, [*ROWS, ("A2",)], SCHEMA)

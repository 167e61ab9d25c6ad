"""A customer in the lake: in bronze and in the daily copy of the star, and in what these were.

Spark and Iceberg keep and log their plans, so a customer is looked for by a digest.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from jobs.bronze.guests import bad_row
from jobs.bronze.redaction import names_one, redacted
from jobs.bronze.transaction_rows import COLUMNS
from jobs.common.contracts import DW_DIM_CUSTOMERS, DW_FACT, TRANSACTIONS_RAW, Table
from jobs.common.frames import frame_of
from jobs.common.history import data_files, forget_history, snapshots, strays
from jobs.common.lake import snapshot_id
from jobs.common.points import effect
from jobs.gold import load_dw

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from jobs.common.archived import Archive

TABLES = (TRANSACTIONS_RAW, DW_DIM_CUSTOMERS, DW_FACT)
NAMES = {
    TRANSACTIONS_RAW: "bronze_rows",
    DW_DIM_CUSTOMERS: "dw_customers",
    DW_FACT: "dw_lines",
}
KEY_DIGITS = 15  # of the digest, as everywhere
PLACE = ("file_sha256", "source_line")
BAD = (*PLACE, *COLUMNS, "problem", "raw_fields", "raw_bytes")


def digest_of(customer: str) -> str:
    """SHA-256 of a customer's number, in hex."""
    return hashlib.sha256(customer.encode()).hexdigest()


def _theirs(table: Table, customer: str) -> Column:
    digest = digest_of(customer)
    if table is DW_FACT:
        return F.col("customer_sk") == int(digest[:KEY_DIGITS], 16)
    return F.sha2(F.col("customer_id").cast("binary"), 256) == digest


def find(spark: SparkSession, customer: str) -> dict[str, int]:
    """How many rows of the tables, as they are, hold the customer."""
    return {
        name: _count(spark.table(table.full_name), table, customer) for table, name in NAMES.items()
    }


def find_in_files(spark: SparkSession, customer: str) -> dict[str, int]:
    """The same of every data file below the tables' locations, whether a state names it or not."""
    found = {}
    for table, name in NAMES.items():
        files = data_files(spark, table)
        rows = spark.read.schema(table.schema).parquet(*files) if files else None
        found[f"{name}_in_files"] = _count(rows, table, customer) if rows else 0
    return found


def find_history(spark: SparkSession) -> dict[str, int]:
    """What the tables keep beside what they are."""
    written = [table for table in TABLES if snapshot_id(spark, table) is not None]
    return {
        "older_snapshots": sum(snapshots(spark, table) - 1 for table in written),
        "stray_files": sum(len(strays(spark, table)) for table in written),
    }


def _count(rows: DataFrame, table: Table, customer: str) -> int:
    named = rows.where(_theirs(table, customer)).count()
    if table is not TRANSACTIONS_RAW:
        return named
    return named + sum(row["customer_id"] is None for row in _bad_rows(rows, customer))


def _bad_rows(rows: DataFrame, customer: str) -> list[dict[str, Any]]:
    """Bad rows of the customer."""
    bad = rows.where("problem IS NOT NULL").select(*BAD).toLocalIterator()
    found = (row.asDict() for row in bad)
    return [row for row in found if names_one(bad_row(row), {customer})]


def files(spark: SparkSession) -> list[str]:
    """Hashes of the files that bronze has."""
    rows = spark.table(TRANSACTIONS_RAW.full_name).select("file_sha256").distinct()
    return [row[0] for row in rows.collect()]


def erase_from_bronze(spark: SparkSession, customer: str) -> None:
    """Make the customer's rows of bronze a guest's, then let go of what bronze was."""
    rows = spark.table(TRANSACTIONS_RAW.full_name)
    bad = _bad_rows(rows, customer)
    if bad:
        _put(spark, bad, customer)
    if rows.where(_theirs(TRANSACTIONS_RAW, customer)).limit(1).count():
        with effect("the erasure of good rows"):
            spark.sql(
                f"UPDATE {TRANSACTIONS_RAW.full_name} SET customer_id = NULL"  # noqa: S608 - a digest
                f" WHERE sha2(CAST(customer_id AS binary), 256) = '{digest_of(customer)}'"
            )
    forget_history(spark, TRANSACTIONS_RAW)


def _put(spark: SparkSession, bad: list[dict[str, Any]], customer: str) -> None:
    clean = [(row, redacted(bad_row(row), {customer})) for row in bad]
    values = [
        (*(row[name] for name in PLACE), new.problem, new.raw_fields, bytes(new.raw_bytes))
        for row, new in clean
    ]
    schema = (
        "file_sha256 string, source_line int, problem string, raw_fields string, raw_bytes binary"
    )
    frame_of(spark, values, schema).createOrReplaceTempView("redacted_rows")
    with effect("the erasure of bad rows"):
        spark.sql(
            f"MERGE INTO {TRANSACTIONS_RAW.full_name} AS t USING redacted_rows AS s"
            " ON t.file_sha256 = s.file_sha256 AND t.source_line = s.source_line"
            " WHEN MATCHED THEN UPDATE SET t.customer_id = NULL, t.problem = s.problem,"
            " t.raw_fields = s.raw_fields, t.raw_bytes = s.raw_bytes"
        )
    spark.catalog.dropTempView("redacted_rows")


def erase_from_archive(spark: SparkSession, kept: Archive, customer: str) -> bool:
    """Make the customer's archived lines a guest's; whether the star holds the customer yet.

    Gold has these lines no more, so the star does not follow it there.
    """
    if not kept:
        return False
    _erase_lines(spark, kept, customer)
    return bool(_count(spark.table(DW_DIM_CUSTOMERS.full_name), DW_DIM_CUSTOMERS, customer))


def _erase_lines(spark: SparkSession, kept: Archive, customer: str) -> None:
    lines = kept.lines(spark)
    theirs = _theirs(DW_FACT, customer)
    found = lines.where(theirs).select("year", "month").distinct().collect()
    months = [date(row[0], row[1], 1) for row in found]
    if not months:
        return
    rows = spark.table(DW_FACT.full_name).where(load_dw.in_months(months))
    key = F.when(theirs, load_dw.GUEST).otherwise(F.col("customer_sk"))
    load_dw.put_months(rows.withColumn("customer_sk", key.cast("bigint")), months)


def forget_star(spark: SparkSession) -> None:
    """Let go of what the copy of the star was."""
    for table in (DW_DIM_CUSTOMERS, DW_FACT):
        forget_history(spark, table)

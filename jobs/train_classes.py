"""What a driver does while Java notes its classes: a little of all that jobs do.

    spark-submit jobs/train_classes.py DIRECTORY

Writes to a catalogue of its own in the directory, never to the lake. Nothing depends on what is
left out here: its classes are read from the jars.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import Window
from pyspark.sql import functions as F

from jobs.bronze import data_files
from jobs.common.contracts import Column, Table
from jobs.common.frames import frame_of
from jobs.common.lake import create_table
from jobs.common.session import CATALOG, get_session
from jobs.common.settings import get_settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

LINES = Table(
    "training.shop",
    "lines",
    "One row a line",
    (
        Column("code", "string", "What"),
        Column("units", "int", "How many"),
        Column("sold", "timestamp", "When"),
        Column("price", "decimal(12,4)", "At what price"),
    ),
    ("code", "sold"),
    ("months(sold)",),
    (("format-version", "2"), ("write.spark.fanout.enabled", "true")),
)
VERSIONS = "training.shop.versions"


def _catalogue(spark: SparkSession, directory: Path) -> None:
    spark.conf.set("spark.sql.catalog.training", "org.apache.iceberg.spark.SparkCatalog")
    spark.conf.set("spark.sql.catalog.training.type", "hadoop")
    spark.conf.set("spark.sql.catalog.training.warehouse", directory.as_uri())
    spark.sql(create_table(LINES).rstrip(";\n"))
    spark.sql(
        f"CREATE TABLE {VERSIONS} (code string, price decimal(12, 4), first date, last date)"
        " USING iceberg TBLPROPERTIES ('format-version' = '2')"
    )


def _parsed(spark: SparkSession, directory: Path) -> DataFrame:
    """Rows out of a file's bytes by way of Python, as ingestions make them."""
    file = directory / "some.csv"
    file.write_text("".join(f"P{n % 7},{n},2011-0{n % 3 + 1}-02 10:00:00\n" for n in range(100)))

    def rows(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for batch in batches:
            for content in batch.column(1):
                fields = [line.split(",") for line in content.as_py().decode().splitlines()]
                columns = dict(
                    zip(("code", "units", "sold"), zip(*fields, strict=True), strict=True)
                )
                yield pa.RecordBatch.from_pydict({k: pa.array(v) for k, v in columns.items()})

    raw = spark.read.format("binaryFile").load(str(file)).select("path", "content")
    raw.select(F.sha2("content", 256), F.substring_index("path", "/", -1)).collect()
    return raw.mapInArrow(rows, "code string, units string, sold string").select(
        "code",
        F.col("units").cast("int"),
        F.col("sold").cast("timestamp"),
        F.lit("1.2500").cast("decimal(12,4)").alias("price"),
    )


def _history(spark: SparkSession) -> None:
    """A merge into versions, and the windows that versions come from."""
    lines = spark.table(LINES.full_name).withColumn("day", F.to_date("sold"))
    by_day = Window.partitionBy("code").orderBy("day")
    versions = (
        lines.groupBy("code", "day")
        .agg(F.max("price").alias("price"))
        .select(
            "code", "price", F.col("day").alias("first"), F.lead("day").over(by_day).alias("last")
        )
    )
    versions.localCheckpoint().writeTo(VERSIONS).append()
    changed = versions.where("last IS NULL").withColumn("last", F.lit(date(2012, 1, 1)))
    same = (F.col("versions.code") == F.col("s.code")) & (
        F.col("versions.first") == F.col("s.first")
    )
    (
        changed.localCheckpoint()
        .alias("s")
        .mergeInto(VERSIONS, same)
        .whenMatched()
        .update({"last": F.col("s.last")})
        .whenNotMatched()
        .insertAll()
        .merge()
    )


def _as_of(spark: SparkSession) -> None:
    """Lines since a snapshot, priced by exploded versions, by way of Python again."""
    snapshots = spark.table(f"{LINES.full_name}.snapshots").orderBy("committed_at").collect()
    since = spark.read.format("iceberg").option("start-snapshot-id", snapshots[0].snapshot_id)
    new = since.load(LINES.full_name)
    days = F.explode(F.sequence("first", F.coalesce("last", "first"))).alias("day")
    prices = spark.table(VERSIONS).select("code", "price", days)
    names = F.broadcast(frame_of(spark, [("P1", 1), ("P2", 2)], "code string, name int"))
    lines = new.drop("price").withColumn("day", F.to_date("sold"))
    priced = lines.join(prices, ["code", "day"], how="left").join(names, "code", how="left")
    keyed = priced.withColumns(
        {
            "key": F.unhex(F.substring(F.sha2(F.col("code").cast("binary"), 256), 1, 15)),
            "total": F.try_multiply(F.col("units").cast("decimal(10,0)"), F.col("price")),
            "raw": F.to_json(F.struct("code", "units")),
            "rules": F.concat_ws(",", F.when(F.col("name").isNull(), F.lit("unknown"))),
        }
    )
    staged = keyed.coalesce(2).mapInArrow(lambda batches: batches, keyed.schema)
    staged.distinct().count()
    prices.exceptAll(prices).collect()


def main(directory: Path) -> None:
    """Do it."""
    spark = get_session("train_classes", get_settings())
    spark.sql("SHOW DATABASES").collect()
    spark.catalog.tableExists(f"{CATALOG}.default.none")
    _catalogue(spark, directory)
    lines = _parsed(spark, directory)
    lines.writeTo(LINES.full_name).append()
    if target := data_files.target_of(spark, LINES):
        written = data_files.write_by_driver(spark, lines.toArrow(), target)
        data_files.commit(spark, LINES, written)
    _history(spark)
    _as_of(spark)
    spark.table(VERSIONS).coalesce(1).writeTo(VERSIONS).overwrite(F.lit(True))
    spark.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""What an Iceberg table keeps of what it was: older snapshots, and files that no one names.

A row that was rewritten is still in the files of older snapshots, its values in the bounds that
manifests keep of files that went, and files that a killed writer left are named by nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from jobs.common.lake import iceberg_table, our_words, written_by
from jobs.common.points import effect

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.common.contracts import Table


def snapshots(spark: SparkSession, table: Table) -> int:
    """How many states of the table can be read."""
    return sum(1 for _ in iceberg_table(spark, table).snapshots())


def forget_history(spark: SparkSession, table: Table) -> int:
    """Keep the table as it is, and nothing of what it was. Returns how many files went.

    Nobody else may write the table meanwhile: what a writer has not committed is a stray file.
    """
    if iceberg_table(spark, table).currentSnapshot() is None:
        return 0
    before = len(_files_below(spark, table))
    if _names_lost_files(iceberg_table(spark, table)):
        words = our_words(written_by(spark, table))
        _rewrite_manifests(spark, iceberg_table(spark, table), words)
    if snapshots(spark, table) > 1:
        _expire(iceberg_table(spark, table))
    io = iceberg_table(spark, table).io()
    for path in strays(spark, table):
        with effect("the removal of a stray file"):
            io.deleteFile(path)
    spark.catalog.refreshTable(table.full_name)
    return before - len(_files_below(spark, table))


def _names_lost_files(table: Any) -> bool:
    """Whether manifests of the current state still tell of files that it no longer has."""
    manifests = table.currentSnapshot().allManifests(table.io())
    return any(manifest.deletedFilesCount() != 0 for manifest in manifests)


def _expire(table: Any) -> None:
    moment = int(time.time() * 1000) + 1
    expiry = table.expireSnapshots().expireOlderThan(moment).retainLast(1)
    with effect("the end of a history"):
        expiry.cleanExpiredFiles(True).commit()


def _rewrite_manifests(spark: SparkSession, table: Any, words: dict[str, str]) -> None:
    """Manifests of the files that are there, without those that went; our words are kept."""
    jvm: Any = spark._jvm
    # A map with a default is the one function of Scala's that says the same of everything.
    together = jvm.scala.Predef.Map().empty().withDefaultValue("all")
    as_java = jvm.scala.jdk.javaapi.FunctionConverters.asJavaFunction
    rewrite = table.rewriteManifests().clusterBy(as_java(together))
    for name, value in words.items():
        rewrite.set(name, value)
    with effect("the forgetting of lost files"):
        rewrite.commit()


def strays(spark: SparkSession, table: Table) -> list[str]:
    """Files below the table's location that its current state does not name."""
    named = {urlparse(place).path for place in _named(spark, table)}
    return [place for place in _files_below(spark, table) if urlparse(place).path not in named]


def data_files(spark: SparkSession, table: Table) -> list[str]:
    """All data files below the table's location, named by its state or not."""
    return [place for place in _files_below(spark, table) if place.endswith(".parquet")]


def _named(spark: SparkSession, table: Table) -> set[str]:
    jvm: Any = spark._jvm
    iceberg = iceberg_table(spark, table)
    util = jvm.org.apache.iceberg.ReachableFileUtil
    found = set(map(str, util.metadataFileLocations(iceberg, False)))
    found.add(str(util.versionHintLocation(iceberg)))
    now = iceberg.currentSnapshot()
    found.add(str(now.manifestListLocation()))
    found |= {str(manifest.path()) for manifest in now.allManifests(iceberg.io())}
    tasks = iceberg.newScan().planFiles().iterator()
    while tasks.hasNext():
        found.add(str(tasks.next().file().location()))
    return found


def _files_below(spark: SparkSession, table: Table) -> list[str]:
    jvm: Any = spark._jvm
    path = jvm.org.apache.hadoop.fs.Path(str(iceberg_table(spark, table).location()))
    system = path.getFileSystem(spark._jsc.hadoopConfiguration())
    if not system.exists(path):
        return []
    found, listed = [], system.listFiles(path, True)
    while listed.hasNext():
        found.append(str(listed.next().getPath()))
    return sorted(found)

"""The lake's part of a backup: whole tables, and the paths in their metadata.

An Iceberg table names all of its files by absolute path. A table that comes back elsewhere
gets metadata that names the new place; snapshot ids stay, and data files are copied as they
are. Iceberg's procedure `rewrite_table_path` does the same for a table that can be loaded
where it is; what it is made of does it for files that lie anywhere (docs/adr/0019).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.backup.files import Files, each
from jobs.backup.manifest import LakeTable
from jobs.common.contracts import BRONZE_TABLES, DW_TABLES, Table
from jobs.common.errors import UsageError
from jobs.common.lake import metadata_file, snapshot_id
from jobs.common.points import effect

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TABLES = BRONZE_TABLES + DW_TABLES
PATH_FIELD = 0  # of a manifest file's record
DATA = 0  # the content of a manifest without delete files


def describe(spark: SparkSession) -> dict[str, LakeTable]:
    """The lake's tables as they are now; none before the first run of a job."""
    return {
        table.full_name: LakeTable(*metadata_file(spark, table), snapshot_id(spark, table))
        for table in TABLES
        if spark.catalog.tableExists(table.full_name)
    }


def refuse_used(spark: SparkSession, files: Files, lake: str) -> None:
    """Raise when a table holds anything, or files lie where one is to be.

    Raises:
        UsageError: the lake is not empty.
    """
    for table in TABLES:
        where = f"{lake}/{table.full_name.replace('.', '.db/')}"
        if spark.catalog.tableExists(table.full_name):
            used = snapshot_id(spark, table) is not None
        else:
            used = bool(files.names(where))
        if used:
            raise UsageError(
                f"the lake is not empty: {table.full_name}",
                where=where,
                do="restore into a home that is new, or run scripts/run_reset.sh first",
            )


def restore(spark: SparkSession, files: Files, table: Table, held: str, was: LakeTable) -> None:
    """Put a table's files in the place of an empty one, and register them."""
    new, _ = metadata_file(spark, table)
    with effect("the drop of an empty table"):
        spark.sql(f"DROP TABLE {table.full_name} PURGE")
    with effect("the files of a table that comes back"):
        rewritten = set() if new == was.location else _Move(spark, held, was, new).metadata()
        rest = [name for name in files.names(held) if name not in rewritten]
        for _ in each(lambda name: files.copy(f"{held}/{name}", f"{new}/{name}"), rest):
            pass
    with effect("the return of a table"):
        spark.sql(
            "CALL spark_catalog.system.register_table(table => :name, metadata_file => :file)",
            {"name": table.full_name, "file": f"{new}/{was.metadata_name}"},
        )
    if snapshot_id(spark, table) != was.snapshot_id:
        raise RuntimeError(f"{table.full_name} came back at another snapshot")


class _Move:
    """One table's metadata, from the files in `held`, which name `old`, to the place `new`."""

    def __init__(self, spark: SparkSession, held: str, was: LakeTable, new: str) -> None:
        jvm: Any = spark._jvm
        iceberg = jvm.org.apache.iceberg
        self._no_ids = jvm.java.util.HashSet()  # would say what a copy by Iceberg includes
        self._result = getattr(iceberg, "RewriteTablePathUtil$RewriteResult")
        self._paths = iceberg.RewriteTablePathUtil
        self._parser = iceberg.TableMetadataParser
        self._io = iceberg.hadoop.HadoopFileIO(spark._jsc.hadoopConfiguration())
        self._held, self._old, self._new = held, was.location, new
        self._written: set[str] = set()
        self._current = self._parser.read(self._io, f"{held}/{was.metadata_name}")
        self._name = was.metadata_name

    def metadata(self) -> set[str]:
        """Write all metadata that names files; the names of what was written."""
        here = self._paths.replacePaths(self._current, self._old, self._held)
        manifests = {m.path(): m for s in here.snapshots() for m in s.allManifests(self._io)}
        lengths = self._result()
        for path, manifest in manifests.items():
            lengths.addRewrittenManifestLength(path, self._manifest(manifest.copy(), path))
        for snapshot in here.snapshots():
            self._manifest_list(snapshot, lengths.rewrittenManifestLengths())
        older = [self._relative(entry.file()) for entry in self._current.previousFiles()]
        for name in [*older, self._name]:
            self._metadata_file(name)
        return self._written

    def _relative(self, path: str, root: str = "") -> str:
        return str(self._paths.relativize(path, root or self._old))

    def _out(self, name: str) -> Any:
        self._written.add(name)
        return self._io.newOutputFile(f"{self._new}/{name}")

    def _manifest(self, manifest: Any, path: str) -> int:
        """Write a manifest with new paths; its bytes."""
        if manifest.content().id() != DATA:
            raise UsageError(
                "the table has delete files, which no job of ours writes",
                where=path,
                do="restore it to its old place, or rewrite its data files before the backup",
            )
        name = self._relative(path)
        manifest.set(PATH_FIELD, f"{self._held}/{name}")
        specs = self._current.specsById()
        version = self._current.formatVersion()
        done = self._paths.rewriteDataManifest(
            *(manifest, self._no_ids, self._out(name), self._io, version, specs),
            *(self._old, self._new),
        )
        return int(done.rewrittenManifestLengths()[manifest.path()])

    def _manifest_list(self, snapshot: Any, lengths: Any) -> None:
        name = self._relative(snapshot.manifestListLocation(), self._held)
        self._written.add(name)
        self._paths.rewriteManifestList(
            *(snapshot, self._io, self._current, lengths, self._old, self._new),
            *(f"{self._new}/", f"{self._new}/{name}"),
        )

    def _metadata_file(self, name: str) -> None:
        """Write a metadata file with new paths; older ones may be gone by now."""
        source = self._io.newInputFile(f"{self._held}/{name}")
        if source.exists():
            read = self._parser.read(source)
            moved = self._paths.replacePaths(read, self._old, self._new)
            self._parser.write(moved, self._out(name))

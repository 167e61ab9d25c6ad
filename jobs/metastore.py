"""The lake from outside of Spark SQL: the metastore's own entries, and the files below LAKE_URI.

Spark refuses to drop an Iceberg table whose metadata file is gone; the metastore does not look.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.common.contracts import BRONZE, DW

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

OURS = (BRONZE, DW)
OUTSIDE = " (outside of LAKE_URI: its files stay)"


@dataclass(frozen=True)
class LakeTable:
    """A table that the metastore knows; the remark says what is odd about where it lies."""

    database: str
    table: str
    location: str
    remark: str = ""
    is_lost: bool = False

    @property
    def name(self) -> str:
        """`database.table`."""
        return f"{self.database}.{self.table}"


class LakeFiles:
    """The files below the lake's URI, on any Hadoop file system."""

    def __init__(self, spark: SparkSession, uri: str) -> None:
        jvm: Any = spark._jvm
        self._path = jvm.org.apache.hadoop.fs.Path
        self._conf = spark._jsc.hadoopConfiguration()
        self._fs = self._path(uri).getFileSystem(self._conf)
        self.root = self.plain(uri)

    def plain(self, uri: str) -> str:
        """A URI as the file system writes it, so that two can be compared."""
        return str(self._fs.makeQualified(self._path(uri)).toString())

    def holds(self, uri: str) -> bool:
        """Whether a location is below the lake's."""
        path = self._path(uri)
        scheme = path.toUri().getScheme()
        if scheme is not None and scheme != self._fs.getUri().getScheme():
            return False
        return str(path.toUri().getPath()).startswith(f"{self._path(self.root).toUri().getPath()}/")

    def exists(self, uri: str) -> bool:
        """Whether something lies there, on whatever file system."""
        path = self._path(uri)
        return bool(path.getFileSystem(self._conf).exists(path))

    def files(self) -> list[tuple[str, int]]:
        """Path and bytes of every file, in order."""
        root = self._path(self.root)
        if not self._fs.exists(root):
            return []
        found = []
        each = self._fs.listFiles(root, True)
        while each.hasNext():
            status = each.next()
            found.append((str(status.getPath().toString()), int(status.getLen())))
        return sorted(found)

    def by_path(self, files: list[tuple[str, int]]) -> dict[str, tuple[int, int]]:
        """Number and bytes of the files by directory of a table: `<lake>/<database>/<table>`."""
        sizes: dict[str, list[int]] = defaultdict(list)
        for path, size in files:
            parts = path[len(self.root) + 1 :].split("/")
            sizes["/".join([self.root, *parts[:-1][:2]])].append(size)
        return {path: (len(each), sum(each)) for path, each in sorted(sizes.items())}

    def remove_all(self) -> None:
        """Remove everything below the root; the root stays, for its owner and rights."""
        root = self._path(self.root)
        for status in self._fs.listStatus(root) if self._fs.exists(root) else ():
            self._fs.delete(status.getPath(), True)


class Metastore:
    """The metastore's client, as Spark itself uses it."""

    def __init__(self, spark: SparkSession) -> None:
        jvm: Any = spark._jvm
        hive = jvm.org.apache.hadoop.hive
        kind = jvm.java.lang.Class.forName("org.apache.hadoop.hive.conf.HiveConf")
        conf = hive.conf.HiveConf(spark._jsc.hadoopConfiguration(), kind)
        # Dropping a database opens a pool of connections; the default one is not in Spark's jars.
        conf.set("datanucleus.connectionPoolingType", "NONE")
        self._client = hive.metastore.HiveMetaStoreClient(conf)

    def databases(self) -> list[str]:
        """Those of ours that are there."""
        return sorted(set(OURS) & set(self._client.getAllDatabases()))

    def tables(self, lake: LakeFiles) -> list[LakeTable]:
        """The tables of our databases, and whatever else lies below the lake's URI."""
        found = []
        for database in sorted(self._client.getAllDatabases()):
            for name in sorted(self._client.getAllTables(database)):
                entry = self._client.getTable(database, name)
                location = str(entry.getSd().getLocation() or "")
                if database in OURS or lake.holds(location):
                    if not lake.holds(location):  # nor is its file system asked: it may be gone
                        found.append(LakeTable(database, name, location, OUTSIDE))
                        continue
                    lost = _lost(entry, location, lake)
                    found.append(LakeTable(database, name, lake.plain(location), lost, bool(lost)))
        return found

    def drop_table(self, table: LakeTable) -> None:
        """Forget a table, whatever became of its files; they are left alone."""
        self._client.dropTable(table.database, table.table, False, True)

    def drop_database(self, name: str) -> None:
        """Forget an empty database."""
        self._client.dropDatabase(name, False, True)


def _lost(entry: Any, location: str, lake: LakeFiles) -> str:
    """What of a table is gone, in words; nothing for one that is whole."""
    if not lake.exists(location):
        return " (its location is gone)"
    metadata = entry.getParameters().get("metadata_location")
    return " (its metadata file is gone)" if metadata and not lake.exists(metadata) else ""

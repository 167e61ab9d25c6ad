"""Files on any Hadoop file system: listed, copied and hashed where the JVM has them.

A place is a URI, as everywhere in the warehouse; names below it are relative, with slashes.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from jobs.common.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.common.settings import Settings

AT_ONCE = 8
PRIVATE = "700"
T = TypeVar("T")
R = TypeVar("R")


class Found(NamedTuple):
    """What is known of a file: bytes, and their SHA-256 in hex."""

    size: int
    sha256: str


def as_uri(place: str) -> str:
    """A directory that a person names: a path of this machine, or any file system's URI."""
    return place.rstrip("/") if "://" in place else f"file://{Path(place).expanduser().resolve()}"


def each(call: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Call for several items at once; results in the order of the items."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(call, items)


@contextmanager
def scratch(settings: Settings, job: str) -> Iterator[Path]:
    """A directory of the home for a dump; those that killed runs left, with gold in them, go."""
    prefix = f".scratch-{job}-"
    for left in settings.home.glob(f"{prefix}*"):
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=settings.home) as folder:
        yield Path(folder)


class Files:
    """The file systems that Spark's configuration knows."""

    def __init__(self, spark: SparkSession) -> None:
        jvm: Any = spark._jvm
        self._jvm = jvm
        self._conf = spark._jsc.hadoopConfiguration()

    def _at(self, uri: str) -> tuple[Any, Any]:
        """File system and path of a URI."""
        path = self._jvm.org.apache.hadoop.fs.Path(uri)
        system = path.getFileSystem(self._conf)
        system.setWriteChecksum(False)
        return system, path

    def names(self, root: str) -> dict[str, int]:
        """Every file below a directory, with its bytes; none when the directory is not there."""
        system, path = self._at(root)
        if not system.exists(path):
            return {}
        start = len(path.toUri().getPath().rstrip("/")) + 1
        found = {}
        statuses = system.listFiles(path, True)
        while statuses.hasNext():
            status = statuses.next()
            found[str(status.getPath().toUri().getPath())[start:]] = int(status.getLen())
        return dict(sorted(found.items()))

    def make_directory(self, uri: str) -> None:
        """Make a directory that only its owner reads, and what is missing above it."""
        system, path = self._at(uri)
        system.mkdirs(path)
        permission = self._jvm.org.apache.hadoop.fs.permission.FsPermission
        system.setPermission(path, permission(PRIVATE))

    def copy(self, source: str, target: str) -> Found:
        """Copy a file to where none is; size and hash are of the bytes on the way."""
        system, path = self._at(target)
        system.mkdirs(path.getParent())
        return self._pour(source, system.create(path, False))

    def look(self, uri: str) -> Found:
        """Read a file for its size and hash."""
        return self._pour(uri, self._jvm.java.io.OutputStream.nullOutputStream())

    def _pour(self, source: str, out: Any) -> Found:
        system, path = self._at(source)
        digest = self._jvm.java.security.MessageDigest.getInstance("SHA-256")
        read = self._jvm.java.security.DigestInputStream(system.open(path), digest)
        size = system.getFileStatus(path).getLen()
        self._jvm.org.apache.hadoop.io.IOUtils.copyBytes(read, out, self._conf, True)
        return Found(int(size), bytes(digest.digest()).hex())

    def read_text(self, uri: str) -> str:
        """A small file's text.

        Raises:
            UsageError: there is no such file.
        """
        system, path = self._at(uri)
        if not system.exists(path):
            raise UsageError("there is no such file", where=uri)
        read = system.open(path)
        try:
            return bytes(read.readAllBytes()).decode("utf-8")
        finally:
            read.close()

    def write_text(self, uri: str, text: str) -> None:
        """Write a file aside, then give it its name: it shows whole or not at all."""
        system, path = self._at(uri)
        aside = self._jvm.org.apache.hadoop.fs.Path(f"{uri}.tmp")
        out = system.create(aside, True)
        try:
            out.write(bytearray(text, "utf-8"))
        finally:
            out.close()
        if not system.rename(aside, path):
            raise OSError(f"cannot rename {aside} to {path}")

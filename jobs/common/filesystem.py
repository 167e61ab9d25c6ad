"""A directory's files, listed and moved: of this machine by Python, else by Hadoop.

Each call through Hadoop crosses to the JVM and maybe a network; Python's own takes microseconds.
A path of this machine is one everywhere: executors elsewhere read it from a shared mount.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

AT_ONCE = 8

Kind = Literal["file", "link", "directory", "other"]


class Entry(NamedTuple):
    """What a listing tells: size in bytes, last change in milliseconds. Links are not followed."""

    name: str
    size: int
    modified: int
    kind: Kind


class FileSystem(Protocol):
    """What `landing/` needs of a file system; places are URIs."""

    def entries(self, directory: str) -> list[Entry]:
        """What is in a directory; nothing when it is not there."""

    def make_directory(self, directory: str) -> None:
        """Make it, and what is missing above it; harmless when it is there."""

    def move(self, source: str, target: str) -> bool:
        """Rename a file; false when the target is there, and nothing is done.

        Raises:
            OSError: it can't be done.
        """

    def delete(self, place: str) -> None:
        """Delete a file, when it is there."""

    def write(self, place: str, text: str) -> None:
        """Write a small file."""

    def read(self, place: str) -> bytes:
        """A file's bytes."""

    def replace(self, place: str, content: bytes) -> None:
        """Put other bytes in a file's place, at once; the time of its last change stays."""

    def each(self, call: Callable[[Any], object], items: Iterable[Any]) -> None:
        """Call for every item, as many at once as serve."""


def is_local(uri: str) -> bool:
    """Whether it names a path of this machine."""
    return uri.startswith("file:/")


def local_path(uri: str) -> Path:
    """The path that a `file:` URI names; like Hadoop, we take no character for an escape."""
    return Path("/" + uri.removeprefix("file:").lstrip("/"))


def file_system(spark: SparkSession, uri: str) -> FileSystem:
    """The file system that a URI is of."""
    return LocalFiles() if is_local(uri) else HadoopFiles(spark, uri)


class LocalFiles:
    """This machine's files."""

    def entries(self, directory: str) -> list[Entry]:
        path = local_path(directory)
        if not path.is_dir():
            return []
        with os.scandir(path) as found:
            return [entry for each in found if (entry := _entry(each))]

    def make_directory(self, directory: str) -> None:
        local_path(directory).mkdir(parents=True, exist_ok=True)

    def move(self, source: str, target: str) -> bool:
        if os.path.lexists(local_path(target)):
            return False
        local_path(source).rename(local_path(target))
        return True

    def delete(self, place: str) -> None:
        local_path(place).unlink(missing_ok=True)

    def write(self, place: str, text: str) -> None:
        local_path(place).write_text(text, encoding="utf-8")

    def read(self, place: str) -> bytes:
        return local_path(place).read_bytes()

    def replace(self, place: str, content: bytes) -> None:
        path = local_path(place)
        aside = path.with_name(f".{path.name}.tmp")
        aside.write_bytes(content)
        shutil.copystat(path, aside)
        aside.replace(path)

    def each(self, call: Callable[[Any], object], items: Iterable[Any]) -> None:
        for item in items:
            call(item)


def _entry(found: os.DirEntry[str]) -> Entry | None:
    try:
        status = found.stat(follow_symlinks=False)
    except FileNotFoundError:  # it went away since
        return None
    modified = status.st_mtime_ns // 1_000_000
    return Entry(found.name, status.st_size, modified, _kind(status.st_mode))


def _kind(mode: int) -> Kind:
    if stat.S_ISLNK(mode):
        return "link"
    if stat.S_ISDIR(mode):
        return "directory"
    return "file" if stat.S_ISREG(mode) else "other"


def _kind_of(status: Any) -> Kind:
    if status.isSymlink():
        return "link"
    return "directory" if status.isDirectory() else "file"


class HadoopFiles:
    """The file system of a URI, as Spark's configuration knows it."""

    def __init__(self, spark: SparkSession, uri: str) -> None:
        jvm: Any = spark._jvm
        self._jvm = jvm
        self._gateway: Any = spark.sparkContext._gateway
        self._path = jvm.org.apache.hadoop.fs.Path
        self._conf = spark._jsc.hadoopConfiguration()
        self._fs = self._path(uri).getFileSystem(self._conf)

    def entries(self, directory: str) -> list[Entry]:
        path = self._path(directory)
        if not self._fs.exists(path):
            return []
        return [
            Entry(
                *(status.getPath().getName(), int(status.getLen())),
                *(int(status.getModificationTime()), _kind_of(status)),
            )
            for status in self._fs.listStatus(path)
        ]

    def make_directory(self, directory: str) -> None:
        self._fs.mkdirs(self._path(directory))

    def move(self, source: str, target: str) -> bool:
        from py4j.protocol import Py4JJavaError

        try:  # no file system renames a file onto another: asking first would be a second call
            if self._fs.rename(self._path(source), self._path(target)):
                return True
        except Py4JJavaError:
            if not self._fs.exists(self._path(target)):
                raise
        if self._fs.exists(self._path(target)):
            return False
        raise OSError(f"cannot move {source} to {target}")

    def delete(self, place: str) -> None:
        self._fs.delete(self._path(place), False)

    def write(self, place: str, text: str) -> None:
        self.put(place, text.encode())

    def put(self, place: str, content: bytes) -> None:
        """Make a file."""
        out = self._fs.create(self._path(place), True)
        try:
            out.write(bytearray(content))
        finally:
            out.close()

    def read(self, place: str) -> bytes:
        stream = self._fs.open(self._path(place))
        try:
            return bytes(stream.readAllBytes())
        finally:
            stream.close()

    def replace(self, place: str, content: bytes) -> None:
        path = self._path(place)
        aside = self._path(path.getParent(), f".{path.getName()}.tmp")
        modified = self._fs.getFileStatus(path).getModificationTime()
        self.put(str(aside), content)
        self._fs.setTimes(aside, modified, -1)
        self._rename_over(aside, path)

    def _rename_over(self, source: Any, target: Any) -> None:
        """Only a file context renames onto what is there."""
        rename = self._jvm.org.apache.hadoop.fs.Options.Rename
        options = self._gateway.new_array(rename, 1)
        options[0] = rename.OVERWRITE
        context = self._jvm.org.apache.hadoop.fs.FileContext
        context.getFileContext(self._fs.getUri(), self._conf).rename(source, target, options)

    def each(self, call: Callable[[Any], object], items: Iterable[Any]) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in pool.map(call, items):
                pass

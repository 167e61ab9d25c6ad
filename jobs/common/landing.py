"""`landing/` on any Hadoop file system: what waits there, and where it goes afterwards."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal

from pyspark.sql import functions as F

from jobs.common.dates import EVERY_DAY, Dates

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Dataset = Literal["transactions", "products", "countries"]

_NAMES = {
    "transactions": re.compile(r"transactions_(\d{8}T\d{4})\.csv"),
    "products": re.compile(r"products_(\d{8})\.csv"),
    "countries": re.compile(r"countries_(\d{8})\.csv"),
}
_STAMPS = {"transactions": "%Y%m%dT%H%M", "products": "%Y%m%d", "countries": "%Y%m%d"}
_CAME_AS = re.compile(r"(?<=\.csv)\.[0-9a-f]{12}$")
WINDOW_HOURS = 4
HEAD_BYTES = 65536
EMPTY_SHA256 = hashlib.sha256().hexdigest()


@dataclass(frozen=True)
class LandingFile:
    """A whole file that waits.

    `stamp` is the start of its window or its date (UTC), `head` its first line.
    """

    name: str
    uri: str
    size: int
    stamp: datetime
    sha256: str = ""
    head: bytes = b""

    @property
    def day(self) -> date:
        """The logical date: of a transactions file, that of its window's start."""
        return self.stamp.date()

    @property
    def place(self) -> str:
        """The name under which it lies; in `done/` it may end in the file's hash."""
        return self.uri.rsplit("/", 1)[-1]


def is_in_progress(name: str) -> bool:
    """Whether a name says that the file is not there yet."""
    return name.startswith((".", "_")) or name.endswith((".tmp", ".part", "._COPYING_"))


def parse_stamp(dataset: Dataset, name: str) -> datetime | None:
    """The moment that a file's name states; None when the name is of another form."""
    match = _NAMES[dataset].fullmatch(name)
    if match is None:
        return None
    try:
        stamp = datetime.strptime(match[1], _STAMPS[dataset]).replace(tzinfo=UTC)
    except ValueError:
        return None
    on_window = stamp.minute == 0 and stamp.hour % WINDOW_HOURS == 0
    return stamp if on_window or dataset != "transactions" else None


class Landing:
    """The landing directory of one dataset."""

    def __init__(self, spark: SparkSession, root: str, dataset: Dataset) -> None:
        jvm: Any = spark._jvm
        self._spark = spark
        self._path = jvm.org.apache.hadoop.fs.Path
        self.dataset: Dataset = dataset
        self.root = root
        self.uri = f"{root}/{dataset}"
        conf = spark._jsc.hadoopConfiguration()
        self._fs = self._path(self.uri).getFileSystem(conf)
        self._fs.setWriteChecksum(False)
        self._options = jvm.org.apache.hadoop.fs.Options.Rename

    def waiting(self, within: Dates = EVERY_DAY) -> tuple[list[LandingFile], list[str]]:
        """Files of these dates that wait, oldest stamp first, with their hashes.

        And, whatever the dates, names of no known form.
        """
        files, strangers = [], []
        directory = self._path(self.uri)
        if not self._fs.exists(directory):
            return [], []
        for status in self._fs.listStatus(directory):
            name = status.getPath().getName()
            if is_in_progress(name):
                continue
            stamp = parse_stamp(self.dataset, name)
            if stamp is None or not status.isFile():
                strangers.append(name)
                continue
            if stamp.date() in within:
                files.append(LandingFile(name, str(status.getPath()), int(status.getLen()), stamp))
        hashed = sorted(self.with_hashes(files), key=lambda f: (f.stamp, f.name))
        return hashed, sorted(strangers)

    def _read(self, uris: list[str]) -> dict[str, tuple[str, bytes]]:
        """Hash and first line of files, by the name under which they lie."""
        content = self._spark.read.format("binaryFile").load(uris)
        first = F.decode(F.substring("content", 1, HEAD_BYTES), "ISO-8859-1")
        rows = content.select(
            F.element_at(F.split("path", "/"), -1),
            F.sha2("content", 256),
            F.substring_index(first, "\n", 1),
        ).collect()
        return {row[0]: (row[1], (row[2] or "").encode("latin-1")) for row in rows}

    def done(self, file: LandingFile) -> None:
        """Move a file whose rows are committed (or were before) out of the way."""
        self._move(file, "done")

    def reject(self, file: LandingFile, reason: str) -> None:
        """Move a refused file aside, with the reason beside it."""
        target = self._move(file, "rejected")
        out = self._fs.create(self._path(f"{target}.reason"), True)
        try:
            out.write(bytearray(f"{reason}\n", "utf-8"))
        finally:
            out.close()

    def taken(self, within: Dates) -> list[LandingFile]:
        """Files of these dates in `done/`, oldest stamp first, of one name the first that came.

        Their names are those they came with: a file whose name was taken lies there under one
        that ends in its hash.
        """
        directory = self._path(f"{self.root}/done/{self.dataset}")
        found = []
        for status in self._fs.listStatus(directory) if self._fs.exists(directory) else ():
            uri = str(status.getPath())
            name = _CAME_AS.sub("", status.getPath().getName())
            stamp = parse_stamp(self.dataset, name)
            if stamp is not None and stamp.date() in within:
                file = LandingFile(name, uri, int(status.getLen()), stamp)
                found.append((file.stamp, name, int(status.getModificationTime()), file))
        return [file for *_, file in sorted(found, key=lambda each: each[:3])]

    def put_back(self, file: LandingFile) -> bool:
        """Move a file from `done/` back to where it came; not onto another that waits there."""
        target = self._path(f"{self.uri}/{file.name}")
        self._fs.mkdirs(target.getParent())
        if self._fs.exists(target):
            return False
        return bool(self._fs.rename(self._path(file.uri), target))

    def with_hashes(self, files: list[LandingFile]) -> list[LandingFile]:
        """The files with their hashes and first lines; without those that went away."""
        found = {f.place: (EMPTY_SHA256, b"") for f in files if not f.size}  # Spark reads none
        if uris := [f.uri for f in files if f.size]:
            found |= self._read(uris)
        return [
            replace(f, sha256=found[f.place][0], head=found[f.place][1])
            for f in files
            if f.place in found  # else it went away since the listing
        ]

    def _move(self, file: LandingFile, where: str) -> str:
        directory = f"{self.root}/{where}/{self.dataset}"
        self._fs.mkdirs(self._path(directory))
        target = f"{directory}/{file.name}"
        if self._fs.exists(self._path(target)):
            target = f"{directory}/{file.name}.{file.sha256[:12]}"
            self._fs.delete(self._path(target), False)
        if not self._fs.rename(self._path(file.uri), self._path(target)):
            raise OSError(f"cannot move {file.uri} to {target}")
        return target

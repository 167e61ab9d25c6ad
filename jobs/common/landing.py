"""`landing/` on any Hadoop file system: what waits there, and where it goes afterwards."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Literal

from pyspark.sql import functions as F

from jobs.common.dates import EVERY_DAY, Dates
from jobs.common.filesystem import file_system, is_local, local_path
from jobs.common.points import effect
from jobs.common.printable import printable

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
SETTLED = ("done", "rejected")
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
        self._spark = spark
        self._files = file_system(spark, root)
        self.dataset: Dataset = dataset
        self.root = root
        self.uri = f"{root}/{dataset}"

    def waiting(self, within: Dates = EVERY_DAY) -> tuple[list[LandingFile], list[str]]:
        """Files of these dates that wait, oldest stamp first, with their hashes.

        And, whatever the dates, names of no known form.
        """
        files, strangers = [], []
        for found in self._files.entries(self.uri):
            if is_in_progress(found.name):
                continue
            stamp = parse_stamp(self.dataset, found.name)
            if stamp is None or not found.is_file:
                strangers.append(found.name)
                continue
            if stamp.date() in within:
                uri = f"{self.uri}/{found.name}"
                files.append(LandingFile(found.name, uri, found.size, stamp))
        hashed = sorted(self.with_hashes(files), key=lambda f: (f.stamp, f.name))
        return hashed, sorted(strangers)

    def done(self, files: Iterable[LandingFile]) -> None:
        """Move files whose rows are committed (or were before) out of the way."""
        directory = self._directory("done")
        self._files.each(lambda file: self._move(file, directory), files)

    def reject(self, file: LandingFile, reason: str) -> None:
        """Move a refused file aside, the reason beside it: written first, lest a crash lose it."""
        directory = self._directory("rejected")
        taken = any(entry.name == file.name for entry in self._files.entries(directory))
        target = f"{directory}/{file.name}" + (f".{file.sha256[:12]}" if taken else "")
        with effect("the reason of a refusal"):
            self._files.write(f"{target}.reason", f"{printable(reason)}\n")
        self._move(file, directory)

    def taken(self, within: Dates) -> list[LandingFile]:
        """Files of these dates in `done/`, oldest stamp first, of one name the first that came.

        Their names are those they came with: a file whose name was taken lies there under one
        that ends in its hash.
        """
        directory = f"{self.root}/done/{self.dataset}"
        found = []
        for entry in self._files.entries(directory):
            name = _CAME_AS.sub("", entry.name)
            stamp = parse_stamp(self.dataset, name)
            if stamp is not None and stamp.date() in within:
                file = LandingFile(name, f"{directory}/{entry.name}", entry.size, stamp)
                found.append((file.stamp, name, entry.modified, file))
        return [file for *_, file in sorted(found, key=lambda each: each[:3])]

    def put_back(self, file: LandingFile) -> bool:
        """Move a file from `done/` back to where it came; not onto another that waits there."""
        self._files.make_directory(self.uri)
        return self._files.move(file.uri, f"{self.uri}/{file.name}")

    def everything(self) -> list[str]:
        """URIs of all files of the dataset: waiting, done and refused, whatever their names."""
        places = (self.uri, *(f"{self.root}/{where}/{self.dataset}" for where in SETTLED))
        return [
            f"{place}/{entry.name}"
            for place in places
            for entry in sorted(self._files.entries(place))
            if entry.is_file
        ]

    def read(self, uri: str) -> bytes:
        """A file's bytes."""
        return self._files.read(uri)

    def rewrite(self, uri: str, content: bytes) -> None:
        """Put other bytes in a file's place, at once; it keeps the time of its last change."""
        self._files.replace(uri, content)

    def with_hashes(self, files: list[LandingFile]) -> list[LandingFile]:
        """The files with their hashes and first lines; without those that went away."""
        read = _looked_at if is_local(self.uri) else self._looked_at_by_spark
        found = read(files)
        return [
            replace(f, sha256=found[f.place][0], head=found[f.place][1])
            for f in files
            if f.place in found
        ]

    def _looked_at_by_spark(self, files: list[LandingFile]) -> dict[str, tuple[str, bytes]]:
        """Hash and first line of files, by the name under which they lie."""
        found = {f.place: (EMPTY_SHA256, b"") for f in files if not f.size}  # Spark reads none
        uris = [f.uri for f in files if f.size]
        if not uris:
            return found
        content = self._spark.read.format("binaryFile").load(uris)
        first = F.decode(F.substring("content", 1, HEAD_BYTES), "ISO-8859-1")
        rows = content.select(
            F.element_at(F.split("path", "/"), -1),
            F.sha2("content", 256),
            F.substring_index(first, "\n", 1),
        ).collect()
        return found | {row[0]: (row[1], (row[2] or "").encode("latin-1")) for row in rows}

    def _directory(self, where: str) -> str:
        directory = f"{self.root}/{where}/{self.dataset}"
        self._files.make_directory(directory)
        return directory

    def _move(self, file: LandingFile, directory: str) -> None:
        target = f"{directory}/{file.name}"
        with effect("the move of a file"):
            if not self._files.move(file.uri, target):
                target = f"{target}.{file.sha256[:12]}"
                self._files.delete(target)
                if not self._files.move(file.uri, target):
                    raise OSError(f"cannot move {file.uri} to {target}")


def _looked_at(files: list[LandingFile]) -> dict[str, tuple[str, bytes]]:
    """The same of this machine's files, several at once: hashing needs no interpreter lock."""
    with ThreadPoolExecutor() as pool:
        return {
            file.place: look
            for file, look in zip(files, pool.map(_look, files), strict=True)
            if look
        }


def _look(file: LandingFile) -> tuple[str, bytes] | None:
    try:
        content = local_path(file.uri).read_bytes()
    except FileNotFoundError:
        return None
    return hashlib.sha256(content).hexdigest(), content[:HEAD_BYTES].partition(b"\n")[0]

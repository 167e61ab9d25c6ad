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
from jobs.common.filesystem import Entry, file_system, is_local, local_path
from jobs.common.left import Left, shown, unreadable, why_stranger
from jobs.common.points import effect
from jobs.common.printable import printable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Dataset = Literal["transactions", "products", "countries"]

_NAMES = {
    "transactions": re.compile(r"transactions_([0-9]{8}T[0-9]{4})\.csv"),
    "products": re.compile(r"products_([0-9]{8})\.csv"),
    "countries": re.compile(r"countries_([0-9]{8})\.csv"),
}
_STAMPS = {"transactions": "%Y%m%dT%H%M", "products": "%Y%m%d", "countries": "%Y%m%d"}
_CAME_AS = re.compile(r"(?<=\.csv)\.[0-9a-f]{12}$")
YEARS = range(1900, 2100)  # past them, dates are slips of the pen, and calendars end
WINDOW_HOURS = 4
SETTLED = ("done", "rejected")
HEAD_BYTES = 65536
EMPTY_SHA256 = hashlib.sha256().hexdigest()
# What Spark's error texts say when a file went away or may not be read.
SIGNS_OF_ABSENCE = ("PATH_NOT_FOUND", "FILE_NOT_EXIST", "FileNotFoundException")
SIGNS_OF_REFUSAL = ("AccessControlException", "Permission denied")

Look = tuple[str, bytes]  # a file's hash and first line


@dataclass(frozen=True)
class LandingFile:
    """A whole file that waits.

    `stamp` is the start of its window or its date (UTC), `head` its first line, `modified`
    its last change in milliseconds when it was listed.
    """

    name: str
    uri: str
    size: int
    stamp: datetime
    sha256: str = ""
    head: bytes = b""
    modified: int = 0

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
    if stamp.year not in YEARS:
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

    def waiting(self, within: Dates = EVERY_DAY) -> tuple[list[LandingFile], list[Left]]:
        """Files of these dates that wait, oldest stamp first, with their hashes.

        And, whatever the dates, what is no file of ours, and files that cannot be read.
        """
        files, left = [], []
        for found in self._files.entries(self.uri):
            if is_in_progress(found.name):
                continue
            stamp = parse_stamp(self.dataset, found.name)
            if stamp is None or found.kind != "file":
                left.append(Left(shown(found.name), why_stranger(found)))
            elif stamp.date() in within:
                files.append(self._file(found, stamp))
        hashed, unread = self.with_hashes(files)
        return sorted(hashed, key=lambda f: (f.stamp, f.name)), sorted([*left, *unread])

    def _file(self, found: Entry, stamp: datetime) -> LandingFile:
        uri = f"{self.uri}/{found.name}"
        return LandingFile(found.name, uri, found.size, stamp, modified=found.modified)

    def as_listed(self, files: Iterable[LandingFile]) -> set[str]:
        """Names of those files that wait as they did when they were listed."""
        found = {(each.name, each.size, each.modified) for each in self._files.entries(self.uri)}
        return {file.name for file in files if (file.name, file.size, file.modified) in found}

    def as_it_lies(self, file: LandingFile) -> LandingFile:
        """The file with the size and time that a listing now tells."""
        found = next((e for e in self._files.entries(self.uri) if e.name == file.name), None)
        return replace(file, size=found.size, modified=found.modified) if found else file

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
            if stamp is not None and entry.kind == "file" and stamp.date() in within:
                file = LandingFile(name, f"{directory}/{entry.name}", entry.size, stamp)
                found.append((file.stamp, name, entry.modified, file))
        return [file for *_, file in sorted(found, key=lambda each: each[:3])]

    def put_back(self, file: LandingFile) -> bool:
        """Move a file from `done/` back to where it came; not onto another that waits there."""
        self._files.make_directory(self.uri)
        with effect("the return of a file"):
            return self._files.move(file.uri, f"{self.uri}/{file.name}")

    def everything(self) -> list[str]:
        """URIs of all files of the dataset: waiting, done and refused, whatever their names."""
        places = (self.uri, *(f"{self.root}/{where}/{self.dataset}" for where in SETTLED))
        return [
            f"{place}/{entry.name}"
            for place in places
            for entry in sorted(self._files.entries(place))
            if entry.kind == "file"
        ]

    def read(self, uri: str) -> bytes:
        """A file's bytes."""
        return self._files.read(uri)

    def rewrite(self, uri: str, content: bytes) -> None:
        """Put other bytes in a file's place, at once; it keeps the time of its last change."""
        with effect("the writing anew of a file"):
            self._files.replace(uri, content)

    def with_hashes(self, files: list[LandingFile]) -> tuple[list[LandingFile], list[Left]]:
        """The files with their hashes and first lines, without those that went away.

        And those that cannot be read.
        """
        looks = (_looks if is_local(self.uri) else self._looks_by_spark)(files)
        read, unread = [], []
        for file in files:
            look = looks.get(file.place)
            if isinstance(look, str):
                unread.append(Left(file.name, unreadable(look), is_ours=True))
            elif look:
                read.append(replace(file, sha256=look[0], head=look[1]))
        return read, unread

    def _looks_by_spark(self, files: list[LandingFile]) -> dict[str, Look | str]:
        """A look at each file by the name under which it lies, or why there is none."""
        try:
            return {**self._hashed(files)}
        except Exception as error:
            if not is_of_a_file(str(error)):
                raise
            if len(files) == 1:
                is_refused = any(sign in str(error) for sign in SIGNS_OF_REFUSAL)
                return {files[0].place: "Permission denied"} if is_refused else {}
        found: dict[str, Look | str] = {}
        for file in files:
            found |= self._looks_by_spark([file])
        return found

    def _hashed(self, files: list[LandingFile]) -> dict[str, Look]:
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


def is_of_a_file(text: str) -> bool:
    """Whether an error of Spark's is about a file that went away or may not be read."""
    return any(sign in text for sign in (*SIGNS_OF_ABSENCE, *SIGNS_OF_REFUSAL))


def _looks(files: list[LandingFile]) -> dict[str, Look | str]:
    """The same of this machine's files, several at once: hashing needs no interpreter lock."""
    with ThreadPoolExecutor() as pool:
        looks = zip(files, pool.map(_look, files), strict=True)
        return {file.place: look for file, look in looks if look}


def _look(file: LandingFile) -> Look | str | None:
    try:
        content = local_path(file.uri).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        return error.strerror or "no reason given"
    return hashlib.sha256(content).hexdigest(), content[:HEAD_BYTES].partition(b"\n")[0]

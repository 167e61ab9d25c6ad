"""What a backup holds: `manifest.json`, written last, so that no half-made one has it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from jobs.backup.files import Files, Found, each
from jobs.common.errors import UsageError

NAME = "manifest.json"
FORMAT = 1
DUMP = "gold.dump"
DO = "take another backup; this one cannot be restored"


@dataclass(frozen=True)
class LakeTable:
    """An Iceberg table: where it lay, its current metadata file and snapshot."""

    location: str
    metadata_file: str
    snapshot_id: int | None

    @property
    def metadata_name(self) -> str:
        """The metadata file, relative to the location."""
        return self.metadata_file.removeprefix(f"{self.location}/")


@dataclass(frozen=True)
class Manifest:
    """One backup. `files` are relative to its directory, `counts` gold's rows by table."""

    created_at: str
    run_id: int
    versions: Mapping[str, str]
    tables: Mapping[str, LakeTable]
    counts: Mapping[str, int]
    files: Mapping[str, Found]

    def to_json(self) -> str:
        """For `manifest.json`."""
        files = {name: found._asdict() for name, found in sorted(self.files.items())}
        return json.dumps({"format": FORMAT, **asdict(self), "files": files}, indent=1) + "\n"


def folder(table: str) -> str:
    """A lake table's place in the backup."""
    return f"lake/{table.replace('.', '/')}"


def read(files: Files, root: str) -> Manifest:
    """The manifest of a backup.

    Raises:
        UsageError: there is none, or it is not one that this code understands.
    """
    uri = f"{root}/{NAME}"
    try:
        text = files.read_text(uri)
    except UsageError:
        raise UsageError("this is no backup, or a half-made one", where=uri, do=DO) from None
    try:
        found = json.loads(text)
        if found.pop("format") != FORMAT:
            raise UsageError("the backup is of another format", where=uri, do="use its checkout")
        return _parsed(found)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError("the backup's manifest is damaged", where=uri, do=DO) from None


def _parsed(found: dict[str, Any]) -> Manifest:
    tables = {name: LakeTable(**table) for name, table in found.pop("tables").items()}
    files = {name: Found(**file) for name, file in found.pop("files").items()}
    return Manifest(**found, tables=tables, files=files)


def verify(files: Files, root: str, manifest: Manifest) -> None:
    """Read the whole backup and compare it with its manifest.

    Raises:
        UsageError: a file is missing, cut short or changed.
    """
    present = files.names(root)
    expected = dict(manifest.files)
    wrong = [name for name, file in expected.items() if present.get(name) != file.size]
    if not wrong:
        seen = each(lambda name: files.look(f"{root}/{name}"), expected)
        pairs = zip(expected.items(), seen, strict=True)
        wrong = [name for (name, file), found in pairs if found != file]
    if wrong:
        raise UsageError(
            f"the backup is damaged: {len(wrong)} of {len(expected)} files are missing, cut short"
            f" or changed, {wrong[0]} the first",
            where=root,
            do=DO,
        )

"""The data checks: each is a file below `sql/checks`, and its header says what it asks.

    gold/NAME.sql         Postgres: one row (passed, observed, expected)
    bronze/NAME.sql       Spark SQL: the same
    reconcile/…/NAME.sql  one row of figures each from bronze and gold, which have to be equal

Parameters are `now` and `fresh_since`: `%(now)s` for Postgres, `:now` for Spark.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from jobs.common.checks import Severity
from jobs.common.db import sql_dir
from jobs.common.errors import UsageError, WarehouseError

Kind = Literal["gold", "bronze", "reconcile"]
KINDS: tuple[Kind, ...] = ("gold", "bronze", "reconcile")
FIELD = re.compile(r"^-- (\w+):\s+(.*)$", re.MULTILINE)
NAMED = ("Check", "Severity", "Why")


@dataclass(frozen=True)
class CheckFile:
    """A check: `bronze` and `gold` are its statements there, as far as it has them."""

    name: str
    kind: Kind
    severity: Severity
    what: str
    why: str
    gold: str = ""
    bronze: str = ""


def all_checks(directory: Path | None = None) -> list[CheckFile]:
    """Every check there is, gold's first.

    Raises:
        WarehouseError: a file says too little of itself, or one of a pair is missing.
    """
    root = directory or sql_dir() / "checks"
    return [read(root, kind, name) for kind in KINDS for name in _names(root, kind)]


def _names(root: Path, kind: Kind) -> list[str]:
    place = root / kind / "bronze" if kind == "reconcile" else root / kind
    return sorted(path.stem for path in place.glob("*.sql"))


def read(root: Path, kind: Kind, name: str) -> CheckFile:
    """One check, from its file or its pair of files."""
    sides = (
        {side: _text(root / kind / side / f"{name}.sql") for side in ("bronze", "gold")}
        if kind == "reconcile"
        else {kind: _text(root / kind / f"{name}.sql")}
    )
    said = dict(FIELD.findall(next(iter(sides.values()))))
    if set(NAMED) - set(said) or said["Severity"] not in {"fail", "warn"}:
        raise WarehouseError(
            f"the check {name} does not say what it is",
            where=f"sql/checks/{kind}",
            do=f"open it with {', '.join(f'-- {word}:' for word in NAMED)}; fail or warn",
        )
    shown = name if kind == "gold" else f"{kind}_{name}"
    severity = cast("Severity", said["Severity"])
    return CheckFile(shown, kind, severity, said["Check"], said["Why"], **sides)


def _text(path: Path) -> str:
    if not path.is_file():
        raise WarehouseError(
            f"one side of a check is missing: {path.name}",
            where=str(path.parent),
            do="a check of reconcile is a file of the same name on both sides",
        )
    return path.read_text(encoding="utf-8")


def chosen(checks: list[CheckFile], only: str | None) -> list[CheckFile]:
    """The checks that `--only name,…` names; all of them when it is left out.

    Raises:
        UsageError: a name is of no check.
    """
    if only is None:
        return checks
    names = {part.strip() for part in only.split(",")}
    unknown = sorted(names - {check.name for check in checks})
    if unknown:
        raise UsageError(
            f"no such check: {', '.join(unknown)}",
            do=f"choose from {', '.join(check.name for check in checks)}",
        )
    return [check for check in checks if check.name in names]

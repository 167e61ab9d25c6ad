"""The catalogue of every table, column and view: `docs/catalogue.md`.

    python -m jobs.common.catalogue > docs/catalogue.md

The lake's part comes from the contracts, Postgres' from the statements of `sql/migrations`;
no database is needed. A test holds the page, this command and a migrated database together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from jobs.common import contracts
from jobs.common.db import sql_dir
from jobs.common.lineage import LINEAGE
from jobs.common.migrate import LEDGER, migrations

INTRODUCTION = """\
# Catalogue

Every table, column and view, with its comment. Generated, not edited:

```
.venv/bin/python -m jobs.common.catalogue > docs/catalogue.md
```

`staging` is left out: its tables live as long as one load. In `psql`, `\\d+ name` shows the
same comments; names without a schema are in `public`.
"""


@dataclass
class Relation:
    """A table or view: its comment, its columns as (name, type, comment), and facts on it."""

    name: str
    comment: str = ""
    columns: list[tuple[str, str, str]] = field(default_factory=list)
    key: str = ""
    partitions: str = ""
    made_from: list[str] = field(default_factory=list)
    is_view: bool = False


_TABLE = re.compile(
    r"(?ms)^CREATE TABLE (?:IF NOT EXISTS )?([\w.]+) \((.*?)^\)(?: PARTITION BY ([^;]+))?;"
)
_ADDED = re.compile(r"(?ms)^ALTER TABLE ([\w.]+)\n(ADD COLUMN .*?);")
_NEW_COLUMN = re.compile(
    r"(?m)^ADD COLUMN ([a-z_0-9]+) (double precision|[a-z]+(?:\([\d, ]+\))?(?: ?\[\])?)"
)
_VIEW = re.compile(r"(?ms)^CREATE (?:OR REPLACE )?VIEW ([\w.]+) AS\n(.*?);\n")
_COMMENT = re.compile(r"COMMENT ON (\w+) ([\w.]+) IS '((?:[^']|'')*)'")
_COLUMN = re.compile(r"(?m)^ {4}([a-z_0-9]+) (double precision|[a-z]+(?:\([\d, ]+\))?(?: ?\[\])?)")
_KEY = re.compile(r"(?m)^ {4}(?:(\w+) .*PRIMARY KEY|PRIMARY KEY \((.*)\)|UNIQUE[A-Z ]*\((.*)\))")
_FROM = re.compile(r"\b(?:FROM|JOIN) ([\w.]+) AS ")


def lake_relations(tables: tuple[contracts.Table, ...]) -> list[Relation]:
    """The lake's tables, as their contracts state them."""
    return [
        Relation(
            table.full_name,
            table.grain,
            [(column.name, column.type, column.comment) for column in table.columns],
            ", ".join(table.keys),
            ", ".join(table.partitioned_by),
        )
        for table in tables
    ]


def migration_text() -> str:
    """All DDL of gold, in the order in which it is applied."""
    files = migrations(sql_dir() / "migrations")
    return "\n".join([LEDGER, *(migration.content for migration in files)])


def postgres_relations(text: str) -> list[Relation]:
    """The tables, then the views, that the statements make."""
    made = [*map(_table, _TABLE.finditer(text)), *map(_view, _VIEW.finditer(text))]
    found = {relation.name: relation for relation in made}  # of a replaced view, the latest
    for name, body in _ADDED.findall(text):
        found[name].columns += [(column, kind, "") for column, kind in _NEW_COLUMN.findall(body)]
    for kind, name, comment in comments(text):
        if kind in {"TABLE", "VIEW"}:
            found[name].comment = comment
        elif kind == "COLUMN":
            owner, _, column = name.rpartition(".")
            _describe(found[owner], column, comment)
    for relation in found.values():
        relation.made_from = [name for name in relation.made_from if name in found]
    return list(found.values())


def comments(text: str) -> Iterator[tuple[str, str, str]]:
    """(kind, name, text) of each COMMENT statement."""
    for kind, name, comment in _COMMENT.findall(text):
        yield kind, name, comment.replace("''", "'")


def _table(match: re.Match[str]) -> Relation:
    name, body, partitions = match.groups()
    key = _KEY.search(body)
    return Relation(
        name,
        columns=[(column, kind.replace(" []", "[]"), "") for column, kind in _COLUMN.findall(body)],
        key=next(filter(None, key.groups())) if key else "",
        partitions=partitions or "",
    )


def _view(match: re.Match[str]) -> Relation:
    name, body = match.groups()
    sources = dict.fromkeys(_FROM.findall(body))
    return Relation(name, made_from=list(sources), is_view=True)


def _describe(relation: Relation, column: str, comment: str) -> None:
    """Add a column's comment; a view's columns are known by their comments alone."""
    if relation.is_view:
        relation.columns.append((column, "", comment))
        return
    place = [name for name, _, _ in relation.columns].index(column)
    relation.columns[place] = (column, relation.columns[place][1], comment)


def _plain(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return text.replace("<", "&lt;").replace("|", "\\|")


def _code(names: Iterable[str]) -> str:
    """Names in code type."""
    return ", ".join(f"`{name}`" for name in names)


def _facts(relation: Relation) -> Iterator[str]:
    """Key, partitions, and who writes and reads it."""
    if relation.key:
        yield f"Key: `{relation.key}`"
    if relation.partitions:
        yield f"Partitioned by `{relation.partitions}`"
    if relation.made_from:
        yield f"Made from {_code(relation.made_from)}"
    for verb, jobs in (
        ("Written", [name for name, job in LINEAGE.items() if relation.name in job.writes]),
        ("Read", [name for name, job in LINEAGE.items() if relation.name in job.reads]),
    ):
        if jobs:
            yield f"{verb} by {_code(jobs)}"


def section(relation: Relation) -> str:
    """A relation as a section of the page."""
    typed = not relation.is_view
    head = ["column", "type", "meaning"] if typed else ["column", "meaning"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name, kind, comment in relation.columns:
        cells = [f"`{name}`", *([f"`{kind}`"] if typed else []), _plain(comment)]
        lines.append(f"| {' | '.join(cells)} |")
    about = ". ".join([_plain(relation.comment), *_facts(relation)])
    return "\n".join([f"### {relation.name}", "", f"{about}.", "", *lines, ""])


def lineage() -> str:
    """What goes in and out of each job, as a table."""
    rows = [
        f"| `{name}` | {_code(job.reads) or '–'} | {_code(job.writes) or '–'} |"
        for name, job in LINEAGE.items()
        if name != "every job"
    ]
    note = (
        "Each job also reads what it writes, and keeps its row in `ops.runs`. `backup` reads"
        " everything, `restore` writes it."
    )
    return "\n".join(
        ["## Lineage", "", note, "", "| job | reads | writes |", "|---|---|---|", *rows, ""]
    )


def functions(text: str) -> str:
    """The functions, as a table."""
    rows = [
        f"| `{name}` | {_plain(comment)} |" for kind, name, comment in comments(text)
        if kind == "FUNCTION"
    ]  # fmt: skip
    return "\n".join(["## Functions", "", "| function | what it does |", "|---|---|", *rows, ""])


def page() -> str:
    """The whole of `docs/catalogue.md`."""
    text = migration_text()
    gold = postgres_relations(text)
    ops = [relation for relation in gold if relation.name.startswith("ops.")]
    parts = {
        "Lake: bronze (`ecommerce_db`)": lake_relations(contracts.BRONZE_TABLES),
        "Lake: the star (`ecommerce_dw`)": lake_relations(contracts.DW_TABLES),
        "Gold: tables": [r for r in gold if r not in ops and not r.is_view],
        "Gold: views": [r for r in gold if r not in ops and r.is_view],
        "Gold: `ops`": ops,
    }
    body = [f"## {title}\n\n" + "\n".join(map(section, found)) for title, found in parts.items()]
    return "\n".join([INTRODUCTION, lineage(), *body, functions(text)]).rstrip("\n")


if __name__ == "__main__":
    print(page())

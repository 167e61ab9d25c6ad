"""`docs/catalogue.md`: what the command prints, and what a migrated database holds."""

from __future__ import annotations

from jobs.common import catalogue, contracts
from jobs.common.catalogue import Relation
from jobs.common.lineage import LINEAGE
from jobs.common.settings import PROJECT_ROOT, Settings
from tests.support.databases import query

IN_POSTGRES = """
SELECT
    CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname,
    obj_description(c.oid, 'pg_class'),
    a.attname,
    replace(
        replace(format_type(a.atttypid, a.atttypmod), 'timestamp with time zone', 'timestamptz'),
        ',', ', '
    ),
    col_description(c.oid, a.attnum)
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
INNER JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname IN ('public', 'ops') AND c.relkind IN ('r', 'p', 'v')
ORDER BY c.oid, a.attnum
"""


def gold() -> dict[str, Relation]:
    return {r.name: r for r in catalogue.postgres_relations(catalogue.migration_text())}


def test_the_page_is_what_the_command_prints() -> None:
    page = (PROJECT_ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")

    assert page == catalogue.page() + "\n", "make it anew; the page says how"


def test_a_migrated_database_holds_what_the_catalogue_says(gold_settings: Settings) -> None:
    found = query(gold_settings, IN_POSTGRES)

    expected = [
        (relation.name, relation.comment, name, kind, comment)
        for relation in gold().values()
        for name, kind, comment in relation.columns
    ]
    views = {name for name, relation in gold().items() if relation.is_view}
    seen = [(n, c, col, "" if n in views else t, com) for n, c, col, t, com in found]
    assert sorted(seen) == sorted(expected)


def test_nothing_goes_without_a_comment() -> None:
    for relation in [*gold().values(), *catalogue.lake_relations(contracts.BRONZE_TABLES)]:
        assert relation.comment, relation.name
        assert [name for name, _, comment in relation.columns if not comment] == [], relation.name


def test_lineage_names_jobs_and_tables_that_exist() -> None:
    tables = {t.full_name for t in contracts.BRONZE_TABLES + contracts.DW_TABLES} | set(gold())
    named = {name for job in LINEAGE.values() for name in (*job.reads, *job.writes)}

    assert {name for name in named if not name.startswith("landing/")} <= tables
    scripts = {path.stem for path in (PROJECT_ROOT / "scripts").glob("run_*.sh")}
    assert {f"run_{job}" for job in LINEAGE if job != "every job"} <= scripts


def test_every_table_has_a_writer() -> None:
    written = {name for job in LINEAGE.values() for name in job.writes}
    lake = {table.full_name for table in contracts.BRONZE_TABLES + contracts.DW_TABLES}

    assert lake | {name for name, r in gold().items() if not r.is_view} == written

"""What an expert would write by hand for one machine: landing files → a keyed star in Postgres.

    python bench/duckdb_script.py LANDING DSN [SCHEMA]

DuckDB reads, types, versions, prices and scores; CSV and COPY on two connections load tables
without keys; keys come set-wise, months are built aside and attached. It makes a fresh SCHEMA.

The rules and answers are the warehouse's. Left out are: a lake with its history, the bytes of bad
records and refused files, repeats and late or changed files, loading on top of what is there (it
builds anew), runs and checks, mail, roles, comments, the columns that say where a line came from.
"""

from __future__ import annotations

import hashlib
import re
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import duckdb
import psycopg2

SQL = Path(__file__).with_name("duckdb_sql")
CONNECTIONS = 2
KEYS = {
    "dim_products": """
        ADD PRIMARY KEY (product_sk),
        ADD UNIQUE (stock_code, effective_date),
        ADD UNIQUE NULLS NOT DISTINCT (stock_code, end_date) DEFERRABLE INITIALLY DEFERRED,
        ADD CHECK (unit_price >= 0),
        ADD CHECK (end_date > effective_date),
        ADD CHECK (is_current = (end_date IS NULL)),
        ADD CHECK (NOT withdrawn OR end_date IS NOT NULL),
        ADD FOREIGN KEY (stock_code, next_effective_date)
        REFERENCES dim_products (stock_code, effective_date) DEFERRABLE INITIALLY DEFERRED
    """,
    "dim_customers": """
        ADD PRIMARY KEY (customer_sk),
        ADD UNIQUE (customer_id),
        ADD CHECK ((customer_sk = -1) = (customer_id IS NULL))
    """,
    "dim_countries": """
        ADD PRIMARY KEY (country_sk),
        ADD UNIQUE (country_id),
        ADD UNIQUE (country) DEFERRABLE INITIALLY DEFERRED,
        ADD CHECK (country_sk = country_id)
    """,
    "dim_dates": "ADD PRIMARY KEY (date_sk), ADD UNIQUE (date)",
    "transactions_error": """
        ADD PRIMARY KEY (error_id),
        ADD CHECK (cardinality(rules) > 0),
        ADD CHECK (status IN ('OPEN', 'REPLAYED', 'DISCARDED'))
    """,
    "anomaly_baselines": "ADD UNIQUE NULLS NOT DISTINCT (stock_code, month)",
    "anomalies": """
        ADD PRIMARY KEY (anomaly_id),
        ADD UNIQUE (transaction_id),
        ADD CHECK (status IN ('NEW', 'REVIEWED', 'RESOLVED', 'FALSE_POSITIVE'))
    """,
}
INDEXES = {
    "transactions_error": ("(batch_id) WHERE status = 'OPEN'", "(transaction_id)"),
    "anomalies": ("(stock_code, invoice_date)", "(batch_id)"),
}
FOREIGN_KEYS = {
    "product_sk": "dim_products",
    "customer_sk": "dim_customers",
    "country_sk": "dim_countries",
    "date_sk": "dim_dates",
}
FACT = """
SELECT
    transaction_id, product_sk, customer_sk, country_sk,
    year(day) * 10000 + month(day) * 100 + day(day) AS date_sk, invoice_no, invoice_date, quantity,
    unit_price, total_amount, quantity < 0 AS is_return, 1 AS batch_id,
    strftime(date_trunc('month', day), '%Y_%m') AS month
FROM priced
WHERE is_good
"""


class Target:
    """A schema in Postgres, with a connection for each thread that asks."""

    def __init__(self, dsn: str, schema: str) -> None:
        self._dsn = dsn
        self._schema = schema
        self._own = threading.local()

    def execute(self, *statements: str, copy: str = "", files: Sequence[Path] = ()) -> None:
        """Run statements in one transaction; after the first, COPY the files."""
        if not hasattr(self._own, "connection"):
            options = f"-c timezone=UTC -c search_path={self._schema}"
            self._own.connection = psycopg2.connect(self._dsn, options=options)
        with self._own.connection as connection, connection.cursor() as cur:
            for number, statement in enumerate(statements):
                cur.execute(statement)
                for path in files if number == 0 else ():
                    with path.open("rb") as file:
                        cur.copy_expert(copy, file, size=1 << 20)


class Script:
    """One run: what DuckDB has computed, and where it goes."""

    def __init__(self, duck: duckdb.DuckDBPyConnection, target: Target, scratch: Path) -> None:
        self.duck = duck
        self.target = target
        self.scratch = scratch

    def table(self, name: str) -> None:
        """Load a table from DuckDB's of the same name, then give it its keys."""
        columns = [row[0] for row in self.duck.cursor().sql(f"DESCRIBE {name}").fetchall()]
        statement = f"COPY {name} ({', '.join(columns)}) FROM STDIN (FORMAT csv, FREEZE)"
        self.target.execute(
            f"TRUNCATE {name}",
            f"ALTER TABLE {name} {KEYS[name]}",
            *(f"CREATE INDEX ON {name} {columns}" for columns in INDEXES.get(name, ())),
            f"ANALYZE {name}",
            copy=statement,
            files=[self._csv(name)],
        )

    def month(self, month: date) -> None:
        """Build a month of the fact aside: rows, keys, indexes, bounds."""
        name = month_table(month)
        rows = sorted((self.scratch / "fact" / f"month={month:%Y_%m}").iterdir())
        self.target.execute(
            f"CREATE TABLE {name} (LIKE fact_transactions)",
            f"ALTER TABLE {name} ADD PRIMARY KEY (transaction_id, invoice_date),"
            f" ADD CONSTRAINT bounds CHECK (invoice_date >= '{month}'"
            f" AND invoice_date < '{month_after(month)}')",
            f"CREATE INDEX ON {name} (product_sk)",
            f"CREATE INDEX ON {name} (customer_sk) WHERE customer_sk <> -1",
            f"ANALYZE {name}",
            copy=f"COPY {name} FROM STDIN (FORMAT csv, FREEZE)",
            files=rows,
        )

    def references(self, month: date) -> None:
        """Check a month's foreign keys set-wise; validating takes locks that others can share."""
        name = month_table(month)
        added = (
            f"ADD CONSTRAINT {name}_{key} FOREIGN KEY ({key}) REFERENCES {table} NOT VALID"
            for key, table in FOREIGN_KEYS.items()
        )
        self.target.execute(f"ALTER TABLE {name} {', '.join(added)}")
        checked = (f"VALIDATE CONSTRAINT {name}_{key}" for key in FOREIGN_KEYS)
        self.target.execute(f"ALTER TABLE {name} {', '.join(checked)}")

    def fact(self) -> None:
        """Write the fact's lines, a directory a month."""
        options = "FORMAT csv, HEADER false, PARTITION_BY (month)"
        self.duck.execute(f"COPY ({FACT}) TO '{self.scratch / 'fact'}' ({options})")

    def _csv(self, name: str) -> Path:
        path = self.scratch / f"{name}.csv"
        self.duck.cursor().execute(f"COPY {name} TO '{path}' (FORMAT csv, HEADER false)")
        return path


def month_table(month: date) -> str:
    """Name of the table that holds a month."""
    return f"fact_transactions_{month:%Y_%m}"


def month_after(month: date) -> date:
    """The first day of the month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def statements(name: str) -> list[str]:
    """The statements of a file, without comments."""
    text = re.sub(r"(?m)^--.*$", "", (SQL / name).read_text(encoding="utf-8"))
    return [part for part in text.split(";\n") if part.strip()]


def compute(landing: str) -> duckdb.DuckDBPyConnection:
    """All tables of the star, in DuckDB's memory."""
    duck = duckdb.connect()
    duck.execute("SET TimeZone = 'UTC'")
    duck.execute("SET VARIABLE landing = ?", [landing])
    for name in ("lines.sql", "members.sql", "star.sql", "anomalies.sql"):
        for statement in statements(name):
            duck.execute(statement)
    name_errors(duck)
    return duck


def name_errors(duck: duckdb.DuckDBPyConnection) -> None:
    """Errors by SHA-256 of their transaction_id, else of file hash and line."""
    nameless = duck.sql("SELECT DISTINCT filename FROM errors WHERE transaction_id IS NULL")
    hashes = [
        (name, hashlib.sha256(Path(name).read_bytes()).hexdigest())
        for (name,) in nameless.fetchall()
    ]
    duck.execute("CREATE TABLE hashes (filename VARCHAR, file_sha256 VARCHAR)")
    if hashes:
        duck.executemany("INSERT INTO hashes VALUES (?, ?)", hashes)
    duck.execute(
        "CREATE TABLE transactions_error AS SELECT"
        " sha256(coalesce(transaction_id, file_sha256 || '|' || source_line)) AS error_id,"
        " transaction_id, raw, rules, source_file, source_line"
        " FROM errors LEFT JOIN hashes USING (filename)"
    )


def load(script: Script) -> None:
    """Everything into Postgres, on two connections."""
    months = [month for (month,) in script.duck.sql("FROM months").fetchall()]
    script.fact()
    script.target.execute(*statements("tables.sql"))
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        tables = [pool.submit(script.table, name) for name in KEYS]
        built = [pool.submit(script.month, month) for month in months]
        for task in [*tables, *built]:
            task.result()
        script.target.execute(*statements("keys.sql"))
        for task in [pool.submit(script.references, month) for month in months]:
            task.result()
    script.target.execute(*(attached(month) for month in months))


def attached(month: date) -> str:
    """The statement that makes a month's table a partition."""
    name = month_table(month)
    return (
        f"ALTER TABLE fact_transactions ATTACH PARTITION {name}"
        f" FOR VALUES FROM ('{month}') TO ('{month_after(month)}');"
        f" ALTER TABLE {name} DROP CONSTRAINT bounds"
    )


def main(landing: str, dsn: str, schema: str = "duckdb_script") -> None:
    """Compute, make the schema, load."""
    with tempfile.TemporaryDirectory() as scratch:
        target = Target(dsn, schema)
        target.execute(f"CREATE SCHEMA {schema}")
        load(Script(compute(landing), target, Path(scratch)))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""One run on files that mean harm: they change, forge and start nothing, and learn no secret."""

from __future__ import annotations

import json
import os
import re
import stat
from contextlib import closing
from email import policy
from email.parser import BytesParser
from pathlib import Path

import psycopg2
import pytest
from dotenv import dotenv_values

from tests.scripts import trespass
from tests.scripts.runner import ROOT, run, sql
from tests.scripts.trespass import Watched

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
MAY_HOLD_SECRETS = {Path("embedded.env"), Path("conf/spark-defaults.conf")}


@pytest.fixture(scope="module")
def chain(warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    trespass.deliver(warehouse / "landing")
    return trespass.run_chain(warehouse, tmp_path_factory.mktemp("events"))


def rows(home: Path, statement: str, role: str = "READER") -> list[tuple[object, ...]]:
    """By a driver, so that values are seen as they are."""
    at = dotenv_values(home / "embedded.env")
    user = "warehouse_reader" if role == "READER" else "warehouse_owner"
    with closing(psycopg2.connect(host=at["GOLD_HOST"], port=at["GOLD_PORT"], user=user,
                                  password=at[f"GOLD_{role}_PASSWORD"],
                                  dbname="ecommerce_gold")) as conn:  # fmt: skip
        with conn.cursor() as cur:
            cur.execute(statement)
            return cur.fetchall()


def test_what_is_good_is_in_exactly_as_it_was_written(chain: Watched) -> None:
    assert chain.result.returncode == 3, chain.result.stderr

    assert rows(chain.home, "SELECT stock_code, description FROM dim_products ORDER BY 1") == [
        (trespass.CODE, trespass.SCRIPT),
        ("B2", trespass.FORMULA),
        ("C3", trespass.TITLE),
    ]
    assert rows(chain.home, "SELECT country FROM dim_countries") == [(trespass.COUNTRY,)]
    assert set(rows(chain.home, "SELECT customer_id FROM dim_customers")) == {
        (None,),
        ("C1",),
        (trespass.CUSTOMER,),
    }
    assert rows(chain.home, "SELECT count(*) FROM fact_transactions") == [(15,)]
    assert rows(chain.home, "SELECT rules FROM transactions_error ORDER BY transaction_id") == [
        (["unknown_country"],),
        (["malformed_row"],),
    ]


def test_no_name_or_value_was_run_by_a_shell(chain: Watched) -> None:
    run("run_review_anomaly.sh", "$(touch owned)", "--status", "NEW", home=chain.home)
    sql(chain.home, "SELECT '$(touch owned)`touch owned`'")

    places = (Path("/"), ROOT, ROOT / "scripts", chain.home, chain.home / "landing", Path.cwd())
    assert [place for place in places if (place / "owned").exists()] == []


def test_the_console_shows_foreign_names_as_text(chain: Watched) -> None:
    told = chain.result.stdout + chain.result.stderr

    assert CONTROLS.findall(told) == []
    assert not any(line.startswith("error: gold was lost") for line in told.split("\n"))
    assert r"transactions/\x1b[2J\nerror: gold was lost.csv: the name has no" in told
    assert r"transactions/\xff\x9b.csv: the name has no" in told


def test_a_reason_is_one_line(chain: Watched) -> None:
    reason = chain.home / "landing/rejected/products/products_20250102.csv.reason"

    told = reason.read_text()

    assert told.count("\n") == 1
    assert CONTROLS.findall(told) == []
    assert "it has stock_code, ?[jerror: gold was lost, category" in told


def test_a_warning_is_one_line_of_its_run(chain: Watched) -> None:
    message = "SELECT message FROM ops.runs WHERE job = 'ingest_transactions' AND message <> ''"

    (told,) = (str(row[0]) for row in rows(chain.home, message))

    assert len(told.split("\n")) == len(trespass.STRANGERS)
    assert CONTROLS.findall(told) == []


def test_what_sql_prints_steers_no_terminal(chain: Watched) -> None:
    told = sql(chain.home, "SELECT description FROM dim_products WHERE stock_code = 'C3'").stdout

    assert told == "\\x1b]0;owned\\x07 mug\n"


def test_the_mail_shows_markup_as_text(chain: Watched) -> None:
    (path,) = chain.mails
    message = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
    html = message.get_body(("html",))
    assert html is not None

    text = html.get_content()

    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert len(message.get_all("Subject", [])) == 1
    assert CONTROLS.findall(str(message["Subject"])) == []


def test_a_note_reaches_the_table_as_it_was_typed(chain: Watched) -> None:
    note = "$(touch owned) `id` 'one' \"two\"  three\n* ; exit 1 #"

    done = run("run_review_anomaly.sh", "600001-1", "--status", "RESOLVED", "--note", note,
               home=chain.home)  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert rows(chain.home, "SELECT investigator_notes FROM anomalies") == [(note,)]


def test_no_command_line_had_a_secret(chain: Watched) -> None:
    assert any(b"SparkSubmit" in command for command in chain.commands)
    seen = b"\0".join(chain.commands)

    assert [name for name, value in chain.known.items() if value.encode() in seen] == []


def test_no_secret_was_said_or_kept_with_the_runs(chain: Watched) -> None:
    kept = rows(
        chain.home,
        "SELECT r.*::text FROM (SELECT t.*::text FROM ops.runs AS t UNION ALL"
        " SELECT t.*::text FROM ops.checks AS t UNION ALL"
        " SELECT t.*::text FROM ops.mail_outbox AS t) AS r",
        role="OWNER",
    )
    said = chain.result.stdout + chain.result.stderr + repr(kept)

    assert len(kept) > 7
    assert [name for name, value in chain.known.items() if value in said] == []


def test_no_file_has_a_secret_but_the_two_that_are_private(chain: Watched) -> None:
    found = {}
    for folder, _, names in os.walk(chain.home):
        files = [Path(folder) / name for name in names]
        for path in files if "pgdata" not in Path(folder).parts else []:
            content = path.read_bytes() if path.is_file() else b""
            if held := [n for n, value in chain.known.items() if value.encode() in content]:
                found[path.relative_to(chain.home)] = held

    assert set(found) == MAY_HOLD_SECRETS
    assert found[Path("conf/spark-defaults.conf")] == ["METASTORE_DB_PASSWORD"]
    for path in found:
        assert stat.S_IMODE((chain.home / path).stat().st_mode) == 0o600


def test_sparks_event_log_has_the_name_of_a_password_and_not_the_password(chain: Watched) -> None:
    logs = [path for path in chain.events.rglob("*") if path.is_file() and path.stat().st_size]
    assert logs
    text = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in logs)

    # What an application's page of the history server shows is read from here.
    assert '"spark.hadoop.javax.jdo.option.ConnectionPassword":"*********(redacted)"' in text
    assert [name for name, value in chain.known.items() if value in text] == []


def test_the_report_of_the_chain_is_json_of_printable_text(chain: Watched) -> None:
    (path,) = (chain.home / "logs" / "pipeline").glob("*.json")

    outcomes = json.loads(path.read_text(encoding="ascii"))

    assert [outcome["job"] for outcome in outcomes if outcome["error"]] == ["ingest_products"]
    assert all(CONTROLS.search(outcome["error"] or "") is None for outcome in outcomes)


def test_a_database_elsewhere_is_not_asked_in_clear_text(chain: Watched) -> None:
    done = sql(chain.home, "SELECT 1", GOLD_HOST="gold.invalid", GOLD_SSLMODE="prefer")

    assert done.returncode == 2
    assert "gold.invalid is not on this machine, and TLS is not insisted on" in done.stderr

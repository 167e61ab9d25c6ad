"""Readiness: what makes a view late, who is told and how often, and the exit code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs import readiness
from jobs.common import catalogue
from jobs.common.errors import BadInput, UsageError
from jobs.common.job import JobContext
from jobs.common.settings import Settings
from jobs.freshness import due, windows
from tests.notify.smtp_server import Inbox, smtp_server
from tests.scripts.runner import run, sql
from tests.support.databases import Rows, query

TEN = time(10)
DAY = datetime(2025, 3, 4, 10, tzinfo=UTC)
NOW = datetime(2030, 1, 1, 10, 0, 30, tzinfo=UTC)
EMPTY = (
    "DELETE FROM ops.mail_findings; DELETE FROM ops.mail_outbox; DELETE FROM ops.late_views;"
    " DELETE FROM ops.loaded_snapshots; DELETE FROM ops.empty_files; DELETE FROM ops.loaded_files;"
    " DELETE FROM ops.sales_changes; DELETE FROM ops.checks; DELETE FROM ops.runs"
)
NEEDED = [
    "2025-03-03 08:00", "2025-03-03 12:00", "2025-03-03 16:00", "2025-03-03 20:00",
    "2025-03-04 00:00", "2025-03-04 04:00",
]  # fmt: skip
OF_SALES = {
    "v_top_buyers_by_region", "v_sales_by_category", "v_revenue_by_month", "v_purchase_history",
    "v_transaction_status", "v_anomaly_coverage",
}  # fmt: skip
ALL = OF_SALES | {"v_price_history"}


class Gold:
    """A gold that has what 4 March 2025 needs, until a test takes something away."""

    def __init__(self, settings: Settings, inbox: Inbox) -> None:
        self.context = JobContext(settings.model_copy(update=inbox.settings))
        self.inbox = inbox
        self.ask(EMPTY)
        self.load = self.ask(
            "INSERT INTO ops.runs (job, status, who, backend_pid)"
            " VALUES ('fact_postgres', 'done', 'test', 0) RETURNING run_id"
        )[0][0]
        for dataset in ("products", "countries"):
            self.ask(
                "INSERT INTO ops.loaded_snapshots VALUES"
                " (%s, '2025-03-04', repeat('a', 64), 'x.csv', 1, %s)",
                dataset,
                self.load,
            )
        for number, start in enumerate(NEEDED):
            self.ask(
                "INSERT INTO ops.loaded_files VALUES"
                " (repeat(%s, 64), %s, 't.csv', %s::timestamp AT TIME ZONE 'UTC', 5, %s)",
                str(number),
                number,
                start,
                self.load,
            )

    def ask(self, statement: str, *values: Any) -> Rows:
        return query(self.context.settings, statement, *values)

    def late(self, at: datetime = DAY, **given: Any) -> dict[str, tuple[str, ...]]:
        """The late views with their reasons, as the job finds and keeps them."""
        context = replace(self.context, **given)
        try:
            verdicts = readiness.run(context, at, now=NOW)
        except BadInput as error:
            assert error.exit_code == 3
        else:
            assert not any(verdict.reasons for verdict in verdicts)
        rows = self.ask(
            "SELECT check_name, severity, passed, observed FROM ops.checks"
            " WHERE run_id = (SELECT max(run_id) FROM ops.runs WHERE job = 'check_readiness')"
        )
        assert {row[0] for row in rows} == (set() if given.get("dry_run") else ALL)
        assert {row[1] for row in rows} <= {"fail"}
        return {row[0]: tuple(row[3].split("; ")) for row in rows if not row[2]}

    def subjects(self) -> list[str]:
        return [str(message["Subject"]) for message in self.inbox.messages]


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with smtp_server() as server:
        yield server


@pytest.fixture
def gold(gold_settings: Settings, inbox: Inbox) -> Gold:
    return Gold(gold_settings, inbox)


def test_every_mart_view_is_judged() -> None:
    views = {
        relation.name
        for relation in catalogue.postgres_relations(catalogue.migration_text())
        if relation.is_view and not relation.name.startswith("ops.")
    }
    assert set(readiness.NEEDS) == views == ALL


@pytest.mark.parametrize(
    ("at", "deadline"),
    [
        (DAY, DAY),
        (DAY + timedelta(hours=13), DAY),
        (DAY - timedelta(minutes=1), DAY - timedelta(days=1)),
        (datetime.fromisoformat("2025-03-04T11:30+02:00"), DAY - timedelta(days=1)),
    ],
)
def test_the_last_due_moment_is_judged(at: datetime, deadline: datetime) -> None:
    assert due(at, TEN) == deadline


def test_the_windows_are_those_that_ended_two_hours_before_since_the_day_before() -> None:
    assert [f"{start:%Y-%m-%d %H:%M}" for start in windows(DAY)] == NEEDED
    assert windows(DAY + timedelta(hours=1, minutes=59)) == windows(DAY)
    shifted = [start + timedelta(hours=4) for start in windows(DAY)]
    assert windows(DAY + timedelta(hours=4)) == shifted


def test_when_all_is_there_nothing_is_late_and_nothing_is_mailed(gold: Gold) -> None:
    assert gold.late() == {}
    assert gold.subjects() == []
    assert gold.ask("SELECT * FROM ops.late_views") == []
    ((status, counts),) = gold.ask(
        "SELECT status, counts FROM ops.runs WHERE job = 'check_readiness'"
    )
    assert (status, counts) == ("done", {"views": 7, "late_views": 0, "told": 0})


@pytest.mark.parametrize(
    ("change", "views", "reason"),
    [
        (
            "UPDATE ops.loaded_snapshots SET snapshot_date = '2025-03-03' WHERE dataset > 'p'",
            ALL,
            "the products list of 2025-03-04 is not in gold (the latest is of 2025-03-03)",
        ),
        (
            "DELETE FROM ops.loaded_snapshots WHERE dataset = 'countries'",
            OF_SALES,
            "the countries list of 2025-03-04 is not in gold (no other is either)",
        ),
        (
            "DELETE FROM ops.loaded_files WHERE window_start = '2025-03-04 04:00Z'",
            OF_SALES,
            "of the last 6 transaction windows 1 not in gold: 2025-03-04 04:00",
        ),
        (
            "UPDATE ops.runs SET status = 'failed'",
            ALL,
            "the last load of gold, run {load}, is failed",
        ),
        (
            "UPDATE ops.runs SET status = 'running'",
            ALL,
            "the last load of gold, run {load}, is died",
        ),
        (
            (
                "INSERT INTO ops.sales_changes (stock_code, month, batch_id, reason)"
                " SELECT 'A1', '2025-03-01', {load}, r FROM unnest('{{lines,prices}}'::text[]) AS r"
            ),
            {"v_anomaly_coverage"},
            "1 products and months wait for run_detect_anomalies.sh",
        ),
    ],
)
def test_what_is_missing_makes_the_views_late_that_need_it(
    gold: Gold, change: str, views: set[str], reason: str
) -> None:
    gold.ask(change.format(load=gold.load))

    late = gold.late()

    assert set(late) == views
    assert {reasons[0] for reasons in late.values()} == {reason.format(load=gold.load)}


def test_an_empty_file_is_no_missing_window(gold: Gold) -> None:
    gold.ask("DELETE FROM ops.loaded_files WHERE window_start = '2025-03-04 00:00Z'")
    gold.ask(f"INSERT INTO ops.empty_files VALUES ('2025-03-04 00:00Z', 't.csv', {gold.load})")

    assert gold.late() == {}


def test_a_window_that_ended_later_may_be_missing(gold: Gold) -> None:
    gold.ask("UPDATE ops.loaded_files SET window_start = window_start - interval '4 hours'")
    late = gold.late()["v_sales_by_category"]
    assert late == ("of the last 6 transaction windows 1 not in gold: 2025-03-04 04:00",)


def test_many_missing_windows_are_counted(gold: Gold) -> None:
    gold.ask("DELETE FROM ops.loaded_files")
    (told,) = gold.late()["v_sales_by_category"]
    assert told == (
        "of the last 6 transaction windows 6 not in gold: 2025-03-03 08:00, 2025-03-03 12:00,"
        " 2025-03-03 16:00 and 3 more"
    )


def test_an_empty_warehouse_is_late_altogether(gold: Gold) -> None:
    gold.ask(EMPTY)
    late = gold.late()
    assert set(late) == ALL
    assert late["v_price_history"] == (
        "the products list of 2025-03-04 is not in gold (no other is either)",
        "gold was never loaded",
    )  # fmt: skip


def test_a_view_that_cannot_be_read_is_late(gold: Gold) -> None:
    gold.ask("REVOKE SELECT ON v_price_history FROM warehouse_loader")
    late = gold.late()
    gold.ask("GRANT SELECT ON v_price_history TO warehouse_loader")
    assert late == {
        "v_price_history": ("it cannot be read: permission denied for view v_price_history",)
    }


def test_a_view_that_does_not_answer_is_late(gold: Gold, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "READ_TIMEOUT", "300ms")
    gold.ask(
        "CREATE VIEW slow AS SELECT pg_sleep(5)::text AS slept;"
        " GRANT SELECT ON slow TO warehouse_loader"
    )
    monkeypatch.setitem(readiness.NEEDS, "slow", ())
    with pytest.raises(BadInput):
        readiness.run(gold.context, DAY, now=NOW)
    seen = gold.ask("SELECT observed FROM ops.checks WHERE check_name = 'slow'")
    gold.ask("DROP VIEW slow")
    assert seen == [("it did not answer within 300ms",)]


def test_stewards_are_told_which_since_when_and_why(gold: Gold) -> None:
    gold.ask("DELETE FROM ops.loaded_snapshots WHERE dataset = 'countries'")

    gold.late()

    (message,) = gold.inbox.messages
    assert str(message["Subject"]) == "[Warehouse] 6 late views · 2025-03-04"
    text = " ".join(str(message.get_body(("plain",)).get_content()).split())  # type: ignore[union-attr]
    assert "6 views were not ready in time." in text
    assert "The late views were due 4 March 2025, 10:00 UTC" in text
    assert "Why: the countries list of 2025-03-04 is not in gold (no other is either)." in text


def test_a_view_is_told_once_a_day_and_others_when_they_come(gold: Gold) -> None:
    gold.ask("DELETE FROM ops.loaded_snapshots WHERE dataset = 'countries'")
    gold.late()
    assert set(gold.late()) == OF_SALES
    gold.ask("DELETE FROM ops.loaded_snapshots")
    assert set(gold.late()) == ALL
    gold.late(DAY + timedelta(days=1))

    assert gold.subjects() == [
        "[Warehouse] 6 late views · 2025-03-04",
        "[Warehouse] 1 late view · 2025-03-04",
        "[Warehouse] 7 late views · 2025-03-05",
    ]


def test_a_day_that_came_right_is_ready_and_not_told_again(gold: Gold) -> None:
    gold.ask("UPDATE ops.runs SET status = 'failed'")
    gold.late()
    gold.ask("UPDATE ops.runs SET status = 'done'")
    assert gold.late() == {}
    assert len(gold.subjects()) == 1


def test_when_the_mail_server_is_down_the_next_run_tells(
    gold: Gold, capsys: pytest.CaptureFixture[str]
) -> None:
    gold.ask("UPDATE ops.runs SET status = 'failed'")
    gold.inbox.data_answer = "451 try later"
    assert set(gold.late()) == ALL
    assert "the mail is kept and sent by the next run" in capsys.readouterr().err
    gold.inbox.data_answer = "250 taken"
    gold.late()
    assert gold.subjects() == ["[Warehouse] 7 late views · 2025-03-04"]


def test_a_dry_run_says_it_and_keeps_and_mails_nothing(
    gold: Gold, capsys: pytest.CaptureFixture[str]
) -> None:
    gold.ask("UPDATE ops.runs SET status = 'failed'")

    gold.late(dry_run=True)

    assert f"v_price_history: the last load of gold, run {gold.load}" in capsys.readouterr().out
    assert gold.subjects() == []
    assert gold.ask("SELECT * FROM ops.late_views") == []


def test_ready_by_is_a_setting(gold: Gold) -> None:
    settings = gold.context.settings.model_copy(update={"ready_by": time(6)})
    at = DAY - timedelta(hours=3)
    gold.ask("UPDATE ops.loaded_files SET window_start = window_start - interval '4 hours'")

    assert gold.late(at, settings=settings) == {}


@pytest.mark.parametrize("text", ["today", "2025-03-04", "2025-03-04T10:00", "2025-02-30 10:00"])
def test_a_moment_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--at is no moment"):
        readiness.moment(text)


def test_the_wrapper_ends_with_3_and_says_why(warehouse: Path) -> None:
    done = run("run_check_readiness.sh", "--at", "2025-03-04 10:00", home=warehouse)

    assert done.returncode == 3, done.stderr
    assert "7 of 7 views were not ready, due 2025-03-04 10:00" in done.stderr
    assert "v_price_history: the products list of 2025-03-04 is not in gold" in done.stdout
    assert sql(warehouse, "SELECT count(*) FROM ops.late_views").stdout == "7\n"

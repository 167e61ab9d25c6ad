"""Transaction logs into bronze: content is identity, files are whole, rows never vanish."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from jobs.bronze import ingest_transactions
from jobs.common.contracts import TRANSACTIONS_RAW
from jobs.common.errors import BadInput
from jobs.common.lake import snapshot_id
from jobs.common.landing import Landing
from jobs.common.runlog import Run
from tests.support.rows import csv_text, line
from tests.support.warehouse import Warehouse

WINDOW = "transactions_20250303T0800.csv"
OTHER = "transactions_20250303T1200.csv"
_numbers = count(500_000)


@pytest.fixture(scope="module")
def shop(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """One warehouse for the module: each test brings files of its own."""
    return new_warehouse()


def lines(number: int = 1, **changed: object) -> str:
    """A file that no other test brings."""
    return csv_text("transactions", [line(str(next(_numbers)), **changed) for _ in range(number)])


def ingest(shop: Warehouse) -> Run:
    return ingest_transactions.run(shop.context)


def held(shop: Warehouse, content: str) -> list[tuple[str, int]]:
    """File name and line of the rows that came from a content, with its hash."""
    sha = hashlib.sha256(content.encode()).hexdigest()
    rows = shop.spark.table(TRANSACTIONS_RAW.full_name).where(f"file_sha256 = '{sha}'")
    return sorted(map(tuple, rows.select("source_file", "source_line").collect()))


def state(shop: Warehouse) -> int | None:
    return snapshot_id(shop.spark, TRANSACTIONS_RAW)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_every_record_becomes_a_row_that_says_where_it_stood(shop: Warehouse) -> None:
    content = lines(2)
    shop.deliver("transactions", WINDOW, content)
    run = ingest(shop)
    sha = hashlib.sha256(content.encode()).hexdigest()
    rows = shop.spark.table(TRANSACTIONS_RAW.full_name).where(f"file_sha256 = '{sha}'")
    (first, second) = rows.orderBy("source_line").collect()
    assert first.asDict() == {
        "invoice_no": content.splitlines()[1].split(",")[0],
        "line_no": 1,
        "stock_code": "A1",
        "quantity": 2,
        "invoice_date": datetime(2025, 3, 3, 10),
        "customer_id": "C1",
        "country": "France",
        "problem": None,
        "raw_fields": None,
        "raw_bytes": None,
        "window_start": datetime(2025, 3, 3, 8),
        "source_file": WINDOW,
        "source_line": 2,
        "file_sha256": sha,
        "batch_id": run.run_id,
    }
    assert second.source_line == 3
    assert run.counts == {"rows": 2, "files": 1, "repeated_files": 0, "refused_files": 0}


def test_a_file_moves_to_done_once_it_is_in(shop: Warehouse) -> None:
    shop.deliver("transactions", OTHER, lines())
    ingest(shop)
    assert shop.waiting("transactions") == []
    assert OTHER in names(shop.landing / "done" / "transactions")


def test_the_same_bytes_under_another_name_change_nothing(shop: Warehouse) -> None:
    content = lines()
    shop.deliver("transactions", WINDOW, content)
    ingest(shop)
    before = state(shop)
    shop.deliver("transactions", "transactions_20250304T0000.csv", content)
    run = ingest(shop)
    assert run.counts == {"files": 0, "repeated_files": 1, "refused_files": 0}
    assert state(shop) == before
    assert held(shop, content) == [(WINDOW, 2)]
    assert shop.waiting("transactions") == []


def test_the_same_file_again_changes_nothing(shop: Warehouse) -> None:
    content = lines()
    for _ in range(2):
        shop.deliver("transactions", WINDOW, content)
        run = ingest(shop)
    assert run.counts["repeated_files"] == 1
    assert held(shop, content) == [(WINDOW, 2)]


def test_of_two_waiting_files_with_the_same_bytes_the_earlier_window_is_taken(
    shop: Warehouse,
) -> None:
    content = lines()
    shop.deliver("transactions", OTHER, content)
    shop.deliver("transactions", WINDOW, content)
    run = ingest(shop)
    assert (run.counts["files"], run.counts["repeated_files"]) == (1, 1)
    assert held(shop, content) == [(WINDOW, 2)]
    assert shop.waiting("transactions") == []


def test_two_files_of_one_window_with_other_content_are_both_kept(shop: Warehouse) -> None:
    first, second = lines(), lines(2)
    for content in (first, second):
        shop.deliver("transactions", WINDOW, content)
        ingest(shop)
    assert held(shop, first) == [(WINDOW, 2)]
    assert held(shop, second) == [(WINDOW, 2), (WINDOW, 3)]
    done = names(shop.landing / "done" / "transactions")
    assert f"{WINDOW}.{hashlib.sha256(second.encode()).hexdigest()[:12]}" in done


@pytest.mark.parametrize(
    "name",
    [
        "orders.csv",
        "transactions_20250303.csv",
        "transactions_20250303T0900.csv",
        "transactions_20250303T0815.csv",
        "transactions_20251303T0800.csv",
        "transactions_20250303T0800.CSV",
        "products_20250303.csv",
    ],
)
def test_a_name_of_another_form_is_reported_and_left(shop: Warehouse, name: str) -> None:
    path = shop.deliver("transactions", name, lines())
    before = state(shop)
    run = ingest(shop)
    assert shop.waiting("transactions") == [name]
    assert state(shop) == before
    (message,) = shop.gold_rows("SELECT message FROM ops.runs WHERE run_id = %s", run.run_id)[0]
    assert message == f"transactions/{name}: the name has no known form; it was left where it is"
    path.unlink()


@pytest.mark.parametrize("name", [f".{WINDOW}", f"_{WINDOW}", f"{WINDOW}.tmp", f"{WINDOW}.part"])
def test_a_file_that_is_being_written_is_not_there_yet(shop: Warehouse, name: str) -> None:
    path = shop.deliver("transactions", name, lines())
    run = ingest(shop)
    assert (run.counts["files"], run.warnings) == (0, [])
    assert shop.waiting("transactions") == [name]
    path.unlink()


def test_a_refused_file_stands_beside_its_reason_and_the_good_ones_are_in(shop: Warehouse) -> None:
    good = lines()
    name = "transactions_20250305T0800.csv"
    shop.deliver("transactions", WINDOW, good)
    shop.deliver("transactions", name, "invoice_no,line_no\n1,2\n")
    with pytest.raises(BadInput) as refusal:
        ingest(shop)
    assert refusal.value.exit_code == 3
    assert held(shop, good) == [(WINDOW, 2)]
    assert shop.waiting("transactions") == []
    rejected = shop.landing / "rejected" / "transactions"
    assert (rejected / name).read_text() == "invoice_no,line_no\n1,2\n"
    assert (rejected / f"{name}.reason").read_text() == (
        "the header lacks stock_code, quantity, invoice_date, customer_id, country;"
        " it has invoice_no, line_no\n"
    )


def test_refused_files_and_odd_names_are_checks_of_the_run(shop: Warehouse) -> None:
    shop.deliver("transactions", WINDOW, "invoice_no\n1\n")
    odd = shop.deliver("transactions", "sales.csv", "x")
    with pytest.raises(BadInput):
        ingest(shop)
    odd.unlink()
    checks = shop.gold_rows(
        "SELECT check_name, severity, passed, observed FROM ops.checks"
        " WHERE run_id = (SELECT max(run_id) FROM ops.runs) ORDER BY 1"
    )
    reason = (
        "the header lacks line_no, stock_code, quantity, invoice_date, customer_id, country;"
        " it has invoice_no"
    )
    assert checks == [
        ("file_names_known", "warn", False, "sales.csv"),
        ("files_accepted", "warn", False, f"{WINDOW}: {reason}"),
        ("files_whole", "warn", True, "all read"),
    ]
    ingest(shop)
    passed = (
        "SELECT bool_and(passed) FROM ops.checks WHERE run_id = (SELECT max(run_id) FROM ops.runs)"
    )
    assert shop.gold_rows(passed) == [(True,)]


@pytest.mark.parametrize("content", ["", "\n", "\ufeff"])
def test_an_empty_file_is_refused(shop: Warehouse, content: str) -> None:
    shop.deliver("transactions", WINDOW, content)
    with pytest.raises(BadInput, match="the file is empty"):
        ingest(shop)


def test_files_with_the_same_unusable_bytes_are_all_refused(shop: Warehouse) -> None:
    for name in (WINDOW, OTHER):
        shop.deliver("transactions", name, "no,header,of,ours\n")
    with pytest.raises(BadInput, match="2 of the transactions files refused"):
        ingest(shop)
    assert shop.waiting("transactions") == []


def test_a_file_of_a_header_alone_is_done_and_leaves_no_row(shop: Warehouse) -> None:
    content = lines(0)
    shop.deliver("transactions", WINDOW, content)
    assert ingest(shop).counts["rows"] == 0
    assert shop.waiting("transactions") == []
    assert held(shop, content) == []


def test_a_row_never_vanishes(shop: Warehouse) -> None:
    records = [
        f"{next(_numbers)},1,A1,2,2025-03-03 10:00:00,C1,France\r\n".encode(),
        b'500001,1,"A1,2,2025-03-03 10:00:00,C1,France\r\n',
        b"no record at all\r\n",
        b"500002,1,A1,0,2025-03-03 10:00:00,C1,Fran\x00ce\r\n",
        b'500003,1,A1,2,2025-03-03 10:00:00,C1,"two\r\nlines, \xff"\r\n',
        f"{next(_numbers)},1,A1,2,2025-03-03 10:00:00,C1,France".encode(),
    ]
    header = csv_text("transactions", []).encode()
    shop.deliver("transactions", WINDOW, b"\xef\xbb\xbf" + header + b"".join(records))
    run = ingest(shop)
    rows = shop.spark.table(TRANSACTIONS_RAW.full_name).where(f"batch_id = {run.run_id}")
    found = rows.select("source_line", "raw_bytes").orderBy("source_line").collect()
    kept = [(row[0], bytes(row[1]) if row[1] is not None else None) for row in found]
    assert kept == [
        (2, None),
        (3, records[1]),
        (4, records[2]),
        (5, records[3]),
        (6, records[4]),
        (8, None),
    ]


def test_lines_of_many_months_stand_in_one_commit(shop: Warehouse) -> None:
    content = csv_text(
        "transactions",
        [
            line(str(next(_numbers)), invoice_date=f"{year}-{month:02}-01 00:00:00")
            for year in (2000, 2024)
            for month in range(1, 13)
        ],
    )
    shop.deliver("transactions", WINDOW, content)
    assert ingest(shop).counts["rows"] == 24
    assert len(held(shop, content)) == 24


def test_a_dry_run_takes_and_moves_nothing(
    shop: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    content = lines()
    path = shop.deliver("transactions", WINDOW, content)
    before = state(shop)
    ingest_transactions.run(replace(shop.context, dry_run=True))
    assert "would take 1 files, refuse 0" in capsys.readouterr().out
    assert (state(shop), shop.waiting("transactions")) == (before, [WINDOW])
    path.unlink()


def test_a_run_that_dies_before_it_moves_its_files_is_made_good_by_the_next(
    shop: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = lines()
    shop.deliver("transactions", WINDOW, content)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ingest_transactions, "settle", die)
        with pytest.raises(KeyboardInterrupt):
            ingest(shop)
    assert shop.waiting("transactions") == [WINDOW]
    assert ingest(shop).counts["repeated_files"] == 1
    assert shop.waiting("transactions") == []
    assert held(shop, content) == [(WINDOW, 2)]


def test_a_file_that_changes_while_it_is_read_is_not_taken(shop: Warehouse) -> None:
    path = shop.deliver("transactions", WINDOW, lines())
    landing = Landing(shop.spark, shop.settings.landing, "transactions")
    intake = ingest_transactions.extract(shop.spark, landing)
    path.write_text(lines(2))
    before = state(shop)
    with pytest.raises(Exception, match="changed while it was read"):
        ingest_transactions.load(shop.spark, intake, 1)
    assert state(shop) == before
    path.unlink()


def test_files_without_a_record_are_kept_by_window(shop: Warehouse) -> None:
    header = csv_text("transactions", [])
    names_of = [f"transactions_20260101T{hour}00.csv" for hour in ("00", "04", "08", "12")]
    for name in names_of[:2]:
        shop.deliver("transactions", name, header)
    shop.deliver("transactions", names_of[2], header + "x\n")
    ingest(shop)
    shop.deliver("transactions", names_of[3], header + "\n\n")
    ingest(shop)
    kept = (
        "SELECT source_file, window_start FROM ops.empty_files WHERE window_start >= '2026-01-01'"
    )
    assert shop.gold_rows(f"{kept} ORDER BY 1") == [
        (names_of[0], datetime(2026, 1, 1, 0, tzinfo=UTC)),
        (names_of[1], datetime(2026, 1, 1, 4, tzinfo=UTC)),
        (names_of[3], datetime(2026, 1, 1, 12, tzinfo=UTC)),
    ]


def test_no_landing_directory_means_nothing_waits(shop: Warehouse, tmp_path: Path) -> None:
    settings = shop.settings.model_copy(update={"landing_uri": (tmp_path / "none").as_uri()})
    run = ingest_transactions.run(replace(shop.context, settings=settings))
    assert run.counts == {"files": 0, "repeated_files": 0, "refused_files": 0}


def test_a_window_s_start_is_read_as_utc() -> None:
    from jobs.common.landing import parse_stamp

    assert parse_stamp("transactions", WINDOW) == datetime(2025, 3, 3, 8, tzinfo=UTC)

"""Hundreds of files in one delivery: each record is somewhere, each file is told of."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs.common.contracts import TRANSACTIONS_RAW
from jobs.common.job import exit_code_of
from jobs.common.landing import Dataset
from tests.robustness.batch import Expected, batch
from tests.support.warehouse import INGESTIONS, Warehouse

MAX_SHRINK = 0.9
NAME = "transactions_20250301T0000.csv"
# What lies in landing/transactions beside the files, and what its warning says.
ODD_NAMES: dict[bytes, str] = {
    b"a..csv": "no known form",
    b"%2e%2e%2ftransactions_20250301T0000.csv": "no known form",
    b"transactions_20250301T0000.csv ": "no known form",
    b" transactions_20250301T0000.csv": "no known form",
    b"transactions_20250301T0000.csv\n": "no known form",
    b"two\nlines.csv": "no known form",
    b"caf\xe9_\xff.csv": "no known form",
    b"*?[]{}.csv": "no known form",
    b"transactions_20250301T*.csv": "no known form",
    b"a:b.csv": "no known form",
    b"-rf": "no known form",
    b"--help.csv": "no known form",
    "transactions_٢٠٢٥٠٣٠١T٠٠٠٠.csv".encode(): "no known form",
    b"transactions_00000101T0000.csv": "no known form",
    b"transactions_99991231T2000.csv": "no known form",
    b"\xe2\x80\xaevsc.exe": "no known form",
    b"transactions_20250301T0000.csv.gz": "compressed files are not taken",
    b"transactions_20250301T0000.csv.XZ": "compressed files are not taken",
}


def lay_traps(folder: Path, outside: Path) -> dict[str, str]:
    """Things that are no files, under names of files. Gives what is to be said of each."""
    kinds = enumerate(("file", "itself", "nothing", "directory", "pipe"))
    names = {kind: f"transactions_20240101T{4 * n:02}00.csv" for n, kind in kinds}
    outside.write_text("a secret\n")
    (folder / names["file"]).symlink_to(outside)
    (folder / names["itself"]).symlink_to(names["itself"])
    (folder / names["nothing"]).symlink_to("nowhere")
    (folder / names["directory"]).mkdir()
    os.mkfifo(folder / names["pipe"])
    words = {"directory": "it is a directory", "pipe": "it is a pipe"}
    return {name: words.get(kind, "it is a link") for kind, name in names.items()}


class Delivery:
    """A batch in a warehouse of its own, with names and things that are none of ours."""

    def __init__(self, warehouse: Warehouse, seed: int, files: int) -> None:
        self.warehouse = warehouse
        self.expected = Expected(batch(seed, files), MAX_SHRINK)
        self.folder = warehouse.landing / "transactions"
        self.folder.mkdir()
        self.odd = {os.fsdecode(name): words for name, words in ODD_NAMES.items()}
        for name in self.odd:
            (self.folder / name).write_bytes(b"not ours\n")
        self.odd |= lay_traps(self.folder, warehouse.landing.parent / "outside.csv")
        for file in self.expected.sent:
            warehouse.deliver(file.dataset, file.name, file.content)  # type: ignore[arg-type]
        self.taken_name = max(self.expected.done)  # of a transaction log
        for where in ("done", "rejected"):
            there = warehouse.landing / where / "transactions"
            there.mkdir(parents=True)
            (there / self.taken_name).write_bytes(b"of another day\n")

    def ingest(self) -> list[int]:
        """Exit codes of the three ingestions."""
        jobs = INGESTIONS.values()
        return [exit_code_of(lambda job=job: job(self.warehouse.context)) for job in jobs]

    def warnings(self, dataset: Dataset) -> list[str]:
        (found,) = self.warehouse.gold_rows(
            "SELECT message FROM ops.runs WHERE job = %s ORDER BY run_id DESC LIMIT 1",
            f"ingest_{dataset}",
        )
        return (found[0] or "").split("\n")


def check(delivery: Delivery, printed: Callable[[], str]) -> None:
    """Ingest and load; then look at all that there is."""
    assert set(delivery.ingest()) <= {0, 3}
    run = delivery.warehouse.load()
    assert "Traceback" not in (said := printed())
    assert "\tat " not in said
    check_files(delivery)
    check_bronze(delivery)
    check_gold(delivery)
    counts = delivery.expected.counts
    assert {name: run.counts[name] for name in counts} == dict(counts)
    assert run.counts["unchanged"] == 0


def check_files(delivery: Delivery) -> None:
    """Each is in done, or rejected beside its reason, or where it was and told of; none altered."""
    expected, landing = delivery.expected, delivery.warehouse.landing
    for file in expected.sent:
        where = "done" if file.name in expected.done else "rejected"
        name = file.name
        if name == delivery.taken_name:
            name += f".{file.sha256[:12]}"
        path = landing / where / file.dataset / name
        assert path.read_bytes() == file.content, path
        assert where == "done" or path.with_name(f"{name}.reason").read_text().strip()
    assert delivery.warehouse.waiting("transactions") == sorted(delivery.odd)
    warnings = delivery.warnings("transactions")
    for name, words in delivery.odd.items():
        start = f"transactions/{escaped(name)}: "
        assert [w for w in warnings if w.startswith(start) and words in w], name


def escaped(name: str) -> str:
    """The name on one line, in characters that can be seen."""
    text = name.replace("\n", "\\n").replace("\u202e", "\\u202e")
    return "".join(f"\\x{ord(c) - 0xDC00:02x}" if "\udc80" <= c <= "\udcff" else c for c in text)


def check_bronze(delivery: Delivery) -> None:
    warehouse, expected = delivery.warehouse, delivery.expected
    rows = warehouse.bronze(TRANSACTIONS_RAW, "source_file", "source_line")
    assert len(rows) == len(expected.bronze)
    assert set(rows) == expected.bronze
    rejected = warehouse.gold_rows("SELECT source_file, source_line FROM ops.rejected_rows")
    assert set(rejected) == expected.bad_rows
    for dataset in ("products", "countries"):
        table = f"ecommerce_db.{dataset}_snapshots"
        counted = warehouse.spark.table(table).groupBy("snapshot_date").count().collect()
        lists = expected.lists[dataset]
        assert dict(map(tuple, counted)) == {day: len(each.good) for day, each in lists.items()}


def check_gold(delivery: Delivery) -> None:
    fact, errors = delivery.expected.outcome
    rows = delivery.warehouse.gold_rows(
        "SELECT f.transaction_id, l.source_file, f.source_line, p.stock_code, f.quantity,"
        " f.unit_price, f.total_amount, c.customer_id, r.country FROM fact_transactions AS f"
        " JOIN dim_products AS p USING (product_sk) JOIN dim_customers AS c USING (customer_sk)"
        " JOIN dim_countries AS r USING (country_sk) JOIN ops.loaded_files AS l USING (file_key)"
    )
    assert {row[0]: tuple(row[1:]) for row in rows} == fact
    assert len(rows) == len(fact)
    found = delivery.warehouse.gold_rows(
        "SELECT source_file, source_line, rules FROM transactions_error WHERE status = 'OPEN'"
    )
    assert {(row[0], row[1]): row[2] for row in found} == errors
    assert len(found) == len(errors)


@pytest.fixture
def printed(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    yield lambda: "".join(capfd.readouterr())


def deliver(new_warehouse: Callable[..., Warehouse], seed: int, files: int) -> Delivery:
    shrink = {"products_max_shrink": MAX_SHRINK, "countries_max_shrink": MAX_SHRINK}
    return Delivery(new_warehouse(**shrink), seed, files)


def test_of_200_files_every_record_is_somewhere_and_every_file_is_told_of(
    new_warehouse: Callable[..., Warehouse], printed: Callable[[], str]
) -> None:
    delivery = deliver(new_warehouse, 1, 200)
    check(delivery, printed)
    before = delivery.warehouse.gold_state()
    assert delivery.ingest() == [0, 0, 0]  # nothing waits but what is none of ours
    delivery.warehouse.load()
    assert delivery.warehouse.gold_state() == before


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 110))
def test_of_thousands_of_files_too(
    new_warehouse: Callable[..., Warehouse],
    printed: Callable[[], str],
    seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    files = 220
    check(deliver(new_warehouse, seed, files), printed)
    record_property("files loaded from landing to gold", files)

"""A shop that takes its products from a warehouse."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.errors
import pytest
from typer.testing import CliRunner

from generators.shop import Listing, ShopOptions, build_shop
from generators.shop.__main__ import app

ROWS = [
    ("22423", "REGENCY CAKESTAND", "Party", Decimal("12.7500")),
    ("85123A", "", "", Decimal("2.5500")),
    *((f"9{number:04d}", f"MUG {number}", "Kitchen & Dining", Decimal(2)) for number in range(40)),
]


class FakeCursor:
    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked = ""

    def __enter__(self) -> "FakeCursor":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute(self, query: str) -> None:
        self.asked = query
        if isinstance(self.answer, Exception):
            raise self.answer

    def fetchall(self) -> Any:
        return self.answer


class FakeConnection:
    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.closed = False

    def cursor(self) -> FakeCursor:
        return FakeCursor(self.answer)

    def close(self) -> None:
        self.closed = True


def run(tmp_path: Path, *options: str) -> Any:
    where = ["--landing", str(tmp_path / "in"), "--truth", str(tmp_path / "truth.json")]
    small = ["--days", "5", "--scale", "0.1", "--codes-from-gold", *options]
    return CliRunner().invoke(app, [*where, *small], env={"GOLD_DSN": "host=gold"})


def answer(monkeypatch: pytest.MonkeyPatch, what: Any) -> FakeConnection:
    connection = FakeConnection(what)
    monkeypatch.setattr(psycopg2, "connect", lambda *_, **__: connection)
    return connection


def test_the_shop_lists_and_sells_what_gold_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = answer(monkeypatch, ROWS)
    result = run(tmp_path, "--bad-product-rate", "0", "--duplicate-code-rate", "0")
    assert result.exit_code == 0, result.output
    assert connection.closed
    first = (tmp_path / "in" / "products" / "products_20250101.csv").read_text()
    assert "\n22423,REGENCY CAKESTAND,Party,12.75," in first
    assert "\n85123A,,,2.55," in first
    logs = "".join(path.read_text() for path in (tmp_path / "in" / "transactions").iterdir())
    assert ",90001," in logs
    assert json.loads((tmp_path / "truth.json").read_text())["totals"]["products"] > len(ROWS)


def test_new_products_have_codes_that_gold_has_not() -> None:
    listed = [Listing(*row) for row in ROWS]
    truth = json.loads(build_shop(ShopOptions(days=1), listed).truth)
    assert set(truth["hostile_products"]).isdisjoint(row[0] for row in ROWS)


@pytest.mark.parametrize(
    ("what", "code", "words"),
    [
        ([], 3, "no current products"),
        (psycopg2.errors.UndefinedTable("relation is missing"), 3, "run the warehouse's set-up"),
        (psycopg2.OperationalError("server closed\nthe connection"), 75, "server closed"),
    ],
)
def test_a_gold_that_cannot_answer_is_told_in_one_line(
    what: Any, code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = answer(monkeypatch, what)
    result = run(tmp_path)
    assert result.exit_code == code
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert connection.closed


def test_a_dsn_that_is_none_is_not_printed(tmp_path: Path) -> None:
    result = run(tmp_path, "--gold-dsn", "hunter2")
    assert result.exit_code == 2
    assert "hunter2" not in result.output


def test_a_server_that_is_not_there_may_come_later(tmp_path: Path) -> None:
    result = run(tmp_path, "--gold-dsn", "host=127.0.0.1 port=1 password=hunter2")
    assert result.exit_code == 75
    assert "hunter2" not in result.output

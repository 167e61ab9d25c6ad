"""Deliveries that give every job of the chain something to do, each of a day of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from tests.support.rows import Row, country, csv_text, line, product
from tests.support.warehouse import Content

FIRST = date(2025, 3, 1)
Deliver = Callable[..., object]
File = tuple[str, str, Content]


def history() -> list[File]:
    """Enough of February for baselines, and the lists that price it."""
    usual = [
        line(f"usual-{n:02}", stock_code=code, quantity=1 + n % 3,
             invoice_date=f"2025-02-{n + 1:02} 09:00:00")
        for n in range(14) for code in ("A1", "B2")
    ]  # fmt: skip
    numbered = [{**row, "line_no": 1 + n % 2} for n, row in enumerate(usual)]
    return [
        ("products", "products_20250201.csv", [product(), product("B2", unit_price="1.00")]),
        ("countries", "countries_20250201.csv", [country()]),
        ("transactions", "transactions_20250214T2000.csv", numbered),
    ]


def delivery(number: int) -> list[File]:
    """The files of a day: good ones, one refused, one empty, and bad rows in the good ones."""
    day = FIRST + timedelta(days=number)
    stamp = f"{day:%Y%m%d}"
    return [
        ("products", f"products_{stamp}.csv", _prices(number)),
        ("products", f"products_2024{stamp[4:]}.csv", "stock_code,price\nA1,1.00\n"),
        ("countries", f"countries_{stamp}.csv", _countries(number)),
        ("transactions", f"transactions_{stamp}T0800.csv", _lines(number, day)),
        ("transactions", f"transactions_{stamp}T1200.csv", csv_text("transactions", [])),
    ]


def _prices(number: int) -> list[Row]:
    changed = f"{3 + number / 100:.2f}"
    return [
        product(unit_price=changed),
        product("B2", unit_price="1.00"),
        product("C3", unit_price="n/a"),
    ]


def _countries(number: int) -> list[Row]:
    told = [country(f"Land {n}", country_id=900 + n) for n in range(number + 1)]
    return [country(), *told, country("nowhere", country_id="?")]


def _lines(number: int, day: date) -> list[Row]:
    """Of each kind one; the last is of the day after, so the next list prices it anew."""
    code, when = f"{number:02}", f"{day} 10:00:00"
    later = f"{day + timedelta(days=1)} 09:00:00"
    return [
        line(f"good-{code}", invoice_date=when, customer_id=f"K{number}"),
        line(f"back-{code}", invoice_date=when, quantity=-1),
        line(f"odd-{code}", invoice_date=when, quantity=10 + number),
        line(f"abroad-{code}", invoice_date=when, country=f"Land {number + 1}"),
        line(f"bad-{code}", invoice_date=when, quantity="many"),
        line(f"later-{code}", invoice_date=later, stock_code="A1"),
    ]

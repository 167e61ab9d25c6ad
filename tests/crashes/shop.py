"""Deliveries that give every job of the chain something to do, each of a day of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from tests.support.rows import Row, country, csv_text, line, product
from tests.support.warehouse import Content

FIRST = date(2025, 3, 1)
OFTEN = 100  # so many customers can be erased, and corrections be made
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
        ("products", "products_20250201.csv", [product(), *_other_products()]),
        ("countries", "countries_20250201.csv", [country()]),
        ("transactions", "transactions_20250213T0800.csv", _for_people()),
        ("transactions", "transactions_20250214T2000.csv", numbered),
    ]


def _other_products() -> list[Row]:
    return [product("B2", unit_price="1.00"), product("D4", unit_price="1.00")]


def customer(number: int) -> str:
    """One who is to be erased."""
    return f"P{number:03}"


def _for_people() -> list[Row]:
    """What people erase and correct: customers, names of a country, lines that stay wrong."""
    usual = {"stock_code": "D4", "quantity": 1, "invoice_date": "2025-02-13 10:00:00"}
    return [
        line(f"{kind}-{n:03}", **{**usual, **changed})
        for n in range(OFTEN)
        for kind, changed in (
            ("kept", {"customer_id": customer(n)}),
            ("spoilt", {"customer_id": customer(n), "quantity": "many"}),
            ("far", {"country": f"Far {n}"}),
            ("wrong", {"quantity": "none"}),
        )
    ]


def too_large(number: int) -> list[File]:
    """A day that sells far more than any before it."""
    return [_of_one_line(number, "T1600", 50_000)]


def put_right(number: int) -> list[File]:
    """The next word on that day."""
    return [_of_one_line(number, "T2000", 1)]


def _of_one_line(number: int, window: str, quantity: int) -> File:
    day = FIRST + timedelta(days=number)
    told = line(
        f"large-{number:02}", stock_code="D4", quantity=quantity, invoice_date=f"{day} 12:00:00"
    )
    return ("transactions", f"transactions_{day:%Y%m%d}{window}.csv", [told])


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
        *_other_products(),
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
